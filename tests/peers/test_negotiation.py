"""Offers and answers as others write them, before aiortc reads them and after it wrote."""

import asyncio
import re
from collections.abc import Callable

import pytest
from aiortc import RTCRtpReceiver

from kvsops.core.wire.payload import Candidate, Description
from kvsops.errors import PeerError
from kvsops.peers.formats import KNOWN
from kvsops.peers.ice import Ice
from kvsops.peers.negotiation import Negotiation
from kvsops.peers.peer import Codec, Peer
from kvsops.peers.sdp import Sdp, Section
from kvsops.peers.tracks import numbered
from tests.peers.written import HOST, description
from tests.smoke.conftest import ADDRESSES

SIZE = (320, 240)
ALL = ("video", "audio", "application")
pytestmark = pytest.mark.skipif(
    not ADDRESSES, reason="no address but loopback ones: nothing to offer"
)


def edited(text: str, change: Callable[[Section], Section | None]) -> str:
    """Change sections of a description; None leaves one out."""
    sdp = Sdp.parse(text)
    return str(sdp.with_sections(filter(None, map(change, sdp.sections))))


def answer_to(offer: str, codec: Codec | None = None) -> tuple[Sdp, Peer]:
    """Return what our end answers, and our end, which is closed."""

    async def answer() -> tuple[Sdp, Peer]:
        peer = Peer("master", Ice(), numbered(0, SIZE), codec=codec)
        try:
            await peer.accept(Description("offer", offer))
            return Sdp.parse((await peer.describe("answer")).sdp), peer
        finally:
            await peer.close()

    return asyncio.run(answer())


def taken(change: Callable[[Sdp], str], codec: Codec | None = None) -> tuple[Peer, list[str]]:
    """Let our end offer, and take the answer that `change` makes of the offer.

    Return our end, which is closed, and the directions of its media.
    """

    async def both() -> tuple[Peer, list[str]]:
        peer = Peer("viewer-1", Ice(), numbered(1, SIZE), codec=codec)
        peer.open_channel("data")
        try:
            offer = await peer.describe("offer")
            await peer.accept(Description("answer", change(Sdp.parse(offer.sdp))))
            ways = [each.currentDirection or "" for each in peer.connection.getTransceivers()]
            return peer, ways
        finally:
            await peer.close()

    return asyncio.run(both())


def test_known_codecs() -> None:
    """They are those that aiortc has."""
    for kind, names in KNOWN.items():
        found = RTCRtpReceiver.getCapabilities(kind)
        assert found is not None
        each = [f"{one.mimeType.split('/')[1]}/{one.clockRate}" for one in found.codecs]
        assert names == [name for name in dict.fromkeys(each) if not name.startswith("rtx/")]


def test_offer() -> None:
    """It says that candidates may come later, not that these were all, and has one fingerprint."""

    async def offer() -> str:
        peer = Peer("viewer-1", Ice(), codec="H264")
        peer.open_channel("data")
        described = await peer.describe("offer")
        await peer.close()
        return described.sdp

    found = Sdp.parse(asyncio.run(offer()))
    assert "a=ice-options:trickle" in found.session
    assert "a=end-of-candidates" not in str(found)
    assert [each.kind for each in found.sections] == [*ALL]
    assert {*found.sections[0].codecs.values()} == {"H264/90000", "rtx/90000"}
    assert any(found.sections[0].values("candidate"))


def without_codec(kind: str) -> Callable[[Section], Section]:
    """Let a section of this kind have no codec that is known here."""

    def change(section: Section) -> Section:
        if section.kind != kind:
            return section
        lines = (
            re.sub(r"(rtpmap:\d+) [\w-]+/\d+", r"\1 AV1/90000", each) for each in section.lines
        )
        return Section(tuple(lines)).only(each for each in section.formats if int(each) > 95)

    return change


def rejected(kind: str) -> Callable[[Section], Section]:
    """Let a section of this kind be rejected."""
    return lambda section: section.refused() if section.kind == kind else section


