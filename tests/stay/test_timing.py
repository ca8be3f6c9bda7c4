"""When frames were sent: by their packets, and by what the sender reports."""

import asyncio
from fractions import Fraction
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from aiortc.rtp import RtcpSenderInfo, RtcpSrPacket, RtpPacket
from av import AudioFrame, VideoFrame

from kvsops.peers.streams import _MAPPER
from kvsops.stay.timing import Timings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiortc import RTCRtpReceiver

VIDEO, AUDIO = 96, 111
RATES = {VIDEO: 90_000, AUDIO: 48_000}
KINDS = {VIDEO: "video", AUDIO: "audio"}


class Receiver:
    """As much of aiortc's receiver as is tapped; what it counts from is not known."""

    async def _handle_rtp_packet(self, packet: RtpPacket, arrival_time_ms: int) -> None: ...

    async def _handle_rtcp_packet(self, packet: object) -> None: ...


class Line:
    """Two tracks; `now` is our clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timings = Timings(lambda: self.now)
        self.receivers = {kind: Receiver() for kind in RATES}
        for kind, receiver in self.receivers.items():
            self.timings.watch(KINDS[kind], cast("RTCRtpReceiver", receiver), RATES.get)

    def packet(self, kind: int, timestamp: int, at: float, ssrc: int = 1) -> None:
        """Let a packet come."""
        self.now = at
        packet = RtpPacket(kind, 0, 0, timestamp % (1 << 32), ssrc)
        way_in: Callable[..., Awaitable[None]] = self.receivers[kind]._handle_rtp_packet
        asyncio.run(cast("Any", way_in(packet, arrival_time_ms=0)))

    def report(self, kind: int, timestamp: int, ntp: float, ssrc: int = 1) -> None:
        """Let the sender report what time of day a timestamp was."""
        info = RtcpSenderInfo(round(ntp * (1 << 32)), timestamp, 0, 0)
        asyncio.run(cast("Any", self.receivers[kind]._handle_rtcp_packet(RtcpSrPacket(ssrc, info))))

    def at(self, kind: int, seconds: float) -> float:
        """Return when a frame so long after the first packet was sent."""
        rate = RATES[kind]
        frame = AudioFrame("s16", "mono", 960) if kind == AUDIO else VideoFrame(16, 16)
        frame.pts, frame.time_base = round(seconds * rate), Fraction(1, rate)
        return self.timings.at(KINDS[kind], frame)


def test_the_fastest_packet() -> None:
    """Packets that were held up change nothing: frames keep the sender's rhythm."""
    line = Line()
    delays = [0.08, 0.02, 0.3, 0.05]
    for number, delay in enumerate(delays):
        line.packet(VIDEO, 7_000 + number * 3_000, number / 30 + delay)
    assert [line.at(VIDEO, number / 30) for number in range(4)] == pytest.approx(
        [number / 30 + 0.02 for number in range(4)]
    )


def test_beyond_32_bits() -> None:
    """Timestamps begin anew after 13 hours of video: time does not."""
    line, first = Line(), (1 << 32) - 4_500
    for number in range(4):
        line.packet(VIDEO, first + number * 3_000, number / 30)
    assert [line.at(VIDEO, number / 30) for number in range(4)] == pytest.approx(
        [number / 30 for number in range(4)]
    )


def test_reports() -> None:
    """Sound that is always later under way than the picture is put back where it belongs."""
    line = Line()
    for number in range(10):
        line.packet(VIDEO, number * 3_000, number / 30)
        line.packet(AUDIO, 500 + number * 1_600, number / 30 + 0.15)
    assert line.at(AUDIO, 9 / 30) == pytest.approx(9 / 30 + 0.15)
    for number in (8, 9):
        line.report(VIDEO, number * 3_000, 5_000 + number / 30)
        line.report(AUDIO, 500 + 8 * 1_600, 5_000 + 8 / 30)
        if number == 8:  # one report has none to agree with
            assert line.at(AUDIO, 9 / 30) == pytest.approx(9 / 30 + 0.15)
    assert line.at(AUDIO, 9 / 30) == pytest.approx(9 / 30)
    assert line.at(VIDEO, 9 / 30) == pytest.approx(9 / 30)


def test_reports_that_cannot_be() -> None:
    """A camera without a time of day is timed by its packets; so is one of another stream."""
    line = Line()
    for number in range(10):
        line.packet(VIDEO, number * 3_000, number / 30)
        line.packet(AUDIO, number * 1_600, number / 30)
    for _ in range(2):
        line.report(VIDEO, 9 * 3_000, 5_000.3)
        line.report(AUDIO, 9 * 1_600, 0.0)
        line.report(AUDIO, 9 * 1_600, 60.0, ssrc=2)
    assert line.at(AUDIO, 9 / 30) == pytest.approx(9 / 30)
    for _ in range(2):
        line.report(AUDIO, 9 * 1_600, 60.0)
    assert line.at(AUDIO, 9 / 30) == pytest.approx(9 / 30)


def test_reports_that_contradict_each_other() -> None:
    """A sender that tells when it sent, at times late, is not followed to and fro."""
    line = Line()
    for number in range(10):
        line.packet(VIDEO, number * 3_000, number / 30)
        line.packet(AUDIO, number * 1_600, number / 30)
    for number, late in enumerate([0.0, 0.2, 0.05]):
        line.report(VIDEO, number * 3_000, 5_000 + number / 30 + late)
        line.report(AUDIO, number * 1_600, 5_000 + number / 30)
        assert line.at(AUDIO, 9 / 30) == pytest.approx(9 / 30)
        assert line.at(VIDEO, 9 / 30) == pytest.approx(9 / 30)


def test_another_stream() -> None:
    """A source that begins anew, with other timestamps, goes on where it is."""
    line = Line()
    setattr(line.receivers[VIDEO], _MAPPER, SimpleNamespace(_origin=3_000))
    line.packet(VIDEO, 3_000, 0.0)
    line.packet(VIDEO, 6_000, 1 / 30)
    for number in range(3):
        line.packet(VIDEO, 3_000 + 500_000_000 + number * 3_000, 20 + number / 30, ssrc=2)
    assert line.at(VIDEO, 500_000_000 / 90_000 + 1 / 30) == pytest.approx(20 + 1 / 30)


def test_what_is_not_known() -> None:
    """A frame without a time, or one that cannot be right, came now."""
    line = Line()
    line.now = 3.0
    assert line.at(VIDEO, 0.0) == 3.0
    line.packet(VIDEO, 3_000, 3.0)
    line.now = 5.0
    assert line.at(VIDEO, 0.0) == pytest.approx(3.0)
    assert line.at(VIDEO, 600.0) == 5.0


@pytest.mark.parametrize("drift", [0.9998, 1.0002])
def test_clocks_that_drift(drift: float) -> None:
    """A sender whose clock runs otherwise is followed: nothing is off by more than 25 ms."""
    line, worst = Line(), 0.0
    for number in range(0, 9_000, 30):  # five minutes
        at = number / 30
        line.packet(VIDEO, round(number * 3_000 * drift), at)
        worst = max(worst, abs(line.at(VIDEO, number / 30 * drift) - at))
    assert worst < 0.025
