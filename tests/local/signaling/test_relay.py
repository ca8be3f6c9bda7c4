"""The relay: who reaches whom, what waits for whom, who takes whose place, and what it counts."""

from __future__ import annotations

import asyncio
import gc
import re
import socket
import threading
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from kvsops.core.wire.message import MessageType, Received, StatusResponse
from kvsops.errors import UsageError
from kvsops.local.cloudwatch.index import Metric
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from tests.local.signaling.peers import ANSWER, CANDIDATE, OFFER, Peers, run

if TYPE_CHECKING:
    from tests.local.conftest import Clock, Emulator


@pytest.fixture
def arn(over_http: Emulator) -> str:
    """Make a channel."""
    return over_http.active("front-door")


def counted(local: LocalServer, name: str, operation: str | None = None) -> tuple[float, float]:
    """Answer the samples and the sum of a metric of the channel."""
    dimensions = {"SignalingChannelName": "front-door"}
    if operation:
        dimensions["Operation"] = operation
    now = int(local.settings.clock().timestamp())
    found = local.metrics().aggregate(Metric.of(name, dimensions), 0, now + 1, 60, 0)
    samples = [*found.values()]
    return sum(s.samples for s in samples), sum(s.total for s in samples)


def test_there_and_back(local: LocalServer, arn: str) -> None:
    """The viewer's messages reach the master under its id; the master's have no sender."""

    async def body(peers: Peers) -> None:
        master, viewer = await peers.both(arn)
        await viewer.send(OFFER, "the offer")
        assert await master.receive() == Received(MessageType.SDP_OFFER, "v1", "the offer")
        await master.send(ANSWER, "the answer", to="v1")
        assert await viewer.receive() == Received(MessageType.SDP_ANSWER, None, "the answer")
        await viewer.send(CANDIDATE, "one")
        await viewer.send(CANDIDATE, "two")
        assert await master.payloads(2) == ["one", "two"]

    run(local, body)


def test_as_awss_c_client_writes(local: LocalServer, arn: str) -> None:
    """Capitals are read, and the payload is passed on as it came, even in another alphabet."""

    async def body(peers: Peers) -> None:
        master, viewer = await peers.both(arn)
        text = (
            '{\n\t"action": "SDP_ANSWER",\n\t"RecipientClientId": "v1",\n\t"MessagePayload": "%s"}'
        )
        await master.ws.send_str(text % "Pz8_Pj4-")
        received = await viewer.receive()
        assert (received.payload, received.encoded) == ("???>>>", "Pz8_Pj4-")
        await viewer.ws.send_bytes(b'{"action": "SDP_OFFER", "messagePayload": "aGVsbG8="}')
        assert (await master.receive()).payload == "hello"

    run(local, body)


def test_recipients(local: LocalServer, arn: str) -> None:
    """A viewer's recipient is ignored, so that it cannot reach a viewer; a master needs one."""

    async def body(peers: Peers) -> None:
        master, viewer = await peers.both(arn)
        other = await peers.viewer(arn, "v2")
        await viewer.send(OFFER, "hello", to="v2")
        assert await master.receive() == Received(MessageType.SDP_OFFER, "v1", "hello")
        await master.send(ANSWER, "to nobody")
        await master.send(ANSWER, "to nobody", correlation_id="7")
        assert await master.refusal() == StatusResponse(
            "7", "InvalidArgumentException", "400", "recipientClientId is missing"
        )
        await other.settle()

    run(local, body)


def test_only_with_a_correlation_id(local: LocalServer, arn: str) -> None:
    """A success is never acknowledged, an error only where it can be named."""

    async def body(peers: Peers) -> None:
        master, viewer = await peers.both(arn)
        for text in ("", "hello", "[]", '{"action": "WAVE"}', '{"messagePayload": "?"}'):
            await viewer.ws.send_str(text)
        await viewer.send(OFFER, "hello", correlation_id="1")
        await viewer.ws.send_str('{"action": "WAVE", "CorrelationId": "2"}')
        refusal = await viewer.refusal()
        assert (refusal.correlation_id, refusal.status_code) == ("2", "400")
        oversize = '{"action": "SDP_OFFER", "correlationId": "3", "messagePayload": "%s"}'
        await viewer.ws.send_str(oversize % ("a" * 10_001))
        assert "10,001 characters" in str((await viewer.refusal()).description)
        assert await master.payloads(1) == ["hello"]

    run(local, body)


def test_pings(local: LocalServer, arn: str) -> None:
    """A ping is answered with what it said."""

    async def body(peers: Peers) -> None:
        viewer = await peers.connect(peers.url("VIEWER", arn, "v1"), autoping=False)
        await viewer.ws.ping(b"are you there?")
        pong = await viewer.ws.receive(timeout=20)
        assert (pong.type, pong.data) == (aiohttp.WSMsgType.PONG, b"are you there?")

    run(local, body)


def test_a_masters_client_id(local: LocalServer, arn: str) -> None:
    """A master may send a client id: it stays the one master, and its messages have no sender."""

    async def body(peers: Peers) -> None:
        master = await peers.master(arn, client_id="v1")
        viewer = await peers.viewer(arn, "v1")
        await viewer.send(OFFER, "hello")
        assert (await master.receive()).sender_client_id == "v1"
        await master.send(ANSWER, "hello", to="v1")
        assert (await viewer.receive()).sender_client_id is None

    run(local, body)


