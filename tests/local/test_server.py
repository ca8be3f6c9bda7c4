"""The server itself: starting, stopping, other services, browsers, counts, many threads."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from kvsops.local.environment import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from tests.local.conftest import failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.local.conftest import Emulator

CREDENTIALS = Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY)


@pytest.fixture
def connection(local: LocalServer) -> Iterator[http.client.HTTPConnection]:
    """Open a plain HTTP connection."""
    opened = http.client.HTTPConnection("127.0.0.1", local.port, timeout=10)
    yield opened
    opened.close()


def ask(
    connection: http.client.HTTPConnection,
    path: str,
    *,
    method: str = "POST",
    service: str = "",
    body: str | bytes = "{}",
    headers: dict[str, str] | None = None,
) -> tuple[int, http.client.HTTPMessage, Any]:
    """Send one request; answer status, headers and the JSON of the body."""
    url = f"http://127.0.0.1:{connection.port}{path}"
    request = AWSRequest(method, url, dict(headers or {}), body)
    if service:
        SigV4Auth(CREDENTIALS, service, "us-east-1").add_auth(request)
    connection.request(method, path, body, dict(request.headers.items()))
    response = connection.getresponse()
    text = response.read()
    return response.status, response.headers, json.loads(text) if text else None


def raw(port: int, path: str) -> bytes:
    """Return a signed request as it goes over the wire."""
    request = AWSRequest("POST", f"http://127.0.0.1:{port}{path}", {}, b"{}")
    SigV4Auth(CREDENTIALS, "kinesisvideo", "us-east-1").add_auth(request)
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    head = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Content-Length: 2", *lines]
    return "\r\n".join([*head, "", "{}"]).encode()


def test_one_connection_serves_many_calls(
    connection: http.client.HTTPConnection, local: LocalServer
) -> None:
    """The connection stays open from call to call, after errors too."""
    ask(connection, "/listSignalingChannels", service="kinesisvideo")
    kept = connection.sock
    assert kept is not None
    ask(connection, "/describeSignalingChannel", service="kinesisvideo")
    ask(connection, "/listSignalingChannels", service="kinesisvideo")
    assert connection.sock is kept
    assert local.calls == {"ListSignalingChannels": 2, "DescribeSignalingChannel": 1}


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


@pytest.mark.parametrize(
    ("path", "service", "status", "code", "what"),
    [
        ("/", "", 403, "MissingAuthenticationTokenException", "The request is not signed."),
        ("/nope", "", 403, "MissingAuthenticationTokenException", "The request is not signed."),
        ("/nope", "kinesisvideo", 404, "UnknownOperationException", "POST /nope of kinesisvideo"),
        (
            "/updateStream",
            "kinesisvideo",
            404,
            "UnknownOperationException",
            "the operation UpdateStream of kinesisvideo",
        ),
        ("/", "nowhere", 404, "UnknownOperationException", "a service nowhere"),
    ],
)
def test_what_is_not_there(
    *,
    connection: http.client.HTTPConnection,
    path: str,
    service: str,
    status: int,
    code: str,
    what: str,
) -> None:
    """An unknown path, operation or service is a clear error, never another service's answer."""
    answered, headers, content = ask(connection, path, service=service)
    assert (answered, headers["x-amzn-errortype"], content["__type"]) == (status, code, code)
    assert what in content["message"]


@pytest.mark.parametrize("service", ["kinesisvideo", "resourcegroupstaggingapi"])
def test_unknown_region(over_http: Emulator, service: str) -> None:
    """A region that the service does not have is told."""
    client = over_http.client(service, region="mars-north-1")
    call = client.list_signaling_channels if service == "kinesisvideo" else client.get_resources
    code, status, message = failure(call)
    assert (code, status) == ("UnknownOperationException", 404)
    assert "mars-north-1" in message


