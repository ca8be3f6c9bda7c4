"""Figures out of a report's JSON, as people read them."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

NOT_KNOWN: Final = "not known"
ZERO: Final = Decimal(0)
CENT: Final = Decimal("0.01")


def decimal(value: float) -> Decimal:
    """Give the number that JSON told, not the binary fraction that is nearest to it."""
    return Decimal(str(value))


def usd(value: float | None, places: int = 2) -> str:
    """Tell US dollars: `$1,234.50`; `<$0.01` for what would be shown as nothing but is not."""
    if value is None:
        return NOT_KNOWN
    step = Decimal(1).scaleb(-places)
    exact = decimal(value)
    rounded = abs(exact).quantize(step, ROUND_HALF_UP)
    if exact and not rounded:
        return f"<${step}"
    return f"{'-' if exact < 0 else ''}${rounded:,}"


def number(value: float | None) -> str:
    """Tell a number with all its digits: `12,345`, `0.0473`."""
    return NOT_KNOWN if value is None else f"{decimal(value):,f}"


def percent(share: float | None) -> str:
    """Tell a share of 1: `93%`, `<0.1%`."""
    if share is None:
        return NOT_KNOWN
    told = (decimal(share) * 100).quantize(Decimal("0.1"), ROUND_HALF_UP).normalize()
    return "<0.1%" if share and not told else f"{told:f}%"


def day(time: str | None) -> str:
    """Tell the day of an ISO 8601 time, `-` for none."""
    return "-" if time is None else time[:10]


def moment(time: str) -> str:
    """Tell an ISO 8601 time in UTC to the minute."""
    return f"{datetime.fromisoformat(time).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
