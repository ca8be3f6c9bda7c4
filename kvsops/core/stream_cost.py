"""What a stream costs in a month: pure arithmetic on bytes and prices.

A stream is billed what it takes in, what is read from it, and what it keeps: a GB kept for the
whole month is a GB-month. Which metric is billed under which price is as the API's documentation
says; that of clips is not told, and neither are the prices of the warm storage tier.
Source: https://aws.amazon.com/kinesis/video-streams/pricing/
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from typing import Final

from kvsops.core.cost import (
    TRAILING,
    YOUNG,
    Basis,
    Month,
    Prices,
    Projection,
    known_sum,
    midnight,
)
from kvsops.core.intake import Intake, seconds
from kvsops.core.stream import Settings, Tier
from kvsops.core.stream_usage import Item, StreamUsage, day_begin

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


class Caveat(StrEnum):
    """Why an amount is not known, or what it rests on; each is told once for all streams."""

    PRESENT_SETTINGS = (
        "storage is reckoned by each stream's present retention and tier: AWS does not tell when "
        "they were changed"
    )
    REACH = "what came in longer ago than CloudWatch keeps (455 days) is stored, but not counted"
    GONE = (
        "what deleted streams had stored is not known, nor their tier: what they took in is priced "
        "as of the hot one"
    )
    RETENTION = "a retention could not be read: what is stored is not known"
    WARM = "the prices of the warm storage tier are not known"
    TIER = "a storage tier could not be read: ingest and storage are not priced"
    METRICS = "metrics could not be read: what they tell is not known"
    PRICES = "prices of streams' data are not known"
    CLIPS = "the price of clips (GetClip) is not known"

    @property
    def hides_cost(self) -> bool:
        """Whether something may cost more than is told, so that a total is a lower bound."""
        return self is not Caveat.PRESENT_SETTINGS


@dataclass(frozen=True, slots=True)
class StreamCost:
    """What a stream costs in the month; a part that is None is not known.

    `quantities` are in bytes, of STORED in byte-seconds; `spent` and `estimated` in dollars.
    """

    basis: Basis
    quantities: Mapping[Item, Fraction | int | None] = field(default_factory=dict)
    spent: Mapping[Item, Decimal | None] = field(default_factory=dict)
    estimated: Mapping[Item, Decimal | None] = field(default_factory=dict)
    projection: Projection | None = None
    caveats: frozenset[Caveat] = frozenset()

    @property
    def month_to_date(self) -> Decimal | None:
        """What is known of what has been used so far this month; None where nothing is."""
        return self._known(self.spent)

    @property
    def estimated_month(self) -> Decimal | None:
        """What is known of what the whole month will come to; None where nothing is."""
        return self._known(self.estimated)

    def _known(self, parts: Mapping[Item, Decimal | None]) -> Decimal | None:
        return None if self.basis is Basis.UNKNOWN else known_sum([*parts.values()])

    @property
    def lower_bound(self) -> bool:
        """Whether something of it is not known."""
        return any(caveat.hides_cost for caveat in self.caveats)

    @property
    def active(self) -> bool:
        """Whether anything came in, went out or was stored, as far as is known."""
        return any(self.quantities.values())


def gb(quantity: Fraction | int, month: Month | None = None) -> Decimal:
    """Return bytes in GB, or, with the month, byte-seconds in GB-months."""
    return _times(Decimal(1), quantity, GB * _length(month) if month else GB)


def estimate_stream(
    usage: StreamUsage, settings: Settings, prices: Prices, month: Month, now: datetime
) -> StreamCost:
    """Price a stream's own use in the month, and what the whole month will come to.

    A month that is over is measured. Else the flows are projected as those of channels are, and
    storage is reckoned on: what is kept ages, and what comes in as before is added.
    """
    reckoning = _Reckoning(usage, settings, prices, month, now)
    over = now >= month.end
    quantities = {item: reckoning.so_far(item) for item in Item}
    spent = {item: reckoning.priced(item, each) for item, each in quantities.items()}
    estimated = spent if over else {item: reckoning.whole(item, spent[item]) for item in Item}
    # That nothing is stored follows from a retention of 0: it tells nothing of the rest.
    known = any(each is not None for item, each in spent.items() if item is not Item.STORED)
    basis = Basis.MEASURED if over else Basis.PROJECTED
    return StreamCost(
        basis if known else Basis.UNKNOWN,
        quantities,
        spent,
        estimated,
        None if over else reckoning.projection,
        reckoning.caveats(quantities),
    )


def spent_by_day(
    usage: StreamUsage, settings: Settings, prices: Prices, month: Month, now: datetime
) -> dict[date, dict[Item, Decimal | None]]:
    """Return what each day of the month so far cost, by item: the parts of `StreamCost.spent`."""
    reckoning = _Reckoning(usage, settings, prices, month, now)
    days = month.days_until(now)
    moments = [day_begin(day) for day in days] + [min(now, month.end)]
    stored = reckoning.stored(moments)
    found: dict[date, dict[Item, Decimal | None]] = {}
    for at, day in enumerate(days):
        flows: dict[Item, Fraction | int | None] = {item: usage.on_day(item, day) for item in Item}
        flows[Item.STORED] = stored[at] if stored else None
        found[day] = {item: reckoning.priced(item, each) for item, each in flows.items()}
    return found


@dataclass(frozen=True)
class _Reckoning:
    """One stream's month."""

    usage: StreamUsage
    settings: Settings
    prices: Prices
    month: Month
    now: datetime

    @property
    def until(self) -> datetime:
        return min(max(self.now, self.month.start), self.month.end)

    @property
    def projection(self) -> Projection:
        young = self.month.elapsed(self.now) < YOUNG
        return Projection.TRAILING if young else Projection.ELAPSED

    def so_far(self, item: Item) -> Fraction | int | None:
        if item is Item.STORED:
            return self._kept[0] if self._kept else None
        return self.usage.on(item, self.month.start, self.until)

    @cached_property
    def _kept(self) -> list[Fraction] | None:
        """The byte-seconds kept so far, and what will be kept of the same until the month's end."""
        return self.stored([self.month.start, self.until, self.month.end])

    def stored(self, moments: list[datetime]) -> list[Fraction] | None:
        """Return the byte-seconds kept between the moments; None where they are not known."""
        retention, intake = self.settings.retention, self.usage.intake
        if retention == timedelta():
            return [Fraction(0)] * (len(moments) - 1)
        if retention is None or intake is None or self.settings.gone:
            return None
        return intake.kept(retention, moments)

    def priced(self, item: Item, quantity: Fraction | int | None) -> Decimal | None:
        """Price a quantity; nothing costs nothing, whatever its price."""
        if quantity is None or not quantity:
            return None if quantity is None else Decimal(0)
        if item in (Item.INGESTED, Item.STORED) and not self._hot:
            return None
        name = PRICES[item]
        price: Decimal | None = getattr(self.prices, name) if name else None
        return _price(price, quantity, self.month if item is Item.STORED else None)

    def whole(self, item: Item, spent: Decimal | None) -> Decimal | None:
        """Return what the whole month will come to, no less than what is spent."""
        if spent is None:
            return None
        expected = self._expected_storage() if item is Item.STORED else self._expected(item)
        cost = self.priced(item, expected)
        return None if cost is None else max(cost, spent)

    def caveats(self, quantities: Mapping[Item, Fraction | int | None]) -> frozenset[Caveat]:
        return frozenset(self._caveats(quantities))

    def _caveats(self, quantities: Mapping[Item, Fraction | int | None]) -> Iterable[Caveat]:
        settings, stored = self.settings, quantities[Item.STORED]
        flows = [quantities[item] for item in Item if item is not Item.STORED]
        if any(each is None for each in flows):
            yield Caveat.METRICS
        if settings.gone:
            yield Caveat.GONE
        elif settings.retention is None:
            yield Caveat.RETENTION
        elif settings.retention and self._reaches_too_far:
            yield Caveat.REACH
        if stored:
            yield Caveat.PRESENT_SETTINGS
        if (stored or quantities[Item.INGESTED]) and not settings.gone and not self._hot:
            yield Caveat.WARM if settings.tier is Tier.WARM else Caveat.TIER
        if quantities[Item.CLIPS]:
            yield Caveat.CLIPS
        names = (name for item, name in PRICES.items() if quantities[item] and name)
        if any(getattr(self.prices, name) is None for name in names):
            yield Caveat.PRICES

    @property
    def _hot(self) -> bool:
        """Whether what comes in is priced by the GB; of a stream that is gone nobody can tell."""
        return self.settings.tier is Tier.HOT or self.settings.gone

    @property
    def _reaches_too_far(self) -> bool:
        """Whether something may be kept that came in before what is known begins."""
        reach, created = self.usage.reach, self.settings.creation_time
        retention = self.settings.retention or timedelta()
        oldest = self.month.start - min(retention, self.month.start - _LONG_AGO)
        return reach is not None and oldest < reach and (created is None or created < reach)

    def _span(self) -> tuple[datetime, datetime]:
        """Return the span that the rest of the month is told by."""
        if self.projection is Projection.TRAILING:
            today = midnight(self.now)
            return today - TRAILING, today
        return self.month.start, self.now

    def _expected(self, item: Item) -> Fraction | None:
        """Scale a flow of the span to the whole month."""
        start, end = self._span()
        count = self.usage.on(item, start, end)
        return None if count is None else Fraction(count * _length(self.month), _apart(start, end))

    def _expected_storage(self) -> Fraction | None:
        """Reckon on to the month's end: what is kept ages, and more comes in evenly."""
        kept = self._kept
        flow, retention = self._expected(Item.INGESTED), self.settings.retention
        if kept is None or flow is None or retention is None:
            return None
        left = _apart(self.now, self.month.end)
        coming = Intake.evenly(self.now, self.month.end, int(flow * left / _length(self.month)))
        return sum(kept) + coming.kept(retention, [self.now, self.month.end])[0]


_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)


def _price(price: Decimal | None, quantity: Fraction | int, month: Month | None) -> Decimal | None:
    return None if price is None else _times(price, quantity, GB * _length(month) if month else GB)


def _times(price: Decimal, quantity: Fraction | int, unit: int) -> Decimal:
    """Return the price of a quantity in units; first times, then by: exact where the result is."""
    whole = Fraction(quantity) / unit
    numerator = _EXACT.multiply(price, Decimal(whole.numerator))
    return +_EXACT.divide(numerator, Decimal(whole.denominator))  # of 28 digits, as all money


def _length(month: Month) -> int:
    """Return the month's seconds."""
    return _apart(month.start, month.end)


def _apart(start: datetime, end: datetime) -> int:
    return max(seconds(end) - seconds(start), 1)
