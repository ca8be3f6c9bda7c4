"""What a stream costs in a month: pure arithmetic on bytes and prices.

A stream is billed what it takes in, what is read from it, and what it keeps.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
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
from kvsops.core.intake import Intake
from kvsops.core.stream import Settings, Tier
from kvsops.core.stream_caveats import Caveat
from kvsops.core.stream_price import PRICES, apart, length, priced
from kvsops.core.stream_usage import Item, StreamUsage, day_begin


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
    return priced(item, sums.get((day, item), 0), prices, month) or Decimal(0)


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
        return priced(item, quantity, self.prices, self.month)

    def by_day(
        self, days: list[date], moments: list[datetime]
    ) -> Iterator[tuple[date, Item, Fraction | int]]:
        """Yield what there was on each day of what is known and may have a price."""
        if self._hot:
            for day, kept in zip(days, self.stored(moments) or (), strict=False):
                yield day, Item.STORED, kept
            for day, (start, end) in zip(days, pairwise(moments), strict=True):
                yield day, Item.INGESTED, self.usage.on(Item.INGESTED, start, end) or 0
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
        if any(quantities.values()):
            yield Caveat.UNCOUNTED
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
        return None if count is None else Fraction(count * length(self.month), apart(start, end))

    def _expected_storage(self) -> Fraction | None:
        """Reckon on to the month's end: what is kept ages, and more comes in evenly."""
        kept = self._kept
        flow, retention = self._expected(Item.INGESTED), self.settings.retention
        if kept is None or flow is None or retention is None:
            return None
        left = apart(self.now, self.month.end)
        coming = Intake.evenly(self.now, self.month.end, int(flow * left / length(self.month)))
        return sum(kept) + coming.kept(retention, [self.now, self.month.end])[0]


_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)
