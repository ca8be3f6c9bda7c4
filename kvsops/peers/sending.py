"""How what a peer sends leaves it: one way, at a pace, and who wants a key frame is heard.

aiortc sends the packets of a picture in one go, which overflows sockets and routers where the
picture is large, and keeps to itself that the other end wants a key frame. So this reaches for
private methods of its sender and transport; `require_sending` says where they are not there.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aiortc import RTCDtlsTransport, RTCPeerConnection, RTCRtpSender
from aiortc.stats import RTCOutboundRtpStreamStats, RTCRemoteInboundRtpStreamStats

from kvsops.errors import PeerError

BURST_PACKETS: Final = 20
"""So many leave in one go, 26 kB: a small part of what a socket of any system takes in."""
BURST_SECONDS: Final = 0.004
"""Then others have their turn for so long: 50 Mbit/s at most."""
_WISH: Final = "_send_keyframe"
_SEND: Final = "_send_rtp"
_FRACTIONS: Final = 256  # of a lost packet in a report: RFC 3550 section 6.4.1


@dataclass(frozen=True, slots=True)
class Sending:
    """What was sent of one kind of media, and what the other end reported of it last."""

    bytes_sent: int = 0
    packets_sent: int = 0
    round_trip_seconds: float | None = None
    loss_percent: float | None = None
    """Of what was sent between its last two reports."""


def require_sending() -> None:
    """Raise `PeerError` where this version of aiortc sends by ways not known here."""
    if not (hasattr(RTCRtpSender, _WISH) and hasattr(RTCDtlsTransport, _SEND)):
        raise PeerError("media cannot be sent with this version of aiortc: install 1.16")


def one_way(connection: RTCPeerConnection) -> None:
    """Let nothing be received of what was offered, before it is answered."""
    for transceiver in connection.getTransceivers():
        sends = transceiver.sender.track is not None
        transceiver.direction = "sendonly" if sends else "inactive"


def sender_of(connection: RTCPeerConnection, kind: str) -> RTCRtpSender | None:
    """Return what sends a track of this kind, if anything does."""
    senders = (each.sender for each in connection.getTransceivers() if each.kind == kind)
    return next((each for each in senders if each.track is not None), None)


def hear_wishes(sender: RTCRtpSender, wished: Callable[[], None]) -> None:
    """Have `wished` called when the other end asks for a key frame (PLI or FIR)."""
    setattr(sender, _WISH, wished)


def pace(connection: RTCPeerConnection) -> None:
    """Send over its transport no more packets in one go than `BURST_PACKETS`."""
    for transceiver in connection.getTransceivers()[:1]:  # all is bundled
        _pace(transceiver.sender.transport)


def _pace(transport: RTCDtlsTransport) -> None:
    inner: Callable[[bytes], Awaitable[None]] = getattr(transport, _SEND)
    loop, sent, last_at = asyncio.get_running_loop(), 0, 0.0

    async def paced(data: bytes) -> None:
        nonlocal sent, last_at
        now = loop.time()
        sent = sent + 1 if now - last_at < BURST_SECONDS else 0
        last_at = now
        if sent >= BURST_PACKETS:
            sent = 0
            await asyncio.sleep(BURST_SECONDS)
        await inner(data)

    setattr(transport, _SEND, paced)


async def sending(sender: RTCRtpSender) -> Sending:
    """Return what was sent so far."""
    stats = [*(await sender.getStats()).values()]
    own = next(each for each in stats if isinstance(each, RTCOutboundRtpStreamStats))
    told = [each for each in stats if isinstance(each, RTCRemoteInboundRtpStreamStats)]
    last = told[-1] if told else None
    return Sending(
        own.bytesSent,
        own.packetsSent,
        None if last is None else last.roundTripTime,
        None if last is None else round(100 * last.fractionLost / _FRACTIONS, 1),
    )
