"""`kvsops endpoint`."""

from typing import TYPE_CHECKING

import click

from kvsops.cli.choice import Choice
from kvsops.cli.help import Command, section
from kvsops.cli.options import TARGET, in_region, output_options, scope_options, screen
from kvsops.cli.where import Where

if TYPE_CHECKING:
    from kvsops.core.wire.ice import Role
    from kvsops.output.rows import Output


@click.command(cls=Command)
@click.argument("target", type=TARGET, metavar="NAME|ARN")
@section("Output")
@click.option(
    "--role",
    type=Choice(["master", "viewer"]),
    help="Only for this role.  [default: both]",
)
@output_options()
@scope_options
def endpoint(
    *, where: Where, target: str, role: "Role | None", output: "Output", query: str | None
) -> None:
    """Show where masters and viewers connect to a channel and get their ICE servers.

    \b
    Examples:
      kvsops endpoint cam-door
      kvsops endpoint cam-door --role viewer -o json --query '[0].wss'

    The addresses alone let nobody in: each connection is made with a signed URL, which is secret
    and never shown.
    """
    from kvsops.aws import channels, connect
    from kvsops.core.wire.ice import Endpoints
    from kvsops.output.rows import Column, render
    from kvsops.reports.connecting import endpoints_text

    scope = where.open(read_only=True)
    in_region(scope, (target,))
    channel_arn = channels.named(scope, target).channel_arn
    roles: tuple[Role, ...] = (role,) if role else ("master", "viewer")
    found = [connect.endpoints_of(scope, channel_arn, each) for each in roles]
    columns = [
        Column[Endpoints]("role", "ROLE", lambda row: row.role),
        Column[Endpoints]("wss", "WSS", lambda row: row.wss),
        Column[Endpoints]("https", "HTTPS", lambda row: row.https),
    ]
    if output == "table" and (shown := screen()).width is not None:
        test = ["kvsops", "smoke", target, *where.again(scope)]
        click.echo(endpoints_text(found, shown, test), nl=False)
    else:
        click.echo(render(found, columns, output, query), nl=False)
