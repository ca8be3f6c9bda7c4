"""Sound on a file's timeline: as samples that follow each other without a gap.

Players take silence better than a hole in a track, so what is missing is filled in. Two clocks
never run alike, so once sound and timeline are apart by too much, samples are left out or added.
"""

from collections.abc import Callable
from typing import Final

from av import AudioFrame, AudioResampler

RATE: Final = 48_000
CHANNELS: Final = 2
BYTES: Final = CHANNELS * 2
"""Of the samples of one moment, each 16 bits."""
APART_SECONDS: Final = 0.04
"""From here on it is corrected; people notice sound that is 45 ms early.

Source: https://www.itu.int/rec/R-REC-BT.1359/en
"""
_MOST_AT_ONCE: Final = RATE


class Sound:
    """Hands `write` samples as 16-bit stereo of 48 kHz, from the beginning of the file on."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._written = 0
        self._source: tuple[str, str, int] | None = None
        self._resampler: AudioResampler | None = None

    @property
    def seconds(self) -> float:
        """How much there is."""
        return self._written / RATE

    def add(self, frame: AudioFrame, at: float) -> None:
        """Add the sound of a frame that began so many seconds after the file."""
        samples = b"".join(self._samples(frame))
        apart = round(at * RATE) - self._written
        if apart > APART_SECONDS * RATE:
            self.fill(at)
        elif apart < -APART_SECONDS * RATE:
            samples = samples[-apart * BYTES :]
        self._put(samples)

    def fill(self, until: float) -> None:
        """Be silent up to this time."""
        while (missing := round(until * RATE) - self._written) > 0:
            self._put(bytes(min(missing, _MOST_AT_ONCE) * BYTES))

    def _put(self, samples: bytes) -> None:
        if samples:
            self._write(samples)
            self._written += len(samples) // BYTES

    def _samples(self, frame: AudioFrame) -> list[bytes]:
        source = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._resampler is None or source != self._source:
            self._source = source
            self._resampler = AudioResampler(format="s16", layout="stereo", rate=RATE)
        frame.pts = None  # it would take a jump for a gap, and is told of those here
        made = self._resampler.resample(frame)
        return [bytes(each.planes[0])[: each.samples * BYTES] for each in made]
