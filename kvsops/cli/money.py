"""The options of the commands that tell costs: prices, budgets, what is compared with."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from kvsops.cli.options import Text
from kvsops.errors import CheckFailedError, UsageError

if TYPE_CHECKING:
    from kvsops.aws.scope import Scope
    from kvsops.bill.baseline import Baseline, Growth
    from kvsops.bill.baselines import Baselines
    from kvsops.bill.bill import Bill
    from kvsops.bill.budget import Budget, StreamsTotal, Verdict
    from kvsops.bill.narrowing import Narrowing
    from kvsops.core.cost import Prices
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
class Money:
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
        return any(getattr(self, option.name) is not None for option in fields(self))

    def check(self) -> None:
        """Refuse what contradicts itself, before anything is asked."""
        if self.max_growth and not self.baseline:
            raise UsageError("--max-growth compares with an earlier output: give --baseline FILE")

    def load_prices(self, scope: "Scope") -> "Prices":
        """Return the region's prices; raises `UsageError` where they are not known."""
        from kvsops.aws import prices

        known = prices.load(self.prices, prices.cache_path(emulated=scope.emulated))
        return prices.prices_of(known, scope.region, self.assume_prices_of)

    def load_baseline(self, region: str, narrowing: "Narrowing") -> "Baseline | None":
        """Read the earlier output to compare with, if one is given; raises `UsageError`."""
        from kvsops.bill import baseline

        if self.baseline is None:
            return None
        found = baseline.read(self.baseline)
        found.check(region, narrowing)
        return found

    def load_baselines(self, narrowing: "Narrowing") -> "Baselines | None":
        """Read the earlier output of many accounts and regions, if one is given."""
        from kvsops.bill import baselines

        if self.baseline is None:
            return None
        found = baselines.read(self.baseline)
        found.check(narrowing)
        return found

    @property
    def budget(self) -> "Budget":
        """The limits."""
        from kvsops.bill.budget import Budget

        return Budget(self.fail_over, self.warn_over, self.max_growth)

    def verdict(
        self, bill: "Bill", baseline: "Baseline | None", streams: "StreamsTotal"
    ) -> "Verdict":
        """Hold what channels and streams come to against the budget."""
        return self.budget.judge(bill, baseline, streams)

    @staticmethod
    def tell(verdict: "Verdict", console: "Console") -> int:
        """Say what there is to say of a verdict; return the exit code.

        Raises `CheckFailedError` where a limit is passed.
        """
        says = {"note": console.note, "warning": console.warn, "error": console.error}
        for level, said in verdict.lines:
            says[level](said)
        if verdict.passed:
            raise CheckFailedError(verdict.passed)
        return 0 if verdict.known else 1


def asking_options(function: Function) -> Function:
    """Add the options of prices and of asking; the function gets them as `money`."""

    @click.option("--prices", type=_FILE, metavar="FILE", help="Use the prices in this TOML file.")
    @click.option("--assume-prices-of", metavar="REGION", help="Use another region's prices.")
    @click.option(
        "--max-own-cost", type=USD, metavar="USD", help="Do not read metrics if that may cost more."
    )
    @functools.wraps(function)
    def wrapped(*args: Any, **given: Any) -> Any:
        money = Money(**{option.name: given.pop(option.name, None) for option in fields(Money)})
        money.check()
        return function(*args, money=money, **given)

    return wrapped  # type: ignore[return-value]  # click has its own idea of a decorated function


def price_options(function: Function) -> Function:
    """Add the options of prices, budgets and comparison; the function gets them as `money`."""
    budgets = (
        click.option(
            "--fail-over", type=USD, metavar="USD", help="Exit 3 if the month exceeds this."
        ),
        click.option(
            "--warn-over", type=USD, metavar="USD", help="Warn if the month exceeds this."
        ),
        click.option(
            "--baseline",
            type=_FILE,
            metavar="FILE",
            help="Compare with an earlier -o json output.",
        ),
        click.option(
            "--max-growth",
            type=Text("n%|usd", growth),
            metavar="N%|USD",
            help="Exit 3 if costs grew by more than this since the baseline.",
        ),
    )
    for option in reversed(budgets):
        function = option(function)
    return asking_options(function)