@pytest.mark.parametrize("order", [ALL, ("audio", "video"), ("application", "video", "audio")])
@pytest.mark.parametrize("unusable", ["video", "audio"])
@pytest.mark.parametrize("change", [without_codec, rejected])
def test_unusable_in_an_offer(
    order: tuple[str, ...], unusable: str, change: Callable[[str], Callable[[Section], Section]]
) -> None:
    """What cannot be used is rejected in its place, and the rest is answered."""
    found, _ = answer_to(edited(description("chromium", order), change(unusable)))
    assert [each.kind for each in found.sections] == [*order]
    assert [each.kind for each in found.sections if each.rejected] == [unusable]
    assert [each.mid for each in found.sections] == [*"012"[: len(order)]]
    assert found.bundle == [each.mid for each in found.sections if not each.rejected]
    for section in found.sections:
        assert any(section.values("candidate")) != section.rejected


def test_another_kind() -> None:
    """What is neither audio nor video nor data is rejected, and so is data a second time."""
    offer = description("chromium", ("application", "video", "application", "audio"))
    first, *others = Sdp.parse(offer).sections
    text = Section(("m=text 9 RTP/AVP 98", "a=mid:9", "a=rtpmap:98 t140/1000"))
    sdp = Sdp.parse(offer).with_sections([text, first, *others])
    found, _ = answer_to(str(sdp))
    kinds = [(each.kind, each.rejected) for each in found.sections]
    assert kinds == [
        *(("text", True), ("application", False), ("video", False), ("application", True)),
        ("audio", False),
    ]


def test_nothing_in_common() -> None:
    """It is told in words which codecs either end has."""
    offer = edited(description("chromium", ("video",)), without_codec("video"))
    with pytest.raises(PeerError) as told:
        answer_to(offer)
    assert str(told.value) == (
        "master cannot use the offer: no video codec in common: AV1 there, VP8, H264 here"
    )


def test_codec_not_offered() -> None:
    """So it is where one codec is insisted on: nothing else is answered in its place."""
    offer = edited(
        description("chromium", ("audio", "video")),
        lambda each: each.only(["96", "97"]) if each.kind == "video" else each,
    )
    found, peer = answer_to(offer, "H264")
    assert [each.rejected for each in found.sections] == [False, True]
    assert peer.negotiation.refused == {"video": "no video codec in common: VP8 there, H264 here"}


def test_codec_insisted_on() -> None:
    """The answer lists that codec alone, in the words of the offer; others are taken, too."""
    found, peer = answer_to(description("chromium", ("audio", "video")), "H264")
    video = found.sections[1]
    assert {*video.codecs.values()} == {"H264/90000", "rtx/90000"}
    assert video.formats == ["103", "109", "104", "114"]
    assert video.fmtp("103")["profile-level-id"] == "42001f"
    assert video.fmtp("109")["profile-level-id"] == "42e01f"
    assert peer.negotiation.agreed("1") == ["H264"]
    seen = Sdp.parse(peer.connection.remoteDescription.sdp).sections[1]
    assert {"96", "103", "107", "109", "115"} <= {*seen.formats}


def test_only_a_high_profile() -> None:
    """H264 of another profile or mode than ours is answered if there is nothing else."""
    offer = edited(description("chromium", ("video",)), lambda each: each.only(["107", "115"]))
    found, _ = answer_to(offer)
    assert found.sections[0].formats == ["107", "115"]
    assert found.sections[0].fmtp("115")["profile-level-id"] == "64001f"
    assert found.sections[0].fmtp("107")["packetization-mode"] == "0"


