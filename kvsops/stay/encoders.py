"""Encoders that make packets for many viewers: each codec in use is encoded once for them all.

All of this blocks, and is called from one thread.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, TypeAlias

from av import (
    AudioFormat,
    AudioFrame,
    AudioLayout,
    AudioResampler,
    CodecContext,
    Packet,
    VideoFrame,
)
from av.audio.codeccontext import AudioCodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

Encoded: TypeAlias = "Packet[Any]"
VIDEO_BASE: Final = Fraction(1, 90_000)
LARGEST: Final = (1280, 720)
"""What H264's level 3.1 has, which WebRTC's clients agree on; larger pictures are made smaller."""
MOST_FPS: Final = 30
KEY_EVERY_SECONDS: Final = 3.0
"""How long a viewer that fell behind waits at most for a picture that it can begin with."""
_BITS_PER_PIXEL: Final = 0.1
_LEAST, _MOST = 300_000, 2_500_000  # bits a second; a TURN allocation of AWS's relays 5 Mbit/s
_LARGEST_SECONDS: Final = 0.8
"""A picture of more bits than the target rate has in this time is not sent: see `Video`."""
_TOO_MUCH_SECONDS: Final = 2.3  # and so are all of a second, which may have a key frame in it
_STEPS: Final = (1, 2, 4)
_CALM_SECONDS: Final = 15.0
_OPUS_RATE: Final = 64_000
PIECE_RATE: Final = 48_000
"""Samples a second of the pieces in which sound is handed to the encoders, in stereo."""


def bitrate(width: int, height: int, fps: float) -> int:
    """Return how many bits a second a picture is given."""
    return int(min(max(width * height * fps * _BITS_PER_PIXEL, _LEAST), _MOST))


def fitted(width: int, height: int, step: int = 1) -> tuple[int, int]:
    """Return the size that a picture is sent in: no larger than `LARGEST`, even, and by a step."""
    across, up = LARGEST if width >= height else LARGEST[::-1]
    scale = min(1.0, across / width, up / height) / step
    return max(2, int(width * scale) // 2 * 2), max(2, int(height * scale) // 2 * 2)


def _vp8(rate: int) -> VideoCodecContext:
    context = _video("libvpx")
    context.qmin, context.qmax = 2, 63
    context.options = {
        "bufsize": str(rate),
        "cpu-used": "-6",
        "deadline": "realtime",
        "lag-in-frames": "0",
        "max-intra-rate": "400",
        "minrate": str(rate),
        "maxrate": str(rate),
        "noise-sensitivity": "0",
        "overshoot-pct": "15",
        "static-thresh": "1",
        "undershoot-pct": "100",
    }
    return context


def _h264(rate: int) -> VideoCodecContext:
    context = _video("libx264")
    context.profile = "Baseline"
    context.options = {
        "bufsize": str(rate // 2),
        "forced-idr": "1",
        "level": "31",
        "maxrate": str(rate),
        "preset": "veryfast",
        "sc_threshold": "0",  # key frames come when they are wished for
        "tune": "zerolatency",
    }
    return context


def _video(name: str) -> VideoCodecContext:
    context = CodecContext.create(name, "w")
    assert isinstance(context, VideoCodecContext)  # noqa: S101 - for the type checker
    return context


_VIDEO: Final[dict[str, Callable[[int], VideoCodecContext]]] = {"VP8": _vp8, "H264": _h264}


class Video:
    """Encodes pictures for a rate that it keeps to.

    Of noise even the coarsest VP8 is many times that rate: a picture that is far too large is not
    sent but encoded again at half the size, and so are the next where their sum is too much. After
    a while of calm, which gets longer each time that it was deceptive, the size is tried again.
    """

    def __init__(self, codec: str, fps: float) -> None:
        self.size = (0, 0)
        """In which the last picture was sent."""
        self._make, self._fps = _VIDEO[codec], fps
        self._context: VideoCodecContext | None = None
        self._whole = (0, 0)
        self._step, self._rate = 0, 0
        self._sent: list[tuple[float, int]] = []
        self._calm_seconds, self._stepped_at, self._tried_at = _CALM_SECONDS, 0.0, -math.inf

    def encode(self, frame: VideoFrame, seconds: float, *, key: bool) -> list[Encoded]:
        """Return the packet of a picture, which is shown at this time; `key`: as a key frame."""
        if (frame.width, frame.height) != self._whole:
            self._whole, self._step = (frame.width, frame.height), 0
            self._renew(seconds)
        elif self._step and seconds - self._stepped_at > self._calm_seconds:
            self._move(-1, seconds)
        packets = self._encoded(frame, seconds, key=key)
        while self._is_too_much(packets, seconds) and self._step + 1 < len(_STEPS):
            self._move(1, seconds)
            packets = self._encoded(frame, seconds, key=True)
        return packets

    def _encoded(self, frame: VideoFrame, seconds: float, *, key: bool) -> list[Encoded]:
        context = self._context or self._renew(seconds)
        picture = frame.reformat(*self.size, "yuv420p")
        picture.pts, picture.time_base = round(seconds / VIDEO_BASE), VIDEO_BASE
        picture.pict_type = PictureType.I if key else PictureType.NONE
        return context.encode(picture)

    def _is_too_much(self, packets: list[Encoded], seconds: float) -> bool:
        """Whether this picture is too large, or those of the last second are together."""
        size = sum(packet.size for packet in packets)
        self._sent = [each for each in self._sent if each[0] > seconds - 1.0] + [(seconds, size)]
        bits, all_bits = size * 8, sum(each[1] for each in self._sent) * 8
        return bits > self._rate * _LARGEST_SECONDS or all_bits > self._rate * _TOO_MUCH_SECONDS

    def _move(self, by: int, seconds: float) -> None:
        """Take the next smaller size, or the next larger one."""
        if by < 0:
            self._tried_at = seconds
        elif seconds - self._tried_at < _CALM_SECONDS:
            self._calm_seconds, self._tried_at = 2 * self._calm_seconds, -math.inf
        self._step += by
        self._renew(seconds)

    def _renew(self, seconds: float) -> VideoCodecContext:
        self.size = fitted(*self._whole, _STEPS[self._step])
        self._rate = bitrate(*fitted(*self._whole), self._fps)
        context = self._make(self._rate)
        context.width, context.height = self.size
        context.bit_rate, context.pix_fmt = self._rate, "yuv420p"
        context.time_base = VIDEO_BASE
        context.framerate = Fraction(self._fps).limit_denominator(1001)
        context.gop_size = round(KEY_EVERY_SECONDS * self._fps)
        context.thread_count = 1  # else a picture comes out only with the next
        self._context, self._sent, self._stepped_at = context, [], seconds
        return context


@dataclass(frozen=True, slots=True)
class _Sound:
    """How an audio codec has its samples, and how its RTP clock runs."""

    name: str
    rate: int
    layout: str
    clock_rate: int


_SOUNDS: Final = {
    "opus": _Sound("libopus", PIECE_RATE, "stereo", 48_000),
    "G722": _Sound("g722", 16_000, "mono", 8_000),  # its clock is 8 kHz: RFC 3551
    "PCMU": _Sound("pcm_mulaw", 8_000, "mono", 8_000),
    "PCMA": _Sound("pcm_alaw", 8_000, "mono", 8_000),
}


class Audio:
    """Encodes pieces of sound, of 20 ms each, as `pieces` makes them."""

    def __init__(self, codec: str) -> None:
        self._sound = sound = _SOUNDS[codec]
        self._resampler = AudioResampler("s16", sound.layout, sound.rate, sound.rate // 50)
        context = CodecContext.create(sound.name, "w")
        assert isinstance(context, AudioCodecContext)  # noqa: S101 - for the type checker
        context.format, context.layout = AudioFormat("s16"), AudioLayout(sound.layout)
        context.sample_rate, context.time_base = sound.rate, Fraction(1, sound.rate)
        if codec == "opus":
            context.bit_rate, context.options = _OPUS_RATE, {"application": "audio"}
        self._context = context

    def encode(self, frame: AudioFrame, seconds: float) -> list[Encoded]:
        """Return the packets of a piece that sounds at this time."""
        found = [
            packet
            for each in self._resampler.resample(frame)
            for packet in self._context.encode(each)
        ]
        base = Fraction(1, self._sound.clock_rate)
        for number, packet in enumerate(found):
            packet.pts, packet.time_base = round((seconds + number / 50) / base), base
        return found
