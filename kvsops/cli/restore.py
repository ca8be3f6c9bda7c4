"""`kvsops restore`."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kvsops.cli.help import Command, section
from kvsops.cli.options import output_options, refuse, screen, typed
from kvsops.cli.places import Wherever, places_options
from kvsops.errors import AwsError, UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from kvsops.aws.scope import Scope
    from kvsops.output.console import Console
    from kvsops.output.rows import Output
    from kvsops.sweep.entries import Entry, Journalled
    from kvsops.sweep.restore import Restored


@click.command(cls=Command)
@click.argument("journal", required=False, metavar="[JOURNAL|FOLDER|RUN]")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@section("What to restore")
@click.option("--last", is_flag=True, help="What the last run here deleted, or its NAMEs alone.")
@section("Safety")
@click.option(
    "--yes", is_flag=True, help="Recreate them. Without it, only show what would be recreated."
)
@output_options()
@places_options
def restore(
    *,
    where: Wherever,
    journal: str | None,
    names: tuple[str, ...],
    last: bool,
    yes: bool,
    output: "Output",
    query: str | None,
) -> None:
    """Recreate the channels that a JOURNAL says were deleted, or list the journals.

    \b
    Examples:
      kvsops restore                   # what each run deleted, what is missing
      kvsops restore --last            # shows what would be recreated
      kvsops restore --last cam-door --yes
      kvsops restore 20261122T101500Z-us-east-1-4711 --yes
      kvsops restore kvsops-journal-20261122T101500Z-us-east-1-4711.jsonl
      kvsops restore journals/ --organization-role kvsops-sweep --all-regions

    Channels get their names, tags, message TTL and storage link back, in the same account and
    region only. The ARN cannot come back: AWS gives each channel a new one, so whatever was
    configured with the old one must be updated. An old kvsops:expires-at is not restored, or the
    next sweep would delete the channel again. A channel whose name exists is left alone.
    """
    from kvsops.output.console import Console

    asked = journal is not None or last
    console = Console()
    if not asked:
        refuse("--yes: which ones? give a JOURNAL, a RUN or --last" if yes else None)
        click.get_current_context().exit(_list(where, output, query, console))
    if last and journal is not None:
        names = (journal, *names)
    told = None if last or journal is None else _told(journal)
    if where.many:
        from kvsops.cli.restore_many import restore_many

        whole = restore_many(where, told, names, output, query, yes=yes)
        click.get_current_context().exit(0 if whole else 1)
    scope = where.open(read_only=not yes)
    wanted, whole = _wanted(scope, told or _last(scope), names, console)
    failed = _restore(scope, wanted, output, query, console)
    click.get_current_context().exit(1 if failed or not whole else 0)


def _told(text: str) -> "list[Journalled]":
    """Return what the journal at a path, those in a folder, or those of a run tell of."""
    from kvsops.sweep import entries
    from kvsops.sweep.journal import kept

    if Path(text).is_dir():
        found, problems = entries.found([(Path(text), "*.jsonl")])
        if problems or not found:
            raise UsageError(next(iter(problems), f"no journal in {text}: they end in .jsonl"))
        return found
    if Path(text).exists() or os.sep in text or text.endswith(".jsonl"):
        return [entries.read(Path(text))]
    found, problems = entries.found(kept(os.environ))
    runs = entries.by_run(found)
    meant = [told for run, told in runs.items() if text in (run, entries.whole_run(run))]
    if not meant:
        also = f" ({problems[0]})" if problems else ""
        raise UsageError(f"no such journal or run: {text!r}: kvsops restore lists them{also}")
    return meant


def _last(scope: "Scope") -> "list[Journalled]":
    from kvsops.sweep import entries
    from kvsops.sweep.journal import kept

    for run in entries.by_run(entries.found(kept(os.environ))[0]).values():
        arn = run.latest.arn
        if (arn.region, arn.account_id) == (scope.region, scope.account_id):
            return [run]
    msg = f"no journal of a run in {scope.region} of account {scope.account_id}: give its path"
    raise UsageError(msg)


def _wanted(
    scope: "Scope", told: "Sequence[Journalled]", names: tuple[str, ...], console: "Console"
) -> "tuple[list[Entry], bool]":
    """Return what is to be made again, and whether all lines that tell of it could be used."""
    from kvsops.sweep.restore import restorable

    wanted, elsewhere = restorable(scope, [entry for each in told for entry in each.entries])
    return chosen(told, wanted, elsewhere, names, console), not any(each.bad for each in told)


def chosen(
    told: "Sequence[Journalled]",
    wanted: "Sequence[Entry]",
    elsewhere: Sequence[str],
    names: tuple[str, ...],
    console: "Console",
) -> "list[Entry]":
    """Return what was named of what may be gone, or all; say what is left out."""
    known = {entry.arn.channel_name for entry in wanted}
    journals = ", ".join(str(each.path) for each in told)
    if strange := [name for name in names if name not in known]:
        raise UsageError(f"the journal {journals} does not say that {strange[0]!r} was deleted")
    for each in told:
        for line in (*each.torn, *each.bad):
            console.warn(f"the journal {each.path}: {line}")
    for line in elsewhere:
        console.warn(f"the journal {told[0].path}: {line}" if len(told) == 1 else line)
    return [entry for entry in wanted if not names or entry.arn.channel_name in names]


def _restore(
    scope: "Scope",
    wanted: "list[Entry]",
    output: "Output",
    query: str | None,
    console: "Console",
) -> bool:
    """Make them again, and say so; return whether any failed."""
    from kvsops.output.rows import render
    from kvsops.reports.restore import restored_columns, restored_in
    from kvsops.sweep.restore import Outcome, Restored

    columns = restored_columns()
    if query is not None:  # one that does not fit is refused before anything is done
        render([Restored(each, Outcome.CREATED) for each in wanted], columns, output, query)
    rows: list[Restored] = []
    try:
        _make(scope, wanted, rows, console)
    finally:  # also of what was made before it ended early
        on = screen()
        if output == "table":
            text = restored_in(rows, scope, on)
        else:
            text = render(rows, columns, output, query, nothing="Nothing to restore.")
        click.echo(text, nl=False, color=on.colour)
    outcomes = {row.outcome for row in rows}
    tell_failures(rows, lambda entry: entry.arn.channel_name, console)
    if Outcome.WOULD_CREATE in outcomes:
        console.propose("To make them again", [*typed(), "--yes"])
    return Outcome.FAILED in outcomes


def tell_failures(
    rows: "Sequence[Restored]", named: "Callable[[Entry], str]", console: "Console"
) -> None:
    """Say why any failed, each reason once: a table may have no room for it."""
    from kvsops.reports.located import told_once
    from kvsops.sweep.restore import Outcome

    failed = [row for row in rows if row.outcome is Outcome.FAILED]
    for line in told_once(dict.fromkeys((named(row.entry), row.reason) for row in failed)):
        console.error(f"not made again: {line}")


def _make(
    scope: "Scope", wanted: "list[Entry]", rows: "list[Restored]", console: "Console"
) -> None:
    from kvsops.output.console import progress
    from kvsops.sweep.restore import restore

    with progress("restoring", len(wanted), console=console) as shown:
        for row in scope.in_parallel(lambda entry: restore(scope, entry), wanted):
            rows.append(row)
            shown.advance()


def _list(where: Wherever, output: "Output", query: str | None, console: "Console") -> int:
    """Print which runs deleted, and what of it is missing; return the exit code."""
    from kvsops.output.rows import render
    from kvsops.reports.restore import DeletingRun, run_columns, runs_screen
    from kvsops.sweep import entries
    from kvsops.sweep.journal import kept

    found, problems = entries.found(kept(os.environ))
    problems += [f"the journal {each.path}: {line}" for each in found for line in each.bad]
    runs = entries.by_run(found)
    absent, now = _missing(where, list(runs.values()), problems)
    rows = [DeletingRun(*each, number) for each, number in zip(runs.items(), absent, strict=True)]
    on = screen()
    if output == "table":
        text = runs_screen(rows, now, on)
    else:
        text = render(rows, run_columns(now), output, query, nothing="No journals.")
    click.echo(text, nl=False, color=on.colour)
    for problem in problems:
        console.warn(problem)
    if lacking := next((row.run for row in rows if row.missing), None):
        run = entries.whole_run(lacking) if where.many else lacking
        console.propose(
            "To see what the latest of these would bring back (a dry run)",
            ["kvsops", "restore", run, *(where.again_everywhere if where.many else ())],
        )
    return 1 if problems else 0


def _missing(
    where: Wherever, runs: "list[Journalled]", problems: list[str]
) -> "tuple[list[int | None], datetime]":
    """Return how many channels of each run are missing, as far as is known, and what time it is."""
    from kvsops.sweep.restore import missing

    if where.many:
        from kvsops.cli.restore_many import missing_of

        return missing_of(where, runs, problems)
    scope = where.open(read_only=True)
    absent: list[int | None] = [None] * len(runs)
    try:
        absent = missing(scope, runs) if runs else []
    except AwsError as error:
        problems.append(f"what is missing is not known: {error}")
    return absent, scope.now()
