"""`kvsops restore`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kvsops.cli.options import Where, output_options, scope_options

if TYPE_CHECKING:
    from kvsops.output.rows import Output


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
    from kvsops.output.console import Console, progress
    from kvsops.output.rows import Column, render
    from kvsops.sweep import journal as journals
    from kvsops.sweep import restore as restoring

    entries = journals.read(journal)
    scope, console = where.open(read_only=not yes), Console()
    wanted = restoring.restorable(scope, entries)
    columns = [
        Column[restoring.Restored](
            "channel_name", "CHANNEL", lambda row: row.entry.arn.channel_name
        ),
        Column[restoring.Restored]("outcome", "OUTCOME", lambda row: row.outcome.value),
        Column[restoring.Restored]("reason", "REASON", lambda row: row.reason),
        Column[restoring.Restored]("channel_arn", "ARN", lambda row: row.channel_arn),
        Column[restoring.Restored](
            "former_channel_arn", "FORMER ARN", lambda row: str(row.entry.arn), shown=False
        ),
    ]
    if query is not None:  # one that does not fit is refused before anything is done
        looked_for = [restoring.Restored(each, restoring.Outcome.CREATED) for each in wanted]
        render(looked_for, columns, output, query)
    rows = []
    with progress("restoring", len(wanted), console=console) as shown:
        for row in scope.in_parallel(lambda entry: restoring.restore(scope, entry), wanted):
            rows.append(row)
            shown.advance()
    click.echo(render(rows, columns, output, query, nothing="Nothing to restore."), nl=False)
    outcomes = {row.outcome for row in rows}
    if restoring.Outcome.WOULD_CREATE in outcomes:
        console.note("dry run: nothing was made; to make them, add --yes")
    click.get_current_context().exit(1 if restoring.Outcome.FAILED in outcomes else 0)
