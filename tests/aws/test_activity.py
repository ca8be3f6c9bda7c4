"""What was used: how it is asked of CloudWatch, and read off its answers."""

import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from botocore.session import Session

from kvsops.aws.activity import (
    CALL_PRICE,
    EVERY,
    FIRST,
    REST,
    Asked,
    names_with_points,
    read,
)
from kvsops.aws.metric_data import LISTED_FOR, QUERIES
from kvsops.aws.metrics import METRIC_PRICE
from kvsops.aws.scope import Scope
from kvsops.aws.session import Account
from kvsops.core.cost import Day
from kvsops.errors import AwsError, DeniedError
from kvsops.local.environment import child_environment
from kvsops.local.faults import PARTIAL, Fault
from kvsops.local.server import LocalServer
from tests.aws.conftest import FailFirst
from tests.aws.first_calls import FirstCalls
from tests.between import Answer, between
from tests.fleet import DAY, HOUR, NOON, Time
from tests.usage import use

MONTH_AGO = NOON.replace(hour=0) - 30 * DAY
TODAY = NOON.date()
ALL = (*FIRST, *REST)
MASTERS, VIEWERS, MESSAGES = FIRST
METRIC = {
    "Namespace": "AWS/KinesisVideo",
    "MetricName": "TURNConnectedMinutes",
    "Dimensions": [{"Name": "SignalingChannelName", "Value": 'door "\u00e4"'}],
}


def asked(*names: str) -> list[Asked]:
    """Ask all there is to ask of these names."""
    return [(name, query) for name in names for query in ALL]


def days_of(scope: Scope, name: str = "cam") -> dict[date, Day]:
    """Answer what all queries tell of a name in the last 30 days."""
    points, untold = read(scope, asked(name), MONTH_AGO, scope.now())
    assert untold == {}
    return points.get(name, {})


def written(client: Any, parameters: dict[str, Any]) -> Any:
    """Return the GetMetricData request that a client sends."""
    sent = []
    client.meta.events.register("before-send", lambda request, **_: sent.append(request.body))
    client.get_metric_data(**parameters)
    return json.loads(*sent)


def test_queries_are_written_as_botocore_writes_them(environment: dict[str, str]) -> None:
    """They are put into the request past botocore, which would have sent the same."""
    each = {"Id": "q0", "MetricStat": {"Metric": METRIC, "Period": 60, "Stat": "Sum"}}
    asked = {"MetricDataQueries": [each], "StartTime": MONTH_AGO, "EndTime": NOON}
    body = written(Account.open(None, None, None, environment).client("cloudwatch", 1), asked)
    assert body == written(Session().create_client("cloudwatch"), asked)
    assert body["MetricDataQueries"] == [each]
    assert asked["MetricDataQueries"] == [each]  # for the next attempt


# Reading


def test_connections_that_succeeded(emulator: LocalServer, scope: Scope) -> None:
    """Of both roles' attempts those are taken away that failed."""
    use(emulator, "cam", NOON - HOUR, masters=3, viewers=4, failed=2)
    # SampleCount 3 + 2 and 4, Sum 2 and 0: 5 + 4 - 2 = 7
    assert days_of(scope) == {TODAY: Day(connections=7)}


def test_viewers_that_failed(emulator: LocalServer, scope: Scope) -> None:
    """A viewer's failure counts as a master's does."""
    emulator.metrics().connect("cam", "VIEWER", NOON - HOUR, times=5)
    emulator.metrics().connect("cam", "VIEWER", NOON - HOUR, failed=True, times=3)
    assert days_of(scope) == {TODAY: Day(connections=5)}


def test_a_day_that_only_failed(emulator: LocalServer, scope: Scope) -> None:
    """Attempts that failed are no use, and make no channel active."""
    use(emulator, "cam", NOON - HOUR, failed=4)
    assert days_of(scope) == {TODAY: Day()}
    assert not days_of(scope)[TODAY].used


def test_messages_and_turn_minutes(emulator: LocalServer, scope: Scope) -> None:
    """Both are sums, over the samples and over the day."""
    use(emulator, "cam", NOON - 2 * HOUR, NOON - HOUR, messages=40, turn_minutes=7)
    assert days_of(scope) == {TODAY: Day(0, 80, 14)}


def test_by_day_in_utc(emulator: LocalServer, scope: Scope) -> None:
    """Each day has its own; midnight parts them."""
    midnight = NOON.replace(hour=0)
    minute = timedelta(minutes=1)
    use(emulator, "cam", midnight - minute, midnight, midnight + minute, masters=1)
    assert days_of(scope) == {TODAY - DAY: Day(1), TODAY: Day(2)}


