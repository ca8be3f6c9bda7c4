"""An earlier JSON output to compare with: what it came to, and the channels it knew."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from kvsops.bill.narrowing import Narrowing
from kvsops.core.cost import Month
from kvsops.core.text import parsed_moment
from kvsops.errors import UsageError


@dataclass(frozen=True, slots=True)
class Baseline:
    """The earlier output's estimated month in dollars, its channels, and what it is of.

    `unknown` is of how many channels the cost is not in it. `complete` says that it is no lower
    bound, `narrowing` which channels were meant. `list --cost` tells neither of them, nor its
    region, month and moment. `with_streams` says that it has what streams cost, too, and `at_least`
    that these are known to cost more.
    """

    path: Path
    estimated_month: Decimal
    names: frozenset[str]
    region: str | None = None
    month: Month | None = None
    as_of: datetime | None = None
    complete: bool = False
    unknown: int = 0
    narrowing: Narrowing = field(default_factory=Narrowing)
    with_streams: bool = False
    at_least: bool = False

    def covers(self, month: Month, until: datetime) -> bool:
        """Whether it tells of all channels that were used in the month until then."""
        if self.month != month or not self.complete or self.as_of is None:
            return False
        return self.as_of >= min(until, month.end)

    def check(self, region: str, narrowing: Narrowing) -> None:
        """Raise `UsageError` where it tells of another region, or of other channels."""
        if self.region is None:
            return
        if self.region != region:
            raise UsageError(f"the baseline {self.path} is of {self.region}, not of {region}")
        was, now = str(self.narrowing), str(narrowing)
        if was != now:
            raise UsageError(f"the baseline {self.path} is of {was}, and this of {now}")


def read(path: Path) -> Baseline:
    """Read the JSON of `kvsops cost` or `kvsops list --cost`; raises `UsageError`."""
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal)
        return parsed(path, found)
    except (OSError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError) as error:
        why = getattr(error, "strerror", None) or "it is not the JSON of kvsops cost or list --cost"
        raise UsageError(f"the baseline {path} cannot be used: {why}") from error


def parsed(path: Path, found: Any) -> Baseline:
    """Read a document of that JSON; raises what comes of one that is another."""
    rows = found if isinstance(found, list) else found["channels"]
    names = frozenset(str(row["channel_name"]) for row in rows)
    if isinstance(found, list):
        estimates = [row["estimated_monthly_usd"] for row in rows]
        whole = sum(map(_dollars, estimates), Decimal(0))
        return Baseline(path, whole, names, unknown=estimates.count(None))
    whole = found["total"]
    streams = found.get("streams")
    in_all = found["in_all"] if streams else whole
    return Baseline(
        path,
        _dollars(in_all["estimated_monthly_usd"]),
        names,
        found["region"],
        Month.parse(found["month"]),
        parsed_moment(found["as_of"]),
        whole["lower_bound"] is False,
        whole.get("unknown", 0),
        Narrowing.of(found.get("narrowing", {})),
        with_streams=bool(streams),
        at_least=bool(streams) and streams["total"]["lower_bound"] is True,
    )


def _dollars(value: Any) -> Decimal:
    """Read an amount, none of it known being none; raises ValueError where it is not finite."""
    amount = Decimal(0 if value is None else value)
    if not amount.is_finite():
        raise ValueError(value)
    return amount


@dataclass(frozen=True, slots=True)
class Growth:
    """How much more than the baseline is too much: in percent of it, or in dollars."""

    text: str
    amount: Decimal
    percent: bool

    @classmethod
    def parse(cls, text: str) -> "Growth":
        """Read 20% or 5.00; raises `UsageError`."""
        number = text.removesuffix("%")
        try:
            amount = Decimal(number)
        except ArithmeticError:
            amount = Decimal(-1)
        if not amount.is_finite() or amount < 0:
            raise UsageError(
                f"not a growth: {text!r}: write a percentage like 20%, or dollars like 5"
            )
        return cls(text, amount, number != text)

    def passed(self, baseline: Decimal, estimated: Decimal) -> bool:
        """Whether the estimate is further above the baseline than this."""
        allowed = baseline * self.amount / 100 if self.percent else self.amount
        return estimated - baseline > allowed
