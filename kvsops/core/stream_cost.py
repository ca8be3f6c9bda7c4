"""What a stream costs in a month: pure arithmetic on bytes and prices.

A stream is billed what it takes in, what is read from it, and what it keeps: a GB kept for the
whole month is a GB-month. Which metric is billed under which price is as the API's documentation
says; that of clips is not told, and neither are the prices of the warm storage tier.
Source: https://aws.amazon.com/kinesis/video-streams/pricing/
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
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
from kvsops.core.stream_caveats import Caveat
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


Used = tuple[StreamUsage, Settings]
"""A stream's use, and what its storage rests on."""


def spent_by_day(
    streams: Iterable[Used], prices: Prices, month: Month, now: datetime
) -> dict[date, dict[Item, Decimal]]:
    """Return what streams cost on each day of the month so far, by item, as far as it is known.

    These are the parts of their `StreamCost.spent`; what has no price is in none of them.
    """
    days = month.days_until(now)
    moments = [day_begin(day) for day in days] + [min(now, month.end)]
    # Summed up before it is priced: exact, and a price for each day, not for each stream's.
    sums: dict[tuple[date, Item], Fraction | int] = {}
    for usage, settings in streams:
        reckoning = _Reckoning(usage, settings, prices, month, now)
        for at, item, quantity in reckoning.by_day(days, moments):
            sums[at, item] = sums.get((at, item), 0) + quantity
    return {
        day: {item: _day_price(sums, day, item, prices, month) for item in Item} for day in days
    }


def _day_price(
    sums: Mapping[tuple[date, Item], Fraction | int],
    day: date,
    item: Item,
    prices: Prices,
    month: Month,
) -> Decimal:
    return _priced(item, sums.get((day, item), 0), prices, month) or Decimal(0)


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
        return _priced(item, quantity, self.prices, self.month)

    def by_day(
        self, days: list[date], moments: list[datetime]
    ) -> Iterator[tuple[date, Item, Fraction | int]]:
        """Yield what there was on each day of what is known and may have a price."""
        if self._hot:
            for day, kept in zip(days, self.stored(moments) or (), strict=False):
                yield day, Item.STORED, kept
            for day in days if self.usage.intake else ():
                yield day, Item.INGESTED, self.usage.on_day(Item.INGESTED, day) or 0
        for item, flow in self.usage.outgoing.items():
            for day, count in (flow or {}).items():
                if days[0] <= day <= days[-1]:
                    yield day, item, count

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


def _priced(item: Item, quantity: Fraction | int, prices: Prices, month: Month) -> Decimal | None:
    """Price bytes, of STORED byte-seconds; None where there is no price."""
    name = PRICES[item]
    price: Decimal | None = getattr(prices, name) if name else None
    unit = GB * _length(month) if item is Item.STORED else GB
    return None if price is None else _times(price, quantity, unit)


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
