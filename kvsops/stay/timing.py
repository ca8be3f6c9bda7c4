"""When what is received was sent: RTP's timestamps on the clock of this machine.

A packet cannot come before it was sent, so that the fastest of many packets tells best how the
sender's clock and ours are apart. Where the sender reports how its sound's and its picture's
timestamps go together (RFC 3550 section 6.4.1), the two are kept in step by that, as long as the
reports agree with each other: some senders tell when they sent, not when they captured. Else they
are kept in step by when their packets come.
"""

from collections import deque
from collections.abc import Callable
from math import inf
from typing import Final

from aiortc import RTCRtpReceiver
from aiortc.rtp import RtcpSrPacket, RtpPacket
from av import AudioFrame, VideoFrame

from kvsops.peers.streams import TIMESTAMPS, origin, signed, tap, tap_reports

WINDOW_SECONDS: Final = 10.0
"""The fastest packet of the last one to two of these counts: two clocks drift apart."""
STEP_SECONDS: Final = 0.02
"""A smaller correction is not made, lest pictures come irregularly."""
BELIEVED_SECONDS: Final = 2.0
"""Reports that would shift it by more than this are wrong: some cameras have no time of day."""
REPORTS: Final = 5
AGREE_SECONDS: Final = 0.02
"""So many reports, two at least, must agree within so much."""
LATE_SECONDS, EARLY_SECONDS = 10.0, 0.5
"""What seems to be older, or from the future, is of a timestamp that has jumped."""
_NTP: Final = 1 << 32  # fractions in a second


class Timing:
    """One track's: packets and reports in, the time of its frames out. Times are in seconds."""

    def __init__(
        self,
        receiver: RTCRtpReceiver,
        clock: Callable[[], float],
        clock_rate: Callable[[int], int | None],
    ) -> None:
        self._receiver, self._clock, self._clock_rate = receiver, clock, clock_rate
        self._rate: int | None = None
        self._ssrc = self._first = self._latest = 0
        self._came_at = 0.0
        self._fastest = [inf, inf]
        self._window_began = 0.0
        self._reports: deque[float] = deque(maxlen=REPORTS)
        tap(receiver, self.take)
        tap_reports(receiver, self.report)

    @property
    def arrived(self) -> float:
        """Our time at timestamp 0, by the packets that came fastest; infinite before any."""
        return min(self._fastest)

    @property
    def reported(self) -> float | None:
        """The sender's time of day at timestamp 0, by its reports; None unless they agree."""
        if len(self._reports) < 2 or max(self._reports) - min(self._reports) > AGREE_SECONDS:  # noqa: PLR2004 - one has none to agree with
            return None
        return min(self._reports)

    def take(self, packet: RtpPacket) -> None:
        """Take note of when a packet came."""
        rate, at = self._clock_rate(packet.payload_type), self._clock()
        if rate is None:
            return
        if self._begins(packet, at, rate):
            self._ssrc, self._rate, self._came_at = packet.ssrc, rate, at
            self._first = self._latest = packet.timestamp
            self._fastest, self._window_began = [inf, inf], at
            self._reports.clear()
        self._latest, self._came_at = self._near(packet.timestamp), at
        if at - self._window_began > WINDOW_SECONDS:
            self._fastest, self._window_began = [self._fastest[1], inf], at
        self._fastest[1] = min(self._fastest[1], at - self._latest / rate)

    def report(self, packet: RtcpSrPacket) -> None:
        """Take note of what the sender says a timestamp's time of day is."""
        if self._rate is None or packet.ssrc != self._ssrc or not packet.sender_info.ntp_timestamp:
            return
        at = packet.sender_info.ntp_timestamp / _NTP
        self._reports.append(at - self._near(packet.sender_info.rtp_timestamp) / self._rate)

    def since_zero(self, frame: VideoFrame | AudioFrame) -> float | None:
        """Return how many seconds after timestamp 0 a frame is; None where that is not known."""
        if self._rate is None or frame.time is None:
            return None
        began = origin(self._receiver)
        timestamp = (self._first if began is None else began) + round(frame.time * self._rate)
        return self._near(timestamp) / self._rate

    def _near(self, timestamp: int) -> int:
        """Return a timestamp counted on beyond 32 bits, near to the latest."""
        return self._latest + signed(timestamp - self._latest)

    def _begins(self, packet: RtpPacket, at: float, rate: int) -> bool:
        """Whether its timestamps do not go on from those before."""
        if self._rate != rate or packet.ssrc != self._ssrc:
            return True
        passed = signed(packet.timestamp - self._latest, TIMESTAMPS) / rate
        return abs(passed - (at - self._came_at)) > LATE_SECONDS


class Timings:
    """Those of all tracks of a peer, in step with each other. `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._by_kind: dict[str, Timing] = {}
        self._zero: dict[str, float] = {}

    def watch(
        self, kind: str, receiver: RTCRtpReceiver, clock_rate: Callable[[int], int | None]
    ) -> None:
        """Watch the track of this kind."""
        self._by_kind[kind] = Timing(receiver, self._clock, clock_rate)

    def at(self, kind: str, frame: VideoFrame | AudioFrame) -> float:
        """Return when a frame was sent, by our clock; it came just now."""
        now, since_zero = self._clock(), self._by_kind[kind].since_zero(frame)
        if since_zero is None:
            return now
        zero = self._zero_of(kind)
        used = self._zero.setdefault(kind, zero)
        if abs(zero - used) > STEP_SECONDS:
            used = self._zero[kind] = zero
        at = used + since_zero
        return at if -LATE_SECONDS < at - now < EARLY_SECONDS else now

    def _zero_of(self, kind: str) -> float:
        """Return our time at timestamp 0 of this kind."""
        arrived = self._by_kind[kind].arrived
        both = [each for each in self._by_kind.values() if each.reported is not None]
        mine = self._by_kind[kind].reported
        if mine is None or len(both) < 2:  # noqa: PLR2004 - sound and picture
            return arrived
        apart = min(each.arrived - (each.reported or 0.0) for each in both)
        zero = mine + apart
        return zero if abs(zero - arrived) < BELIEVED_SECONDS else arrived
