"""What came into streams and went out of them: CloudWatch's metrics of bytes, by stream name.

The dimension is the stream's name, not its ARN: a stream that was made again under its name
inherits its forerunner's points. Whether what a channel's storage session writes is counted as
PutMedia is not documented.
Source: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/monitoring-cloudwatch.html
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

from kvsops.aws import metric_data
from kvsops.aws.metric_data import Series
from kvsops.aws.scope import Scope
from kvsops.core.cost import midnight
from kvsops.core.intake import Intake, seconds
from kvsops.core.stream_usage import Item
from kvsops.errors import AwsError

NAME_DIMENSION: Final = "StreamName"
INGESTED: Final = "PutMedia.IncomingBytes"
OUTGOING: Final = {
    "GetMedia.OutgoingBytes": Item.CONSUMED,
    "GetMediaForFragmentList.OutgoingBytes": Item.CONSUMED,
    # What players of HLS and of DASH fetch. Source: the API's own documentation of both,
    # https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_reader_GetDASHStreamingSessionURL.html
    "GetMP4MediaFragment.OutgoingBytes": Item.CONSUMED_BY_HLS,
    "GetTSFragment.OutgoingBytes": Item.CONSUMED_BY_HLS,
    "GetClip.OutgoingBytes": Item.CLIPS,
}
"""What each metric of bytes going out is billed as."""
EVERY: Final = 1 + len(OUTGOING)
PERIODS: Final = (3_600, 21_600)
"""Of what comes in, in seconds: the finer one while it has no more than `POINTS` points."""
POINTS: Final = 1_830
DAY: Final = 86_400

Asked = tuple[str, str]
"""A stream's name and a metric."""


def names_listed(scope: Scope, metric: str) -> set[str]:
    """Return the names of streams, also deleted ones, with a point in the last two weeks."""
    return metric_data.names_listed(scope, metric, NAME_DIMENSION)


@dataclass(frozen=True, slots=True)
class Window:
    """From when on, from a midnight, and until when the metrics of a stream are read."""

    start: datetime
    end: datetime

    @property
    def period(self) -> int:
        """The period, in seconds, that what came in is asked by."""
        span = (self.end - self.start).total_seconds()
        return next((each for each in PERIODS if span / each <= POINTS), PERIODS[-1])

    def empty(self) -> Intake:
        """Return that nothing came in."""
        first, last, period = seconds(self.start), seconds(self.end), self.period
        number = max(-(-(last - first) // period), 1)
        return Intake(first, period, array("q", bytes(8 * number)), max(last, first + 1))


@dataclass(slots=True)
class Read:
    """What was told: by name what came in, by name and item what went out by day.

    `untold` are, by name, the metrics of which not all was told, with why.
    """

    intakes: dict[str, Intake] = field(default_factory=dict)
    outgoing: dict[str, dict[Item, dict[date, int]]] = field(default_factory=dict)
    untold: dict[str, dict[str, str]] = field(default_factory=dict)

    def miss(self, name: str, metric: str, why: str) -> None:
        """Note that not all was told."""
        self.untold.setdefault(name, {})[metric] = why

    def add(self, other: "Read") -> None:
        """Add what was told of other names and metrics."""
        self.intakes |= other.intakes
        for name, metrics in other.untold.items():
            self.untold.setdefault(name, {}).update(metrics)
        for name, items in other.outgoing.items():
            mine = self.outgoing.setdefault(name, {})
            for item, days in items.items():
                known = mine.setdefault(item, {})
                for day, count in days.items():
                    known[day] = known.get(day, 0) + count


def read_intakes(scope: Scope, windows: Sequence[tuple[str, Window]]) -> Read:
    """Read what came into up to 500 streams, each within its own window.

    A stream without points took in nothing that the metric could tell. Raises `AwsError`.
    """
    found = Read()
    for name, window in windows:
        found.intakes[name] = window.empty()

    def take(number: int, times: Sequence[datetime], values: Sequence[float]) -> None:
        intake = found.intakes[windows[number][0]]
        counts: array[int] = intake.counts  # type: ignore[assignment]  # as `empty` made it
        for time, value in zip(times, values, strict=True):
            at = (seconds(time) - intake.start) // intake.period
            if 0 <= at < len(counts):  # others' windows may be longer
                counts[at] += round(value)

    series = [_series(name, INGESTED, window.period) for name, window in windows]
    start = min(window.start for _, window in windows)
    untold = metric_data.read(scope, series, start, windows[0][1].end, take)
    for number, why in untold.items():
        name = windows[number][0]
        found.miss(name, INGESTED, why)
        del found.intakes[name]
    return found


def read_outgoing(scope: Scope, asked: Sequence[Asked], window: Window) -> Read:
    """Read up to 500 metrics of bytes going out, by day. Raises `AwsError`."""
    found = Read()

    def take(number: int, times: Sequence[datetime], values: Sequence[float]) -> None:
        name, metric = asked[number]
        if times:
            days = found.outgoing.setdefault(name, {}).setdefault(OUTGOING[metric], {})
            for time, value in zip(times, values, strict=True):
                day = _day(time)
                days[day] = days.get(day, 0) + round(value)

    series = [_series(name, metric, DAY) for name, metric in asked]
    untold = metric_data.read(scope, series, window.start, window.end, take)
    for number, why in untold.items():
        found.miss(*asked[number], why)
    return found


def intakes(scope: Scope, windows: Iterable[tuple[str, Window]]) -> Read:
    """Read what came into any number of streams; a batch that fails leaves its names untold."""

    def answer(batch: Sequence[tuple[str, Window]]) -> Read:
        try:
            return read_intakes(scope, batch)
        except AwsError as error:
            return _missed(((name, INGESTED) for name, _ in batch), str(error))

    # A request has one start for all its queries: those with like windows go together.
    alike = sorted(windows, key=lambda each: (each[1].start, each[0]))
    return _together(scope.in_parallel(answer, metric_data.batches(alike)))


def outgoing(scope: Scope, asked: Sequence[Asked], window: Window) -> Read:
    """Read any number of metrics of bytes going out; a batch that fails leaves them untold."""

    def answer(batch: Sequence[Asked]) -> Read:
        try:
            return read_outgoing(scope, batch, window)
        except AwsError as error:
            return _missed(batch, str(error))

    return _together(scope.in_parallel(answer, metric_data.batches(asked)))


def window_of(start: datetime, end: datetime, kept_from: datetime) -> Window:
    """Return the window from the midnight at or before `start`, of what CloudWatch still keeps."""
    return Window(midnight(max(start, kept_from + timedelta(days=1))), end)


def _missed(asked: Iterable[Asked], why: str) -> Read:
    found = Read()
    for name, metric in asked:
        found.miss(name, metric, why)
    return found


def _together(parts: Iterable[Read]) -> Read:
    found = Read()
    for part in parts:
        found.add(part)
    return found


@lru_cache(1_024)
def _day(time: datetime) -> date:
    return time.astimezone(UTC).date()


def _series(name: str, metric: str, period: int) -> Series:
    return Series(metric, ((NAME_DIMENSION, name),), "Sum", period)
