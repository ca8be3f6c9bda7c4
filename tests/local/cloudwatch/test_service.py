"""CloudWatch as a service: other namespaces, faults and counts, protocols, AWS's own client."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from kvsops.local.api.call import Call
from kvsops.local.dispatch import carry_out
from kvsops.local.faults import Fault
from tests.local.cloudwatch.queries import NAMESPACE, TODAY, ask, points, query
from tests.local.conftest import NOON, Emulator, failure

if TYPE_CHECKING:
    from kvsops.local.cloudwatch.index import MetricIndex
    from kvsops.local.server import LocalServer


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
