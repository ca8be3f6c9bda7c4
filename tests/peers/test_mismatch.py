"""Media in another codec than the answer lists, from aiortc as it is; and what nobody decodes."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription

from kvsops.core.wire.payload import Description
from kvsops.peers.ice import Ice
from kvsops.peers.peer import Codec, Peer
from kvsops.peers.sdp import Sdp, Section
from kvsops.peers.tracks import numbered
from tests.smoke.conftest import ADDRESSES

SIZE = (320, 240)
Change = Callable[[str], str]
Meet = Callable[[Peer, Change, Change], Awaitable[None]]
pytestmark = pytest.mark.skipif(
    not ADDRESSES, reason="no address but loopback ones: nothing to offer"
)


def only(name: str) -> Change:
    """Let the video sections list this codec alone."""

    def change(section: Section) -> Section:
        if section.kind != "video":
            return section
        return section.only(pt for pt, codec in section.codecs.items() if codec.startswith(name))

    def changed(text: str) -> str:
        sdp = Sdp.parse(text)
        return str(sdp.with_sections(map(change, sdp.sections)))

    return changed


async def camera(ours: Peer, hears: Change, says: Change) -> None:
    """Let aiortc answer our offer with its first codec, whatever we hear that it has."""
    theirs = RTCPeerConnection()
    for track in numbered(8, SIZE):
        theirs.addTrack(track)
    try:
        offer = hears((await ours.describe("offer")).sdp)
        await theirs.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await theirs.setLocalDescription(await theirs.createAnswer())
        await ours.accept(Description("answer", says(theirs.localDescription.sdp)))
        await asyncio.wait_for(arrived(ours), 10)
    finally:
        await asyncio.gather(ours.close(), theirs.close())


async def browser(ours: Peer, hears: Change, says: Change) -> None:
    """Let aiortc offer, and send its first codec whatever our answer lists."""
    theirs = RTCPeerConnection()
    for track in numbered(8, SIZE):
        theirs.addTrack(track)
    try:
        await theirs.setLocalDescription(await theirs.createOffer())
        await ours.accept(Description("offer", says(theirs.localDescription.sdp)))
        answer = hears((await ours.describe("answer")).sdp)
        await theirs.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await asyncio.wait_for(arrived(ours), 10)
    finally:
        await asyncio.gather(ours.close(), theirs.close())


async def arrived(ours: Peer) -> None:
    """Wait for a picture, or for packets that cannot be decoded."""
    await ours.hears("video")
    for _ in range(20):
        if ours.received.first_video.is_set():
            return
        await asyncio.sleep(0.1)


def unchanged(text: str) -> str:
    """Leave a description as it is."""
    return text


def renamed(text: str) -> str:
    """Call VP8 by another name."""
    return text.replace("VP8/90000", "AV1/90000")


def with_vp8(text: str) -> str:
    """Let the video sections begin with VP8, by the number that aiortc gives it."""

    def change(section: Section) -> Section:
        if section.kind != "video":
            return section
        others = [pt for pt in section.formats if pt != "97"]
        return section.plus(["a=rtpmap:97 VP8/90000"]).only(["97", *others])

    sdp = Sdp.parse(text)
    return str(sdp.with_sections(map(change, sdp.sections)))


def met(
    meet: Meet,
    hears: Change = unchanged,
    says: Change = unchanged,
    codec: Codec | None = None,
) -> Peer:
    """Meet one of them, and return our end."""

    async def both() -> Peer:
        peer = Peer("viewer-1", Ice(), codec=codec)
        await meet(peer, hears, says)
        return peer

    return asyncio.run(both())


def test_camera_that_sends_what_its_answer_does_not_list() -> None:
    """VP8 comes, as offered, though the answer lists H264 alone: it is decoded."""
    ours = met(camera, says=only("H264"))
    assert ours.negotiation.agreed("0") == ["H264"]
    assert [codec for _, _, codec in ours.heard.of("video", ours.negotiation)] == ["VP8"]
    assert ours.received.first_video.is_set()


def test_browser_that_sends_what_the_answer_does_not_list() -> None:
    """So it is where we answer: with H264 alone, and VP8 comes, which was offered."""
    ours = met(browser, hears=with_vp8, codec="H264")
    assert ours.negotiation.agreed("0") == ["H264"]
    assert [codec for _, _, codec in ours.heard.of("video", ours.negotiation)] == ["VP8"]
    assert ours.received.first_video.is_set()


@pytest.mark.parametrize("meet", [camera, browser])
def test_what_nobody_named(meet: Meet) -> None:
    """What comes under a number that no description has is told by the number."""
    ours = met(meet, hears=with_vp8, says=only("H264"), codec="H264")
    assert not ours.received.first_video.is_set()
    told = ours.why_nothing("video")
    packets, rest = told.split(" ", 1)
    assert int(packets) > 0
    assert rest == (
        "packets came as payload type 97 (which neither end named): have it send VP8 or H264"
    )


def test_what_cannot_be_decoded() -> None:
    """What comes in a codec that is not known here is told by its number and its name."""
    ours = met(browser, hears=with_vp8, says=renamed)
    assert not ours.received.first_video.is_set()
    assert ours.why_nothing("video").endswith(
        " packets came as payload type 97 (AV1): have it send VP8 or H264"
    )
    assert ours.negotiation.agreed("0") == ["H264"]


def test_what_is_damaged() -> None:
    """Where it is a known codec that cannot be decoded, the other one is worth a try."""
    ours = met(browser, hears=with_vp8, says=lambda text: text.replace(":97 VP8", ":97 H264"))
    assert not ours.received.first_video.is_set()
    assert ours.why_nothing("video").endswith(
        " packets came as payload type 97 (H264), without a key frame, or damaged:"
        " --codec VP8 tries the other codec"
    )


def test_nothing_came() -> None:
    """Where nothing came, that is told."""

    async def nothing() -> str:
        peer = Peer("viewer-1", Ice())
        await peer.describe("offer")
        await peer.close()
        return peer.why_nothing("video")

    assert asyncio.run(nothing()) == "no video came, though the other end agreed to send it"