def test_one_transport_described_once() -> None:
    """What is bundled may leave out its transport, be `bundle-only`, and have the port 0."""
    names = ("ice-ufrag", "ice-pwd", "fingerprint", "setup", "ice-options")

    def bare(section: Section) -> Section:
        if section.mid == "0":
            return section.plus([f"a={HOST}"])
        lines = (section.lines[0].replace(" 9 ", " 0 ", 1), *section.lines[1:], "a=bundle-only")
        return Section(lines).without(names)

    found, peer = answer_to(
        edited(description("chromium", ("audio", "video", "application")), bare)
    )
    assert [each.rejected for each in found.sections] == [False, False, False]
    remote = peer.connection.getTransceivers()[0].receiver.transport.transport
    assert [each.ip for each in remote.getRemoteCandidates()] == ["192.0.2.7"]


def test_tagged_section_is_not_the_first() -> None:
    """The bundle may be described by another section than the first."""
    offer = description("chromium", ALL).replace("BUNDLE 0 1 2", "BUNDLE 2 0 1")
    found, _ = answer_to(edited(offer, lambda each: each.plus([f"a={HOST}"] * (each.mid == "2"))))
    assert [any(each.values("candidate")) for each in found.sections] == [True, True, True]


@pytest.mark.parametrize("host", ["192.0.2.999", "192.0.2.7 x", ""])
def test_no_candidate_of_use(host: str) -> None:
    """An offer with an end of candidates, and none of use, is answered: ours may do."""
    text = description("python", ALL).replace(
        "a=candidate:1 1 udp 2130706431 192.0.2.7", f"a=candidate:1 1 udp 9 {host}"
    )
    found, _ = answer_to(text)
    assert all(any(each.values("candidate")) for each in found.sections)


@pytest.mark.parametrize("missing", ["ice-ufrag", "ice-pwd", "fingerprint", "setup"])
def test_no_transport(missing: str) -> None:
    """What nobody can connect to is told by what it lacks."""
    offer = edited(description("c", ALL), lambda each: each.without([missing]))
    with pytest.raises(PeerError, match=rf"master cannot use the offer: it has no a={missing}$"):
        answer_to(offer)


@pytest.mark.parametrize(
    ("mid", "index", "leads"),
    [
        ("0", 0, True),
        (None, 0, True),
        (None, None, True),
        ("0", None, True),
        ("1", 1, False),
        (None, 2, False),
        ("sdparta_9", 0, True),
    ],
)
def test_candidates(mid: str | None, index: int | None, *, leads: bool) -> None:
    """One of the bundle's transport is taken, however it is named; one of another leads nowhere."""
    negotiation = Negotiation()
    negotiation.take_offer(description("chromium", ("audio", "video", "application")))
    assert negotiation.leads_to(Candidate(HOST, mid, index)) == (leads, "0")


def test_candidates_of_a_rejected_section() -> None:
    """Where the first section is rejected, its candidates are those of the bundle."""
    negotiation = Negotiation()
    negotiation.take_offer(edited(description("chromium", ALL), without_codec("video")))
    assert negotiation.leads_to(Candidate(HOST, "0", 0)) == (True, "1")
    assert negotiation.leads_to(Candidate(HOST, "1", 1)) == (True, "1")
    assert negotiation.leads_to(Candidate(HOST, "2", 2)) == (False, "1")


def answered(
    offer: Sdp, change: Callable[[Section], Section | None] = lambda each: each, style: str = "c"
) -> str:
    """Write an answer to our offer."""
    kinds = [each.kind for each in offer.sections]
    return edited(description(style, kinds, setup="active"), change)


def test_answer() -> None:
    """An answer may number its payload types anew: what was offered is taken, too."""
    peer, ways = taken(answered)
    assert ways == ["sendrecv", "sendrecv"]
    video, audio, _ = Sdp.parse(peer.connection.remoteDescription.sdp).sections
    assert video.formats[0] == "125"
    assert {"97", "99", "101"} <= {*video.formats}
    assert audio.formats[:1] == ["111"]
    assert "96" in audio.formats
    assert peer.negotiation.agreed("0") == ["H264"]
    assert peer.negotiation.refused == {}