@pytest.mark.parametrize("role", ["MASTER", "VIEWER"])
def test_newcomers(local: LocalServer, arn: str, role: str) -> None:
    """Who comes as the same peer takes its place; the one before is closed, with code 1001."""

    async def body(peers: Peers) -> None:
        both = {"MASTER": await peers.master(arn), "VIEWER": await peers.viewer(arn)}
        before = both[role]
        both[role] = await peers.connect(peers.url(role, arn, "v1"))
        assert await before.end() == 1001
        await both["VIEWER"].send(OFFER, "hello")
        assert await both["MASTER"].payloads(1) == ["hello"]
        await both["MASTER"].send(ANSWER, "hello", to="v1")
        assert await both["VIEWER"].payloads(1) == ["hello"]

    run(local, body)


def test_eleven_viewers(local: LocalServer, arn: str) -> None:
    """Ten viewers fit; one of them may come again, and another when one has gone."""

    async def body(peers: Peers) -> None:
        viewers = [await peers.viewer(arn, f"v{number}") for number in range(10)]
        url = peers.url("VIEWER", arn, "v10")
        status, code, message = await peers.refused(url)
        assert (status, code) == (400, "ClientLimitExceededException")
        assert message == "The channel has its maximum number of viewers."
        again = await peers.viewer(arn, "v9")
        assert await viewers[9].end() == 1001
        await again.settle()
        await viewers[0].ws.close()
        await (await peers.viewer(arn, "v10")).settle()

    run(local, body)


def test_kept_for_who_is_not_there(local: LocalServer, arn: str) -> None:
    """What waits is delivered once, in order, an offer replaced by the newer one of its client."""

    async def body(peers: Peers) -> None:
        viewer, other = await peers.viewer(arn, "v1"), await peers.viewer(arn, "v2")
        await viewer.send(OFFER, "an offer")
        await viewer.send(CANDIDATE, "a candidate")
        await viewer.send(CANDIDATE, "another candidate")
        await viewer.send(OFFER, "a newer offer")
        await viewer.settle()
        await other.send(OFFER, "another's offer")
        await other.settle()
        master = await peers.master(arn)
        expected = ["a newer offer", "a candidate", "another candidate", "another's offer"]
        assert await master.payloads(4) == expected
        await (await peers.master(arn)).settle()

    run(local, body)


def test_kept_for_a_viewer(local: LocalServer, arn: str) -> None:
    """A viewer that comes back gets what the master sent meanwhile, and no other viewer does."""

    async def body(peers: Peers) -> None:
        master, viewer = await peers.both(arn)
        await viewer.ws.close()
        await master.send(ANSWER, "an answer", to="v1")
        await master.send(ANSWER, "a newer answer", to="v1")
        await master.settle()
        await (await peers.viewer(arn, "v2")).settle()
        viewer = await peers.viewer(arn, "v1")
        assert await viewer.payloads(1) == ["a newer answer"]

    run(local, body)


def test_channels_are_apart(local: LocalServer, over_http: Emulator, arn: str) -> None:
    """Nothing crosses from one channel to another."""
    other_arn = over_http.active("back-door")

    async def body(peers: Peers) -> None:
        master, viewer = await peers.both(arn)
        other_master, other_viewer = await peers.both(other_arn)
        await viewer.send(OFFER, "front")
        await other_viewer.send(OFFER, "back")
        assert await master.payloads(1) == ["front"]
        assert await other_master.payloads(1) == ["back"]

    run(local, body)


def test_stored_channels_relay_nothing(local: LocalServer, arn: str) -> None:
    """On a channel whose media is stored the peers do not reach each other."""
    local.backend().channels["front-door"].stream_arn = "arn:aws:kinesisvideo:::stream/s/1"

    async def body(peers: Peers) -> None:
        master, viewer = await peers.both(arn)
        await viewer.send(OFFER, "hello")
        await viewer.settle()
        await master.settle()
        assert counted(local, "MessagesTransferred.Count") == (1, 1)  # sent, and not received

    run(local, body)


def test_deleted_channels(local: LocalServer, over_http: Emulator, arn: str) -> None:
    """With the channel its connections end, and no new one can be made."""

    async def body(peers: Peers) -> None:
        master, viewer = await peers.both(arn)
        url = peers.url("MASTER", arn)
        over_http.client().delete_signaling_channel(ChannelARN=arn)
        assert [await master.end(), await viewer.end()] == [1001, 1001]
        assert (await peers.refused(url))[:2] == (404, "ResourceNotFoundException")

    run(local, body)


def test_frames_too_large(local: LocalServer, arn: str) -> None:
    """A frame that nobody could mean ends the connection, and nothing else."""

    async def body(peers: Peers) -> None:
        master, viewer = await peers.both(arn)
        await viewer.ws.send_str("a" * 200_000)
        assert await viewer.end() in (1006, 1009)
        await master.settle()
        await (await peers.viewer(arn)).send(OFFER, "hello")
        assert await master.payloads(1) == ["hello"]

    run(local, body)


def test_who_does_not_read(local: LocalServer, arn: str) -> None:
    """A viewer that reads nothing is let go in the end, and holds up neither master nor viewers."""

    async def body(peers: Peers) -> None:
        master, other = await peers.master(arn), await peers.viewer(arn, "v2")
        idle = await peers.viewer(arn, "v1")
        idle.transport.pause_reading()
        for _ in range(1_500):
            await master.send(CANDIDATE, "a" * 7_000, to="v1")
        await master.send(CANDIDATE, "hello", to="v2")
        assert await other.payloads(1) == ["hello"]
        idle.transport.abort()

    run(local, body)


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


def test_connections_that_break(local: LocalServer, arn: str) -> None:
    """A peer that is gone without a word loses its place, and its messages wait."""

    async def body(peers: Peers) -> None:
        master = await peers.master(arn)
        (await peers.viewer(arn)).transport.abort()
        while local.calls["Disconnect"] < 1:
            await asyncio.sleep(0.01)
        await master.send(ANSWER, "hello", to="v1")
        await master.settle()
        assert await (await peers.viewer(arn)).payloads(1) == ["hello"]

    run(local, body)
