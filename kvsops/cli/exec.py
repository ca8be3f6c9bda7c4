"""`kvsops exec`."""

import os
from datetime import timedelta
from typing import Final

import click

from kvsops.cli.help import Command, section
from kvsops.cli.options import DURATION, NAME, TAG, refuse, scope_options
from kvsops.cli.tags import tags_by_key
from kvsops.cli.where import Where
from kvsops.core.channel import EXPIRES_AT_TAG

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
    import secrets

    from kvsops.cli import child, leased
    from kvsops.cli.owner import default_owner
    from kvsops.output.console import Console

    refuse(_contradiction(tags, reuse))
    program = child.found(command[0], os.environ)
    scope, console = where.open(), Console()
    owner, ttl, wanted = default_owner(os.environ), ttl or TTL, tags_by_key(tags)
    made, left = f"kvsops-exec-{secrets.token_hex(5)}", list[str]()
    taken = (
        leased.reused(scope, reuse, owner, ttl, console=console)
        if reuse
        else leased.made(scope, made, wanted, owner, ttl, console=console, left=left)
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
