"""What was used of channels, day by day, and how it is put into the metrics."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from kvsops.local.cloudwatch.index import LATENCY_MILLISECONDS, OPERATIONS, MetricIndex, Point

_Series = tuple[str, Mapping[str, str], list[Point]]


class Used(NamedTuple):
    """What was used of a channel on one day in UTC, all in the minute of `at`.

    `masters` and `viewers` are connections that succeeded; `failed` those that did not, which are
    masters'. Messages count sent and received ones.
    """

    at: datetime
    masters: int = 0
    viewers: int = 0
    failed: int = 0
    messages: int = 0
    turn_minutes: int = 0

    @property
    def day(self) -> date:
        """The day in UTC."""
        return self.at.date()

    @property
    def connections(self) -> int:
        """The connections that succeeded: one or more make the channel active that month."""
        return self.masters + self.viewers


@dataclass(frozen=True)
class ChannelUsage:
    """The truth about one channel, oldest day first; no creation time: it was deleted since.

    A channel that was made again under its name has two: its own, and its forerunner's.
    """

    channel_name: str
    creation_time: datetime | None
    days: Sequence[Used] = ()


def record(index: MetricIndex, usages: Iterable[ChannelUsage]) -> None:
    """Put all of it into the metrics."""
    for usage in usages:
        for metric_name, dimensions, points in _series(usage):
            index.record(metric_name, dimensions, points)


def _series(usage: ChannelUsage) -> Iterator[_Series]:
    """Yield each metric's points."""
    name, days = {"SignalingChannelName": usage.channel_name}, usage.days
    masters = [(used.at, used.masters, used.failed) for used in days]
    viewers = [(used.at, used.viewers, 0) for used in days]
    for role, connects in (("MASTER", masters), ("VIEWER", viewers)):
        dimensions = {"Operation": OPERATIONS[role], **name}
        outcomes = [(at, 0.0, succeeded) for at, succeeded, _ in connects]
        outcomes += [(at, 1.0, failed) for at, _, failed in connects if failed]
        yield "Failure", dimensions, outcomes
        both = [
            (at, LATENCY_MILLISECONDS, succeeded + failed) for at, succeeded, failed in connects
        ]
        yield "Latency", dimensions, both
    messages = [(used.at, float(used.messages), 1) for used in days if used.messages]
    yield "MessagesTransferred.Count", name, messages
    yield "TURNConnectedMinutes", name, [(used.at, 1.0, used.turn_minutes) for used in days]
