"""Queries of GetMetricData for tests, and what is answered to them."""

from datetime import timedelta
from typing import Any

from tests.local.conftest import NOON

NAMESPACE = "AWS/KinesisVideo"
TODAY = NOON.replace(hour=0)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def query(
    identity: str = "a",
    name: str = "cam",
    metric: str = "Failure",
    operation: str | None = "ConnectAsMaster",
    **changed: Any,
) -> dict[str, Any]:
    """Return a query for the daily sum, or `changed`: Period, Stat, Unit."""
    dimensions = [{"Name": "SignalingChannelName", "Value": name}]
    if operation:
        dimensions.append({"Name": "Operation", "Value": operation})
    asked = {"Namespace": NAMESPACE, "MetricName": metric, "Dimensions": dimensions}
    return {
        "Id": identity,
        "MetricStat": {"Metric": asked, "Period": 86400, "Stat": "Sum"} | changed,
    }


def ask(cloudwatch: Any, *queries: dict[str, Any], **changed: Any) -> Any:
    """Ask for today, or for another time, and answer the whole response."""
    asked = {"StartTime": TODAY, "EndTime": TODAY + DAY, "ScanBy": "TimestampAscending"}
    return cloudwatch.get_metric_data(MetricDataQueries=list(queries), **asked | changed)


def points(cloudwatch: Any, asked: dict[str, Any], **changed: Any) -> list[tuple[str, float]]:
    """Answer one query's points, their times without a zone."""
    (result,) = ask(cloudwatch, asked, **changed)["MetricDataResults"]
    assert result["StatusCode"] == "Complete"
    assert all(time.utcoffset() == timedelta() for time in result["Timestamps"])
    times = [f"{time:%m-%d %H:%M}" for time in result["Timestamps"]]
    return list(zip(times, result["Values"], strict=True))
