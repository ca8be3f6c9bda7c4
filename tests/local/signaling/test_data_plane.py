"""The data plane as a whole: what it counts, its start, its end, and what comes in uncalled for."""

from __future__ import annotations

import asyncio
import gc
import re
import socket
import threading
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from kvsops.errors import UsageError
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from tests.local.signaling.peers import ANSWER, CANDIDATE, OFFER, Peers, counted, run

if TYPE_CHECKING:
    from tests.local.conftest import Clock, Emulator


def test_traffic_becomes_metrics(local: LocalServer, arn: str) -> None:
    """Connects, messages and ends become metrics of the channel, failures too."""

    async def body(peers: Peers) -> None:
        master, viewer = await peers.both(arn)
        await viewer.send(OFFER, "hello")
        await master.receive()
        await master.send(ANSWER, "to nobody")
        await master.send(ANSWER, "kept", to="v2")
        await master.send(CANDIDATE, "hello", to="v1")
        await viewer.receive()
        await peers.refused(peers.url("MASTER", arn).replace("299", "298"))
        await viewer.ws.close()
        await master.ws.close()
        while local.calls["Disconnect"] < 2:
            await asyncio.sleep(0.01)

    run(local, body)
    assert counted(local, "Failure", "ConnectAsMaster") == (1, 0)
    assert counted(local, "Failure", "ConnectAsViewer") == (1, 0)
    assert counted(local, "Failure", "SendSdpOffer") == (1, 0)
    assert counted(local, "Failure", "SendSdpAnswer") == (2, 1)
    assert counted(local, "Failure", "SendCandidate") == (1, 0)
    assert counted(local, "Failure", "Disconnect") == (2, 0)
    assert counted(local, "Latency", "SendSdpAnswer")[0] == 2
    assert counted(local, "MessagesTransferred.Count") == (5, 5)
    assert local.calls["ConnectAsMaster"] == 2
    assert [entry[1:] for entry in local.log if entry[2] != "ok"] == [
        ("ConnectAsMaster", "AccessDeniedException")
    ]


def test_a_foreign_subprotocol(
    local: LocalServer, arn: str, caplog: pytest.LogCaptureFixture
) -> None:
    """AWS's C client asks for the subprotocol `wss`: it is let in, without a word of warning."""

    async def body(peers: Peers) -> None:
        master = await peers.connect(
            peers.url("MASTER", arn), headers={"Sec-WebSocket-Protocol": "wss"}
        )
        assert not master.ws.closed

    run(local, body)
    assert local.calls["ConnectAsMaster"] == 1
    assert [record.name for record in caplog.records if record.name.startswith("aiohttp")] == []


def test_endpoints(local: LocalServer, over_http: Emulator, arn: str) -> None:
    """The API answers an endpoint each for masters, viewers and HTTPS, and only then they start."""
    assert "kvsops-local" not in {thread.name for thread in threading.enumerate()}
    urls = []
    for role in ("MASTER", "VIEWER", "MASTER"):
        wanted = {"Protocols": ["WSS", "HTTPS"], "Role": role}
        answer = over_http.client().get_signaling_channel_endpoint(
            ChannelARN=arn, SingleMasterChannelEndpointConfiguration=wanted
        )
        urls.append([item["ResourceEndpoint"] for item in answer["ResourceEndpointList"]])
    master, viewer, again = urls
    assert master == again
    assert len({*master, *viewer}) == 3
    assert re.fullmatch(r"wss://127\.0\.0\.1:\d+ https://127\.0\.0\.1:\d+", " ".join(master))
    assert "kvsops-local" in {thread.name for thread in threading.enumerate()}
    assert local.calls["GetSignalingChannelEndpoint"] == 3


def test_without_signaling(clock: Clock) -> None:
    """Without signaling nothing listens, and the endpoints are those that AWS would have."""
    threads = threading.active_count()
    with LocalServer(Settings(signaling=False, clock=clock)) as local:
        assert local.settings.endpoint_of is None
        assert local.ca_bundle is None
        assert "AWS_CA_BUNDLE" not in local.environment()
        with pytest.raises(UsageError, match="without signaling"):
            local.client_context()
    assert threading.active_count() == threads


def test_stopped_in_order(clock: Clock) -> None:
    """Stopped, it says goodbye to who is connected, and leaves neither thread nor file nor port."""
    threads = threading.active_count()
    local = LocalServer(Settings(clock=clock, quotas=False))
    local.start()
    arn = local.backend().create_signaling_channel("front-door", 60, {}).arn
    clock.forward(seconds=1)

    async def body(peers: Peers) -> None:
        master, viewer = await peers.both(arn)
        idle = await peers.viewer(arn, "v2")
        stopping = asyncio.get_running_loop().run_in_executor(None, local.stop)
        assert [await master.end(), await viewer.end()] == [1001, 1001]
        await stopping
        await idle.ws.close()
        with pytest.raises(aiohttp.ClientConnectorError):
            await peers.connect(peers.urls["MASTER"])

    run(local, body)
    assert threading.active_count() == threads


WHATEVER = [
    b"",
    b"\0\xff\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf",
    b"GET /?X-Amz-Signature=secret\0 HTTP/1.1\r\n\r\n",
]


def test_whatever_comes_in(caplog: pytest.LogCaptureFixture) -> None:
    """Sockets that say nothing, no TLS, no HTTP or half of it do not outlive the emulator."""
    with LocalServer(Settings()) as local:
        assert local.settings.endpoint_of is not None
        port = int(str(local.settings.endpoint_of("HTTPS", "")).rpartition(":")[2])
        plain = [socket.create_connection(("127.0.0.1", port)) for _ in range(2 + len(WHATEVER))]
        plain[1].sendall(b"GET / HTTP/1.1\r\n\r\n")
        wrap = local.client_context().wrap_socket
        secure = [wrap(opened, server_hostname="127.0.0.1") for opened in plain[2:]]
        for wrapped, text in zip(secure, WHATEVER, strict=True):
            wrapped.sendall(text)
        assert secure[1].recv(12) == secure[3].recv(12) == b"HTTP/1.0 400"
    for opened in (*plain[:2], *secure):
        opened.close()
    gc.collect()
    assert caplog.text == ""


@pytest.mark.parametrize("role", ["MASTER", "HTTPS"])
def test_a_failure_of_ours(
    local: LocalServer, arn: str, caplog: pytest.LogCaptureFixture, role: str
) -> None:
    """A bug is logged without the URL, and answered as AWS's own failure."""

    async def body(peers: Peers) -> None:
        url = peers.url("MASTER", arn)
        endpoint_of = local.settings.endpoint_of
        assert endpoint_of is not None
        broken: Any = (None,)
        local.settings.faults = broken
        if role == "MASTER":
            assert (await peers.refused(url))[:2] == (500, "InternalFailure")
        else:
            path = str(endpoint_of("HTTPS", "")) + "/v1/get-ice-server-config"
            async with peers.session.post(path, data="{}") as response:
                assert response.status == 500
        assert "X-Amz-Signature" not in caplog.text
        assert "a call of the data plane failed" in caplog.text
        local.settings.faults = ()

    run(local, body)
