"""The metrics of signaling channels: what GetMetricData and ListMetrics make of them."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from kvsops.local.api.call import Call
from kvsops.local.cloudwatch.models import metrics
from kvsops.local.dispatch import ACCOUNT_ID, carry_out
from kvsops.local.faults import Fault
from tests.local.conftest import NOON, Clock, Emulator, failure

if TYPE_CHECKING:
    from kvsops.local.cloudwatch.index import MetricIndex
    from kvsops.local.server import LocalServer
    from kvsops.local.settings import Settings

NAMESPACE = "AWS/KinesisVideo"
TODAY = NOON.replace(hour=0)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def cloudwatch(emulator: Emulator) -> Any:
    """Make a CloudWatch client, of either way to reach the emulator."""
    return emulator.client("cloudwatch")


@pytest.fixture
def index(emulator: Emulator) -> MetricIndex:
    """Return the metrics to record into."""
    assert emulator.settings.metrics_lag == timedelta()
    return metrics(ACCOUNT_ID, "us-east-1")


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


def expression(text: str) -> dict[str, Any]:
    """Return a query of metric math."""
    return {"Id": "e", "Expression": text}


@pytest.mark.parametrize(
    ("queries", "changed", "message"),
    [
        ([], {}, "MetricDataQueries is required"),
        ([query(f"q{n}") for n in range(501)], {}, "must not have a size greater than 500"),
        ([query(), query("b"), query()], {}, "Id in MetricDataQueries are not unique: a."),
        ([query("Q")], {}, "The value Q for parameter MetricDataQueries.member.1.Id"),
        ([query(), {"Id": "b"}], {}, "MetricDataQueries.member.2.MetricStat is required"),
        ([query(), expression("a*2")], {}, "MetricDataQueries.member.2.Expression: kvsops local"),
        ([expression(f"SEARCH('{{{NAMESPACE}}}', 'Sum', 60)")], {}, "no metric math, no SEARCH"),
        ([query(Stat="p99")], {}, "The value p99 for parameter MetricDataQueries.member.1"),
        ([query(Stat="sum")], {}, "which has Average, Maximum, Minimum, SampleCount, Sum"),
        ([query(Stat="")], {}, "MetricStat.Stat is not supported"),
        ([query(Period=0)], {}, "The value 0 for parameter"),
        ([query(Period=30)], {}, "Period is not a multiple of 60"),
        ([query(Period=90)], {}, "Period is not a multiple of 60"),
        ([query()], {"StartTime": NOON, "EndTime": NOON}, "must not equal parameter EndTime"),
        ([query()], {"StartTime": NOON, "EndTime": TODAY}, "must be greater than StartTime"),
        ([query()], {"ScanBy": "Newest"}, "The value Newest for parameter ScanBy"),
        ([query()], {"MaxDatapoints": 0}, "MaxDatapoints must be greater than or equal to 1"),
    ],
)
def test_refused(
    cloudwatch: Any, queries: list[dict[str, Any]], changed: dict[str, Any], message: str
) -> None:
    """What cannot be answered is refused, never answered with nothing."""
    found = failure(partial(ask, cloudwatch, *queries), **changed)
    assert found[:2] == ("ValidationError", 400)
    assert message in found[2]


def test_500_queries(cloudwatch: Any, index: MetricIndex) -> None:
    """As many as documented, answered in their order."""
    index.connect("cam7", "MASTER", NOON)
    answer = ask(cloudwatch, *[query(f"q{n}", f"cam{n}", Stat="SampleCount") for n in range(500)])
    results = answer["MetricDataResults"]
    assert [result["Id"] for result in results] == [f"q{n}" for n in range(500)]
    assert [result["Id"] for result in results if result["Values"]] == ["q7"]
    assert "NextToken" not in answer


def test_label_and_what_is_not_to_be_returned(cloudwatch: Any) -> None:
    """A label comes back; what is not to be returned is not."""
    asked = [query() | {"Label": "mine"}, query("b") | {"ReturnData": False}, query("c")]
    results = ask(cloudwatch, *asked)["MetricDataResults"]
    assert [(each["Id"], each["Label"]) for each in results] == [("a", "mine"), ("c", "Failure")]


@pytest.mark.parametrize(
    ("order", "most", "pages"),
    [
        (
            "TimestampAscending",
            2,
            [
                [("a", [0, 1], "PartialData"), ("b", [], "PartialData"), ("c", [], "PartialData")],
                [("a", [2], "Complete"), ("b", [], "Complete"), ("c", [0], "PartialData")],
                [("a", [], "Complete"), ("b", [], "Complete"), ("c", [1, 2], "Complete")],
            ],
        ),
        (
            "TimestampDescending",
            4,
            [
                [("a", [2, 1, 0], "Complete"), ("b", [], "Complete"), ("c", [2], "PartialData")],
                [("a", [], "Complete"), ("b", [], "Complete"), ("c", [1, 0], "Complete")],
            ],
        ),
        (
            "TimestampAscending",
            3,
            [
                [("a", [0, 1, 2], "Complete"), ("b", [], "Complete"), ("c", [], "PartialData")],
                [("a", [], "Complete"), ("b", [], "Complete"), ("c", [0, 1, 2], "Complete")],
            ],
        ),
        (
            "TimestampAscending",
            6,
            [[("a", [0, 1, 2], "Complete"), ("b", [], "Complete"), ("c", [0, 1, 2], "Complete")]],
        ),
    ],
)
def test_pages(
    cloudwatch: Any, index: MetricIndex, order: str, most: int, pages: list[Any]
) -> None:
    """A page holds as many points as asked for; what it cut short is PartialData."""
    for name in ("one", "three"):
        for minute in range(3):
            index.messages(name, TODAY + minute * MINUTE, 1)
    messages: dict[str, Any] = {
        "metric": "MessagesTransferred.Count",
        "operation": None,
        "Period": 60,
    }
    queries = [
        query(i, name, **messages) for i, name in (("a", "one"), ("b", "two"), ("c", "three"))
    ]
    asked: dict[str, Any] = {"ScanBy": order, "MaxDatapoints": most}
    found: list[Any] = []
    while len(found) < 5:
        answer = ask(cloudwatch, *queries, **asked)
        found.append(
            [
                (each["Id"], [time.minute for time in each["Timestamps"]], each["StatusCode"])
                for each in answer["MetricDataResults"]
            ]
        )
        if "NextToken" not in answer:
            break
        asked["NextToken"] = answer["NextToken"]
    assert found == pages


@pytest.mark.parametrize(
    ("token", "changed"),
    [("nope", {}), (None, {"EndTime": TODAY + 2 * DAY}), (None, {"ScanBy": "TimestampDescending"})],
)
def test_foreign_token(
    cloudwatch: Any, index: MetricIndex, token: str | None, changed: dict[str, Any]
) -> None:
    """A token goes on with the request it is from, and with no other."""
    index.messages("cam", TODAY, 1)
    index.messages("cam", TODAY + MINUTE, 1)
    asked = query(metric="MessagesTransferred.Count", operation=None, Period=60)
    token = token or ask(cloudwatch, asked, MaxDatapoints=1)["NextToken"]
    found = failure(partial(ask, cloudwatch, asked), NextToken=token, **changed)
    assert found[:2] == ("InvalidNextToken", 400)


def test_100_800_points(over_http: Emulator) -> None:
    """No answer holds more, however many are asked for."""
    index = metrics(ACCOUNT_ID, "us-east-1")
    start = NOON - 15 * DAY + MINUTE
    for name in "abcde":
        minutes = [(start + n * MINUTE, 1.0, 1) for n in range(21_000)]
        dimensions = {"SignalingChannelName": name}
        index.record("MessagesTransferred.Count", dimensions, minutes)
    messages: dict[str, Any] = {
        "metric": "MessagesTransferred.Count",
        "operation": None,
        "Period": 60,
    }
    asked = [query(name, name, **messages) for name in "abcde"]
    cloudwatch = over_http.client("cloudwatch")
    first = ask(cloudwatch, *asked, StartTime=start, EndTime=NOON, MaxDatapoints=200_000)
    rest = ask(cloudwatch, *asked, StartTime=start, EndTime=NOON, NextToken=first["NextToken"])
    sizes = [[len(each["Values"]) for each in page["MetricDataResults"]] for page in (first, rest)]
    assert sizes == [[21_000, 21_000, 21_000, 21_000, 16_800], [0, 0, 0, 0, 4_200]]
    assert "NextToken" not in rest


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


def listed(cloudwatch: Any, **asked: Any) -> list[str]:
    """Answer the metrics listed, as `name channel operation`."""
    found = cloudwatch.list_metrics(**{"Namespace": NAMESPACE} | asked)["Metrics"]
    by_name = [{each["Name"]: each["Value"] for each in metric["Dimensions"]} for metric in found]
    return [
        " ".join(
            filter(None, (metric["MetricName"], at["SignalingChannelName"], at.get("Operation")))
        )
        for metric, at in zip(found, by_name, strict=True)
    ]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (
            {},
            [
                "Failure a ConnectAsMaster",
                "Failure b ConnectAsViewer",
                "Latency a ConnectAsMaster",
                "Latency b ConnectAsViewer",
                "MessagesTransferred.Count a",
            ],
        ),
        (
            {"MetricName": "Failure"},
            ["Failure a ConnectAsMaster", "Failure b ConnectAsViewer"],
        ),
        ({"MetricName": "Fail"}, []),
        (
            {"Dimensions": [{"Name": "SignalingChannelName", "Value": "a"}]},
            [
                "Failure a ConnectAsMaster",
                "Latency a ConnectAsMaster",
                "MessagesTransferred.Count a",
            ],
        ),
        (
            {"MetricName": "Latency", "Dimensions": [{"Name": "Operation"}]},
            ["Latency a ConnectAsMaster", "Latency b ConnectAsViewer"],
        ),
        (
            {
                "Dimensions": [
                    {"Name": "SignalingChannelName"},
                    {"Name": "Operation", "Value": "ConnectAsViewer"},
                ]
            },
            ["Failure b ConnectAsViewer", "Latency b ConnectAsViewer"],
        ),
        ({"Dimensions": [{"Name": "Role"}]}, []),
        ({"Namespace": "AWS/EC2"}, []),
    ],
)
def test_list(cloudwatch: Any, index: MetricIndex, asked: dict[str, Any], found: list[str]) -> None:
    """Filters by name, by dimension, and by a dimension's value; all must be met."""
    index.messages("a", NOON, 5)
    index.connect("b", "VIEWER", NOON)
    index.connect("a", "MASTER", NOON)
    if asked.get("Namespace"):
        assert cloudwatch.list_metrics(**asked)["Metrics"] == []
    else:
        assert listed(cloudwatch, **asked) == found


