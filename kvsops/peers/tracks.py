"""What a peer sends: the numbered picture, and a tone."""

import asyncio
import time
from array import array
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from math import pi, sin
from typing import Final

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError, VideoStreamTrack
from av import AudioFrame, VideoFrame

from kvsops.peers.picture import Mark, draw

FPS: Final = 30
_TICKS: Final = 90_000 // FPS  # of the video clock, for each frame
_RATE: Final = 48_000
_SAMPLES: Final = _RATE // 50  # in 20 ms
_TONE_HERTZ: Final = 500  # a whole number of waves in 20 ms, so that each frame is the same
_LOUDNESS: Final = 8_000
AUDIBLE: Final = 500
"""The amplitude from which on a frame is not silence."""


class NumberedVideo(VideoStreamTrack):
    """Draws the numbered picture 30 times a second; `drawn` holds when each was."""

    def __init__(
        self, sender: int, size: tuple[int, int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self.drawn: dict[int, float] = {}
        self.sender, self._size, self._clock = sender, size, clock

    async def recv(self) -> VideoFrame:
        """Draw the next picture when its time has come."""
        pts, time_base = await self.next_timestamp()
        number = pts // _TICKS
        self.drawn[number] = self._clock()
        frame = draw(Mark(self.sender, number), *self._size)
        frame.pts, frame.time_base = pts, time_base
        return frame


@cache
def _wave() -> bytes:
    turn = 2 * pi * _TONE_HERTZ / _RATE
    return array(
        "h", (round(_LOUDNESS * sin(turn * sample)) for sample in range(_SAMPLES))
    ).tobytes()


def tone(number: int) -> AudioFrame:
    """Return 20 ms of the tone, the first of them having the number 0."""
    frame = AudioFrame("s16", "mono", _SAMPLES)
    frame.planes[0].update(_wave())
    frame.sample_rate, frame.time_base = _RATE, Fraction(1, _RATE)
    frame.pts = number * _SAMPLES
    return frame


class Tone(MediaStreamTrack):
    """Sounds a tone in frames of 20 ms."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._began: float | None = None
        self._sent = 0

    async def recv(self) -> AudioFrame:
        """Sound the next 20 ms when their time has come."""
        if self.readyState != "live":
            raise MediaStreamError
        now = time.monotonic()
        self._began = now if self._began is None else self._began
        await asyncio.sleep(max(0, self._began + self._sent / 50 - now))
        frame, self._sent = tone(self._sent), self._sent + 1
        return frame


def numbered(
    sender: int, size: tuple[int, int], clock: Callable[[], float] = time.monotonic
) -> tuple[NumberedVideo, Tone]:
    """Return the test picture, signed with the sender's number, and a tone."""
    return NumberedVideo(sender, size, clock), Tone()


def audible(frame: AudioFrame) -> bool:
    """Whether there is more in the frame than silence (16-bit samples)."""
    samples = memoryview(frame.planes[0]).cast("B")
    return max(map(abs, array("h", bytes(samples)[: len(samples) // 2 * 2]))) > AUDIBLE