def test_names_apart(emulator: LocalServer, scope: Scope) -> None:
    """One name's use is never another's, however alike; a name without points is left out."""
    for number, name in enumerate(("cam", "cam-1", "cam-10", "CAM"), 1):
        use(emulator, name, NOON - HOUR, masters=number)
    points, _ = read(scope, asked("cam-1", "cam", "none", "cam-10"), MONTH_AGO, NOON)
    assert {name: days[TODAY].connections for name, days in points.items()} == {
        "cam": 1,
        "cam-1": 2,
        "cam-10": 3,
    }


def test_other_operations_do_not_count(emulator: LocalServer, scope: Scope) -> None:
    """What a peer does once it is connected, or asks for before, is no connection."""
    for operation in ("Disconnect", "SendSdpOffer", "GetIceServerConfig"):
        dimensions = {"Operation": operation, "SignalingChannelName": "cam"}
        emulator.metrics().record("Failure", dimensions, [(NOON - HOUR, 0.0, 9)])
    assert days_of(scope) == {}


def test_one_call_a_batch(emulator: LocalServer, scope: Scope) -> None:
    """500 queries are one call."""
    batch = [(f"cam-{number}", MASTERS) for number in range(QUERIES)]
    use(emulator, "cam-0", NOON - HOUR, masters=1)
    points, _ = read(scope, batch, MONTH_AGO, NOON)
    assert points == {"cam-0": {TODAY: Day(1)}}
    assert emulator.calls["GetMetricData"] == 1


def test_more_than_a_batch_is_refused_by_cloudwatch(scope: Scope) -> None:
    """So 500 is the most there may be."""
    batch = [(f"cam-{number}", MASTERS) for number in range(QUERIES + 1)]
    with pytest.raises(AwsError, match=r"ValidationError: .*size greater than 500"):
        read(scope, batch, MONTH_AGO, NOON)


def test_large_answers_come_in_pages(emulator: LocalServer, scope: Scope) -> None:
    """More than 100,800 points take several pages, and none is lost or counted twice.

    Two names have a connection in each minute of 14 days: 20,160 points in each of 3 metrics.
    """
    minutes = [NOON - timedelta(minutes=number) for number in range(1, 20_161)]
    index = emulator.metrics()
    for name in ("cam-1", "cam-2"):
        for operation in ("ConnectAsMaster", "ConnectAsViewer"):
            dimensions = {"Operation": operation, "SignalingChannelName": name}
            index.record("Failure", dimensions, [(at, 0.0, 2) for at in reversed(minutes)])
        index.record(
            "MessagesTransferred.Count",
            {"SignalingChannelName": name},
            [(at, 3.0, 1) for at in reversed(minutes)],
        )
    batch = [(name, query) for name in ("cam-1", "cam-2") for query in FIRST]
    points, _ = read(scope, batch, NOON - 15 * DAY, NOON, period=60)
    assert emulator.calls["GetMetricData"] == 2  # 2 x 3 x 20,160 = 120,960 points
    for days in points.values():
        assert sum(used.connections for used in days.values()) == 20_160 * 4
        assert sum(used.messages for used in days.values()) == 20_160 * 3
        assert set(days) == set(minutes)
        assert set(days.values()) == {Day(4, 3)}


def test_denied(emulator: LocalServer, scope: Scope) -> None:
    """A permission that is missing is named."""
    emulator.settings.faults = (Fault("GetMetricData", "AccessDenied"),)
    with pytest.raises(DeniedError) as caught:
        days_of(scope)
    assert str(caught.value) == (
        'GetMetricData denied: the credentials need cloudwatch:GetMetricData on "*"'
    )


def test_a_batch_answered_in_part(emulator: LocalServer, scope: Scope) -> None:
    """A name of which a query failed is untold, whatever its other queries say."""
    use(emulator, "cam", NOON - HOUR, masters=1)
    use(emulator, "yard", NOON - HOUR, masters=1)
    emulator.settings.faults = (FirstCalls("GetMetricData", PARTIAL, 2),)
    points, untold = read(scope, asked("cam", "yard"), MONTH_AGO, scope.now())
    assert untold == {"cam": "CloudWatch answered InternalError"}
    assert points["yard"] == {TODAY: Day(1)}