@pytest.mark.parametrize(
    ("age", "always", "recently"),
    [
        (MINUTE, True, True),
        (3 * HOUR, True, True),
        (3 * HOUR + MINUTE, True, False),
        (14 * DAY, True, False),
        (14 * DAY + MINUTE, False, False),
    ],
)
def test_how_long_listed(
    *, cloudwatch: Any, index: MetricIndex, age: timedelta, always: bool, recently: bool
) -> None:
    """Two weeks after the last point, or three hours with RecentlyActive."""
    index.messages("cam", NOON - age, 1)
    index.messages("cam", NOON - age - 20 * DAY, 1)
    assert bool(listed(cloudwatch)) == always
    assert bool(listed(cloudwatch, RecentlyActive="PT3H")) == recently


@pytest.mark.parametrize(
    ("asked", "code", "message"),
    [
        ({"RecentlyActive": "PT4H"}, "ValidationError", "The value PT4H"),
        (
            {"Dimensions": [{"Name": f"d{n}"} for n in range(11)]},
            "ValidationError",
            "must not have a size greater than 10",
        ),
        ({"NextToken": "nope"}, "InvalidParameterValue", "NextToken is invalid"),
    ],
)
def test_list_refused(cloudwatch: Any, asked: dict[str, Any], code: str, message: str) -> None:
    """Neither another window, nor too many filters, nor a token that is none."""
    found = failure(cloudwatch.list_metrics, Namespace=NAMESPACE, **asked)
    assert found[:2] == (code, 400)
    assert message in found[2]


