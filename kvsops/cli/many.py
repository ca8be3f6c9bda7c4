"""Reading in many accounts and regions: what `list` and `cost` have in common there."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Generic, TypeVar

from kvsops.errors import KvsopsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kvsops.aws.scope import Scope
    from kvsops.bill.bill import Bill
    from kvsops.cli.money import Money
    from kvsops.core.cost import Prices
    from kvsops.fleet.finding import Finding
    from kvsops.fleet.place import Missed, Place, Places
    from kvsops.output.console import Console

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Spent:
    """What the look at one place cost: metrics asked for, CloudWatch's calls, dollars."""

    metrics: int = 0
    calls: int = 0
    usd: Decimal = Decimal(0)

    @classmethod
    def of(cls, scope: "Scope") -> "Spent":
        """Return what the scope spent so far."""
        from kvsops.aws.activity import CLOUDWATCH_CALLS, own_cost

        calls = sum(scope.calls[name] for name in CLOUDWATCH_CALLS)
        return cls(scope.metric_budget.asked, calls, own_cost(scope))

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.metrics + other.metrics, self.calls + other.calls, self.usd + other.usd)


@dataclass(frozen=True)  # no slots: with them Python 3.11 fails on Looked[Result](...)
class Looked(Generic[Result]):
    """What was read in the places that could be looked at, and those that could not."""

    results: list[Result] = field(default_factory=list)
    missed: "tuple[Missed, ...]" = ()

    def tell_missed(self, console: "Console") -> bool:
        """Say what could not be looked at; return whether nothing failed."""
        from kvsops.reports.located import on_missed

        failed, excused = on_missed(self.missed)
        for line in excused:
            console.note(line)
        for line in failed:
            console.error(line)
        return not failed


def look(
    places: "Places | Finding",
    read: "Callable[[Place, Scope], Result]",
    max_own_cost: Decimal | None,
    console: "Console",
) -> Looked[Result]:
    """Read in each place, many at once; together they spend no more than may be spent.

    Raises `KvsopsError` where there is none that could be looked at.
    """
    from kvsops.aws.metrics import MetricBudget, MetricPool
    from kvsops.fleet.everywhere import everywhere, missed
    from kvsops.fleet.slow import Slow
    from kvsops.output.console import progress

    pool = MetricPool(max_own_cost)
    with progress("reading", None, console=console) as seen:
        slow = Slow(seen, "reading")
        slow.beside(places.said)

        def work(place: "Place") -> Result:
            scope = place.open(read_only=True)
            scope.metric_budget = MetricBudget(pool=pool)
            with slow.at(place):
                return read(place, scope)

        came = list(everywhere(places.found, work, slow))
    came.sort(key=lambda each: each.place.account_id)
    looked = Looked(
        [each.result for each in came if each.result is not None],
        (*places.missed, *missed(came)),
    )
    if not looked.results:
        looked.tell_missed(console)
        raise KvsopsError("no account and region could be looked at")
    return looked


def priced(money: "Money", scope: "Scope") -> "tuple[Prices, UsageError | None]":
    """Return the region's prices; where they are not known, none at all, and the error to raise.

    Who has nothing in a region needs no prices: then `refuse_unpriced` raises nothing.
    """
    from kvsops.core.cost import ZERO, Prices

    try:
        return money.load_prices(scope), None
    except UsageError as error:
        return Prices(scope.region, ZERO, ZERO, ZERO, "", "not known"), error


def refuse_unpriced(bill: "Bill", error: "UsageError | None") -> None:
    """Raise the error unless nothing was used at all, which costs nothing at any price."""
    if error and any(line.usage is None or line.usage.days for line in bill.lines):
        raise error


def tell_spent(spent: Spent, console: "Console") -> None:
    """Say what all of it cost."""
    metrics, calls = spent.metrics, spent.calls
    console.note(f"own cost: {metrics:,} metrics in {calls:,} calls, ${spent.usd:.4f} at most")