@pytest.mark.parametrize("error", ["Throttling", "InternalFailure", "drop"])
def test_retried(emulator: LocalServer, scope: Scope, fail_first: FailFirst, error: str) -> None:
    """Throttles, faults and broken connections are tried again, with the same answer."""
    use(emulator, "cam", NOON - HOUR, masters=1)
    assert days_of(scope) == {TODAY: Day(1)}
    fail_first("GetMetricData", error, 4)
    assert days_of(scope) == {TODAY: Day(1)}
    assert emulator.calls["GetMetricData"] == 1 + 4 + 1


# Which names have points


def test_names_with_points(emulator: LocalServer, scope: Scope) -> None:
    """Each of the first queries names what has points in it, also what is no more."""
    emulator.metrics().connect("master", "MASTER", NOON - HOUR)
    emulator.metrics().connect("viewer", "VIEWER", NOON - HOUR)
    emulator.metrics().connect("failed", "MASTER", NOON - HOUR, failed=True)
    emulator.metrics().messages("talk", NOON - HOUR, 5)
    emulator.metrics().turn_minutes("turn", NOON - HOUR, 5)
    found = [names_with_points(scope, query) for query in FIRST]
    assert found == [{"master", "failed"}, {"viewer"}, {"talk"}]


@pytest.mark.parametrize(
    ("ago", "listed"),
    [
        (timedelta(minutes=5), True),
        (LISTED_FOR - timedelta(minutes=1), True),
        (LISTED_FOR + timedelta(minutes=2), False),
        (21 * DAY, False),
    ],
)
def test_two_weeks(
    emulator: LocalServer,
    scope: Scope,
    ago: timedelta,
    listed: bool,  # noqa: FBT001 - a row's expectation
) -> None:
    """What had no point in the last two weeks is not listed: no proof that it was not used."""
    use(emulator, "cam", NOON - ago, masters=1)
    assert names_with_points(scope, MASTERS) == ({"cam"} if listed else set())
    assert sum(day.connections for day in days_of(scope).values()) == 1


def test_listed_page_by_page(emulator: LocalServer, scope: Scope) -> None:
    """500 metrics are a page; the pages are read to the end, and only of the metric asked for."""
    names = {f"cam-{number}" for number in range(1_001)}
    for name in names:
        use(emulator, name, NOON - HOUR, masters=1)
    assert names_with_points(scope, MASTERS) == names
    assert emulator.calls["ListMetrics"] == 3
    assert names_with_points(scope, MESSAGES) == set()
    assert emulator.calls["ListMetrics"] == 4


@pytest.mark.parametrize(
    "dimensions",
    [
        [],
        None,
        [{"Name": "Operation", "Value": "ConnectAsMaster"}],
        [{"Name": "SignalingChannelName", "Value": None}],
        [{"Name": "SignalingChannelName", "Value": ""}],
        [{"Name": None, "Value": "cam"}],
    ],
)
@pytest.mark.usefixtures("environment")
def test_a_metric_that_names_nothing(emulator: LocalServer, time: Time, dimensions: object) -> None:
    """It is a failed look: left out, a channel that was used would pass for silent."""
    use(emulator, "cam", NOON - HOUR, masters=1)

    def change(_: str, answer: Answer) -> Answer:
        metrics = [{"Namespace": "AWS/KinesisVideo", "Dimensions": dimensions}]
        return replace(answer, body=json.dumps({"Metrics": metrics}).encode())

    with between(emulator.endpoint_url, change) as url:
        scope = time.scope(child_environment(url, "us-east-1", {}))
        with pytest.raises(AwsError, match="it told a metric without SignalingChannelName"):
            names_with_points(scope, MASTERS)


# What is asked, and what it costs


def test_queries() -> None:
    """Three are asked of every name, three more of those with points: six in all."""
    assert [str(query) for query in FIRST] == [
        "SampleCount of Failure ConnectAsMaster",
        "SampleCount of Failure ConnectAsViewer",
        "Sum of MessagesTransferred.Count",
    ]
    assert [str(query) for query in REST] == [
        "Sum of Failure ConnectAsMaster",
        "Sum of Failure ConnectAsViewer",
        "Sum of TURNConnectedMinutes",
    ]
    assert EVERY == 6


def test_own_prices() -> None:
    """A thousand metrics cost a cent, and so do a thousand other calls."""
    assert str(METRIC_PRICE * 1_000) == str(CALL_PRICE * 1_000) == "0.01000"


def test_the_time_goes_by_the_scope(emulator: LocalServer, scope: Scope, time: Time) -> None:
    """What comes later is not told before."""
    later: datetime = NOON + HOUR
    use(emulator, "cam", later, masters=1)
    assert days_of(scope) == {}
    time.sleep(3_700)
    assert days_of(scope) == {TODAY: Day(1)}
