"""What a bill, or a list of channels, comes to, as a CI shows it."""

from collections.abc import Sequence

from kvsops.bill.budget import Verdict
from kvsops.output.digest import Digest, Section
from kvsops.output.rows import Column, Row, markdown
from kvsops.output.screen import Outcome
from kvsops.output.text import count
from kvsops.reports.bill import BillReport
from kvsops.reports.bill_said import totals
from kvsops.reports.bill_text import all_tables, in_all, insights, on_streams, parts


def bill_digest(
    report: BillReport, verdict: Verdict, failed: Sequence[str], typed: Sequence[str]
) -> Digest:
    """Tell a bill, what it was held against, and what could not be read: `failed`."""
    bill = report.bill
    titles = (
        f"by {report.by}",
        "the dearest channels",
        "the dearest streams",
        "what streams could spare",
    )
    sections = [Section(*each) for each in zip(titles, all_tables(report, markdown), strict=False)]
    whole = [in_all(report)] if report.streams.told else []
    return Digest(
        bill_outcome(verdict, report.problems, failed),
        typed,
        f"{report.region}: {totals(bill)}",
        [*said(verdict), *failed, *report.problems],
        [*whole, parts(report), *on_streams(report), *insights(report)],
        sections=sections,
    )


def list_digest(
    table: Section,
    happened: str,
    problems: Sequence[str],
    typed: Sequence[str],
    verdict: Verdict | None = None,
    *,
    notes: Sequence[str] = (),
) -> Digest:
    """Tell a list of channels, and what it was held against, if anything."""
    verdict = verdict or Verdict()
    return Digest(
        bill_outcome(verdict, problems, ()),
        typed,
        happened,
        [*said(verdict), *problems],
        notes,
        sections=[table],
    )


def listed(rows: Sequence[Row], columns: Sequence[Column[Row]]) -> Section:
    """Make the table of a list."""
    return Section(count(len(rows), "channel"), markdown(rows, columns) if rows else "")


def bill_outcome(verdict: Verdict, problems: Sequence[str], failed: Sequence[str]) -> Outcome:
    """Say whether it is good: what failed or is not known is not."""
    if verdict.passed or not verdict.known or failed:
        return Outcome.BAD
    warned = any(level == "warning" for level, _ in verdict.lines)
    return Outcome.DOUBTFUL if warned or problems else Outcome.GOOD


def said(verdict: Verdict) -> list[str]:
    """Return what a verdict says, a limit that was passed first."""
    passed = [verdict.passed] if verdict.passed else []
    return [*passed, *(said for _, said in verdict.lines)]
