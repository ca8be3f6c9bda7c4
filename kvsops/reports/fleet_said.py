"""What the bills of many accounts and regions come to together, and what that is held against."""

from collections.abc import Sequence
from dataclasses import replace

from kvsops.bill.baseline import Baseline
from kvsops.bill.bill import Bill
from kvsops.bill.budget import CHANNELS_ALONE, Budget, StreamsTotal, Verdict
from kvsops.core.cost import Prices
from kvsops.fleet.place import Missed
from kvsops.output.figures import usd
from kvsops.output.text import count
from kvsops.reports.bill_said import on_deleted, totals


def merged(bills: Sequence[Bill]) -> Bill:
    """Put the lines together, each priced already by its own region's prices.

    The prices named are the first's: nothing is priced by them any more.
    """
    return Bill(
        bills[0].month,
        max(bill.now for bill in bills),
        _named([bill.prices for bill in bills]),
        [line for bill in bills for line in bill.lines],
        lower_bound=any(bill.lower_bound for bill in bills),
        with_deleted=all(bill.with_deleted for bill in bills),
    )


def _named(prices: Sequence[Prices]) -> Prices:
    assumed = sorted({each.assumed_from for each in prices if each.assumed_from})
    return replace(prices[0], assumed_from=", ".join(assumed) or None)


def list_totals(extent: str, bill: Bill, streams: StreamsTotal | None) -> list[str]:
    """Say what a list of many accounts and regions comes to; `streams` None: nobody asked."""
    said = [f"{extent}: {totals(bill)}.", *on_deleted(bill)]
    if streams is None:
        return [*said, "Not counted: what the channels' streams cost."]
    if not streams.any:
        return said
    month = f"{'at least ' if streams.lower_bound else ''}{usd(streams.estimated_month)}"
    return [*said, f"The streams they record to: {month} for the month (kvsops cost)."]


def verdict_of(
    budget: Budget,
    bill: Bill,
    baseline: Baseline | None,
    missed: Sequence[Missed],
    streams: StreamsTotal = CHANNELS_ALONE,
) -> Verdict:
    """Hold the bill of all against the budget; what was not looked at never passes for cheap."""
    verdict = budget.judge(bill, baseline, streams)
    unseen = sum(not each.excused for each in missed)
    if unseen and not verdict.passed:
        said = f"{count(unseen, 'account or region', 'accounts or regions')} could not be looked at"
        verdict.lines.append(("error", f"{said}: the total is without them"))
    return verdict