@pytest.mark.parametrize("kind", ["video", "audio", "application"])
def test_rejected_in_an_answer(kind: str) -> None:
    """What was rejected is told as that, and the rest goes on."""
    peer, ways = taken(lambda offer: answered(offer, rejected(kind)))
    codecs = {
        "video": ": it has none, or none of VP8 and H264",
        "audio": ": it has none, or none of opus and G722 and PCMU and PCMA",
    }
    why = f"the other end rejects the {kind} that was offered (m={kind} 0){codecs.get(kind, '')}"
    assert peer.negotiation.refused == {kind: why}
    both = zip(("video", "audio"), ways, strict=True)
    assert {media: way == "inactive" for media, way in both} == {
        media: media == kind for media in ("video", "audio")
    }


def test_left_out_of_an_answer() -> None:
    """What an answer leaves out is as good as rejected."""
    peer, ways = taken(
        lambda offer: answered(offer, lambda each: each if each.mid != "1" else None)
    )
    assert ways == ["sendrecv", "inactive"]
    why = "the other end does not answer the audio that was offered"
    assert peer.negotiation.refused == {"audio": why}


def test_answer_without_a_codec_of_the_offer() -> None:
    """An answer that lists nothing of what was offered is told by both lists."""
    peer, _ = taken(answered, "VP8")
    assert peer.negotiation.refused == {"video": "no video codec in common: H264 there, VP8 here"}


def test_all_rejected() -> None:
    """Where nothing was agreed, that is the reason."""
    with pytest.raises(PeerError) as told:
        taken(lambda offer: answered(offer, lambda each: each.refused()))
    assert str(told.value).startswith(
        "viewer-1 cannot use the answer: the other end rejects the video that was offered"
        " (m=video 0): it has none, or none of VP8 and H264; the other end rejects the audio"
    )


def test_answer_without_mids() -> None:
    """An answer that names no section is taken in its order."""
    _, ways = taken(lambda offer: answered(offer, lambda each: each.without(["mid"])))
    assert ways == ["sendrecv", "sendrecv"]


def test_payload_type_of_something_else() -> None:
    """A number that the answer gives to another media is not ours any more."""
    peer, _ = taken(
        lambda offer: answered(
            offer, lambda each: Section(tuple(line.replace("111", "97") for line in each.lines))
        )
    )
    video, audio, _ = Sdp.parse(peer.connection.remoteDescription.sdp).sections
    assert "97" in audio.formats
    assert "97" not in video.formats
    assert "99" in video.formats


def test_data_of_old() -> None:
    """Data channels as they were written before 2017 are answered alike."""
    old = Section(
        ("m=application 9 DTLS/SCTP 5000", "a=mid:1", "a=sctpmap:5000 webrtc-datachannel 9")
    )
    offer = Sdp.parse(description("c", ("video", "application")))
    found, _ = answer_to(str(offer.with_sections([offer.sections[0], old])))
    assert found.sections[1].lines[0].endswith(" DTLS/SCTP 5000")
    assert not found.sections[1].rejected


@pytest.mark.parametrize("end", ["\n", "\r\n", " \r\n\r\n"])
def test_line_ends(end: str) -> None:
    """Lines end as they may."""
    found, _ = answer_to(description("chromium", ALL).replace("\r\n", end))
    assert [each.rejected for each in found.sections] == [False, False, False]


@pytest.mark.parametrize(
    "line",
    [
        *("a=ssrc:1", "a=ssrc:1 cname", "a=extmap:9 urn:x with attributes", "a=candidate:1 1 udp"),
        *(
            "a=fmtp:300 x=y",
            "a=rtpmap:300 VP8/90000",
            "a=rtpmap:72",
            "a=rtcp:x",
            "c=IN IP4 door.lan",
        ),
        *("a=rid:1 send", "a=simulcast:send 1", "b=AS:500", "a=rtpmap:35 VP8/0", "x"),
    ],
)
def test_strange_lines(line: str) -> None:
    """What need not be known is not stumbled over."""
    found, peer = answer_to(edited(description("chromium", ALL), lambda each: each.plus([line])))
    assert [each.rejected for each in found.sections] == [False, False, False]
    assert peer.connection.remoteDescription.sdp
