"""The relay: who reaches whom, what waits for whom, and who takes whose place."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest

from kvsops.core.wire.message import MessageType, Received, StatusResponse
from tests.local.signaling.peers import ANSWER, CANDIDATE, OFFER, Peers, counted, run

if TYPE_CHECKING:
    from kvsops.local.server import LocalServer
    from tests.local.conftest import Emulator


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


def test_subprotocols(local: LocalServer, arn: str, caplog: pytest.LogCaptureFixture) -> None:
    """AWS's C clients ask for `wss`: it is agreed to, where it is asked for, without a word."""

    async def body(peers: Peers) -> None:
        asking = await peers.connect(peers.url("MASTER", arn), protocols=["wss"])
        assert (asking.ws.protocol, (await peers.viewer(arn)).ws.protocol) == ("wss", None)

    run(local, body)
    assert caplog.text == ""


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
        assert await master.payloads(1) == ["hello"]

    run(local, body)


def test_pings(local: LocalServer, arn: str) -> None:
    """A ping is answered with what it said."""

    async def body(peers: Peers) -> None:
        viewer = await peers.connect(peers.url("VIEWER", arn, "v1"), autoping=False)
        await viewer.ws.ping(b"are you there?")
        pong = await viewer.frame()
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


def test_stored_channels_relay_nothing(
    local: LocalServer, arn: str, caplog: pytest.LogCaptureFixture
) -> None:
    """On a channel whose media is stored the peers do not reach each other, and the log says it."""
    local.backend().channels["front-door"].stream_arn = "arn:aws:kinesisvideo:::stream/s/1"

    async def body(peers: Peers) -> None:
        master, viewer = await peers.both(arn)
        await viewer.send(OFFER, "hello")
        await viewer.settle()
        await master.settle()
        assert counted(local, "MessagesTransferred.Count") == (1, 1)  # sent, and not received

    run(local, body)
    assert caplog.messages[0] == (
        "kvsops local: front-door: SDP_OFFER by the viewer v1 was not relayed: the channel's media "
        "is stored"
    )


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
