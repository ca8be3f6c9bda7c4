"""Pictures and sounds to record, and what a file has of them once it is decoded."""

from array import array
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from math import pi, sin
from pathlib import Path

import av
from av import AudioFrame, VideoFrame

from kvsops.peers.picture import Mark, draw, read

RATE = 48_000
SAMPLES = RATE // 50
FPS = 30
LOUD = 1_000


def picture(number: int, size: tuple[int, int] = (320, 240)) -> VideoFrame:
    """Draw a numbered picture."""
    return draw(Mark(1, number), *size)


def sound(loudness: int = 8_000) -> AudioFrame:
    """Make 20 ms of a tone, in stereo."""
    frame = AudioFrame("s16", "stereo", SAMPLES)
    frame.planes[0].update(_wave(loudness))
    frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
    return frame


@cache
def _wave(loudness: int) -> bytes:
    turn = 2 * pi * 500 / RATE
    wave = array("h")
    for sample in range(SAMPLES):
        wave.extend((round(loudness * sin(turn * sample)),) * 2)
    return wave.tobytes()


@dataclass
class Clip:
    """A decoded file: its pictures' numbers, when each is shown, and how loud each moment is."""

    numbers: list[int | None] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    loudness: list[tuple[float, int]] = field(default_factory=list)
    sound_seconds: float = 0.0
    size: tuple[int, int] | None = None
    codecs: list[str] = field(default_factory=list)

    def silent(self, began: float, ended: float) -> bool:
        """Whether there is only silence between two moments."""
        heard = [loud for at, loud in self.loudness if began <= at < ended]
        return bool(heard) and max(heard) < LOUD

    def loud(self, began: float, ended: float) -> bool:
        """Whether there is sound throughout."""
        heard = [loud for at, loud in self.loudness if began <= at < ended]
        return bool(heard) and min(heard) >= LOUD

    def share_loud(self, began: float, ended: float) -> float:
        """In what share of the time there is sound: a busy machine sends some of it late."""
        heard = [loud for at, loud in self.loudness if began <= at < ended]
        return sum(loud >= LOUD for loud in heard) / max(len(heard), 1)


def decoded(path: Path | str) -> Clip:
    """Decode a file from its beginning to where it breaks off."""
    clip = Clip()
    with av.open(str(path)) as container:
        clip.codecs = [each.codec_context.name for each in container.streams]
        for packet in container.demux():
            for frame in packet.decode():
                if isinstance(frame, VideoFrame):
                    mark = read(frame)
                    clip.numbers.append(None if mark is None else mark.number)
                    clip.times.append(float(frame.time or 0.0))
                    clip.size = (frame.width, frame.height)
                elif isinstance(frame, AudioFrame):
                    clip.loudness.append((float(frame.time or 0.0), loudness(frame)))
                    clip.sound_seconds += frame.samples / frame.sample_rate
    return clip


def loudness(frame: AudioFrame) -> int:
    """Return the largest amplitude, as of 16 bits."""
    data = bytes(frame.planes[0])
    if frame.format.name.startswith("flt"):
        values = array("f", data[: len(data) // 4 * 4])[: frame.samples]
        return round(max(map(abs, values), default=0.0) * 32_767)
    return max(map(abs, array("h", data[: len(data) // 2 * 2])[: frame.samples]), default=0)
