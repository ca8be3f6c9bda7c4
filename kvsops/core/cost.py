"""What a channel costs in a month: pure arithmetic on usage and prices, in Decimal.

A channel is billed its monthly fee in a month in which something connected to it, else nothing;
then come its signaling messages and its TURN minutes.
Source: https://aws.amazon.com/kinesis/video-streams/pricing/
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Final, Self

from kvsops.errors import UsageError

YOUNG: Final = timedelta(days=7)
"""A month that has run for less is projected by the trailing days before, not by itself."""
TRAILING: Final = timedelta(days=30)
ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Prices:
    """One region's prices in US dollars, and where they are from.

    `assumed_from` names the region whose prices these are, where they were taken for another.
    The prices of streams' data, for a GB each, are None where they are not known.
    """

    region: str
    channel_month: Decimal
    million_messages: Decimal
    thousand_turn_minutes: Decimal
    as_of: str
    source: str
    assumed_from: str | None = None
    gb_ingested: Decimal | None = None
    gb_consumed: Decimal | None = None
    gb_consumed_by_hls: Decimal | None = None
    gb_month_stored: Decimal | None = None

    def messages(self, count: int | Decimal) -> Decimal:
        """Price signaling messages, sent and received."""
        return self.million_messages * count / 1_000_000

    def turn(self, minutes: int | Decimal) -> Decimal:
        """Price TURN streaming minutes."""
        return self.thousand_turn_minutes * minutes / 1_000


@dataclass(frozen=True, slots=True)
class Month:
    """A billing month, in UTC."""

    year: int
    month: int

    @classmethod
    def of(cls, time: datetime) -> Self:
        """Return the month that holds the moment."""
        utc = time.astimezone(UTC)
        return cls(utc.year, utc.month)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read YYYY-MM; raises `UsageError`."""
        try:
            first = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
        except ValueError as error:
            raise UsageError(f"not a month: {text!r}: write it like 2026-10") from error
        return cls.of(first)

    @property
    def start(self) -> datetime:
        """The month's first moment."""
        return _first_moment(self.year, self.month)

    @property
    def end(self) -> datetime:
        """The next month's first moment."""
        return _first_moment(self.year + self.month // 12, self.month % 12 + 1)

    def elapsed(self, now: datetime) -> timedelta:
        """Return how much of the month has passed: nothing before it, all of it after."""
        return min(max(now, self.start), self.end) - self.start

    def days_until(self, now: datetime) -> list[date]:
        """Return the month's days so far, the one that holds `now` too; all of a past month."""
        last = min(now, self.end - timedelta(microseconds=1))
        number = (last.astimezone(UTC).date() - self.start.date()).days + 1
        return [self.start.date() + timedelta(days=each) for each in range(number)]

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"


@lru_cache(64)
def _first_moment(year: int, month: int) -> datetime:
    return datetime(year, month, 1, tzinfo=UTC)  # asked for several times a channel


@dataclass(frozen=True, slots=True)
class Day:
    """What was used on one day (UTC)."""

    connections: int = 0
    messages: int = 0
    turn_minutes: int = 0

    def __add__(self, other: "Day") -> "Day":
        return Day(
            self.connections + other.connections,
            self.messages + other.messages,
            self.turn_minutes + other.turn_minutes,
        )

    @property
    def used(self) -> bool:
        """Whether anything connected or passed through."""
        return bool(self.connections or self.messages or self.turn_minutes)


@dataclass(frozen=True, slots=True)
class Usage:
    """A channel's use by day, for the days that had any."""

    days: Mapping[date, Day] = field(default_factory=dict)

    def between(self, start: datetime, end: datetime) -> Day:
        """Return the sum from the day that holds `start` to the one before `end`'s midnight."""
        first, after = midnight(start).date(), _until(end)
        days = [day for at, day in self.days.items() if first <= at < after]
        return Day(
            sum(day.connections for day in days),
            sum(day.messages for day in days),
            sum(day.turn_minutes for day in days),
        )

    def split(self, creation_time: datetime | None) -> tuple["Usage", "Usage"]:
        """Part what came before the creation's day from the channel's own.

        CloudWatch knows only the name: the earlier days are of another channel that had it.
        """
        if creation_time is None or not self.days:
            return Usage(), self
        first = creation_time.astimezone(UTC).date()
        before = {at: day for at, day in self.days.items() if at < first}
        own = {at: day for at, day in self.days.items() if at >= first}
        return Usage(before), Usage(own)

    @property
    def last_used(self) -> date | None:
        """The last day with any use."""
        return max((at for at, day in self.days.items() if day.used), default=None)


@lru_cache(64)
def midnight(time: datetime) -> datetime:
    """Return the first moment of the day (UTC) that holds this one."""
    # Asked for several times a channel, too, and mostly of the same few moments.
    return time.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@lru_cache(64)
def _until(end: datetime) -> date:
    """Return the first day that is wholly at or after `end`."""
    last = midnight(end)
    return last.date() if end == last else last.date() + timedelta(days=1)


class Basis(StrEnum):
    """What an estimate of the whole month rests on."""

    MEASURED = "measured"  # the month is over: what was used is what is billed
    PROJECTED = "projected"
    ASSUMED = "assumed"  # metrics were not asked: as if it were used, its fee alone
    UNKNOWN = "unknown"


class Projection(StrEnum):
    """How the rest of the month was told from what is known."""

    ELAPSED = "this month's use, by the share of it that has passed"
    TRAILING = "the trailing 30 days' use: the month is young"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a channel costs in the month; None is not known.

    `fee`, `messages` and `turn` are the parts of `month_to_date`.
    """

    basis: Basis
    active: bool | None = None
    used: Day | None = None
    fee: Decimal | None = None
    messages: Decimal | None = None
    turn: Decimal | None = None
    estimated_month: Decimal | None = None
    projection: Projection | None = None

    @property
    def month_to_date(self) -> Decimal | None:
        """What has been used so far this month, in dollars."""
        if self.fee is None or self.messages is None or self.turn is None:
            return None
        return self.fee + self.messages + self.turn


def estimate(usage: Usage, prices: Prices, month: Month, now: datetime) -> Cost:
    """Price a channel's own use in the month, and what the whole month will come to.

    The month is over: measured. Else projected: by the share of the month that has passed, or,
    where less than 7 days have, by the 30 days before today. The fee is never projected: it is
    charged once if the channel was used.
    """
    return _estimate(usage, prices, month, now) if usage.days else _unused(prices, month, now)


@lru_cache(8)
def _unused(prices: Prices, month: Month, now: datetime) -> Cost:
    return _estimate(Usage(), prices, month, now)  # the same for most channels of a fleet


def _estimate(usage: Usage, prices: Prices, month: Month, now: datetime) -> Cost:
    used = usage.between(month.start, min(now, month.end))
    spent = _spent(used, prices)
    if now >= month.end:
        return Cost(Basis.MEASURED, used.used, used, *spent, sum(spent, ZERO))
    projection = Projection.TRAILING if month.elapsed(now) < YOUNG else Projection.ELAPSED
    expected = _expected(usage, prices, month, now, projection)
    whole = max(expected, sum(spent, ZERO))
    return Cost(Basis.PROJECTED, used.used, used, *spent, whole, projection)


def assumed(prices: Prices) -> Cost:
    """Price a channel whose metrics were not asked as if it were used: its fee."""
    return Cost(Basis.ASSUMED, estimated_month=prices.channel_month)


def unknown() -> Cost:
    """Return the cost of a channel whose metrics could not be read."""
    return Cost(Basis.UNKNOWN)


def total(costs: Iterable[Decimal | None]) -> Decimal:
    """Sum what is known."""
    return sum((cost for cost in costs if cost is not None), ZERO)


def known_sum(amounts: Sequence[Decimal | None]) -> Decimal | None:
    """Sum what is known; where that is nothing, and not all is known, the sum is not either.

    At least nothing tells nothing.
    """
    known = total(amounts)
    return None if not known and None in amounts else known


def known_count(values: Sequence[bool | None]) -> int | None:
    """Count what is true; where nothing is known, the count is not known either."""
    nothing_known = bool(values) and all(value is None for value in values)
    return None if nothing_known else sum(map(bool, values))


def _spent(used: Day, prices: Prices) -> tuple[Decimal, Decimal, Decimal]:
    fee = prices.channel_month if used.used else ZERO
    return fee, prices.messages(used.messages), prices.turn(used.turn_minutes)


def _expected(
    usage: Usage, prices: Prices, month: Month, now: datetime, projection: Projection
) -> Decimal:
    """Scale what was used in the span that the projection goes by to the whole month."""
    if projection is Projection.TRAILING:
        today = midnight(now)
        used, span = usage.between(today - TRAILING, today), TRAILING
    else:
        used, span = usage.between(month.start, now), month.elapsed(now)
    fee, messages, turn = _spent(used, prices)
    # First times, then by: so it is exact where the result is.
    return fee + (messages + turn) * ((month.end - month.start) // _SECOND) / (span // _SECOND)


_SECOND: Final = timedelta(seconds=1)
