"""Faults of signaling: what is lost, late, doubled, overtaken, refused or sent away."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import aiohttp
import pytest

from kvsops.core.wire.message import MessageType
from kvsops.errors import UsageError
from kvsops.local.faults import Fault, check_operations
from tests.aws.first_calls import FirstCalls
from tests.local.signaling.peers import ANSWER, CANDIDATE, OFFER, Peers, failures, run

if TYPE_CHECKING:
    from kvsops.local.server import LocalServer
    from tests.local.conftest import Clock


def test_lost(local: LocalServer, arn: str) -> None:
    """A message that meets drop is lost, and its sender is not told."""
    local.settings.faults = (Fault("SendSdpOffer", "drop"),)

    async def body(peers: Peers) -> None:
        master, viewer = await peers.both(arn)
        await viewer.send(OFFER, "lost", correlation_id="1")
        await viewer.send(CANDIDATE, "arrives")
        assert await master.payloads(1) == ["arrives"]
        await viewer.settle()

    run(local, body)


def test_doubled(local: LocalServer, arn: str) -> None:
    """A message that meets duplicate arrives twice."""
    local.settings.faults = (Fault("SendSdpAnswer", "duplicate"),)

    async def body(peers: Peers) -> None:
        master, viewer = await peers.both(arn)
        await master.send(ANSWER, "twice", to="v1")
        await master.send(CANDIDATE, "once", to="v1")
        assert await viewer.payloads(3) == ["twice", "twice", "once"]

    run(local, body)


def test_overtaken(local: LocalServer, arn: str) -> None:
    """A message that meets reorder comes after the next one that does not."""
    local.settings.faults = (Fault("SendCandidate", "reorder"),)
    local.settings.delay_by = timedelta(hours=1)

    async def body(peers: Peers) -> None:
        master, viewer = await peers.both(arn)
        await viewer.send(CANDIDATE, "first")
        await viewer.send(CANDIDATE, "second")
        await viewer.send(OFFER, "third")
        assert await master.payloads(3) == ["third", "first", "second"]

    run(local, body)


@pytest.mark.parametrize("error", ["delay", "late", "reorder"])
def test_late(local: LocalServer, arn: str, error: str) -> None:
    """A message that is delayed comes later than the ones after it, or alone in the end."""
    local.settings.faults = (Fault("SendCandidate", error),)
    local.settings.delay_by = local.settings.late_by = timedelta(milliseconds=20)

    async def body(peers: Peers) -> None:
        master, viewer = await peers.both(arn)
        await viewer.send(CANDIDATE, "late")
        assert await master.payloads(1) == ["late"]
        await viewer.send(CANDIDATE, "late")
        await viewer.send(OFFER, "early")
        assert await master.payloads(2) == ["early", "late"]

    run(local, body)


def test_refused_messages(local: LocalServer, arn: str) -> None:
    """An AWS error code refuses the message, as its sender learns if it gave a correlation id."""
    local.settings.faults = (Fault("SendSdpOffer", "InternalFailure"),)

    async def body(peers: Peers) -> None:
        master, viewer = await peers.both(arn)
        await viewer.send(OFFER, "refused")
        await viewer.send(OFFER, "refused", correlation_id="1")
        refusal = await viewer.refusal()
        assert (refusal.correlation_id, refusal.error_type) == ("1", "InternalFailure")
        assert refusal.status_code == "500"
        await master.settle()

    run(local, body)


def test_cut_off_after_a_message(local: LocalServer, arn: str) -> None:
    """A message that meets drop-after arrives, and its sender's connection breaks."""
    local.settings.faults = (Fault("SendSdpOffer", "drop-after"),)

    async def body(peers: Peers) -> None:
        master, viewer = await peers.both(arn)
        await viewer.send(OFFER, "arrives")
        assert await master.payloads(1) == ["arrives"]
        assert await viewer.end() == 1006

    run(local, body)


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        ("AccessDeniedException", (403, "AccessDeniedException")),
        ("ClientLimitExceededException", (400, "ClientLimitExceededException")),
        ("ResourceNotFoundException", (404, "ResourceNotFoundException")),
        ("InternalFailure", (500, "InternalFailure")),
    ],
)
def test_refused_connects(
    local: LocalServer, arn: str, error: str, refused: tuple[int, str]
) -> None:
    """An AWS error code refuses the connect with its status, in the role it is for."""
    local.settings.faults = (Fault("ConnectAsViewer", error),)

    async def body(peers: Peers) -> None:
        assert (await peers.refused(peers.url("VIEWER", arn, "v1")))[:2] == refused
        await (await peers.master(arn)).settle()

    run(local, body)


@pytest.mark.parametrize("error", ["drop", "drop-after"])
def test_cut_off(local: LocalServer, arn: str, error: str) -> None:
    """The connection breaks before the upgrade, or right after it."""
    local.settings.faults = (Fault("ConnectAsMaster", error),)

    async def body(peers: Peers) -> None:
        if error == "drop":
            with pytest.raises(aiohttp.ClientConnectionError):
                await peers.master(arn)
        else:
            assert await (await peers.master(arn)).end() == 1006
        await (await peers.viewer(arn)).settle()

    run(local, body)
    assert local.calls["ConnectAsMaster"] in (1, 2)  # aiohttp asks again where it got no answer


