"""`kvsops restore`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kvsops.cli.options import Where, output_options, scope_options

if TYPE_CHECKING:
    from kvsops.aws.scope import Scope
    from kvsops.output.console import Console
    from kvsops.output.rows import Column, Output
    from kvsops.sweep.journal import Entry
    from kvsops.sweep.restore import Restored


@click.command()
@click.argument("journal", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Make them. Without it, only show what would be made.")
@output_options()
@scope_options
def restore(*, where: Where, journal: Path, yes: bool, output: "Output", query: str | None) -> None:
    """Make the channels again that a JOURNAL says were deleted.

    \b
    Examples:
      kvsops restore kvsops-journal-20261122T101500Z-us-east-1-4711.jsonl
      kvsops restore JOURNAL --yes -o json

    They get their names, tags, message TTL and storage link back, in the same account and region
    only. What cannot come back is the ARN: AWS gives each channel a new one, so whatever was
    configured with the old ARN must be told. An old kvsops:expires-at is left off, or the next
    sweep would take the channel again. A channel whose name exists is left as it is.
    """
    from kvsops.output.console import Console
    from kvsops.output.rows import render
    from kvsops.sweep.journal import read
    from kvsops.sweep.restore import Outcome, Restored, restorable

    entries = read(journal)
    scope, console = where.open(read_only=not yes), Console()
    wanted, columns = restorable(scope, entries), _columns()
    if query is not None:  # one that does not fit is refused before anything is done
        render([Restored(each, Outcome.CREATED) for each in wanted], columns, output, query)
    rows = _restored(scope, wanted, console)
    click.echo(render(rows, columns, output, query, nothing="Nothing to restore."), nl=False)
    outcomes = {row.outcome for row in rows}
    if Outcome.WOULD_CREATE in outcomes:
        console.note("dry run: nothing was made; to make them, add --yes")
    click.get_current_context().exit(1 if Outcome.FAILED in outcomes else 0)


def _restored(scope: "Scope", wanted: "list[Entry]", console: "Console") -> "list[Restored]":
    from kvsops.output.console import progress
    from kvsops.sweep.restore import restore

    rows = []
    with progress("restoring", len(wanted), console=console) as shown:
        for row in scope.in_parallel(lambda entry: restore(scope, entry), wanted):
            rows.append(row)
            shown.advance()
    return rows


def _columns() -> "list[Column[Restored]]":
    """Return the columns; the keys are an interface."""
    from kvsops.output.rows import Column
    from kvsops.sweep.restore import Restored

    return [
        Column[Restored]("channel_name", "CHANNEL", lambda row: row.entry.arn.channel_name),
        Column[Restored]("outcome", "OUTCOME", lambda row: row.outcome.value),
        Column[Restored]("reason", "REASON", lambda row: row.reason),
        Column[Restored]("channel_arn", "ARN", lambda row: row.channel_arn),
        Column[Restored](
            "former_channel_arn", "FORMER ARN", lambda row: str(row.entry.arn), shown=False
        ),
    ]
