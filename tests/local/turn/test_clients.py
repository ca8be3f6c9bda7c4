"""Other people's TURN clients at our server: aioice's and aiortc's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from aioice import stun
from aioice.turn import TurnTransport, create_turn_endpoint
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    VideoStreamTrack,
)

from kvsops.local.turn.server import TurnServer
from tests.local.turn.client import AUTHORITY, HOST, USERS

if TYPE_CHECKING:
    from pathlib import Path

transports = pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])


class Received(asyncio.DatagramProtocol):
    """What came through an allocation."""

    def __init__(self) -> None:
        self.data: asyncio.Queue[tuple[bytes, tuple[str, int]]] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Keep it."""
        self.data.put_nowait((data, addr))


def _server(**how: object) -> TurnServer:
    options: dict[str, object] = {"ssl_context": AUTHORITY.serving} | how
    return TurnServer(USERS.get, **options)  # type: ignore[arg-type]


async def _endpoint(
    server: TurnServer,
    transport: str,
    password: str = "secret",  # noqa: S107 - the tests' own
) -> tuple[TurnTransport, Received]:
    return await create_turn_endpoint(
        Received,
        (HOST, _port(server, transport)),
        "alice",
        password,
        ssl=AUTHORITY.trust if transport == "tls" else None,
        transport="udp" if transport == "udp" else "tcp",
    )


def _port(server: TurnServer, transport: str) -> int:
    return {"udp": server.udp_port, "tcp": server.tcp_port, "tls": server.tls_port or 0}[transport]


@transports
def test_aioice(transport: str) -> None:
    """Two of aioice's clients exchange data through their allocations, and give them back."""

    async def run() -> None:
        async with _server() as server:
            (one, at_one), (two, at_two) = [await _endpoint(server, transport) for _ in range(2)]
            here, there = (each.get_extra_info("sockname") for each in (one, two))
            two.sendto(b"opens the way in", here)
            one.sendto(b"0", there)
            while await at_two.data.get() != (b"0", here):
                pass
            two.sendto(b"1", here)
            while await at_one.data.get() != (b"1", there):
                pass
            for number in range(200):
                one.sendto(b"%d" % number * 100, there)
            for number in range(200):
                assert await at_two.data.get() == (b"%d" % number * 100, here)
            for each in (one, two):
                each.close()
            while server.allocations:
                await asyncio.sleep(0.01)

    _run(run())


@transports
def test_aioice_with_a_wrong_password(transport: str) -> None:
    """It is told 401."""

    async def run() -> None:
        async with _server() as server:
            with pytest.raises(stun.TransactionFailed) as caught:
                await _endpoint(server, transport, "guessed")
            assert caught.value.response.error_code == 401
            await asyncio.sleep(0)

    _run(run())


class Peers:
    """Two peers of aiortc that know of each other's relayed addresses only."""

    def __init__(self, uri: str, password: str = "secret") -> None:  # noqa: S107 - the tests' own
        server = RTCIceServer(urls=uri, username="alice", credential=password)
        configuration = RTCConfiguration(
            iceServers=[server], iceTransportPolicy=RTCIceTransportPolicy.RELAY
        )
        self.master, self.viewer = (RTCPeerConnection(configuration) for _ in range(2))

    async def connect(self) -> None:
        """Exchange offer and answer."""
        await self.viewer.setLocalDescription(await self.viewer.createOffer())
        await self.master.setRemoteDescription(self.viewer.localDescription)
        await self.master.setLocalDescription(await self.master.createAnswer())
        await self.viewer.setRemoteDescription(self.master.localDescription)

    def candidates(self) -> list[str]:
        """Return the types of all candidates."""
        sdp = self.viewer.localDescription.sdp + self.master.localDescription.sdp
        lines = [line for line in sdp.splitlines() if line.startswith("a=candidate")]
        return [line.split("typ ")[1].split()[0] for line in lines]

    async def close(self) -> None:
        """End both."""
        await asyncio.gather(self.master.close(), self.viewer.close())


def _uri(server: TurnServer, transport: str) -> str:
    scheme, kind = ("turns", "tcp") if transport == "tls" else ("turn", transport)
    return f"{scheme}:{HOST}:{_port(server, transport)}?transport={kind}"


@transports
def test_aiortc(transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Video and data of two peers go through the server, and nothing stays in it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY.written_to(tmp_path)))

    async def run() -> None:
        minutes: list[str] = []
        async with _server(on_relayed=minutes.append) as server:
            peers = Peers(_uri(server, transport))
            frames, messages = _receive(peers)
            await peers.connect()
            assert {*peers.candidates()} == {"relay"}
            first = await frames.get()
            assert (first.width, first.height) == (640, 480)
            assert await messages.get() == "hello"
            assert minutes == ["alice"] * server.allocations
            await peers.close()
            while server.allocations:
                await asyncio.sleep(0.01)

    _run(run())


def _receive(peers: Peers) -> tuple[asyncio.Queue, asyncio.Queue]:  # type: ignore[type-arg]
    """Let the master send video, the viewer data, and collect what comes."""
    frames, messages = asyncio.Queue(), asyncio.Queue()  # type: ignore[var-annotated]
    peers.master.addTrack(VideoStreamTrack())
    peers.viewer.addTransceiver("video", direction="recvonly")
    channel = peers.viewer.createDataChannel("chat")
    channel.on("open", lambda: channel.send("hello"))

    @peers.master.on("datachannel")
    def on_datachannel(channel: RTCDataChannel) -> None:
        channel.on("message", messages.put_nowait)

    @peers.viewer.on("track")
    async def on_track(track: MediaStreamTrack) -> None:
        frames.put_nowait(await track.recv())

    return frames, messages


def test_aiortc_with_a_wrong_password() -> None:
    """It hides the refusal: there are no candidates."""

    async def run() -> None:
        async with _server() as server:
            peers = Peers(_uri(server, "udp"), "guessed")
            peers.viewer.createDataChannel("chat")
            await peers.connect()
            assert peers.candidates() == []
            await peers.close()

    _run(run())


def _run(coroutine: object) -> None:
    """Run it, and fail on whatever the loop has to complain of."""
    complaints: list[object] = []

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, why: complaints.append(why))
        await asyncio.wait_for(coroutine, 30)  # type: ignore[arg-type]

    asyncio.run(run())
    assert not complaints
