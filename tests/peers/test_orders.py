"""Every order of audio, video and data, in an offer to us: aiortc at the other end, and SDP."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)

from kvsops.core.wire.payload import Description
from kvsops.local.turn.server import TurnServer
from kvsops.peers.ice import Ice
from kvsops.peers.peer import Peer
from kvsops.peers.sdp import Sdp
from kvsops.peers.tracks import numbered
from tests.peers.written import ORDERS, STYLES, description
from tests.smoke.conftest import ADDRESSES

SIZE = (320, 240)
SEVERAL = [("audio", "video", "video", "application"), ("video", "video", "video", "audio")]
"""What a camera with several lenses offers."""
needs_an_address = pytest.mark.skipif(
    not ADDRESSES, reason="no address but loopback ones: nothing to offer"
)
in_every_order = pytest.mark.parametrize("order", ORDERS, ids="-".join)


@dataclass
class Stranger:
    """aiortc as it is, which offers in the order wanted: its sections are put so on the way."""

    order: Sequence[str]
    connection: RTCPeerConnection
    channel: RTCDataChannel | None = None
    made: list[str] = field(default_factory=list)
    """The mids in the order that aiortc has them in."""
    first: dict[str, asyncio.Task[object]] = field(default_factory=dict)
    """The first frame that comes, by kind."""

    def __post_init__(self) -> None:
        for kind in sorted(self.order):
            if kind != "application":
                video, tone = numbered(8, SIZE)
                self.connection.addTrack(video if kind == "video" else tone)
        if "application" in self.order:
            self.channel = self.connection.createDataChannel("a-stranger's")
        self.connection.add_listener("track", self._take)

    def _take(self, track: MediaStreamTrack) -> None:
        if track.kind not in self.first:
            self.first[track.kind] = asyncio.ensure_future(track.recv())

    async def offer(self) -> Description:
        """Offer in the order wanted."""
        await self.connection.setLocalDescription(await self.connection.createOffer())
        sdp = Sdp.parse(self.connection.localDescription.sdp)
        self.made = [each.mid or "" for each in sdp.sections]
        sections = sorted(sdp.sections, key=lambda each: self.order.index(each.kind))
        group = f"a=group:BUNDLE {' '.join(each.mid or '' for each in sections)}"
        session = [line for line in sdp.session if not line.startswith("a=group")]
        return Description("offer", str(Sdp((*session, group), tuple(sections))))

    async def take(self, answer: Description) -> None:
        """Take the answer, in aiortc's own order again."""
        sdp = Sdp.parse(answer.sdp)
        assert [each.kind for each in sdp.sections] == [*self.order]
        sections = sorted(sdp.sections, key=lambda each: self.made.index(each.mid or ""))
        text = str(sdp.with_sections(sections))
        await self.connection.setRemoteDescription(RTCSessionDescription(text, "answer"))


@asynccontextmanager
async def answered(order: Sequence[str], ice: Ice) -> AsyncIterator[tuple[Peer, Stranger]]:
    """Let our peer answer a stranger's offer."""
    servers = RTCConfiguration(iceServers=list(ice.servers))
    stranger = Stranger(order, RTCPeerConnection(servers))
    ours = Peer("master", ice, numbered(0, SIZE))
    try:
        await ours.accept(await stranger.offer())
        await stranger.take(await ours.describe("answer"))
        yield ours, stranger
    finally:
        await asyncio.gather(ours.close(), stranger.connection.close())


async def all_arrives(order: Sequence[str], ice: Ice) -> None:
    """Wait until what was offered has come both ways."""
    async with answered(order, ice) as (ours, stranger), asyncio.timeout(20):
        await ours.reach_ice()
        await ours.reach_dtls()
        if "video" in order:
            await ours.received.first_video.wait()
            await stranger.first["video"]
        if "audio" in order:
            await ours.received.first_audio.wait()
            await stranger.first["audio"]
        if "application" in order:
            await ours.opened.wait()


@needs_an_address
@pytest.mark.parametrize("order", [*ORDERS, *SEVERAL], ids="-".join)
def test_direct(order: Sequence[str]) -> None:
    """Media and data come both ways, in whatever order they were offered, and however many."""
    asyncio.run(all_arrives(order, Ice()))


@in_every_order
def test_relayed(order: Sequence[str]) -> None:
    """So they do where we answer with a relay alone."""

    async def over_a_relay() -> None:
        async with TurnServer({"who": "a word"}.get) as turn:
            server = RTCIceServer(f"turn:127.0.0.1:{turn.udp_port}", "who", "a word")
            await all_arrives(order, Ice((server,), relay_only=True, relay_transport="udp"))

    asyncio.run(over_a_relay())


@needs_an_address
@pytest.mark.parametrize("order", [*ORDERS, *SEVERAL], ids="-".join)
@pytest.mark.parametrize("style", STYLES)
def test_written(style: str, order: Sequence[str]) -> None:
    """An answer has the sections of the offer in its order, each with a way to us."""

    async def answer() -> Sdp:
        peer = Peer("master", Ice(), numbered(0, SIZE))
        await peer.accept(Description("offer", description(style, order)))
        text = (await peer.describe("answer")).sdp
        await peer.close()
        return Sdp.parse(text)

    found = asyncio.run(answer())
    assert [each.kind for each in found.sections] == [*order]
    assert [each.mid for each in found.sections] == found.bundle == [*"0123"[: len(order)]]
    sends = "sendonly" if style == "python" else "sendrecv"
    others = "inactive" if style == "python" else "recvonly"
    first = {each.kind: each for each in reversed(found.sections)}
    for section in found.sections:
        assert not section.rejected
        assert next(section.values("candidate"))
        assert [*section.values("setup")] == ["active"]
        expected = sends if section == first[section.kind] else others
        assert section.direction == (None if section.data else expected)
