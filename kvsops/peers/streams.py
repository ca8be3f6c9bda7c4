"""The RTP that a track receives, counted packet by packet; aiortc tells of one stream only.

`tap`, `tap_reports` and `origin` are what here touches private parts of aiortc: its receiver's
ways in, and where it counts from.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from aiortc import RTCRtpReceiver
from aiortc.rtp import AnyRtcpPacket, RtcpSrPacket, RtpPacket

from kvsops.errors import PeerError

_SEQUENCES: Final = 1 << 16
TIMESTAMPS: Final = 1 << 32
"""How many RTP timestamps there are before they begin anew."""
_SHORTEST_SECONDS: Final = 0.1
"""Of a time from which a rate is reckoned: a burst is no rate."""
_WAY_IN: Final = "_handle_rtp_packet"
_REPORTS: Final = "_handle_rtcp_packet"
_MAPPER: Final = "_RTCRtpReceiver__timestamp_mapper"


@dataclass(frozen=True, slots=True)
class Count:
    """Packets of one stream: how many came, and how many its sequence numbers say were sent."""

    received: int = 0
    expected: int = 0

    @property
    def lost(self) -> int:
        """How many did not come."""
        return max(0, self.expected - self.received)

    @property
    def percent_lost(self) -> float:
        """How many of a hundred did not come."""
        return round(100 * self.lost / max(self.received + self.lost, 1), 2)

    def __add__(self, other: "Count") -> "Count":
        return Count(self.received + other.received, self.expected + other.expected)

    def __sub__(self, other: "Count") -> "Count":
        return Count(self.received - other.received, self.expected - other.expected)


@dataclass(slots=True)
class Stream:
    """One synchronization source. Times are seconds of the caller's clock.

    Source: https://www.rfc-editor.org/rfc/rfc3550#appendix-A (A.1, A.3, A.8).
    """

    payload_type: int
    began: float
    last_at: float
    jitter_ticks: float = 0.0
    _received: int = 0
    _first: int = 0
    _highest: int = 0
    """Both extended by how often the 16 bits have wrapped."""
    _timestamp: int = 0

    @property
    def count(self) -> Count:
        """The packets so far."""
        return Count(self._received, self._highest - self._first + 1 if self._received else 0)

    def add(self, packet: RtpPacket, at: float, clock_rate: int) -> None:
        """Count a packet that came now."""
        if not self._received:
            self._first = self._highest = packet.sequence_number
        else:
            ahead = signed(packet.sequence_number - self._highest, _SEQUENCES)
            if ahead > 0:
                self._highest += ahead
                self._vary(packet.timestamp, at, clock_rate)
        self._received += 1
        self.payload_type, self._timestamp, self.last_at = packet.payload_type, packet.timestamp, at

    def _vary(self, timestamp: int, at: float, clock_rate: int) -> None:
        sent = signed(timestamp - self._timestamp, TIMESTAMPS)
        if sent:  # a picture is many packets of one time
            self.jitter_ticks += (
                abs((at - self.last_at) * clock_rate - sent) - self.jitter_ticks
            ) / 16


@dataclass(slots=True)
class Streams:
    """All streams of one track; `clock_rate` tells of a payload type, None of one not to count.

    Retransmissions have a stream of their own (RFC 4588), which is not the picture's.
    """

    clock: Callable[[], float]
    clock_rate: Callable[[int], int | None]
    by_ssrc: dict[int, Stream] = field(default_factory=dict)

    def take(self, packet: RtpPacket) -> None:
        """Count a packet."""
        rate = self.clock_rate(packet.payload_type)
        if rate is None:
            return
        at = self.clock()
        stream = self.by_ssrc.get(packet.ssrc)
        if stream is None:
            stream = self.by_ssrc[packet.ssrc] = Stream(packet.payload_type, at, at)
        stream.add(packet, at, rate)

    @property
    def latest(self) -> Stream | None:
        """The stream that a packet came on last."""
        return max(self.by_ssrc.values(), key=lambda stream: stream.last_at, default=None)

    @property
    def count(self) -> Count:
        """The packets of all of them so far."""
        return sum((stream.count for stream in self.by_ssrc.values()), Count())

    @property
    def last_at(self) -> float | None:
        """When the last packet came; None before the first."""
        return None if self.latest is None else self.latest.last_at

    @property
    def rate(self) -> float:
        """How many packets a second were sent, from the first to the last that came."""
        if self.last_at is None:
            return 0.0
        began = min(stream.began for stream in self.by_ssrc.values())
        return self.count.expected / max(self.last_at - began, _SHORTEST_SECONDS)

    @property
    def jitter_ms(self) -> float | None:
        """How irregularly packets come, in milliseconds; None before the first."""
        stream = self.latest
        rate = None if stream is None else self.clock_rate(stream.payload_type)
        if stream is None or rate is None:
            return None
        return round(stream.jitter_ticks / rate * 1000, 1)


class _Take(Protocol):
    def __call__(self, packet: RtpPacket, arrival_time_ms: int) -> Awaitable[None]: ...


def require_tap() -> None:
    """Raise `PeerError` where this version of aiortc takes packets in by a way not known here."""
    if not hasattr(RTCRtpReceiver, _WAY_IN):
        raise PeerError("packets cannot be counted with this version of aiortc: install 1.16")


def tap(receiver: RTCRtpReceiver, take: Callable[[RtpPacket], None]) -> None:
    """Have `take` see each packet before the receiver does."""
    inner: _Take = getattr(receiver, _WAY_IN)

    async def outer(packet: RtpPacket, arrival_time_ms: int) -> None:
        take(packet)
        await inner(packet, arrival_time_ms=arrival_time_ms)

    setattr(receiver, _WAY_IN, outer)


def tap_reports(receiver: RTCRtpReceiver, take: Callable[[RtcpSrPacket], None]) -> None:
    """Have `take` see each sender report (RFC 3550 section 6.4.1), if this aiortc shows them."""
    inner: Callable[[AnyRtcpPacket], Awaitable[None]] | None = getattr(receiver, _REPORTS, None)
    if inner is None:
        return

    async def outer(packet: AnyRtcpPacket) -> None:
        if isinstance(packet, RtcpSrPacket):
            take(packet)
        await inner(packet)

    setattr(receiver, _REPORTS, outer)


def origin(receiver: RTCRtpReceiver) -> int | None:
    """Return the RTP timestamp from which aiortc counts a track's, modulo 2^32; None: not known."""
    found: int | None = getattr(getattr(receiver, _MAPPER, None), "_origin", None)
    return found


def signed(difference: int, modulus: int = TIMESTAMPS) -> int:
    """Return a difference of counters that wrap, the shorter way round."""
    return (difference + modulus // 2) % modulus - modulus // 2
