"""The bill of many accounts and regions as a person reads it, and as a CI shows it."""

from collections.abc import Iterator, Sequence
from functools import partial

import click

from kvsops.bill.budget import Verdict
from kvsops.output.console import Console
from kvsops.output.digest import Digest, Section
from kvsops.output.figures import percent
from kvsops.output.fit import wrapped
from kvsops.output.rows import DOCUMENTS, Form, Output, csv, dumps, markdown, screen_table
from kvsops.output.screen import Screen
from kvsops.output.text import count, markdown_safe
from kvsops.reports.bill_columns import group_columns
from kvsops.reports.bill_digest import bill_outcome, said
from kvsops.reports.bill_json import DEAREST
from kvsops.reports.bill_said import totals
from kvsops.reports.bill_text import GROUPS, in_all, insights, on_streams, parts
from kvsops.reports.fleet_bill import FleetReport
from kvsops.reports.fleet_bill_json import fleet_json
from kvsops.reports.fleet_bill_rows import advice_rows, channel_rows, place_columns, stream_rows
from kvsops.reports.located import located_columns, on_missed

PLACES = 20
"""At most so many accounts and regions are shown; JSON has all."""


def render(fleet: FleetReport, output: Output, query: str | None, screen: Screen) -> str:
    """Make the text for standard output; CSV has a line for each channel."""
    if output in DOCUMENTS:
        return dumps(fleet_json(fleet), query, output)
    if output == "csv":
        found = channel_rows(fleet)
        return csv(found.rows, located_columns(found.columns))
    if output == "markdown":
        lines = [f"{markdown_safe(line)}\n" for line in _heading(fleet)]
        ending = "".join(f"- {markdown_safe(line)}\n" for line in _notes(fleet))
        return "\n".join([*lines, *(text for _, text in _tables(fleet, markdown)), ending])
    lines = ["".join(wrapped(line, screen) for line in _heading(fleet))]
    ending = "".join(wrapped(f"- {line}", screen, "  ") for line in _notes(fleet))
    form = partial(screen_table, screen=screen)
    return "\n".join([*lines, *(text for _, text in _tables(fleet, form)), ending])


def fleet_digest(
    fleet: FleetReport, verdict: Verdict, failed: Sequence[str], typed: Sequence[str]
) -> Digest:
    """Tell it, what it was held against, and what could not be read: `failed`."""
    whole = fleet.whole
    missed, _ = on_missed(fleet.missed)
    first, *others = _heading(fleet)
    return Digest(
        bill_outcome(verdict, whole.problems, [*failed, *missed]),
        typed,
        first.removesuffix("."),
        [*said(verdict), *missed, *failed, *whole.problems],
        [*others, *_notes(fleet)],
        sections=[Section(title, text) for title, text in _tables(fleet, markdown)],
    )


def _heading(fleet: FleetReport) -> Iterator[str]:
    whole = fleet.whole
    if whole.streams.told:
        yield f"{whole.region}: {in_all(whole)}."
    yield f"{whole.region}: {totals(whole.bill)}."
    yield parts(whole)
    yield from on_streams(whole)


def _tables(fleet: FleetReport, form: Form) -> Iterator[tuple[str, str]]:
    """Make the tables, each with its title, of what is not nothing."""
    spending = [each for each in fleet.places if not each.quiet][:PLACES]
    whole, channels, streams = fleet.whole, channel_rows(fleet), stream_rows(fleet)
    if spending:
        yield "by account and region", form(spending, place_columns())
        columns = group_columns(whole.by, streams=bool(streams.rows))
        yield f"by {whole.by}", form(whole.groups[:GROUPS], columns)
        located = located_columns(channels.columns)
        yield "the dearest channels", form(channels.rows[:DEAREST], located)
    if streams.rows:
        of_streams = located_columns(streams.columns)
        yield "the dearest streams", form(streams.rows[:DEAREST], of_streams)
    advice = advice_rows(fleet)
    if advice.rows:
        of_advice = located_columns(advice.columns)
        yield "what streams could spare", form(advice.rows[:DEAREST], of_advice)


def _notes(fleet: FleetReport) -> Iterator[str]:
    """Say what else there is to know."""
    spending = [each for each in fleet.places if not each.quiet]
    if more := len(spending[PLACES:]):
        yield f"{more:,} more {_cost(more)} less; -o json has them all."
    if quiet := len(fleet.places) - len(spending):
        yield f"{_places(quiet)} {_cost(quiet)} nothing."
    if fleet.unseen:
        yield f"A lower bound: {_places(fleet.unseen)} could not be looked at."
    yield from _on_quota(fleet)
    yield from insights(fleet.whole)


def _places(number: int) -> str:
    return count(number, "account and region", "accounts and regions")


def _cost(number: int) -> str:
    return "costs" if number == 1 else "cost"


def _on_quota(fleet: FleetReport) -> Iterator[str]:
    """Say where the quota is nearest to its end."""
    fullest = max(fleet.places, key=lambda each: each.report.quota.share or 0)
    quota = fullest.report.quota
    if quota.limit:
        share = f"{quota.channels:,} of {quota.limit:,} channels ({percent(quota.share)})"
        yield f"Quota: the fullest is {fullest.place}, {share}, unless AWS raised it."


def tell(
    fleet: FleetReport, console: Console, output: Output, query: str | None, screen: Screen
) -> None:
    """Print it, and say what could not be read of it."""
    click.echo(render(fleet, output, query, screen), nl=False)
    for problem in fleet.whole.problems:
        console.warn(problem)
