"""A lease: a `kvsops:expires-at` that its holder renews while it lives.

If the holder is killed the lease lapses, and the next `kvsops sweep --expired` takes the channel.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, Self

from kvsops.aws import channels
from kvsops.aws.scope import Scope
from kvsops.core.channel import EXPIRES_AT_TAG, OWNER_TAG
from kvsops.core.text import moment, parsed_moment
from kvsops.errors import KvsopsError, NotFoundError

RENEWALS: Final = 3
"""A lease is renewed so many times in its TTL, so that one that fails can be tried again."""


class Lease:
    """Keeps a channel's lease alive while the block runs; a context manager.

    `say` is told at once of a renewal that failed. Nothing is renewed once the channel is gone.
    """

    def __init__(
        self, scope: Scope, channel_arn: str, ttl: timedelta, say: Callable[[str], object]
    ) -> None:
        self._scope, self._arn, self._ttl, self._say = scope, channel_arn, ttl, say
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._over.wait(self._ttl.total_seconds() / RENEWALS):
            try:
                renew(self._scope, self._arn, self._ttl)
            except NotFoundError:
                self._say("the channel was deleted by somebody: the lease has nothing to hold")
                return
            except KvsopsError as error:
                self._say(f"the lease could not be renewed, it may lapse: {error}")


def renew(scope: Scope, channel_arn: str, ttl: timedelta) -> None:
    """Set the lease to end a TTL from now, by the service's time."""
    channels.tag(scope, channel_arn, {EXPIRES_AT_TAG: moment(scope.now() + ttl)})


def held_by_another(tags: dict[str, str], owner: str, now: datetime) -> str | None:
    """Say whose live lease covers the channel, if it is another's; an unreadable one is alive."""
    text = tags.get(EXPIRES_AT_TAG)
    if text is None or tags.get(OWNER_TAG) == owner:
        return None
    expires_at = parsed_moment(text)
    if expires_at is not None and expires_at <= now:
        return None
    return f"{tags.get(OWNER_TAG, 'somebody')} holds it until {text}"
