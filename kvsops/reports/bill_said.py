"""What a bill of channels comes to, in words: its sum, and what it rests on."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Final

from kvsops.bill.bill import Bill
from kvsops.core.cost import Basis, Projection, known_count, known_sum
from kvsops.output.figures import usd
from kvsops.output.fit import wrapped
from kvsops.output.rows import Output
from kvsops.output.screen import Screen
from kvsops.output.text import count, markdown_safe
from kvsops.reports.columns import UNKNOWN

PROJECTED: Final = {
    Projection.ELAPSED: "projected from this month's use so far",
    Projection.TRAILING: "projected from the last 30 days' use: the month is young",
}
_RESTS: Final = {Basis.ASSUMED: "assumed: as if each were used"}
LOWER_BOUND: Final = (
    "A lower bound: channels deleted more than two weeks ago are known from journals and an "
    "earlier output (--baseline) only."
)


def totals(bill: Bill) -> str:
    """Say what the lines come to, and what that rests on."""
    rests = PROJECTED[bill.projection] if bill.projection else _RESTS.get(bill.basis, bill.basis)
    at = f"; at {bill.prices.assumed_from}'s prices" if bill.prices.assumed_from else ""
    costs = [line.cost for line in bill.lines]
    number = known_count([cost.active for cost in costs])
    used = UNKNOWN if number is None else f"{number:,}"
    to_date = sum_text([cost.month_to_date for cost in costs])
    month = sum_text([cost.estimated_month for cost in costs])
    return (
        f"{count(len(bill.lines), 'channel')}, {used} used in {bill.month}: "
        f"{to_date} to date, {month} for the month ({rests}{at})"
    )


def below_list(lines: Iterable[str], output: Output, screen: Screen) -> str:
    """Make the lines under a list for people; JSON and CSV have none."""
    if output == "table":
        return "\n" + "".join(wrapped(line, screen) for line in lines)
    text = "  \n".join(map(markdown_safe, lines))
    return f"\n{text}\n" if output == "markdown" else ""


def on_deleted(bill: Bill) -> Iterator[str]:
    """Say what of the total the channels add that are not in the list."""
    if not bill.with_deleted:
        yield "Not counted: channels deleted since; kvsops cost tells what these add."
        return
    costs = [line.cost for line in bill.lines if line.ghost]
    if costs:
        month = sum_text([cost.estimated_month for cost in costs])
        yield f"{month} of that is for {_deleted(len(costs))} not listed."
    if bill.lower_bound:
        yield LOWER_BOUND


def _deleted(number: int) -> str:
    return f"{count(number, 'channel')} deleted since, which {'is' if number == 1 else 'are'}"


def sum_text(amounts: Sequence[Decimal | None]) -> str:
    """Say a sum, and whether a part of it is not known."""
    known = known_sum(amounts)
    return ("at least " if known is not None and None in amounts else "") + usd(known)
