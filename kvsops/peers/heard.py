"""What RTP comes to a peer, by payload type: also what nothing here can decode.

aiortc drops an unknown payload type without a word and counts it nowhere, so that this reaches
for a private method of its transport; where that is not there, nothing is known.
"""

from collections import Counter
from typing import TYPE_CHECKING, Final

from aiortc import RTCDtlsTransport

from kvsops.peers.negotiation import Negotiation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

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

    def why_nothing(self, kind: str, negotiation: Negotiation) -> str:
        """Tell what came of this kind, where nothing of it was decoded, and what to try."""
        for payload_type, packets in self.packets.most_common():
            named = negotiation.names(payload_type)
            codecs = [codec for its_kind, codec in named if its_kind == kind]
            if not named or codecs:
                what = f"payload type {payload_type} ({codecs[0] if codecs else 'nobody named it'})"
                hint = _hint(kind, codecs)
                return f"no {kind} could be decoded: {packets} packets came as {what}{hint}"
        return f"no {kind} came" if self.known else f"no {kind} could be decoded"


def _hint(kind: str, codecs: list[str]) -> str:
    others = {"VP8": "H264", "H264": "VP8"}
    if kind != "video":
        return ""
    if codecs and codecs[0] in others:
        return f", without a key frame, or damaged: try --codec {others[codecs[0]]}"
    return ": let it send VP8 or H264"
