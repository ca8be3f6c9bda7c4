"""Which codecs two descriptions agree on, and what a payload type is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from aiortc import RTCPeerConnection
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.sdp import SessionDescription

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


def negotiated(
    name: str, connection: RTCPeerConnection, agreed: Callable[[str], list[str]]
) -> list[Negotiated]:
    """Return what this end has agreed on, in the order of its media.

    `agreed` returns the codecs that the answer lists for a mid.
    """
    return [
        Negotiated(name, mid, each.kind, each.currentDirection or "inactive", agreed(mid))
        for each in connection.getTransceivers()
        if (mid := each.mid) is not None
    ]


def codecs(agreed: Iterable[Negotiated]) -> str:
    """Say what is preferred for each kind: `video VP8, audio opus`."""
    return ", ".join(
        dict.fromkeys(f"{each.kind} {each.codecs[0]}" for each in agreed if each.codecs)
    )
