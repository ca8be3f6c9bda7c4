"""What the commands that tell costs share: their options, reading and pricing, the verdict."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from kvsops.cli.options import Text
from kvsops.errors import CheckFailedError, UsageError

if TYPE_CHECKING:
    from kvsops.aws.scope import Scope
    from kvsops.bill.baseline import Baseline, Growth
    from kvsops.bill.bill import Bill
    from kvsops.bill.usage import Metered
    from kvsops.core.cost import Month, Prices
    from kvsops.output.console import Console

Function = TypeVar("Function", bound=Callable[..., Any])


def dollars(text: str) -> Decimal:
    """Read an amount in dollars, 0 or more; raises `UsageError`."""
    try:
        amount = Decimal(text.removeprefix("$"))
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise UsageError(f"not an amount in dollars: {text!r}: write it like 25 or 0.50")
    return amount


def growth(text: str) -> "Growth":
    """Read a growth; raises `UsageError`."""
    from kvsops.bill.baseline import Growth

    return Growth.parse(text)


USD: Final = Text("usd", dollars)
_FILE: Final = click.Path(dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class Budget:
    """The options on prices, on what may be spent, and on asking."""

    prices: Path | None
    assume_prices_of: str | None
    max_own_cost: Decimal | None
    fail_over: Decimal | None
    warn_over: Decimal | None
    baseline: Path | None
    max_growth: "Growth | None"

    @property
    def judges(self) -> bool:
        """Whether what it comes to is held against anything."""
        return any(each is not None for each in (self.fail_over, self.warn_over, self.baseline))

    @property
    def given(self) -> bool:
        """Whether any of the options was given."""
        return any(getattr(self, name) is not None for name in self.__slots__)

    def check(self) -> None:
        """Refuse what contradicts itself, before anything is asked."""
        if self.max_growth and not self.baseline:
            raise UsageError("--max-growth compares with an earlier output: give --baseline FILE")

    def load_prices(self, scope: "Scope") -> "Prices":
        """Return the region's prices; raises `UsageError` where they are not known."""
        from kvsops.aws import prices

        known = prices.load(self.prices, cache(emulated=scope.emulated))
        return prices.prices_of(known, scope.region, self.assume_prices_of)

    def load_baseline(self, region: str, given: Mapping[str, Any]) -> "Baseline | None":
        """Read the earlier output to compare with, if one is given; raises `UsageError`.

        `given` has the rules' options, by which it must be narrowed as this is.
        """
        from kvsops.bill import baseline

        if self.baseline is None:
            return None
        found = baseline.read(self.baseline)
        if found.region not in (None, region):
            raise UsageError(f"the baseline {self.baseline} is of {found.region}, not of {region}")
        was, now = _meant(found.narrowing), _meant(given)
        if found.region is not None and was != now:
            raise UsageError(f"the baseline {self.baseline} is of {was}, and this of {now}")
        return found


def narrowing(given: Mapping[str, Any]) -> dict[str, str | None]:
    """Return which channels are meant, by their names."""
    return {name: given.get(name) for name in ("prefix", "match")}


def _meant(given: Mapping[str, Any]) -> str:
    options = [f"--{name} {value}" for name, value in narrowing(given).items() if value]
    return " ".join(options) or "all channels"


def cache(*, emulated: bool) -> Path:
    """Return where refreshed prices are kept: an emulator's never where AWS's are."""
    import platformdirs

    name = "emulated-prices.toml" if emulated else "prices.toml"
    return platformdirs.user_cache_path("kvsops") / name


