"""ListMetrics: what is listed, for how long, and in which pages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.local.cloudwatch.queries import DAY, HOUR, MINUTE, NAMESPACE
from tests.local.conftest import NOON, failure

if TYPE_CHECKING:
    from datetime import timedelta

    from kvsops.local.cloudwatch.index import MetricIndex


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