def test_list_pages(cloudwatch: Any, index: MetricIndex) -> None:
    """500 a page, each metric once, and a token belongs to its own listing."""
    for number in range(601):
        index.connect(f"cam-{number}", "MASTER", NOON)
    paginator = cloudwatch.get_paginator("list_metrics")
    pages = [page["Metrics"] for page in paginator.paginate(Namespace=NAMESPACE)]
    assert [len(page) for page in pages] == [500, 500, 202]
    assert len({json.dumps(metric) for page in pages for metric in page}) == 1_202
    token = cloudwatch.list_metrics(Namespace=NAMESPACE)["NextToken"]
    asked = {"Namespace": NAMESPACE, "MetricName": "Failure", "NextToken": token}
    assert failure(cloudwatch.list_metrics, **asked)[0] == "InvalidParameterValue"


def test_list_whose_metrics_change(cloudwatch: Any, index: MetricIndex) -> None:
    """What is new between two pages makes none of the others be left out or come twice."""
    for number in range(600):
        index.messages(f"b-{number:03}", NOON, 1)
    first = cloudwatch.list_metrics(Namespace=NAMESPACE)
    index.messages("a-new", NOON, 1)
    rest = listed(cloudwatch, NextToken=first["NextToken"])
    assert rest == [f"MessagesTransferred.Count b-{number}" for number in range(500, 600)]


