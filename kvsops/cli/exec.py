"""`kvsops exec`."""

import os
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import click

from kvsops.cli.options import DURATION, NAME, TAG, Where, refuse, scope_options, tags_by_key
from kvsops.core.channel import EXPIRES_AT_TAG
from kvsops.errors import KvsopsError, NotFoundError

if TYPE_CHECKING:
    from kvsops.aws.scope import Scope
    from kvsops.output.console import Console

TTL: Final = timedelta(hours=1)


@click.command(
    context_settings={"allow_interspersed_args": False},
    epilog="Why reuse: a channel that anything connects to is billed a month's fee, so a fresh one "
    "for each run costs a fee a run. A named channel used by all of them costs one.",
)
@click.option(
    "--ttl",
    type=DURATION,
    metavar="DURATION",
    help="How long the lease outlives a holder that was killed; renewed while it lives.  "
    "[default: 1h]",
)
@click.option("--tag", "tags", type=TAG, multiple=True, metavar="KEY=VALUE", help="A tag to set.")
@click.option(
    "--reuse",
    type=NAME,
    metavar="NAME",
    help="Use this channel, making it if need be; it is never deleted.",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND...")
@scope_options
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

    The command finds KVS_CHANNEL_NAME, KVS_CHANNEL_ARN and AWS_REGION (AWS_DEFAULT_REGION, too) in
    its environment, gets the signals that kvsops gets, and its exit code is the exit code.

    The channel has a lease, kvsops:expires-at, that is renewed while the command runs: no sweep
    takes it. Is kvsops itself killed, the lease lapses, and kvsops sweep --expired takes it.
    With --reuse nothing is deleted, and no lease is set on a channel that had none.
    """
    from kvsops.aws import channels
    from kvsops.cli import child
    from kvsops.cli.owner import default_owner
    from kvsops.lease import RENEWALS, Lease, renew
    from kvsops.output.console import Console

    refuse(_contradiction(tags, reuse))
    scope, console = where.open(), Console()
    owner, ttl, wanted = default_owner(os.environ), ttl or TTL, tags_by_key(tags)
    with ExitStack() as at_end:
        if reuse:
            name, (arn, ends) = reuse, _reused(scope, reuse, owner)
        else:
            with child.signals_wait():  # lest a channel be made of which nobody knows
                name, arn, ends = _made(scope, wanted, owner, ttl, console)
                at_end.callback(_delete, scope, arn, console)
        channels.wait_until_active(scope, arn)
        if ends:
            if reuse:
                renew(scope, arn, ttl, at_least=ends, owner=owner)
            late = abs(scope.now() + ttl - ends) > ttl / RENEWALS  # or this machine's clock is
            at_least, overdue = (ends, False) if reuse else (None, late)
            at_end.enter_context(Lease(scope, arn, ttl, console.warn, at_least, overdue=overdue))
        regions = dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), scope.region)  # boto3's last
        variables = {"KVS_CHANNEL_NAME": name, "KVS_CHANNEL_ARN": arn, **regions}
        status = child.run(command, {**os.environ, **variables})
    click.get_current_context().exit(status)


def _contradiction(tags: tuple[tuple[str, str], ...], reuse: str | None) -> str | None:
    if any(key == EXPIRES_AT_TAG for key, _ in tags):
        return f"--tag {EXPIRES_AT_TAG} is the lease's own: give --ttl"
    if reuse and tags:
        return "--reuse leaves the channel's tags as they are: drop --tag"
    return None


def _made(
    scope: "Scope", tags: dict[str, str], owner: str, ttl: timedelta, console: "Console"
) -> tuple[str, str, datetime]:
    """Make a channel, its lease in the same call; return its name and ARN, and the lease's end."""
    import secrets

    from kvsops.aws import channels
    from kvsops.core.channel import OWNER_TAG
    from kvsops.core.text import moment

    name = f"kvsops-exec-{secrets.token_hex(5)}"
    ends = scope.now() + ttl
    arn = channels.create(scope, name, {OWNER_TAG: owner} | tags | {EXPIRES_AT_TAG: moment(ends)})
    console.note(f"channel: {arn}")
    return name, arn, ends


def _reused(scope: "Scope", name: str, owner: str) -> tuple[str, datetime | None]:
    """Take the channel, making it if need be; return its ARN, and its lease's end if it has one.

    Raises `KvsopsError` where another holder's lease covers it.
    """
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


def _delete(scope: "Scope", arn: str, console: "Console") -> None:
    """Delete the channel that this run made; if that fails its lease lapses all the same."""
    from kvsops.aws import channels
    from kvsops.cli import child

    try:
        with child.signals_wait():
            channels.delete_made(scope, arn)
    except NotFoundError:
        return
    except KvsopsError as error:
        console.warn(f"{arn} was not deleted, kvsops sweep --expired will take it: {error}")
