"""The server itself: starting, stopping, other services, many threads."""

from __future__ import annotations

import http.client
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from tests.local.conftest import failure
from tests.local.http_calls import ask

if TYPE_CHECKING:
    from tests.local.conftest import Emulator


def test_started_again_it_is_empty() -> None:
    """Each start begins without channels and counts, also of one and the same server."""
    server = LocalServer(Settings())
    for _ in range(3):
        with server as local:
            assert (local.backend().channels, local.calls, local.log) == ({}, {}, [])
            local.backend().create_signaling_channel("a", 60, {})
            connection = http.client.HTTPConnection("127.0.0.1", local.port)
            ask(connection, "/listSignalingChannels", service="kinesisvideo")
            connection.close()
            assert local.calls == {"ListSignalingChannels": 1}


def test_stopped_it_does_not_answer() -> None:
    """After the stop the port is free, and connections left open are closed."""
    with LocalServer(Settings()) as local:
        connection = http.client.HTTPConnection("127.0.0.1", local.port)
        ask(connection, "/listSignalingChannels", service="kinesisvideo")
        port = local.port
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        ask(connection, "/listSignalingChannels", service="kinesisvideo")
    connection.close()
    with LocalServer(Settings(), port=port) as local:
        assert local.endpoint_url == f"http://127.0.0.1:{port}"


def test_port_in_use(local: LocalServer) -> None:
    """A port that is taken is an OSError, and the running server is not harmed."""
    local.backend().create_signaling_channel("a", 60, {})
    with pytest.raises(OSError, match="in use"):
        LocalServer(Settings(), port=local.port).start()
    assert list(local.backend().channels) == ["a"]


def test_other_services(over_http: Emulator) -> None:
    """STS and CloudWatch answer as moto has them."""
    identity = over_http.client("sts").get_caller_identity()
    assert identity["Account"] == "123456789012"
    cloudwatch = over_http.client("cloudwatch")
    cloudwatch.put_metric_data(
        Namespace="Doorbell",
        MetricData=[
            {
                "MetricName": "Failure",
                "Dimensions": [{"Name": "SignalingChannelName", "Value": "a"}],
                "Timestamp": datetime.now(UTC),
                "Value": 0,
            }
        ],
    )
    metrics = cloudwatch.list_metrics(Namespace="Doorbell")["Metrics"]
    assert [metric["MetricName"] for metric in metrics] == ["Failure"]


@pytest.mark.parametrize("service", ["kinesisvideo", "resourcegroupstaggingapi"])
def test_unknown_region(over_http: Emulator, service: str) -> None:
    """A region that the service does not have is told."""
    client = over_http.client(service, region="mars-north-1")
    call = client.list_signaling_channels if service == "kinesisvideo" else client.get_resources
    code, status, message = failure(call)
    assert (code, status) == ("UnknownOperationException", 404)
    assert "mars-north-1" in message


def test_many_threads(over_http: Emulator, local: LocalServer) -> None:
    """32 threads at once neither lose a channel nor a count."""
    kvs = over_http.client(max_pool_connections=32)
    over_http.settings.page_limit = 7

    def churn(number: int) -> None:
        arn = kvs.create_signaling_channel(ChannelName=f"c{number:03}")["ChannelARN"]
        kvs.tag_resource(ResourceARN=arn, Tags=[{"Key": "k", "Value": str(number)}])
        kvs.list_signaling_channels()
        assert kvs.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"k": str(number)}

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(churn, range(96)))
    assert len(local.backend().channels) == 96
    assert set(local.calls.values()) == {96}
    assert {outcome for _, _, outcome in local.log} == {"ok"}


FIRST_CALLS = """
import http.client, threading
from moto.core.utils import get_service_model
from kvsops.local.server import LocalServer
from tests.local.http_calls import signed

BODY = "Action=GetCallerIdentity&Version=2011-06-15"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

with LocalServer() as local:
    known = get_service_model.cache_info().misses
    headers = signed("POST", local.endpoint_url + "/", BODY, "sts", FORM)
    together, statuses = threading.Barrier(24), []

    def call():
        connection = http.client.HTTPConnection("127.0.0.1", local.port)
        connection.connect()
        together.wait()
        connection.request("POST", "/", BODY, headers)
        statuses.append(connection.getresponse().status)

    threads = [threading.Thread(target=call) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print(statuses.count(200), get_service_model.cache_info().misses - known)
"""


def test_the_first_calls_of_many_threads() -> None:
    """A service's model is read once: two dozen threads that each read it took seconds."""
    done = subprocess.run(
        [sys.executable, "-c", FIRST_CALLS], capture_output=True, text=True, check=True
    )
    assert done.stdout == "24 1\n"


def test_latency(over_http: Emulator) -> None:
    """Calls with latency are carried out as well."""
    over_http.settings.latency = timedelta(milliseconds=2)
    assert over_http.client().list_signaling_channels()["ChannelInfoList"] == []


def test_a_failure_of_ours(local: LocalServer, caplog: pytest.LogCaptureFixture) -> None:
    """A bug is logged and answered as AWS's own failure; the server goes on."""
    local.settings.random = None  # type: ignore[assignment]
    connection = http.client.HTTPConnection("127.0.0.1", local.port)
    for _ in range(2):
        status, _, content = ask(
            connection,
            "/createSignalingChannel",
            service="kinesisvideo",
            body='{"ChannelName": "a"}',
        )
        assert (status, content["__type"]) == (500, "InternalFailure")
    connection.close()
    assert "CreateSignalingChannel failed" in caplog.text