def test_other_namespaces(cloudwatch: Any, index: MetricIndex) -> None:
    """Custom metrics are moto's as before, also in one request with ours."""
    index.connect("cam", "MASTER", NOON)
    cloudwatch.put_metric_data(
        Namespace="Doorbell", MetricData=[{"MetricName": "Rings", "Timestamp": NOON, "Value": 4}]
    )
    custom = {"Namespace": "Doorbell", "MetricName": "Rings"}
    rings = {"Id": "r", "MetricStat": {"Metric": custom, "Period": 86400, "Stat": "Sum"}}
    results = ask(cloudwatch, rings, query(Stat="SampleCount"))["MetricDataResults"]
    assert [(each["Id"], each["Values"]) for each in results] == [("r", [4]), ("a", [1])]
    names = [
        each["MetricName"]
        for page in cloudwatch.get_paginator("list_metrics").paginate()
        for each in page["Metrics"]
    ]
    assert names == ["Failure", "Latency", "Rings"]
    (only,) = cloudwatch.list_metrics(Namespace="Doorbell")["Metrics"]
    assert only["MetricName"] == "Rings"


def test_what_moto_would_answer_with_nothing(cloudwatch: Any) -> None:
    """Nobody puts data into AWS's namespace, and another way to read it is refused."""
    put = failure(cloudwatch.put_metric_data, Namespace=NAMESPACE, MetricData=[])
    assert put[:2] == ("InvalidParameterValue", 400)
    asked = {
        "Namespace": NAMESPACE,
        "MetricName": "Failure",
        "StartTime": TODAY,
        "EndTime": NOON,
        "Period": 60,
        "Statistics": ["Sum"],
    }
    assert failure(cloudwatch.get_metric_statistics, **asked)[:2] == ("ValidationError", 400)


