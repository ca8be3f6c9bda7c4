"""A month's bill as a person reads it: totals, groups, the dearest, and what could be spared."""

from collections.abc import Iterator
from functools import partial
from typing import Final

import click

from kvsops.core.cost import known_sum
from kvsops.output.console import Console
from kvsops.output.figures import percent, usd
from kvsops.output.fit import wrapped
from kvsops.output.rows import DOCUMENTS, Form, Output, csv, dumps, markdown, screen_table
from kvsops.output.screen import Screen
from kvsops.output.text import count, markdown_safe
from kvsops.reports.advice import advice_columns, advice_notes
from kvsops.reports.bill import BillReport
from kvsops.reports.bill_columns import bill_columns, group_columns
from kvsops.reports.bill_json import DEAREST, as_json
from kvsops.reports.bill_said import LOWER_BOUND, sum_text, totals
from kvsops.reports.columns import UNKNOWN
from kvsops.reports.stream_columns import bill_stream_columns
from kvsops.reports.stream_said import stream_notes, stream_parts, stream_totals

GROUPS: Final = 20  # shown of them; JSON has all


def render(report: BillReport, output: Output, query: str | None, screen: Screen) -> str:
    """Make the text for standard output; CSV has a line for each channel."""
    if output in DOCUMENTS:
        return dumps(as_json(report), query, output)
    if output == "csv":
        return csv(report.bill.dearest_first, bill_columns(report.bill))
    return as_markdown(report) if output == "markdown" else as_text(report, screen)


def as_markdown(report: BillReport) -> str:
    """Make the page in Markdown."""
    said = [f"{markdown_safe(line)}\n" for line in _heading(report)]
    ending = "".join(f"- {markdown_safe(line)}\n" for line in insights(report))
    return "\n".join([*said, *all_tables(report, markdown), ending])


def as_text(report: BillReport, screen: Screen) -> str:
    """Make the page that a person reads, as wide as the screen."""
    said = "".join(wrapped(line, screen) for line in _heading(report))
    ending = "".join(wrapped(f"- {line}", screen, "  ") for line in insights(report))
    form = partial(screen_table, screen=screen, noun="channel")
    streams = partial(screen_table, screen=screen, noun="stream")
    parts = [*tables(report, form), *stream_tables(report, streams), *advice_tables(report, form)]
    return "\n".join([said, *parts, ending])


def _heading(report: BillReport) -> Iterator[str]:
    if report.streams.told:
        yield f"{report.region}: {in_all(report)}."
    yield f"{report.region}: {totals(report.bill)}."
    yield parts(report)
    yield from on_streams(report)


def in_all(report: BillReport) -> str:
    """Say what channels and streams come to together."""
    whole = report.in_all
    least = "at least " if whole.lower_bound else ""
    to_date, month = (
        UNKNOWN if each is None else f"{least}{usd(each)}"
        for each in (whole.month_to_date, whole.estimated_month)
    )
    return f"{to_date} to date, {month} for the month, channels and streams together"


def on_streams(report: BillReport) -> Iterator[str]:
    """Say what the streams come to, if there are any."""
    part = report.streams
    if part.bill is None:
        yield f"{report.region}: what streams cost is not known."
    elif part.told:
        yield f"{report.region}: {stream_totals(part.bill)}."
        yield stream_parts(part.bill)


def tables(report: BillReport, form: Form) -> Iterator[str]:
    """Make the tables in this form, where anything was used: the groups, then the dearest."""
    bill = report.bill
    streams = bool(report.streams.lines)
    if bill.used or bill.unknown or streams:
        yield form(report.groups[:GROUPS], group_columns(report.by, streams=streams))
        yield form(bill.dearest_first[:DEAREST], bill_columns(bill))


def stream_tables(report: BillReport, form: Form) -> Iterator[str]:
    """Make the table of the dearest streams, if there are any."""
    streams = report.streams.bill
    if streams and streams.lines:
        yield form(streams.dearest_first[:DEAREST], bill_stream_columns(streams))


def advice_tables(report: BillReport, form: Form) -> Iterator[str]:
    """Make the table of what streams could spare, if anything."""
    if report.advice and report.advice.rows:
        yield form(report.advice.rows[:DEAREST], advice_columns())


def all_tables(report: BillReport, form: Form) -> Iterator[str]:
    """Make all tables in this form."""
    yield from tables(report, form)
    yield from stream_tables(report, form)
    yield from advice_tables(report, form)


def parts(report: BillReport) -> str:
    """Say what the parts of it come to."""
    costs = [line.cost for line in report.bill.lines]
    fee = sum_text([cost.fee for cost in costs])
    messages = sum_text([cost.messages for cost in costs])
    turn = sum_text([cost.turn for cost in costs])
    return f"To date: fees {fee}, messages {messages}, TURN {turn}."


def insights(report: BillReport) -> Iterator[str]:
    """Say what else there is to know."""
    quota, bill, churn = report.quota, report.bill, report.churn
    if quota.limit:
        share = f"{quota.channels:,} of {quota.limit:,} channels ({percent(quota.share)})"
        yield f"Quota: {share}, unless AWS raised it."
    if report.unused:
        unused = count(report.unused, "channel")
        deed = (
            f"The {unused} not used in {bill.month} took quota and cost $0.00"
            if bill.over
            else f"Sweeping the {unused} not used this month would free quota and save $0.00"
        )
        yield f"{deed}: a channel that nobody connects to costs nothing."
    yield from _on_ghosts(report)
    if churn and churn.saving:
        yield (
            f"Churn: {churn.used_on_one_day:,} of {churn.used:,} channels were used on one day "
            f"only, at most {churn.busiest_day:,} of them on the same; reusing so many for all "
            f"would save {usd(churn.saving)}."
        )
    if report.advice:
        yield from advice_notes(report.advice)
    if bill.lower_bound:
        yield LOWER_BOUND
    if report.streams.bill and report.streams.told:
        yield from stream_notes(report.streams.bill)


def _on_ghosts(report: BillReport) -> Iterator[str]:
    ghosts = [line.cost for line in report.bill.lines if line.ghost]
    used = [cost for cost in ghosts if cost.active]
    if used:
        spent = usd(known_sum([cost.month_to_date for cost in used]))
        yield f"{count(len(used), 'channel')} deleted since cost {spent} all the same."
    if untold := len(ghosts) - len(used):
        yield f"What {count(untold, 'channel')} deleted since cost is not known."


def tell(
    report: BillReport, console: Console, output: Output, query: str | None, screen: Screen
) -> None:
    """Print the bill, and say what could not be read of it."""
    click.echo(render(report, output, query, screen), nl=False)
    for problem in report.problems:
        console.warn(problem)
