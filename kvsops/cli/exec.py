"""`kvsops exec`."""

import os
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import click

from kvsops.cli.help import Command, section
from kvsops.cli.options import DURATION, NAME, TAG, Where, refuse, scope_options
from kvsops.cli.signals import signals_wait
from kvsops.cli.tags import tags_by_key
from kvsops.core.channel import EXPIRES_AT_TAG
from kvsops.errors import KvsopsError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kvsops.aws.scope import Scope
    from kvsops.output.console import Console

TTL: Final = timedelta(hours=1)


@click.command(
    cls=Command,
    context_settings={"allow_interspersed_args": False},
    epilog="Why reuse: a channel that anything connects to is billed for a whole month, so a new "
    "channel for each run costs a month's fee each run. One that all runs share costs one fee.",
)
@section("The channel")
@click.option(
    "--ttl",
    type=DURATION,
    metavar="DURATION",
    help="How long the lease lasts if kvsops itself is killed.  [default: 1h]",
)
@click.option("--tag", "tags", type=TAG, multiple=True, metavar="KEY=VALUE", help="Set this tag.")
@click.option(
    "--reuse",
    type=NAME,
    metavar="NAME",
    help="Use this channel, creating it if it does not exist; it is never deleted.",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND...")
@scope_options
# Over 40 lines for its signature, an argument for each option, and its docstring, the help.
def exec_(
    *,
    where: Where,
    ttl: timedelta | None,
    tags: tuple[tuple[str, str], ...],
    reuse: str | None,
    command: tuple[str, ...],
) -> None:
    """Run a COMMAND with a channel of its own, and delete the channel however it ends.

    \b
    Examples:
      kvsops exec -- pytest tests/e2e
      kvsops exec --ttl 30m --tag suite=ice -- make test
      kvsops exec --reuse ci-e2e -- pytest tests/e2e

    The command finds KVS_CHANNEL_NAME, KVS_CHANNEL_ARN, AWS_REGION and AWS_DEFAULT_REGION in its
    environment, and receives the signals that kvsops receives. Its exit code is the exit code; if
    it succeeds but the channel cannot be deleted, the exit code is 1.

    The channel has a lease, kvsops:expires-at, that is renewed while the command runs, so that no
    sweep deletes it. If kvsops itself is killed, the lease expires and kvsops sweep --expired
    deletes the channel. With --reuse nothing is deleted, and a channel without a lease gets none.
    """
    from kvsops.cli import child
    from kvsops.cli.owner import default_owner
    from kvsops.output.console import Console

    refuse(_contradiction(tags, reuse))
    program = child.found(command[0], os.environ)
    scope, console = where.open(), Console()
    owner, ttl, wanted = default_owner(os.environ), ttl or TTL, tags_by_key(tags)
    left: list[str] = []
    taken = (
        _reused(scope, reuse, owner, ttl, console)
        if reuse
        else _made(scope, wanted, owner, ttl, console, left=left)
    )
    with taken as (name, arn):
        regions = dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), scope.region)  # boto3's last
        variables = {"KVS_CHANNEL_NAME": name, "KVS_CHANNEL_ARN": arn, **regions}
        status = child.run(command, {**os.environ, **variables}, program)
    click.get_current_context().exit(status or (1 if left else 0))


def _contradiction(tags: tuple[tuple[str, str], ...], reuse: str | None) -> str | None:
    if any(key == EXPIRES_AT_TAG for key, _ in tags):
        return f"--tag {EXPIRES_AT_TAG} is the lease's own: give --ttl"
    if reuse and tags:
        return "--reuse leaves the channel's tags as they are: drop --tag"
    return None


@contextmanager
def _made(
    scope: "Scope",
    tags: dict[str, str],
    owner: str,
    ttl: timedelta,
    console: "Console",
    *,
    left: list[str],
) -> "Iterator[tuple[str, str]]":
    """Make a channel, its lease in the same call, for as long as the block runs.

    If it cannot be deleted then, it is added to what is `left`.
    """
    import secrets

    from kvsops.aws import channels
    from kvsops.core.channel import OWNER_TAG
    from kvsops.core.text import moment
    from kvsops.lease import RENEWALS, Lease

    name = f"kvsops-exec-{secrets.token_hex(5)}"
    with ExitStack() as at_end:
        with signals_wait():  # lest a channel be made of which nobody knows
            ends = scope.service_now() + ttl
            own = {OWNER_TAG: owner} | tags | {EXPIRES_AT_TAG: moment(ends)}
            arn = channels.create(scope, name, own)
            console.note(f"channel: {arn}")
            at_end.callback(_delete, scope, arn, console, left)
        channels.wait_until_active(scope, arn)
        late = abs(scope.service_now() + ttl - ends) > ttl / RENEWALS  # or this machine's clock is
        at_end.enter_context(Lease(scope, arn, ttl, console.warn, overdue=late))
        yield name, arn


@contextmanager
def _reused(
    scope: "Scope", name: str, owner: str, ttl: timedelta, console: "Console"
) -> "Iterator[tuple[str, str]]":
    """Take the channel, making it if need be; a lease that it has is renewed meanwhile.

    Raises `KvsopsError` where another holder's lease covers it.
    """
    from kvsops.aws import channels
    from kvsops.lease import Lease, renew

    arn, ends = _taken(scope, name, owner)
    channels.wait_until_active(scope, arn)
    if ends is None:
        yield name, arn
        return
    renew(scope, arn, ttl, at_least=ends, owner=owner)
    with Lease(scope, arn, ttl, console.warn, at_least=ends):
        yield name, arn


def _taken(scope: "Scope", name: str, owner: str) -> tuple[str, datetime | None]:
    """Return the ARN of the channel, which is made if need be, and its lease's end if any."""
    from kvsops.aws import channels
    from kvsops.core.channel import OWNER_TAG
    from kvsops.core.text import parsed_moment
    from kvsops.lease import held_by_another

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
    from kvsops.aws import channels

    try:
        with signals_wait():
            channels.delete_made(scope, arn)
    except NotFoundError:
        return
    except KvsopsError as error:
        left.append(arn)
        why = f"{arn} was not deleted: {error}"
        console.error(f"{why}; when its lease has lapsed: kvsops sweep --expired --yes")
