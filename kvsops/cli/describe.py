"""`kvsops describe`."""

from typing import TYPE_CHECKING

import click

from kvsops.cli.help import Command
from kvsops.cli.main import told
from kvsops.cli.options import TARGET, Where, in_region, output_options, scope_options

if TYPE_CHECKING:
    from kvsops.aws.scope import Scope
    from kvsops.core.facts import Facts
    from kvsops.errors import AwsError
    from kvsops.output.rows import Column, Output


@click.command(cls=Command)
@click.argument("targets", nargs=-1, required=True, type=TARGET, metavar="NAME|ARN...")
@output_options()
@scope_options
def describe(
    *, where: Where, targets: tuple[str, ...], output: "Output", query: str | None
) -> None:
    """Show all there is to some channels: state, tags and storage link, read directly.

    \b
    Examples:
      kvsops describe cam-door
      kvsops describe cam-door -o json --query '[0].tags'
    """
    from kvsops.core.facts import Unknown
    from kvsops.errors import AwsError
    from kvsops.output.console import Console
    from kvsops.output.rows import render
    from kvsops.reports.columns import channel_columns

    scope, console = where.open(read_only=True), Console()
    in_region(scope, targets)
    rows = [*scope.in_parallel(lambda each: _read(scope, each), dict.fromkeys(targets))]
    found = [row for row in rows if not isinstance(row, AwsError)]
    ctx = click.get_current_context()
    problems = [told(row, ctx) for row in rows if isinstance(row, AwsError)]
    for facts in found:
        for fact in (facts.tags, facts.storage):
            problems += [fact.why] if isinstance(fact, Unknown) else []
    columns = channel_columns(scope.now(), tags=True, storage=True)
    if output == "table":
        _show_each(found, columns)
    else:
        click.echo(render(found, columns, output, query), nl=False)
    for problem in problems:
        console.error(problem)
    ctx.exit(1 if problems else 0)


def _read(scope: "Scope", target: str) -> "Facts | AwsError":
    """Read all there is of one channel; what is denied is an Unknown among its facts."""
    from kvsops.aws import channels
    from kvsops.core.facts import Facts, Need
    from kvsops.errors import AwsError
    from kvsops.facts import gather

    try:
        facts = Facts(channels.named(scope, target))
        for need in (Need.TAGS, Need.STORAGE):
            facts = gather.direct(scope, facts, need)
    except AwsError as error:
        return error
    return facts


def _show_each(found: "list[Facts]", columns: "list[Column[Facts]]") -> None:
    """Show each channel from top to bottom, a line for each of its columns."""
    from kvsops.output.rows import Column, table

    for facts in found:
        cells = [(column.key, column.cell(facts)) for column in columns]
        fields = [
            Column[tuple[str, str]]("field", "FIELD", lambda cell: cell[0]),
            Column[tuple[str, str]]("value", "VALUE", lambda cell: cell[1]),
        ]
        click.echo(("" if facts is found[0] else "\n") + table(cells, fields), nl=False)
