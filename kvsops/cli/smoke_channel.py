"""The channel that a smoke test uses, and makes for itself where it is given none."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Final

from kvsops.aws import channels, connect
from kvsops.cli.access import access_of, stored_in
from kvsops.cli.owner import default_owner
from kvsops.cli.signals import signals_wait
from kvsops.cli.tags import SMOKE_TAG
from kvsops.core.channel import EXPIRES_AT_TAG, KEEP_TAG, OWNER_TAG, Channel, ChannelArn
from kvsops.core.text import moment
from kvsops.errors import AwsError, DeniedError, KvsopsError, NotFoundError
from kvsops.smoke.plan import Subject, Target

if TYPE_CHECKING:
    from kvsops.aws.scope import Scope
    from kvsops.output.console import Console

STANDING_NAME: Final = "kvsops-smoke"
"""The channel that is made once and used again: each new one costs a month's fee."""
_EPHEMERAL_LIFE: Final = timedelta(hours=1)
"""If this process is killed, a sweep takes it after that."""


@contextmanager
def smoke_channel(
    scope: "Scope",
    name: str | None,
    console: "Console",
    *,
    ephemeral: bool,
    told: Callable[[KvsopsError], str] = str,
) -> Iterator[Subject]:
    """Yield the channel to test; an ephemeral one is deleted at the end, however it ends.

    `told` says of a name that no channel has which may be meant.
    """
    made = f"{STANDING_NAME}-{secrets.token_hex(5)}" if ephemeral else None
    target = made or name or STANDING_NAME
    maker = _Maker(scope, target, lasting=made is None)
    try:
        yield Subject(
            channel_name=ChannelArn.parse(target).channel_name if ":" in target else target,
            target=lambda: _found_or_made(scope, target, maker if name is None else None, told),
            access=access_of(scope),
        )
    finally:
        if made is not None:
            left = f"deleting {made}; another Ctrl-C leaves it to kvsops sweep --expired"
            with signals_wait(lambda: console.note(left)):
                maker.end()
                _delete(scope, made, console)


class _Maker:
    """Makes smoke's own channel, unless the test has ended by then.

    Calls run in threads, which Ctrl-C does not end.
    """

    def __init__(self, scope: "Scope", name: str, *, lasting: bool) -> None:
        self._scope, self._name, self._lasting = scope, name, lasting
        self._lock, self._ended = Lock(), False

    def make(self) -> Channel:
        """Make the channel, and wait until it is active; raises `KvsopsError`."""
        with self._lock:
            if self._ended:
                raise KvsopsError(f"{self._name} was not created: the test has ended")
            self._create()
        return channels.wait_until_active(self._scope, self._name)

    def _create(self) -> None:
        try:
            channels.create(self._scope, self._name, _tags(self._scope, lasting=self._lasting))
        except AwsError as error:
            if error.code != "ResourceInUseException":  # another smoke made it just now
                raise

    def end(self) -> None:
        """Have nothing made from now on; what is being made has been made when this returns."""
        with self._lock:
            self._ended = True


def _found_or_made(
    scope: "Scope", name: str, maker: _Maker | None, told: Callable[[KvsopsError], str]
) -> Target:
    """Describe the channel, or make smoke's own where it is not there."""
    try:
        find = channels.named if maker is None else channels.described  # named also asks STS
        channel = find(scope, name)
        detail = channel.status or "its status is not known"
    except NotFoundError as error:
        if maker is None:
            raise NotFoundError(told(error), error.code) from None
        channel, detail = maker.make(), "created just now"
    if channel.status != "ACTIVE":
        raise KvsopsError(f"{channel.channel_name} is {channel.status}, not ACTIVE")
    ours = _is_ours(scope, channel)
    return Target(
        channel.channel_name,
        channel.channel_arn,
        ours=bool(ours),
        detail=detail if ours is not None else f"{detail}, its tags cannot be read",
        stored_in=stored_in(scope, channel.channel_arn),
    )


def _is_ours(scope: "Scope", channel: Channel) -> bool | None:
    """Whether smoke made the channel; None where that may not be known: then nothing is risked."""
    try:
        tags = channels.tags_of(scope, channel.channel_arn, attempts=connect.ATTEMPTS)
    except DeniedError:
        return None
    return SMOKE_TAG in tags


def _tags(scope: "Scope", *, lasting: bool) -> dict[str, str]:
    tags = {SMOKE_TAG: "yes", OWNER_TAG: default_owner(os.environ)}
    if lasting:
        return tags | {KEEP_TAG: "yes"}
    return tags | {EXPIRES_AT_TAG: moment(scope.service_now() + _EPHEMERAL_LIFE)}


def _delete(scope: "Scope", name: str, console: "Console") -> None:
    """Delete smoke's own channel, if it came to be."""
    try:
        channels.delete_made(scope, channels.described(scope, name).channel_arn)
    except NotFoundError:
        pass
    except KvsopsError as error:
        console.error(f"{name} was not deleted: {error}; kvsops sweep --expired deletes it later")
