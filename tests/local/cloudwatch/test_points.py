"""Which points GetMetricData finds: their statistics, their periods, and when they show."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from kvsops.local.accounts import ACCOUNT_ID
from kvsops.local.cloudwatch.models import metrics
from tests.local.cloudwatch.queries import DAY, HOUR, MINUTE, NAMESPACE, TODAY, points, query
from tests.local.conftest import NOON, Clock, Emulator

if TYPE_CHECKING:
    from kvsops.local.cloudwatch.index import MetricIndex
    from kvsops.local.settings import Settings


def record_a_day(index: MetricIndex) -> None:
    """Record ten connects, three of which failed, 50 messages, and 7 minutes of TURN."""
    index.connect("cam", "MASTER", NOON - HOUR, times=6)
    index.connect("cam", "MASTER", NOON - HOUR, failed=True, times=2)
    index.connect("cam", "MASTER", NOON)
    index.connect("cam", "MASTER", NOON, failed=True)
    index.messages("cam", NOON - HOUR, 20)
    index.messages("cam", NOON, 30)
    index.turn_minutes("cam", NOON - HOUR, 5)
    index.turn_minutes("cam", NOON, 2)


@pytest.mark.parametrize(
    ("metric", "operation", "statistic", "value"),
    [
        ("Failure", "ConnectAsMaster", "SampleCount", 10),
        ("Failure", "ConnectAsMaster", "Sum", 3),
        ("Failure", "ConnectAsMaster", "Maximum", 1),
        ("Failure", "ConnectAsMaster", "Minimum", 0),
        ("Failure", "ConnectAsMaster", "Average", 0.3),
        ("Latency", "ConnectAsMaster", "SampleCount", 10),
        ("MessagesTransferred.Count", None, "Sum", 50),
        ("MessagesTransferred.Count", None, "SampleCount", 2),
        ("MessagesTransferred.Count", None, "Maximum", 30),
        ("TURNConnectedMinutes", None, "Sum", 7),
        ("TURNConnectedMinutes", None, "Maximum", 1),
    ],
)
def test_statistics(
    *,
    cloudwatch: Any,
    index: MetricIndex,
    metric: str,
    operation: str | None,
    statistic: str,
    value: float,
) -> None:
    """Connections that succeeded are SampleCount less Sum of Failure; the rest is summed."""
    record_a_day(index)
    asked = query(metric=metric, operation=operation, Stat=statistic)
    assert points(cloudwatch, asked) == [("05-01 00:00", value)]


@pytest.mark.parametrize(
    "asked",
    [
        query(name="other"),
        query(operation="ConnectAsViewer"),
        query(operation=None),
        query(metric="Failures"),
        query(metric="MessagesTransferred.Count"),
        query(Unit="Seconds"),
    ],
)
def test_no_such_metric(cloudwatch: Any, index: MetricIndex, asked: dict[str, Any]) -> None:
    """A name, a dimension or a unit that no point has gives an empty list, as with AWS."""
    record_a_day(index)
    assert points(cloudwatch, asked) == []
    assert points(cloudwatch, query(Unit="Count")) == [("05-01 00:00", 3)]


@pytest.mark.parametrize(
    ("period", "found"),
    [
        (60, [("05-01 10:07", 1), ("05-01 10:08", 2), ("05-01 11:59", 1)]),
        (300, [("05-01 10:05", 3), ("05-01 11:55", 1)]),
        (3600, [("05-01 10:00", 3), ("05-01 11:00", 1)]),
        (7200, [("05-01 10:00", 4)]),
        (86400, [("05-01 00:00", 4)]),
    ],
)
def test_periods(
    cloudwatch: Any, index: MetricIndex, period: int, found: list[tuple[str, float]]
) -> None:
    """Points count for the minute that holds them; only periods with points are there."""
    for hour, minute, second in ((10, 8, 0), (10, 8, 59), (11, 59, 30), (10, 7, 59)):
        index.connect("cam", "MASTER", TODAY.replace(hour=hour, minute=minute, second=second))
    asked = query(Period=period, Stat="SampleCount")
    assert points(cloudwatch, asked) == found
    assert points(cloudwatch, asked, ScanBy="TimestampDescending") == found[::-1]


@pytest.mark.parametrize(
    ("start", "found"),
    [
        (TODAY - DAY, [("04-30 00:00", 1), ("05-01 00:00", 2)]),
        (TODAY - 12 * HOUR, [("04-30 12:00", 3)]),
        (TODAY - 11 * HOUR, [("04-30 13:00", 2)]),
        (TODAY - 12 * HOUR + timedelta(seconds=59), [("04-30 12:00", 3)]),
    ],
)
def test_periods_begin_at_the_start(
    cloudwatch: Any, index: MetricIndex, start: datetime, found: list[tuple[str, float]]
) -> None:
    """Who wants days of the calendar begins at midnight; a start is rounded to its minute."""
    index.messages("cam", TODAY - 12 * HOUR, 1)
    index.messages("cam", TODAY, 2)
    asked = query(metric="MessagesTransferred.Count", operation=None)
    assert points(cloudwatch, asked, StartTime=start, EndTime=start + 2 * DAY) == found


def test_start_is_in_and_end_is_not(cloudwatch: Any, index: MetricIndex) -> None:
    """The start is inclusive, the end exclusive, as documented."""
    for minute in range(5):
        index.messages("cam", TODAY + minute * MINUTE, 1)
    asked = query(metric="MessagesTransferred.Count", operation=None, Period=60)
    found = points(cloudwatch, asked, StartTime=TODAY + MINUTE, EndTime=TODAY + 3 * MINUTE)
    assert found == [("05-01 00:01", 1), ("05-01 00:02", 1)]


@pytest.mark.parametrize(
    ("period", "days"),
    [
        (60, [1, 14]),
        (240, [1, 14]),
        (300, [1, 14, 16, 62]),
        (3660, [1, 14]),
        (3300, [1, 14, 16, 62]),
        (3600, [1, 14, 16, 62, 64, 454]),
        (86400, [1, 14, 16, 62, 64, 454]),
    ],
)
def test_retention(cloudwatch: Any, index: MetricIndex, period: int, days: list[int]) -> None:
    """Fine periods are kept 15 days, five minutes 63, hours 455; then they are not there."""
    for day in (1, 14, 16, 62, 64, 454, 456):
        index.messages("cam", NOON - day * DAY, day)
    asked = query(metric="MessagesTransferred.Count", operation=None, Period=period)
    found = points(cloudwatch, asked, StartTime=TODAY - 500 * DAY, EndTime=TODAY)
    assert [value for _, value in found] == days[::-1]


def test_points_show_after_a_while(
    cloudwatch: Any, index: MetricIndex, clock: Clock, settings: Settings
) -> None:
    """With a lag neither operation knows a point before it has passed."""
    settings.metrics_lag = 15 * MINUTE
    index.messages("cam", NOON - HOUR, 1)
    index.messages("cam", NOON, 1)
    index.messages("late", NOON, 1)
    asked = query(metric="MessagesTransferred.Count", operation=None)

    def shown() -> tuple[list[tuple[str, float]], int]:
        return points(cloudwatch, asked), len(cloudwatch.list_metrics()["Metrics"])

    assert shown() == ([("05-01 00:00", 1)], 1)
    clock.forward(minutes=14)
    assert shown() == ([("05-01 00:00", 1)], 1)
    clock.forward(minutes=1)
    assert shown() == ([("05-01 00:00", 2)], 2)


def test_points_to_come(cloudwatch: Any, index: MetricIndex, clock: Clock) -> None:
    """A point of a time to come shows when that time is there."""
    index.connect("cam", "VIEWER", NOON + HOUR)
    asked = query(operation="ConnectAsViewer", Stat="SampleCount")
    assert points(cloudwatch, asked) == []
    clock.forward(hours=1)
    assert points(cloudwatch, asked) == [("05-01 00:00", 1)]


def test_nothing_is_no_point(cloudwatch: Any, index: MetricIndex) -> None:
    """To record no messages, no minutes and no connects makes no metric known."""
    index.connect("cam", "MASTER", NOON, times=0)
    index.messages("cam", NOON, 0)
    index.turn_minutes("cam", NOON, 0)
    assert cloudwatch.list_metrics(Namespace=NAMESPACE)["Metrics"] == []


def test_regions_are_apart(emulator: Emulator) -> None:
    """Each region has its own metrics."""
    metrics(ACCOUNT_ID, "eu-west-1").connect("cam", "MASTER", NOON)
    counts = {
        region: len(emulator.client("cloudwatch", region).list_metrics()["Metrics"])
        for region in ("us-east-1", "eu-west-1")
    }
    assert counts == {"us-east-1": 0, "eu-west-1": 2}
