"""The pair that is told: the one that carried the packets, beside aiortc as it is."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from aiortc import RTCIceServer, RTCPeerConnection
from aiortc.stats import RTCTransportStats

from kvsops.errors import PeerError
from kvsops.local.turn.server import TurnServer
from kvsops.peers import internals
from kvsops.peers.ice import Ice
from kvsops.peers.pair import Pair
from kvsops.peers.peer import Peer
from tests.local.turn.client import USERS, coturn
from tests.peers.stranger import Stranger
from tests.peers.test_relay import needs_coturn
from tests.smoke.conftest import ADDRESSES

pytestmark = pytest.mark.skipif(not ADDRESSES, reason="no address but loopback ones: no pair")
Offers = Literal["ours", "theirs"]


@dataclass
class Told:
    """Our pair before and after a second of packets, and the other end's count of them."""

    before: Pair | None
    pair: Pair | None
    sent: int
    received: int
    sent_over: set[tuple[str, str]]
    """The types of our and their candidates that anything of ours was sent from and to."""


async def transport_stats(connection: RTCPeerConnection) -> RTCTransportStats:
    """Return aiortc's own count of packets."""
    stats = await connection.getStats()
    [found] = [each for each in stats.values() if isinstance(each, RTCTransportStats)]
    return found


async def call(
    offers: Offers, ice: Ice, servers: Sequence[RTCIceServer] = (), *, direct_delay: float = 0.0
) -> Told:
    """Let data go both ways for a while; `servers` are the other end's."""
    ours, stranger = Peer("viewer", ice, kinds=("video",)), Stranger(servers=servers)
    stranger.direct_delay = direct_delay
    ours.open_channel("data")
    try:
        await stranger.meet(ours, offers)
        await ours.reach_ice()
        before = ours.pair
        await ours.reach_dtls()
        await asyncio.wait_for(ours.opened.wait(), 10)
        for number in range(20):
            assert ours.channel is not None
            ours.channel.send(f"{number}")
        await asyncio.sleep(0.5)
        theirs = await transport_stats(stranger.connection)
        ways = [way for way in internals.ways(ours.connection) if way.traffic.sent]
        over = {(way.local.type, way.remote.type) for way in ways}
        return Told(before, ours.pair, theirs.packetsReceived, theirs.packetsSent, over)
    finally:
        await asyncio.gather(ours.close(), stranger.close())


@pytest.mark.parametrize("offers", ["ours", "theirs"])
def test_direct(offers: Offers) -> None:
    """Before any packet the nominated pair is told; then the one in use, with all its packets."""
    told = asyncio.run(call(offers, Ice()))
    assert told.before is not None
    assert told.pair is not None
    assert (told.pair.local_type, told.pair.remote_type, told.pair.relayed) == (
        "host",
        "host",
        False,
    )
    assert told.pair.packets_sent == told.sent > 5
    assert told.pair.packets_received == told.received > 5


@pytest.mark.parametrize("offers", ["ours", "theirs"])
def test_relayed(offers: Offers) -> None:
    """Where only our end is relayed, that is told, and how the server is reached."""

    async def relayed() -> Told:
        async with TurnServer({"who": "a word"}.get) as turn:
            uri = f"turn:127.0.0.1:{turn.udp_port}"
            server = RTCIceServer(uri, "who", "a word")
            return await call(offers, Ice((server,), relay_only=True, relay_transport="udp"))

    told = asyncio.run(relayed())
    assert told.pair is not None
    assert (str(told.pair), told.pair.relayed) == ("relay over udp - host", True)
    assert told.pair.packets_sent == told.sent
    assert told.pair.packets_received == told.received


@needs_coturn
def test_relays_that_work_sooner(tmp_path: Path) -> None:
    """Where the relay works before the direct way does, that is waited for, and all goes there."""

    async def told(port: int) -> Told:
        uri = f"turn:127.0.0.1:{port}"
        mine, theirs = (RTCIceServer(uri, name, USERS[name]) for name in ("user-1", "user-2"))
        ice = Ice((mine,), relay_transport="udp")
        return await call("ours", ice, [theirs], direct_delay=0.9)

    with coturn(tmp_path, quota=0, peers=["--allow-loopback-peers"]) as ports:
        found = asyncio.run(told(ports.udp))
    assert found.sent_over == {("host", "host")}
    assert found.sent > 5


@pytest.mark.parametrize("offers", ["ours", "theirs"])
@pytest.mark.parametrize("library", ["aioice", "aiortc"])
def test_another_version(monkeypatch: pytest.MonkeyPatch, library: str, offers: Offers) -> None:
    """With a version whose private parts were not read it connects; no pair is told."""
    monkeypatch.setitem(internals.KNOWN_VERSIONS, library, "0.0.")
    told = asyncio.run(call(offers, Ice()))
    assert (told.before, told.pair) == (None, None)
    assert told.sent > 5
    strange = internals.unknown_version()
    assert strange is not None
    assert strange.startswith(library)


def test_nobody_nominates() -> None:
    """Where pairs work and the end that controls nominates none, that is told."""

    async def told() -> str:
        ours, stranger = Peer("master", Ice(), kinds=("video",)), Stranger()
        await stranger.meet(ours, "theirs")
        [transport] = internals.transports(stranger.connection)
        connection = transport.transport._connection
        build = connection.build_request
        connection.build_request = lambda pair, **_: build(pair, nominate=False)  # type: ignore[method-assign]
        try:
            async with asyncio.timeout(1):
                await ours.reach_ice()
        except (TimeoutError, PeerError):
            return ours.why_no_ice()
        finally:
            await asyncio.gather(ours.close(), stranger.close())
        return "connected"

    assert asyncio.run(told()) == "master: the other end nominated none of the pairs that work"