@pytest.mark.parametrize("error", ["delay", "late"])
def test_late_connects(local: LocalServer, arn: str, error: str) -> None:
    """A connect that is delayed succeeds all the same."""
    local.settings.faults = (
        Fault("*", error) if error == "late" else Fault("ConnectAsMaster", error),
    )
    local.settings.delay_by = local.settings.late_by = timedelta(milliseconds=300)
    local.settings.latency = timedelta(milliseconds=2)

    async def body(peers: Peers) -> None:
        began = time.monotonic()
        await (await peers.master(arn)).settle()
        assert time.monotonic() - began >= 0.3

    run(local, body)
    assert local.calls["ConnectAsMaster"] == 1


def test_gone_before_the_upgrade(
    local: LocalServer, arn: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A client that does not wait for a connect that is delayed is no failure of ours."""
    fault = FirstCalls("ConnectAsMaster", "delay", 1)
    local.settings.faults = (fault,)
    local.settings.delay_by = timedelta(milliseconds=200)

    async def body(peers: Peers) -> None:
        connecting = asyncio.ensure_future(peers.master(arn))
        while not fault.met:
            await asyncio.sleep(0.01)
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
        while not local.calls["ConnectAsMaster"]:
            await asyncio.sleep(0.01)
        await (await peers.viewer(arn)).settle()

    run(local, body)
    assert failures(caplog) == []


def test_sent_away(local: LocalServer, clock: Clock, arn: str) -> None:
    """GO_AWAY comes at once, and the connection goes on for its last minute."""
    local.settings.faults = (Fault("ConnectAsMaster", "go-away"),)

    async def body(peers: Peers) -> None:
        master, viewer = await peers.both(arn)
        assert (await master.receive()).message_type is MessageType.GO_AWAY
        clock.forward(seconds=59)
        await viewer.send(OFFER, "hello")
        assert await master.payloads(1) == ["hello"]
        clock.forward(seconds=1)
        assert await master.end() == 1001
        await viewer.settle()

    run(local, body)


def test_other_ice_servers(local: LocalServer, arn: str) -> None:
    """A connection is told at once that its ICE servers changed."""
    local.settings.faults = (Fault("ConnectAsViewer", "reconnect-ice-server"),)

    async def body(peers: Peers) -> None:
        viewer = await peers.viewer(arn)
        assert (await viewer.receive()).message_type is MessageType.RECONNECT_ICE_SERVER
        await viewer.settle()

    run(local, body)


def test_pending_at_the_end(local: LocalServer, arn: str) -> None:
    """What is still on its way when the emulator stops holds nothing up."""
    local.settings.faults = (Fault("SendSdpOffer", "late"), Fault("SendCandidate", "reorder"))

    async def body(peers: Peers) -> None:
        viewer = await peers.viewer(arn)
        await viewer.send(OFFER, "never")
        await viewer.send(CANDIDATE, "never")
        await viewer.settle()

    run(local, body)
    assert (local.calls["SendSdpOffer"], local.calls["SendCandidate"]) == (1, 1)
    began = time.monotonic()
    local.stop()
    assert timedelta(seconds=time.monotonic() - began) < local.settings.late_by / 10
    local.start()  # for the fixture, which stops it


@pytest.mark.parametrize(
    "text",
    [
        "ConnectAsViewer:go-away:100%",
        "ConnectAsMaster:AccessDeniedException:1",
        "SendCandidate:reorder:0.5",
        "SendSdpOffer:duplicate:50%",
        "SendSdpAnswer:drop:1",
        "GetIceServerConfig:delay:1",
        "Allocate:turn-refused:100%",
        "GetMetricData:partial:20%",
        "*:drop:1%",
    ],
)
def test_what_can_be_asked_for(text: str) -> None:
    """Each of these is a fault that something can meet."""
    fault = Fault.parse(text)
    check_operations([fault])
    assert [fault.operation, fault.error] == text.split(":")[:2]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("SendSdpOffer:go-away:1", "go-away is for ConnectAsMaster, ConnectAsViewer only"),
        ("ConnectAsMaster:reorder:1", "reorder is for SendSdpOffer, SendSdpAnswer, SendCand"),
        ("*:duplicate:1", "duplicate is for SendSdpOffer"),
        ("CreateSignalingChannel:delay:1", "delay is for ConnectAsMaster"),
        ("GetIceServerConfig:turn-refused:1", "turn-refused is for Allocate only"),
        ("ListMetrics:partial:1", "partial is for GetMetricData only"),
        ("Allocate:drop:1", "the fault of Allocate is turn-refused"),
        ("Allocate:AccessDeniedException:1", "the fault of Allocate is turn-refused"),
    ],
)
def test_what_cannot(text: str, why: str) -> None:
    """A fault that its operation cannot meet is told, with those that can."""
    with pytest.raises(UsageError, match=why):
        Fault.parse(text)
