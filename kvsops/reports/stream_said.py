"""What a bill of streams comes to, in words: its sum, its parts, and what it rests on."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from kvsops.bill.streams import StreamBill
from kvsops.core.cost import known_sum
from kvsops.core.stream_caveats import Caveat
from kvsops.core.stream_price import gb
from kvsops.core.stream_usage import Item
from kvsops.output.figures import usd
from kvsops.output.rows import Output
from kvsops.output.screen import Screen
from kvsops.output.text import count
from kvsops.reports.bill_said import PROJECTED, below_list
from kvsops.reports.columns import UNKNOWN

ITEMS: Final = {
    Item.INGESTED: "ingested",
    Item.CONSUMED: "consumed",
    Item.CONSUMED_BY_HLS: "consumed by HLS",
    Item.CLIPS: "clips",
    Item.STORED: "stored",
}
"""What each item is called."""
DELETED_EARLIER: Final = (
    "A lower bound: streams deleted more than two weeks ago may have cost something this month."
)


def stream_totals(bill: StreamBill) -> str:
    """Say what the streams come to, and what that rests on."""
    rests = PROJECTED[bill.projection] if bill.projection else bill.basis.value
    assumed = bill.prices.assumed_from
    at = f"; at {assumed}'s prices" if assumed else ""
    return (
        f"{count(len(bill.lines), 'stream')}: {sum_of(bill, bill.month_to_date)} to date, "
        f"{sum_of(bill, bill.estimated_month)} for the month ({rests}{at})"
    )


def sum_of(bill: StreamBill, amount: Decimal | None) -> str:
    """Say a sum of the bill's: at least so much, or where nothing is known, that it is not."""
    at_least = bill.lower_bound and amount is not None
    return f"{'at least ' if at_least else ''}{usd(amount)}"


@dataclass(frozen=True, slots=True)
class Part:
    """What an item came to, as far as it is known; `quantity` in GB, of storage in GB-months.

    A sum of which nothing is known is None.
    """

    item: Item
    quantity: Decimal | None
    spent: Decimal | None
    estimated: Decimal | None
    lower_bound: bool

    @property
    def text(self) -> str:
        """Say it."""
        # At least nothing tells nothing.
        hidden = self.spent is None or (self.lower_bound and not self.spent)
        amount = UNKNOWN if hidden else usd(self.spent)
        least = "at least " if self.lower_bound and not hidden else ""
        unit = "GB-months, reckoned" if self.item is Item.STORED else "GB"
        number = "" if self.quantity is None else f" ({self.quantity:,.1f} {unit})"
        return f"{ITEMS[self.item]} {least}{amount}{number}"


def stream_parts_of(bill: StreamBill) -> list[Part]:
    """Return what each item came to."""
    return [_part(item, bill) for item in Item]


def _part(item: Item, bill: StreamBill) -> Part:
    costs = [line.cost for line in bill.lines]
    told = [cost.quantities.get(item) for cost in costs]
    month = bill.month if item is Item.STORED else None
    known = sum(each for each in told if each is not None)
    # What there was nothing of costs nothing: that tells nothing of the rest.
    used = [cost for cost, each in zip(costs, told, strict=True) if each != 0]
    spent = [cost.spent.get(item) for cost in used]
    return Part(
        item,
        None if not known and None in told else gb(known, month),
        known_sum(spent),
        known_sum([cost.estimated.get(item) for cost in used]),
        None in spent,
    )


def stream_parts(bill: StreamBill) -> str:
    """Say what each item came to so far, with its quantity, where there is any."""
    parts = [part for part in stream_parts_of(bill) if part.quantity or part.lower_bound]
    return f"To date: {', '.join(part.text for part in parts) or 'nothing'}."


def told(caveat: Caveat) -> str:
    """Return the sentence of a caveat."""
    return f"{caveat.value[0].upper()}{caveat.value[1:]}."


def stream_notes(bill: StreamBill) -> Iterator[str]:
    """Say what is not known, and what the rest rests on, each once."""
    yield from map(told, bill.caveats)
    if bill.missing:
        yield DELETED_EARLIER


def listing_total(
    bill: StreamBill, place: str, output: Output, screen: Screen, *, with_deleted: bool
) -> str:
    """Make the lines under a list for people; JSON and CSV have none."""
    ghosts = [line.cost for line in bill.lines if line.ghost]
    lines = [f"{place}: {stream_totals(bill)}.", stream_parts(bill)]
    if not with_deleted:
        lines.append("Not counted: streams deleted since, of which only the name is known.")
    elif ghosts:
        month = usd(known_sum([cost.estimated_month for cost in ghosts]))
        deleted = count(len(ghosts), "stream")
        are = "is" if len(ghosts) == 1 else "are"
        lines.append(f"{month} of that is for {deleted} deleted since, which {are} not listed.")
    lines += stream_notes(bill)
    return below_list(lines, output, screen)


def least(amount: Decimal | None, at_least: bool) -> str:  # noqa: FBT001 - the figure's own
    """Say an amount in a table, and whether it may be more; at least nothing tells nothing."""
    if not at_least or amount is None:
        return usd(amount)
    return f"{usd(amount)}+" if amount else UNKNOWN