def price_options(function: Function) -> Function:
    """Add the options of prices, budgets and comparison; the function gets them as `budget`."""

    @click.option("--prices", type=_FILE, metavar="FILE", help="Prices to go by: a TOML file.")
    @click.option("--assume-prices-of", metavar="REGION", help="Take another region's prices.")
    @click.option(
        "--max-own-cost", type=USD, metavar="USD", help="Ask nothing if asking may cost more."
    )
    @click.option("--fail-over", type=USD, metavar="USD", help="Exit 3 if the month passes this.")
    @click.option("--warn-over", type=USD, metavar="USD", help="Warn if the month passes this.")
    @click.option(
        "--baseline", type=_FILE, metavar="FILE", help="An earlier -o json to compare with."
    )
    @click.option(
        "--max-growth",
        type=Text("n%|usd", growth),
        metavar="N%|USD",
        help="Exit 3 if it grew by more than this over the baseline.",
    )
    @functools.wraps(function)
    def wrapped(*args: Any, **given: Any) -> Any:
        names = Budget.__dataclass_fields__
        budget = Budget(**{name: given.pop(name) for name in names})
        budget.check()
        return function(*args, budget=budget, **given)

    return wrapped  # type: ignore[return-value]  # click has its own idea of a decorated function


def metered(
    scope: "Scope",
    found: "Metered",
    names: "Sequence[str]",
    *,
    month: "Month",
    console: "Console",
) -> None:
    """Read the names' use in the month, and what it is projected by, with progress."""
    from kvsops.bill import usage as metering
    from kvsops.bill.bill import window
    from kvsops.output.console import progress

    start, end = window(month, scope.now())
    with progress("reading metrics", len(names), console=console) as shown:
        metering.read(scope, found, names, start, end, advance=shown.advance)


def verdict(bill: "Bill", budget: Budget, baseline: "Baseline | None", console: "Console") -> int:
    """Hold the bill against the budget; return the exit code if it holds.

    Raises `CheckFailedError` where it does not. What is not known never passes for cheap: it
    is exit code 1.
    """
    from kvsops.core.cost import Basis

    estimated = bill.estimated_month
    comes = f"{_least(bill.unknown)}{usd(estimated)}"
    if budget.warn_over is not None and estimated > budget.warn_over:
        console.warn(f"the month will come to {comes}, over {usd(budget.warn_over, 4)}")
    if budget.fail_over is not None and estimated > budget.fail_over:
        msg = f"the month will come to {comes}, over --fail-over {usd(budget.fail_over, 4)}"
        raise CheckFailedError(msg)
    told = not bill.unknown
    if baseline:
        was, most = baseline.estimated_month, budget.max_growth
        said = f"{comes}, where {baseline.path} had {_least(baseline.unknown)}{usd(was)}"
        grown = most is not None and most.passed(was, estimated)
        if most and grown and not baseline.unknown:
            raise CheckFailedError(f"{said}: more than --max-growth {most.text}")
        console.note(f"the month will come to {said}")
        if most and grown:
            console.error(f"whether it grew by more than --max-growth {most.text} is not known")
            told = False
    if bill.basis is Basis.ASSUMED and (budget.fail_over is not None or budget.max_growth):
        console.error(
            "whether the month stays within the budget is not known: --no-metrics leaves messages"
            " and TURN minutes unread"
        )
        told = False
    if bill.unknown:
        number = len(bill.unknown)
        console.error(f"the cost of {number:,} channels is not known: the total is without them")
    return 0 if told else 1


def _least(unknown: object) -> str:
    """Say of a sum that parts of it are not known, where there are any."""
    return "at least " if unknown else ""


def tell_own_cost(scope: "Scope", console: "Console") -> None:
    """Say what the run itself spent on CloudWatch."""
    from kvsops.aws.activity import CLOUDWATCH_CALLS, own_cost

    calls, cost = sum(scope.calls[name] for name in CLOUDWATCH_CALLS), own_cost(scope)
    metrics = scope.metric_budget.asked
    console.note(f"own cost: {metrics:,} metrics in {calls:,} calls, ${cost:.4f} at most")


def usd(amount: Decimal | None, places: int = 2) -> str:
    """Say an amount in dollars, rounded for display; `?` where it is not known.

    Of more than 2 places, those that say nothing are left off.
    """
    if amount is None:
        return "?"
    rounded = amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    whole, _, fraction = f"{rounded:,f}".partition(".")
    return f"${whole}.{fraction.rstrip('0'):0<2}"
