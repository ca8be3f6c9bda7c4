"""An earlier JSON output to compare with: what it came to, and the channels it knew."""

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from kvsops.core.cost import Month
from kvsops.errors import UsageError


@dataclass(frozen=True, slots=True)
class Baseline:
    """The earlier output's estimated month in dollars, its region and month, and its channels."""

    path: Path
    estimated_month: Decimal
    names: frozenset[str]
    region: str | None = None  # `list --cost` does not tell it
    month: Month | None = None


def read(path: Path) -> Baseline:
    """Read the JSON of `kvsops cost` or `kvsops list --cost`; raises `UsageError`."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        return _baseline(path, found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = getattr(error, "strerror", None) or "it is not the JSON of kvsops cost or list --cost"
        raise UsageError(f"the baseline {path} cannot be used: {why}") from error


def _baseline(path: Path, found: Any) -> Baseline:
    rows = found if isinstance(found, list) else found["channels"]
    names = frozenset(str(row["channel_name"]) for row in rows)
    if isinstance(found, list):
        sums = sum((Decimal(row["estimated_monthly_usd"] or 0) for row in rows), Decimal(0))
        return Baseline(path, sums, names)
    whole = Decimal(found["total"]["estimated_monthly_usd"])
    return Baseline(path, whole, names, found["region"], Month.parse(found["month"]))


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
