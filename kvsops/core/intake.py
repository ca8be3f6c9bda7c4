"""What a stream took in over time, and how much of it is kept when: exact, in bytes and seconds.

Stored bytes have no metric. They are reckoned from what came in: a byte is kept from when it came
until its retention has passed. Within each period of the metrics bytes are taken to have come
evenly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Final

SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Intake:
    """The bytes that came in, by equal periods from `start` on; the last ends at `until`.

    `start` and `until` are seconds since the epoch, `period` is in seconds.
    """

    start: int
    period: int
    counts: Sequence[int]
    until: int

    @classmethod
    def evenly(cls, start: datetime, end: datetime, count: int) -> "Intake":
        """Return what comes in evenly from one moment to another."""
        first, last = seconds(start), seconds(end)
        return cls(first, max(last - first, 1), (count,), max(last, first + 1))

    def since(self, moment: datetime | None) -> "Intake":
        """Return what came in from the period on that holds the moment; None: all of it.

        CloudWatch knows only the name: what came before was another stream's that had it.
        """
        if moment is None:
            return self
        foreign = min(max((seconds(moment) - self.start) // self.period, 0), len(self.counts))
        if not any(self.counts[:foreign]):
            return self
        own = (*(0,) * foreign, *self.counts[foreign:])
        return Intake(self.start, self.period, own, self.until)

    def before(self, moment: datetime | None) -> "Intake":
        """Return what `since` leaves out."""
        own = self.since(moment)
        rest = [mine - theirs for mine, theirs in zip(self.counts, own.counts, strict=True)]
        return Intake(self.start, self.period, rest, self.until)

    def between(self, start: datetime, end: datetime) -> int:
        """Return what came in in the periods that begin from `start` on and before `end`."""
        first, after = (self._number(seconds(each)) for each in (start, end))
        return sum(self.counts[first:after])

    @property
    def first(self) -> datetime | None:
        """When the first period began in which anything came in; None if nothing did."""
        at = next((at for at, count in enumerate(self.counts) if count), None)
        return None if at is None else self._begin(at)

    @property
    def last(self) -> datetime | None:
        """When the last period began in which anything came in; None if nothing did."""
        found = (at for at in range(len(self.counts) - 1, -1, -1) if self.counts[at])
        at = next(found, None)
        return None if at is None else self._begin(at)

    def kept(self, retention: timedelta, moments: Sequence[datetime]) -> list[Fraction]:
        """Return the byte-seconds kept between each moment and the next.

        What is kept at a moment is what came in until then, less what had until a retention ago.
        """
        areas = _Areas(self)
        hold = retention // SECOND
        at = [seconds(each) for each in moments]
        left = [areas.twice(each) - areas.twice(each - hold) for each in at]
        return [Fraction(later - earlier) / 2 for earlier, later in pairwise(left)]

    def kept_at(self, retention: timedelta, moment: datetime) -> int:
        """Return the bytes kept at a moment, rounded down."""
        areas, at = _Areas(self), seconds(moment)
        return int(areas.come(at) - areas.come(at - retention // SECOND))

    def _begin(self, number: int) -> datetime:
        return datetime.fromtimestamp(self.start + number * self.period, UTC)

    def _number(self, at: int) -> int:
        """Return the number of the first period that begins then or later."""
        return min(max(-((self.start - at) // self.period), 0), len(self.counts))


class _Areas:
    """The area under what had come in altogether, which rises evenly within each period."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self.totals = [*accumulate(intake.counts, initial=0)]
        self.sums = [*accumulate(self.totals)]

    def come(self, at: int) -> Fraction:
        """Return the bytes that had come in at that time."""
        number, into, length = self._place(at)
        if number == len(self.intake.counts):
            return Fraction(self.totals[-1])
        return self.totals[number] + Fraction(self.intake.counts[number] * into, length)

    def twice(self, at: int) -> Fraction | int:
        """Return twice the area until that time, in byte-seconds: whole where a period begins."""
        number, into, length = self._place(at)
        twice = self._twice(number) + 2 * self.totals[number] * into
        if not into or number == len(self.intake.counts):
            return twice
        return twice + Fraction(self.intake.counts[number] * into * into, length)

    def _twice(self, number: int) -> int:
        """Return twice the area until a period begins, or all has come: a sum of trapezoids."""
        period, last = self.intake.period, len(self.intake.counts)
        if number < last or not number:
            return period * (2 * self.sums[number] - self.totals[number])
        ends = self.totals[number - 1] + self.totals[number]
        return self._twice(number - 1) + self._last_length() * ends

    def _place(self, at: int) -> tuple[int, int, int]:
        """Return in which period a time is, how far into it, and how long that is."""
        intake, number = self.intake, len(self.intake.counts)
        if at >= intake.until or not number:
            return number, max(at - intake.until, 0), 1
        if at <= intake.start:
            return 0, 0, 1
        place = min((at - intake.start) // intake.period, number - 1)
        length = self._last_length() if place == number - 1 else intake.period
        return place, at - intake.start - place * intake.period, length

    def _last_length(self) -> int:
        intake = self.intake
        return intake.until - intake.start - (len(intake.counts) - 1) * intake.period


def seconds(moment: datetime) -> int:
    """Return the whole seconds since the epoch."""
    return int(moment.timestamp())
