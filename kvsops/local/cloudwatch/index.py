"""The metrics of signaling channels and streams, found by name and dimensions instead of by a walk.

Source: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/cloudwatch-metrics.html
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from threading import RLock
from typing import Literal, NamedTuple

from kvsops.local import settings
from kvsops.local.cloudwatch.series import Sample, Series
from kvsops.local.locking import locked

NAMESPACE = "AWS/KinesisVideo"
UNITS = {
    "Failure": "Count",
    "Latency": "Milliseconds",
    "MessagesTransferred.Count": "Count",
    "TURNConnectedMinutes": "Count",
    "PutMedia.IncomingBytes": "Bytes",
    "GetMedia.OutgoingBytes": "Bytes",
    "GetMediaForFragmentList.OutgoingBytes": "Bytes",
    "GetMP4MediaFragment.OutgoingBytes": "Bytes",
    "GetTSFragment.OutgoingBytes": "Bytes",
    "GetClip.OutgoingBytes": "Bytes",
}
"""The unit that each metric's points carry.

Source of the streams': https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/monitoring-cloudwatch.html
"""

OPERATIONS = {"MASTER": "ConnectAsMaster", "VIEWER": "ConnectAsViewer"}
"""What connecting in a role is called in the metrics."""
LATENCY_MILLISECONDS = 40.0
"""What a connection takes in the emulator: no figure of AWS's."""

Point = tuple[datetime, float, int]
"""An aware time, a value, and how many samples there were of it."""


class Metric(NamedTuple):
    """What CloudWatch tells metrics of one namespace apart by; the dimensions sorted."""

    name: str
    dimensions: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, name: str, dimensions: Mapping[str, str]) -> "Metric":
        """Return the metric of this name and these dimensions, in whatever order."""
        return cls(name, tuple(sorted(dimensions.items())))


class MetricIndex:
    """All points of `AWS/KinesisVideo` in one account and region.

    A point counts for the minute that holds its time, and shows the settings' `metrics_lag`
    after that minute began. A point whose time is to come shows then.
    """

    def __init__(self) -> None:
        self.lock = RLock()
        self._series: dict[Metric, Series] = {}
        self._sorted: list[Metric] = []

    # To record what happened

    def connect(
        self,
        channel_name: str,
        role: Literal["MASTER", "VIEWER"],
        at: datetime,
        *,
        failed: bool = False,
        times: int = 1,
    ) -> None:
        """Record `times` connects in one minute that all succeeded, or all failed."""
        dimensions = {"Operation": OPERATIONS[role], "SignalingChannelName": channel_name}
        self.record("Failure", dimensions, [(at, float(failed), times)])
        self.record("Latency", dimensions, [(at, LATENCY_MILLISECONDS, times)])

    def messages(self, channel_name: str, at: datetime, count: int) -> None:
        """Record `count` messages, sent and received, in one minute, as one sample."""
        points = [(at, float(count), 1)] if count else []
        self.record("MessagesTransferred.Count", {"SignalingChannelName": channel_name}, points)

    def turn_minutes(self, channel_name: str, at: datetime, minutes: int) -> None:
        """Record `minutes` allocations that each streamed data in that minute."""
        dimensions = {"SignalingChannelName": channel_name}
        self.record("TURNConnectedMinutes", dimensions, [(at, 1.0, minutes)])

    @locked
    def record(
        self, metric_name: str, dimensions: Mapping[str, str], points: Iterable[Point]
    ) -> None:
        """Record any points of a metric, best in order of time; no samples are no point."""
        metric = Metric.of(metric_name, dimensions)
        series = self._series.get(metric) or Series()
        for at, value, samples in points:
            if samples:
                series.add(int(at.timestamp()), Sample.of(value, samples))
                self._series[metric] = series

    # To ask

    @locked
    def aggregate(
        self, metric: Metric, since: int, until: int, period: int, origin: int
    ) -> dict[int, Sample]:
        """Return what shows of the metric, by period; see `Series.aggregate`."""
        series = self._series.get(metric)
        if series is None:
            return {}
        return series.aggregate(since, min(until, self._shown_until() + 1), period, origin)

    @locked
    def page(
        self, wanted: Callable[[Metric], bool], after: Metric | None, since: int, size: int
    ) -> list[Metric]:
        """Return up to `size` wanted metrics, in order, that show a point since that time."""
        until, found = self._shown_until(), []
        for metric in self._in_order(after):
            if wanted(metric) and (self._series[metric].last(until) or 0) >= since:
                found.append(metric)
                if len(found) == size:
                    break
        return found

    def _in_order(self, after: Metric | None) -> Iterator[Metric]:
        """Yield the metrics after that one, sorted anew only if there are others than before."""
        if len(self._sorted) != len(self._series):
            self._sorted = sorted(self._series)
        first = bisect_right(self._sorted, after) if after else 0
        return (self._sorted[index] for index in range(first, len(self._sorted)))

    def _shown_until(self) -> int:
        active = settings.active()
        return int((active.clock() - active.metrics_lag).timestamp())
