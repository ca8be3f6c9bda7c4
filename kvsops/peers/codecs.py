"""Which codecs two descriptions agree on, and what a payload type is."""

from dataclasses import dataclass
from typing import Final

from aiortc import RTCPeerConnection
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.sdp import MediaDescription, SessionDescription

RETRANSMISSION: Final = "rtx"


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What was agreed on for one media of the SDP, as one end sees it."""

    peer: str
    mid: str
    kind: str
    direction: str
    """`sendrecv`, `sendonly`, `recvonly` or `inactive`: what each may do, not what it does."""
    codecs: list[str]
    """Those of the answer, the preferred first."""


def answer_of(connection: RTCPeerConnection) -> SessionDescription | None:
    """Return the answer, whosever it is; None as long as there is none."""
    ends = (connection.localDescription, connection.remoteDescription)
    sdp = next((end.sdp for end in ends if end is not None and end.type == "answer"), None)
    return None if sdp is None else SessionDescription.parse(sdp)


def payload_types(connection: RTCPeerConnection) -> dict[int, RTCRtpCodecParameters]:
    """Return what each payload type of the answer is, or of the offer where that has more."""
    found: dict[int, RTCRtpCodecParameters] = {}
    ends = (connection.localDescription, connection.remoteDescription)
    known = [end for end in ends if end is not None]
    for end in sorted(known, key=lambda each: each.type == "answer"):
        for media in SessionDescription.parse(end.sdp).media:
            for codec in media.rtp.codecs:
                if codec.payloadType is not None:
                    found[codec.payloadType] = codec
    return found


def negotiated(name: str, connection: RTCPeerConnection) -> list[Negotiated]:
    """Return what this end has agreed on, in the order of its media."""
    answer = answer_of(connection)
    medias = [] if answer is None else answer.media
    by_mid = {media.rtp.muxId: media for media in medias}
    return [
        Negotiated(name, mid, each.kind, each.currentDirection or "inactive", _names(by_mid[mid]))
        for each in connection.getTransceivers()
        if (mid := each.mid) in by_mid and mid is not None
    ]


def _names(media: MediaDescription) -> list[str]:
    names = [codec.name for codec in media.rtp.codecs]
    return [name for name in dict.fromkeys(names) if name != RETRANSMISSION]
