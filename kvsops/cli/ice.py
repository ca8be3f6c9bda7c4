"""`kvsops ice`."""

from typing import TYPE_CHECKING, Final

import click

from kvsops.cli.help import Command, section
from kvsops.cli.options import TARGET, in_region, output_options, scope_options, screen
from kvsops.cli.where import Where

if TYPE_CHECKING:
    from kvsops.core.wire.ice import IceServer
    from kvsops.output.rows import Column, Output

REDACTED: Final = "(redacted)"


@click.command(cls=Command)
@click.argument("target", type=TARGET, metavar="NAME|ARN")
@section("Output")
@click.option("--reveal", is_flag=True, help="Show username and password, valid for 5 minutes.")
@output_options()
@scope_options
def ice(*, where: Where, target: str, reveal: bool, output: "Output", query: str | None) -> None:
    """Show a channel's STUN and TURN servers.

    \b
    Examples:
      kvsops ice cam-door
      kvsops ice cam-door --reveal -o json
      kvsops smoke cam-door              # asks each of them whether it answers

    Username and password are credentials, and the username holds the account's id: they are
    shown only with --reveal. Keep that out of logs.
    """
    from kvsops.aws import channels, connect
    from kvsops.output.rows import render
    from kvsops.reports.connecting import ice_text

    scope = where.open(read_only=True)
    in_region(scope, (target,))
    channel_arn = channels.named(scope, target).channel_arn
    endpoints = connect.endpoints_of(scope, channel_arn, "viewer")
    servers = connect.ice_servers_of(scope, endpoints, channel_arn)
    if output == "table" and (shown := screen()).width is not None:
        test = ["kvsops", "smoke", target, *where.again(scope)]
        click.echo(ice_text(servers, shown, test, reveal=reveal), nl=False)
        return
    rows = [(uri, server) for server in servers for uri in server.uris]
    click.echo(render(rows, _columns(reveal=reveal), output, query), nl=False)


def _columns(*, reveal: bool) -> "list[Column[tuple[str, IceServer]]]":
    """Return the columns; a secret that is not revealed is told to be there."""
    from kvsops.core.wire.ice import IceServer
    from kvsops.output.rows import Column

    def secret(value: str | None) -> str | None:
        return value if reveal or value is None else REDACTED

    return [
        Column[tuple[str, IceServer]]("uri", "URI", lambda row: row[0]),
        Column[tuple[str, IceServer]](
            "ttl_seconds", "TTL SECONDS", lambda row: row[1].ttl_seconds, align="right"
        ),
        Column[tuple[str, IceServer]]("username", "USERNAME", lambda row: secret(row[1].username)),
        Column[tuple[str, IceServer]]("password", "PASSWORD", lambda row: secret(row[1].password)),
    ]
