"""What RTP comes to a peer, by payload type: also what nothing here can decode.

aiortc drops an unknown payload type without a word and counts it nowhere, so that this reaches
for a private method of its transport; where that is not there, nothing is known.
"""

from collections import Counter
from typing import TYPE_CHECKING, Final

from aiortc import RTCDtlsTransport

from kvsops.peers.negotiation import Negotiation
from kvsops.peers.sdp import AUXILIARY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_OTHER: Final = {"VP8": "H264", "H264": "VP8"}
_METHOD: Final = "_handle_rtp_data"
_TYPE: Final = 0x7F  # of the second octet of a packet: RFC 3550 section 5.1


class Heard:
    """Counts the packets that arrive."""

    def __init__(self) -> None:
        self.packets: Counter[int] = Counter()
        """How many there were of each payload type."""
        self.known = False
        """Whether it could listen."""

    def listen(self, transport: RTCDtlsTransport) -> None:
        """Count what comes over this transport, once it is decrypted."""
        take: Callable[..., Awaitable[None]] | None = getattr(transport, _METHOD, None)
        if take is None or self.known:
            return

        async def counted(data: bytes, arrival_time_ms: int) -> None:
            self.packets[data[1] & _TYPE] += 1
            await take(data, arrival_time_ms=arrival_time_ms)

        setattr(transport, _METHOD, counted)
        self.known = True

    def of(self, kind: str, negotiation: Negotiation) -> list[tuple[int, int, str | None]]:
        """Return what came of a kind: payload type, packets, and the codec if either end named it.

        What nobody named is taken for video.
        """
        found: list[tuple[int, int, str | None]] = []
        for payload_type, packets in self.packets.most_common():
            named = negotiation.names(payload_type)
            codecs = [codec for its_kind, codec in named if its_kind == kind]
            if codecs or (not named and kind == "video"):
                found.append((payload_type, packets, codecs[0] if codecs else None))
        return [each for each in found if each[2] not in AUXILIARY]


def why_nothing(heard: Heard, kind: str, negotiation: Negotiation) -> str:
    """Tell what came of this kind, where nothing of it was decoded, and what to try."""
    for payload_type, packets, codec in heard.of(kind, negotiation):
        what = f"payload type {payload_type} ({codec or 'which neither end named'})"
        return f"{packets} packets came as {what}{_hint(kind, codec)}"
    if not heard.known:
        return "this version of aiortc does not show what came"
    return f"no {kind} came, though the other end agreed to send it"


def _hint(kind: str, codec: str | None) -> str:
    if kind != "video":
        return ""
    if codec in _OTHER:
        return f", without a key frame, or damaged: --codec {_OTHER[codec]} tries the other codec"
    return ": have it send VP8 or H264"
