"""What a GB of a stream's data costs, and how bytes are made GB.

A GB kept for the whole month is a GB-month. Which metric is billed under which price is as the
API's documentation says; that of clips is not told, and neither are the prices of the warm storage
tier, of images, and of the minutes of channels' storage sessions.
Source: https://aws.amazon.com/kinesis/video-streams/pricing/
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Context, Decimal
from fractions import Fraction
from typing import Final

from kvsops.core.cost import Month, Prices
from kvsops.core.intake import seconds
from kvsops.core.stream_usage import Item

GB: Final = 2**30
"""Bytes of a GB: the examples of AWS's pricing page take it as 1,024 MB. That an MB has 2**20 bytes
is inferred.

Source: https://aws.amazon.com/kinesis/video-streams/pricing/
"""
_EXACT: Final = Context(prec=60)
"""Bytes times a price, by 2**30, has up to so many digits."""

PRICES: Final[Mapping[Item, str | None]] = {
    Item.INGESTED: "gb_ingested",
    Item.CONSUMED: "gb_consumed",
    Item.CONSUMED_BY_HLS: "gb_consumed_by_hls",
    Item.CLIPS: None,
    Item.STORED: "gb_month_stored",
}
"""The field of `Prices` that each is billed by; None: not known."""


def gb(quantity: Fraction | int, month: Month | None = None) -> Decimal:
    """Return bytes in GB, or, with the month, byte-seconds in GB-months."""
    return _times(Decimal(1), quantity, GB * length(month) if month else GB)


def priced(item: Item, quantity: Fraction | int, prices: Prices, month: Month) -> Decimal | None:
    """Price bytes, of STORED byte-seconds; None where there is no price."""
    name = PRICES[item]
    price: Decimal | None = getattr(prices, name) if name else None
    unit = GB * length(month) if item is Item.STORED else GB
    return None if price is None else _times(price, quantity, unit)


def _times(price: Decimal, quantity: Fraction | int, unit: int) -> Decimal:
    """Return the price of a quantity in units; first times, then by: exact where the result is."""
    whole = Fraction(quantity) / unit
    numerator = _EXACT.multiply(price, Decimal(whole.numerator))
    return +_EXACT.divide(numerator, Decimal(whole.denominator))  # of 28 digits, as all money


def length(month: Month) -> int:
    """Return the month's seconds."""
    return apart(month.start, month.end)


def apart(start: datetime, end: datetime) -> int:
    """Return the seconds between two moments, at least one."""
    return max(seconds(end) - seconds(start), 1)
