"""A lease: a `kvsops:expires-at` that its holder renews while it lives.

If the holder is killed the lease lapses, and the next `kvsops sweep --expired` takes the channel.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, Self

from kvsops.aws import channels
from kvsops.aws.scope import ATTEMPTS, Scope
from kvsops.core.channel import EXPIRES_AT_TAG, OWNER_TAG
from kvsops.core.text import moment, parsed_moment
from kvsops.errors import KvsopsError, NotFoundError

RENEWALS: Final = 3
"""A lease is renewed this many times in its TTL."""
AGAIN: Final = timedelta(seconds=20)
"""A renewal that failed is tried again after this long, or at its next turn if that is sooner."""


class Lease:
    """Keeps a channel's lease alive while the block runs; a context manager.

    `say` is told at once of a renewal that failed, and not again while it fails the same way.
    Nothing is renewed once the channel is gone. The lease never ends before `at_least`; with
    `overdue` it is renewed without waiting for its turn. `ended` is told once, with the reason,
    when the channel is gone or the lease has lapsed, from the thread that renews.
    """

    def __init__(
        self,
        scope: Scope,
        channel_arn: str,
        ttl: timedelta,
        say: Callable[[str], object],
        at_least: datetime | None = None,
        *,
        overdue: bool = False,
        ended: Callable[[str], object] | None = None,
    ) -> None:
        self._ended, self._until = ended, scope.service_now() + ttl
        self._scope, self._arn, self._ttl, self._say = scope, channel_arn, ttl, say
        self._at_least, self._overdue = at_least, overdue
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
        turn, said = self._ttl / RENEWALS, ""
        wait = timedelta() if self._overdue else turn
        while not self._over.wait(wait.total_seconds()):
            before, said = said, self._renewed()
            if said and said != before:
                self._say(said)
            if said and self._over_with(said):
                return
            wait = min(turn, AGAIN) if said else turn

    def _over_with(self, said: str) -> bool:
        """Tell who wants to know that the lease ends by this failure; return whether it is GONE."""
        lapsed = self._scope.service_now() >= self._until
        if self._ended and (said == GONE or lapsed):
            self._ended(said if said == GONE else LAPSED)
            self._ended = None
        return said == GONE

    def _renewed(self) -> str:
        """Renew once; return what there is to say of it if it failed."""
        try:
            renew(self._scope, self._arn, self._ttl, at_least=self._at_least, attempts=1)
        except NotFoundError:
            return GONE
        except KvsopsError as error:
            return f"the lease could not be renewed, it may lapse: {error}"
        self._until = self._scope.service_now() + self._ttl
        return ""


GONE: Final = "the channel was deleted by somebody: the lease has nothing to hold"
LAPSED: Final = "the lease has lapsed: a sweep may delete the channel"


def renew(
    scope: Scope,
    channel_arn: str,
    ttl: timedelta,
    *,
    at_least: datetime | None = None,
    owner: str | None = None,
    attempts: int = ATTEMPTS,
) -> None:
    """Set the lease to end a TTL from now, by the service's time, or later: at what is at least.

    With an `owner` it is theirs from now on.
    """
    ends = max(scope.service_now() + ttl, at_least or scope.service_now())
    tags = {EXPIRES_AT_TAG: moment(ends)} | ({OWNER_TAG: owner} if owner else {})
    channels.tag(scope, channel_arn, tags, attempts=attempts)


def held_by_another(tags: dict[str, str], owner: str, now: datetime) -> str | None:
    """Say whose live lease covers the channel, if it is another's; an unreadable one is alive."""
    text = tags.get(EXPIRES_AT_TAG)
    if text is None or tags.get(OWNER_TAG) == owner:
        return None
    expires_at = parsed_moment(text)
    if expires_at is not None and expires_at <= now:
        return None
    return f"{tags.get(OWNER_TAG, 'somebody')} holds it until {text}"
