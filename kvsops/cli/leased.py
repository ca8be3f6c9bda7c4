"""The channel of a command that needs one while it runs: made under a lease, or taken as it is."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from kvsops.aws import channels
from kvsops.cli.signals import signals_wait
from kvsops.core.channel import EXPIRES_AT_TAG, OWNER_TAG
from kvsops.core.text import moment, parsed_moment
from kvsops.errors import KvsopsError, NotFoundError
from kvsops.lease import RENEWALS, Lease, held_by_another, renew

if TYPE_CHECKING:
    from kvsops.aws.scope import Scope
    from kvsops.output.console import Console

Ended = Callable[[str], object]
"""Is told, from a thread of the lease's, that the channel can be counted on no more, and why."""


@contextmanager
def made(
    scope: "Scope",
    name: str,
    tags: dict[str, str],
    owner: str,
    ttl: timedelta,
    *,
    console: "Console",
    left: list[str],
    ended: Ended | None = None,
) -> Iterator[tuple[str, str]]:
    """Make a channel, its lease in the same call, for as long as the block runs.

    If it cannot be deleted then, it is added to what is `left`.
    """
    with ExitStack() as at_end:
        with signals_wait():  # lest a channel be made of which nobody knows
            ends = scope.service_now() + ttl
            own = {OWNER_TAG: owner} | tags | {EXPIRES_AT_TAG: moment(ends)}
            arn = channels.create(scope, name, own)
            console.note(f"channel: {arn}")
            at_end.callback(_delete, scope, arn, console, left)
        channels.wait_until_active(scope, arn)
        late = abs(scope.service_now() + ttl - ends) > ttl / RENEWALS  # or this machine's clock is
        at_end.enter_context(Lease(scope, arn, ttl, console.warn, overdue=late, ended=ended))
        yield name, arn


@contextmanager
def reused(
    scope: "Scope",
    name: str,
    owner: str,
    ttl: timedelta,
    *,
    console: "Console",
    ended: Ended | None = None,
) -> Iterator[tuple[str, str]]:
    """Take the channel, making it if need be; a lease that it has is renewed meanwhile.

    Raises `KvsopsError` where another holder's lease covers it.
    """
    arn, ends = _taken(scope, name, owner)
    channels.wait_until_active(scope, arn)
    if ends is None:
        yield name, arn
        return
    renew(scope, arn, ttl, at_least=ends, owner=owner)
    with Lease(scope, arn, ttl, console.warn, at_least=ends, ended=ended):
        yield name, arn


def _taken(scope: "Scope", name: str, owner: str) -> tuple[str, datetime | None]:
    """Return the ARN of the channel, which is made if need be, and its lease's end if any."""
    try:
        arn = channels.described(scope, name).channel_arn
    except NotFoundError:
        return channels.create(scope, name, {OWNER_TAG: owner}), None
    tags = channels.tags_of(scope, arn)
    holder = held_by_another(tags, owner, scope.now())
    if holder:
        raise KvsopsError(f"{name} is in use: {holder}; wait, or use another channel")
    if EXPIRES_AT_TAG not in tags:
        return arn, None
    return arn, parsed_moment(tags[EXPIRES_AT_TAG]) or scope.now()


def _delete(scope: "Scope", arn: str, console: "Console", left: list[str]) -> None:
    """Delete the channel that this run made; if that fails its lease lapses all the same."""
    try:
        with signals_wait():
            channels.delete_made(scope, arn)
    except NotFoundError:
        return
    except KvsopsError as error:
        left.append(arn)
        why = f"{arn} was not deleted: {error}"
        console.error(f"{why}; when its lease has lapsed: kvsops sweep --expired --yes")
