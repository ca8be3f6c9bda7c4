"""`kvsops restore` in many accounts and regions: each channel where it was."""

import os
from typing import TYPE_CHECKING

import click

from kvsops.cli.options import screen, typed
from kvsops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from kvsops.cli.places import Wherever
    from kvsops.fleet.place import Places
    from kvsops.fleet.restore import Parted
    from kvsops.output.console import Console
    from kvsops.output.rows import Output
    from kvsops.sweep.entries import Journalled
    from kvsops.sweep.restore import Restored


def restore_many(
    where: "Wherever",
    told: "Sequence[Journalled] | None",
    names: tuple[str, ...],
    output: "Output",
    query: str | None,
    *,
    yes: bool,
) -> bool:
    """Make again what journals, or the last run's, tell of; return whether nothing failed.

    A place that could not be looked at, and has something to be made again, fails.
    """
    from kvsops.cli.restore import chosen, tell_failures
    from kvsops.fleet.restore import Parted
    from kvsops.output.console import Console
    from kvsops.output.rows import render
    from kvsops.reports.restore import restored_columns
    from kvsops.sweep.restore import Outcome, Restored

    console, places = Console(), where.places()
    journals = _last(places) if told is None else told
    parted = Parted.of(places, [entry for each in journals for entry in each.entries])
    meant = chosen(journals, parted.entries, parted.left_out, names, console)
    if query is not None:  # one that does not fit is refused before anything is done
        columns = restored_columns(many=True)
        render([Restored(each, Outcome.CREATED) for each in meant], columns, output, query)
    rows = _make(parted.only(meant), output, query, console, read_only=not yes)
    outcomes = {row.outcome for row in rows}
    tell_failures(rows, lambda entry: f"{entry.arn.account_id} {entry.arn.region}", console)
    if Outcome.WOULD_CREATE in outcomes:
        console.propose("To make them again", [*typed(), "--yes"])
    return Outcome.FAILED not in outcomes and not any(each.bad for each in journals)


def _make(
    parted: "Parted",
    output: "Output",
    query: str | None,
    console: "Console",
    *,
    read_only: bool,
) -> "list[Restored]":
    """Make them again, and print what became of each, also where that ends early."""
    from kvsops.fleet.restore import restore_everywhere
    from kvsops.output.console import progress
    from kvsops.output.rows import render
    from kvsops.reports.restore import restored_columns, restored_everywhere

    rows: list[Restored] = [*parted.failed]
    try:
        with progress("restoring", None, console=console) as seen:
            restore_everywhere(parted.parts, rows.append, read_only=read_only, counter=seen)
    finally:
        on = screen()
        rows.sort(key=lambda row: str(row.entry.arn))
        if output == "table":
            text = restored_everywhere(rows, on, read_only=read_only)
        else:
            columns = restored_columns(many=True)
            text = render(rows, columns, output, query, nothing="Nothing to restore.")
        click.echo(text, nl=False, color=on.colour)
    return rows


def _last(places: "Places") -> "list[Journalled]":
    """Return what the last run in any of these places tells of, with its fellows elsewhere.

    In a place that could not be looked at, too: an earlier run elsewhere is not the last.
    """
    from kvsops.fleet.restore import why_missed
    from kvsops.sweep import entries
    from kvsops.sweep.journal import kept

    runs = entries.by_run(entries.found(kept(os.environ))[0])
    here = {(place.account_id, place.region) for place in places.found}
    for name, run in runs.items():
        arn = run.latest.arn
        if (arn.account_id, arn.region) in here or why_missed(places, arn.account_id, arn.region):
            whole = entries.whole_run(name)
            return [told for each, told in runs.items() if entries.whole_run(each) == whole]
    raise UsageError("no journal of a run in any of these accounts and regions: give its path")


def missing_of(
    where: "Wherever", runs: "list[Journalled]", problems: list[str]
) -> "tuple[list[int | None], datetime]":
    """Return how many channels of each run are missing, as far as is known, and what time it is."""
    from kvsops.aws.clock import machine_now
    from kvsops.fleet.restore import missing_everywhere
    from kvsops.reports.fleet_columns import missed_text
    from kvsops.reports.located import told_once

    places = where.places()
    problems += told_once(missed_text(each) for each in places.missed if not each.excused)
    found, failed = missing_everywhere(places, runs) if runs else ([], [])
    problems += failed
    return found, (click.get_current_context().obj or machine_now)()