def test_counts_for_another_process(
    connection: http.client.HTTPConnection, local: LocalServer
) -> None:
    """The counts and the log can be had over HTTP, and asking does not count."""
    local.settings.quotas = True
    for _ in range(51):
        ask(connection, "/listSignalingChannels", service="kinesisvideo")
    status, _, content = ask(connection, "/kvsops-api/calls", method="GET")
    assert status == 200
    assert content["calls"] == {"ListSignalingChannels": 51}
    assert content["throttled"] == {"ListSignalingChannels": 1}
    assert content["log"] == [list(entry) for entry in local.log]
    seconds = [entry[0] for entry in local.log]
    assert seconds == sorted(seconds)
    assert local.log[-1][1:] == ("ListSignalingChannels", "ClientLimitExceededException")


def test_browsers(connection: http.client.HTTPConnection, local: LocalServer) -> None:
    """A page on this machine may ask with the headers that AWS's clients send, and read errors."""
    origin = {"Origin": "http://127.0.0.1:8000"}
    preflight = origin | {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,x-amz-date",
    }
    status, headers, _ = ask(
        connection, "/listSignalingChannels", method="OPTIONS", headers=preflight
    )
    assert status == 204
    assert headers["Access-Control-Allow-Origin"] == origin["Origin"]
    assert headers["Access-Control-Allow-Headers"] == "authorization,x-amz-date"
    assert "POST" in headers["Access-Control-Allow-Methods"]
    _, headers, _ = ask(connection, "/nope", service="kinesisvideo", headers=origin)
    assert headers["Access-Control-Allow-Origin"] == origin["Origin"]
    assert "x-amzn-errortype" in headers["Access-Control-Expose-Headers"]
    assert local.calls == {"POST /nope": 1}


@pytest.mark.parametrize(
    ("header", "value"),
    [("Content-Length", "many"), ("Content-Length", "-1"), ("Transfer-Encoding", "chunked")],
)
def test_broken_requests(connection: http.client.HTTPConnection, header: str, value: str) -> None:
    """A request without a usable length is refused, and its connection closed."""
    connection.putrequest("POST", "/listSignalingChannels")
    connection.putheader(header, value)
    connection.endheaders()
    response = connection.getresponse()
    assert (response.status, response.headers["Connection"]) == (411, "close")
    response.read()


@pytest.mark.parametrize("length", ["99999999999", "9" * 30, "9" * 5_000, str(2**63 - 1)])
def test_impossible_lengths(
    connection: http.client.HTTPConnection, caplog: pytest.LogCaptureFixture, length: str
) -> None:
    """A length beyond what any call has is refused unread, with nothing in the log."""
    connection.putrequest("POST", "/listSignalingChannels")
    connection.putheader("Content-Length", length)
    connection.endheaders()
    response = connection.getresponse()
    assert (response.status, response.headers["Connection"]) == (413, "close")
    response.read()
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("path", "service", "code"),
    [
        ("/listSignalingChannels", "kinesisvideo", "InvalidArgumentException"),
        ("/", "tagging", "SerializationException"),
    ],
)
def test_a_body_that_is_no_text(
    connection: http.client.HTTPConnection, path: str, service: str, code: str
) -> None:
    """Such a request is refused as the client's mistake."""
    status, headers, answer = ask(connection, path, service=service, body=b'{"NextToken": "\xff"}')
    assert (status, headers["x-amzn-errortype"]) == (400, code)
    assert answer["message"] == "The request's body is not UTF-8."


def test_a_client_gone_midway(local: LocalServer) -> None:
    """Half a request is not carried out, and the server goes on."""
    with socket.create_connection(("127.0.0.1", local.port)) as client:
        client.sendall(b"POST /listSignalingChannels HTTP/1.1\r\nContent-Length: 9\r\n\r\n{")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    assert local.calls == {}


def test_a_client_gone_before_the_answer(
    settings: Settings, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody is there to read the answer: nothing is said of it, and the server goes on."""
    settings.faults = (Fault("*", "late"),)
    with LocalServer(settings) as local:  # which waits for nobody at its end
        for number in range(1, 4):
            with socket.create_connection(("127.0.0.1", local.port)) as gone:
                gone.sendall(raw(local.port, "/nope"))
                while local.calls["POST /nope"] < number:
                    time.sleep(0.01)
                gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        settings.faults = ()
        client = http.client.HTTPConnection("127.0.0.1", local.port)
        assert ask(client, "/nope", service="kinesisvideo")[0] == 404
        client.close()
    assert (caplog.text, capsys.readouterr().err) == ("", "")


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