@pytest.mark.parametrize("operation", ["GetMetricData", "ListMetrics"])
def test_counted_and_faulted(over_http: Emulator, local: LocalServer, operation: str) -> None:
    """CloudWatch's calls are counted, and meet faults, as all others do."""
    cloudwatch = over_http.client("cloudwatch")
    call = {
        "GetMetricData": lambda: ask(cloudwatch, query()),
        "ListMetrics": cloudwatch.list_metrics,
    }[operation]
    over_http.settings.faults = (Fault(operation, "AccessDenied"),)
    assert failure(call)[:2] == ("AccessDenied", 403)
    over_http.settings.faults = ()
    call()
    assert local.calls[operation] == 2
    assert [outcome for _, _, outcome in local.log] == ["AccessDenied", "ok"]


def test_the_server_hands_out_the_metrics(local: LocalServer, over_http: Emulator) -> None:
    """Tests and the fleet record where the server reads; a server begins empty."""
    local.metrics().messages("cam", NOON, 3)
    local.metrics("eu-west-1").messages("cam", NOON, 4)
    asked = query(metric="MessagesTransferred.Count", operation=None)
    assert points(over_http.client("cloudwatch"), asked) == [("05-01 00:00", 3)]
    assert points(over_http.client("cloudwatch", "eu-west-1"), asked) == [("05-01 00:00", 4)]


def test_the_query_protocol(local: LocalServer) -> None:
    """Older clients speak XML; those that speak CBOR are told what to do."""
    local.metrics().messages("cam", NOON, 3)
    signed = "AWS4-HMAC-SHA256 Credential=AKIAKVSOPSLOCALTEST0/20260501/us-east-1/monitoring/"
    headers = {"authorization": f"{signed}aws4_request", "host": "127.0.0.1"}
    stat = "MetricDataQueries.member.1.MetricStat"
    form = {
        "Action": "GetMetricData",
        "StartTime": "2026-05-01T00:00:00Z",
        "EndTime": "2026-05-02T00:00:00Z",
        "MetricDataQueries.member.1.Id": "a",
        f"{stat}.Metric.Namespace": NAMESPACE,
        f"{stat}.Metric.MetricName": "MessagesTransferred.Count",
        f"{stat}.Metric.Dimensions.member.1.Name": "SignalingChannelName",
        f"{stat}.Metric.Dimensions.member.1.Value": "cam",
        f"{stat}.Period": "3600",
        f"{stat}.Stat": "Sum",
    }
    headers["content-type"] = "application/x-www-form-urlencoded"
    answer = carry_out(Call("POST", "/", headers, urlencode(form).encode()))
    assert b"<member>2026-05-01T12:00:00Z</member>" in answer.body
    assert b"<Values><member>3.0</member></Values>" in answer.body
    headers["content-type"] = "application/cbor"
    answer = carry_out(Call("POST", "/service/x/operation/GetMetricData", headers, b"\xa0"))
    assert (answer.status, answer.outcome) == (404, "UnknownOperationException")
    assert b"let the client speak JSON" in answer.body


def test_aws_cli(local: LocalServer) -> None:
    """AWS's own command line reads the metrics."""
    local.metrics().connect("cam", "MASTER", NOON, times=3)
    command = ["aws", "cloudwatch", "get-metric-data", "--output", "json"]
    command += ["--metric-data-queries", json.dumps([query(Stat="SampleCount")])]
    command += ["--start-time", "2026-05-01T00:00:00Z", "--end-time", "2026-05-02T00:00:00Z"]
    environment = local.environment()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    (result,) = json.loads(done.stdout)["MetricDataResults"]
    assert (result["StatusCode"], result["Values"]) == ("Complete", [3.0])
    assert result["Timestamps"] == [TODAY.timestamp()]
