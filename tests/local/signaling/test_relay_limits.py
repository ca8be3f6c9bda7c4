"""The relay's limits in rate and time, at a clock that moves only when told to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kvsops.core.wire.message import MessageType
from tests.local.signaling.peers import ANSWER, CANDIDATE, OFFER, Peers, run

if TYPE_CHECKING:
    from kvsops.core.wire.message import Action
    from kvsops.local.server import LocalServer
    from kvsops.local.settings import Settings
    from tests.local.conftest import Clock, Emulator


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Turn the quotas on, as they are by default."""
    settings.quotas = True
    return settings


def test_three_connects_a_second(local: LocalServer, clock: Clock, arn: str) -> None:
    """Each role of a channel may connect three times a second."""

    async def body(peers: Peers) -> None:
        for number in range(3):
            await peers.viewer(arn, f"v{number}")
            await peers.master(arn)
        for url in (peers.url("VIEWER", arn, "v3"), peers.url("MASTER", arn)):
            status, code, message = await peers.refused(url)
            assert (status, code, message) == (400, "ClientLimitExceededException", "Rate exceeded")
        clock.forward(seconds=1)
        await peers.viewer(arn, "v3")
        await peers.master(arn)

    run(local, body)


@pytest.mark.parametrize(
    ("actions", "admitted"), [([OFFER, ANSWER], 5), ([ANSWER], 5), ([CANDIDATE], 20)]
)
def test_messages_a_second(
    *, local: LocalServer, clock: Clock, arn: str, actions: list[Action], admitted: int
) -> None:
    """Descriptions of both kinds share 5 a second on a connection, and candidates have 20."""

    async def body(peers: Peers) -> None:
        master, viewer = await peers.both(arn)
        for number in range(admitted):
            await viewer.send(actions[number % len(actions)], str(number), correlation_id="0")
        await viewer.send(actions[-1], "one too many", correlation_id="1")
        refusal = await viewer.refusal()
        assert (refusal.correlation_id, refusal.error_type, refusal.status_code) == (
            "1",
            "ClientLimitExceededException",
            "400",
        )
        clock.forward(seconds=1)
        await viewer.send(actions[-1], "in time", correlation_id="2")
        expected = [*map(str, range(admitted)), "in time"]
        assert await master.payloads(admitted + 1) == expected

    run(local, body)


def test_rates_are_a_connections_own(local: LocalServer, arn: str) -> None:
    """Another connection, or the other kind of message, is not held up."""

    async def body(peers: Peers) -> None:
        master, viewer = await peers.both(arn)
        for _ in range(6):
            await viewer.send(OFFER, "offer")
        await viewer.send(CANDIDATE, "candidate")
        await (await peers.viewer(arn, "v2")).send(OFFER, "another's")
        assert set(await master.payloads(7)) == {"offer", "candidate", "another's"}

    run(local, body)


def test_ten_minutes_of_silence(local: LocalServer, clock: Clock, arn: str) -> None:
    """A connection that is silent for 10 minutes is closed; a message or a ping keeps it."""

    async def body(peers: Peers) -> None:
        master, viewer = await peers.both(arn)
        silent = await peers.viewer(arn, "silent")
        clock.forward(minutes=9)
        await master.settle()
        await viewer.ws.ping()
        await viewer.settle()
        clock.forward(minutes=1)
        assert await silent.end() == 1001
        clock.forward(minutes=8)
        await viewer.send(OFFER, "still here")
        assert await master.payloads(1) == ["still here"]

    run(local, body)


def test_an_hour(local: LocalServer, clock: Clock, arn: str) -> None:
    """After 59 minutes comes GO_AWAY; what is said in the last minute still arrives."""

    async def body(peers: Peers) -> None:
        master = await peers.master(arn)
        for _ in range(6):
            clock.forward(minutes=9)
            await master.settle()
        viewer = await peers.viewer(arn)
        clock.forward(minutes=5)
        assert (await master.receive()).message_type is MessageType.GO_AWAY
        await viewer.send(OFFER, "hello")
        assert await master.payloads(1) == ["hello"]
        clock.forward(seconds=59)
        await master.settle()
        clock.forward(seconds=1)
        assert await master.end() == 1001
        await viewer.settle()

    run(local, body)


@pytest.mark.parametrize(("seconds", "kept"), [(59, True), (60, False)])
def test_how_long_messages_are_kept(
    *, local: LocalServer, clock: Clock, arn: str, seconds: int, kept: bool
) -> None:
    """A message waits for the channel's MessageTtlSeconds, 60 by default."""

    async def body(peers: Peers) -> None:
        viewer = await peers.viewer(arn)
        await viewer.send(OFFER, "hello")
        await viewer.settle()
        clock.forward(seconds=seconds)
        master = await peers.master(arn)
        if kept:
            assert await master.payloads(1) == ["hello"]
        await master.settle()

    run(local, body)


def test_the_channels_own_time(local: LocalServer, over_http: Emulator, clock: Clock) -> None:
    """Another MessageTtlSeconds counts from when it is set."""
    arn = over_http.active("brief", SingleMasterConfiguration={"MessageTtlSeconds": 5})

    async def body(peers: Peers) -> None:
        viewer = await peers.viewer(arn)
        await viewer.send(OFFER, "lost")
        await viewer.settle()
        clock.forward(seconds=5)
        await viewer.send(OFFER, "found")
        await viewer.settle()
        clock.forward(seconds=4)
        assert await (await peers.master(arn)).payloads(1) == ["found"]

    run(local, body)


def test_a_newer_offer_waits_anew(local: LocalServer, clock: Clock, arn: str) -> None:
    """An offer that replaces another has its whole time before it."""

    async def body(peers: Peers) -> None:
        viewer = await peers.viewer(arn)
        await viewer.send(OFFER, "old")
        await viewer.settle()
        clock.forward(seconds=50)
        await viewer.send(OFFER, "new")
        await viewer.settle()
        clock.forward(seconds=50)
        assert await (await peers.master(arn)).payloads(1) == ["new"]

    run(local, body)
