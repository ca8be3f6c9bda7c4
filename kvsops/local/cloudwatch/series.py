"""The points of one metric: a row for each minute that has any, packed, in order of time."""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import NamedTuple, Self

MINUTE_SECONDS = 60
_WIDTH = 5  # a row: seconds since the epoch, samples, sum, lowest, highest


class Sample(NamedTuple):
    """Values taken together: how many, their sum, the lowest and the highest."""

    samples: float
    total: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, value: float, samples: float = 1) -> Self:
        """Return `samples` samples of one value."""
        return cls(samples, value * samples, value, value)

    def __or__(self, other: "Sample") -> "Sample":
        """Take two together."""
        return Sample(
            self.samples + other.samples,
            self.total + other.total,
            min(self.lowest, other.lowest),
            max(self.highest, other.highest),
        )


STATISTICS: dict[str, Callable[[Sample], float]] = {
    "Average": lambda sample: sample.total / sample.samples,
    "Maximum": lambda sample: sample.highest,
    "Minimum": lambda sample: sample.lowest,
    "SampleCount": lambda sample: sample.samples,
    "Sum": lambda sample: sample.total,
}
"""The statistics that can be asked for, by CloudWatch's names. Percentiles are not kept.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""


class Series:
    """The points of one metric. Times are whole seconds since the epoch."""

    __slots__ = ("_in_order", "_rows")

    def __init__(self) -> None:
        self._rows = array("d")
        self._in_order = True

    def add(self, at: int, sample: Sample) -> None:
        """Add to the minute that holds this time; cheapest in order of time."""
        minute, rows = at - at % MINUTE_SECONDS, self._rows
        if rows and minute <= rows[-_WIDTH]:
            if minute == rows[-_WIDTH]:
                sample = Sample(*rows[1 - _WIDTH :]) | sample
                del rows[-_WIDTH:]
            else:
                self._in_order = False
        rows.extend((minute, *sample))

    def last(self, until: int) -> int | None:
        """Return the time of the latest point not after this time, or None."""
        row = self._row_at(until + 1)
        return int(self._rows[(row - 1) * _WIDTH]) if row else None

    def aggregate(self, since: int, until: int, period: int, origin: int) -> dict[int, Sample]:
        """Take together, by period, the points from `since` on to before `until`.

        The periods are those that `origin` begins one of; they are named by their beginning.
        """
        found: dict[int, Sample] = {}
        for at, sample in self._between(since, until):
            begin = at - (at - origin) % period
            before = found.get(begin)
            found[begin] = before | sample if before else sample
        return found

    def _between(self, start: int, end: int) -> Iterator[tuple[int, Sample]]:
        first = self._row_at(start) * _WIDTH
        for index in range(first, self._row_at(end) * _WIDTH, _WIDTH):
            at, samples, total, lowest, highest = self._rows[index : index + _WIDTH]
            yield int(at), Sample(samples, total, lowest, highest)

    def _row_at(self, at: int) -> int:
        """Return the number of the first row that is not before this time."""
        if not self._in_order:
            self._put_in_order()
        rows = self._rows
        count = range(len(rows) // _WIDTH)
        return bisect_left(count, float(at), key=lambda row: rows[row * _WIDTH])

    def _put_in_order(self) -> None:
        old, self._rows, self._in_order = self._rows, array("d"), True
        starts = range(0, len(old), _WIDTH)
        for index in sorted(starts, key=old.__getitem__):
            self.add(int(old[index]), Sample(*old[index + 1 : index + _WIDTH]))
