"""GetMetricData's requests: what is refused, how many queries there may be, and pages."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from kvsops.local.accounts import ACCOUNT_ID
from kvsops.local.cloudwatch.models import metrics
from tests.local.cloudwatch.queries import DAY, MINUTE, NAMESPACE, TODAY, ask, query
from tests.local.conftest import NOON, Emulator, failure

if TYPE_CHECKING:
    from kvsops.local.cloudwatch.index import MetricIndex


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
