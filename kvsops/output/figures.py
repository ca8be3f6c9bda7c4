"""Figures as people read them: money, numbers, shares, days and moments."""

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

NOT_KNOWN: Final = "not known"
ZERO: Final = Decimal(0)


def usd(
    amount: Decimal | None, places: int = 2, *, unknown: str = "?", trimmed: bool = False
) -> str:
    """Tell US dollars: `$1,234.50`; `<$0.01` for what would be shown as nothing but is not.

    `unknown` stands for an amount that is not known. `trimmed`: of more than 2 places, those that
    say nothing are left off.
    """
    if amount is None:
        return unknown
    step = Decimal(1).scaleb(-places)
    rounded = abs(amount).quantize(step, ROUND_HALF_UP)
    if amount and not rounded:
        return f"<${step:f}"
    whole, _, fraction = f"{rounded:,f}".partition(".")
    shown = f"{fraction.rstrip('0'):0<2}" if trimmed else fraction
    return f"{'-' if amount < 0 else ''}${whole}.{shown}"


def number(value: Decimal | int | None) -> str:
    """Tell a number with all its digits that say something: `12,345`, `0.0473`."""
    return NOT_KNOWN if value is None else f"{Decimal(value).normalize():,f}"


def percent(share: float | None) -> str:
    """Tell a share of 1: `93%`, `<0.1%`."""
    if share is None:
        return NOT_KNOWN
    # By its text: the number that is meant, not the binary fraction nearest to it.
    rounded = (Decimal(str(share)) * 100).quantize(Decimal("0.1"), ROUND_HALF_UP).normalize()
    return "<0.1%" if share and not rounded else f"{rounded:f}%"


def day(time: date | None) -> str:
    """Tell a day, or that of a time in UTC; `-` for none."""
    if isinstance(time, datetime):
        time = time.astimezone(UTC)
    return "-" if time is None else f"{time:%Y-%m-%d}"


def moment(time: datetime) -> str:
    """Tell a time in UTC to the minute."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
