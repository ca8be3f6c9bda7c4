"""An earlier JSON output to compare with: what it came to, and the channels it knew."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from kvsops.bill.narrowing import Narrowing
from kvsops.core.cost import Month
from kvsops.core.text import parsed_moment
from kvsops.errors import UsageError

_ROUNDED: Final = Decimal("1e-9")
"""JSON's numbers are rounded: what differs by less, in dollars, has not grown."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The earlier output's estimated month of channels in dollars, these, and what it is of.

    `unknown` is of how many channels the cost is not in it. `complete` says that it is no lower
    bound, `narrowing` which channels were meant. `list --cost` tells neither of them, nor its
    region, month and moment. `streams_month` is what streams add: all of them, or in `list --cost`
    those that the channels record to; None where some of it is not known. `at_least`: they may
    cost more.
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
    streams_month: Decimal | None = None
    at_least: bool = False

    def month_with(self, *, streams: bool) -> Decimal:
        """Return what the month had come to, with its streams or without."""
        return self.estimated_month + ((self.streams_month or Decimal(0)) if streams else 0)

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
        return _of_list(path, found, names)
    whole, streams = found["total"], found.get("streams")
    known = bool(streams) and not streams["total"].get("unknown")
    month = _dollars(whole["estimated_monthly_usd"])
    return Baseline(
        path,
        month,
        names,
        found["region"],
        Month.parse(found["month"]),
        parsed_moment(found["as_of"]),
        whole["lower_bound"] is False,
        whole.get("unknown", 0),
        Narrowing.of(found.get("narrowing", {})),
        _dollars(found["in_all"]["estimated_monthly_usd"]) - month if known else None,
        at_least=bool(streams) and streams["total"]["lower_bound"] is True,
    )


def _of_list(path: Path, rows: list[Any], names: frozenset[str]) -> Baseline:
    """Read the rows of `list --cost`, whose streams are known where each row's is."""
    estimates = [row["estimated_monthly_usd"] for row in rows]
    streams = [row.get("stream_estimated_monthly_usd") for row in rows]
    return Baseline(
        path,
        sum(map(_dollars, estimates), Decimal(0)),
        names,
        unknown=estimates.count(None),
        streams_month=None if None in streams else sum(map(_dollars, streams), Decimal(0)),
        at_least=any(row.get("stream_lower_bound") for row in rows),
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
        return estimated - baseline - allowed > _ROUNDED
