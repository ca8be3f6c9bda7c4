"""The control plane over HTTP: connections, what is refused, browsers, clients that are gone."""

from __future__ import annotations

import http.client
import socket
import struct
import time
from typing import TYPE_CHECKING

import pytest

from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.local.http_calls import ask, signed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kvsops.local.settings import Settings


@pytest.fixture
def connection(local: LocalServer) -> Iterator[http.client.HTTPConnection]:
    """Open a plain HTTP connection."""
    opened = http.client.HTTPConnection("127.0.0.1", local.port, timeout=10)
    yield opened
    opened.close()


def raw(port: int, path: str) -> bytes:
    """Return a signed request as it goes over the wire."""
    headers = signed("POST", f"http://127.0.0.1:{port}{path}", b"{}", "kinesisvideo")
    lines = [f"{name}: {value}" for name, value in headers.items()]
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
