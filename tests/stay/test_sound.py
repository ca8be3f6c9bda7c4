"""Sound on a timeline: gaps filled, clocks kept together, any format taken."""

from fractions import Fraction

import pytest
from av import AudioFrame

from kvsops.stay.sound import BYTES, RATE, Sound
from tests.stay.decoding import SAMPLES, sound


def added(*moments: float) -> Sound:
    """Add 20 ms of sound at each of these moments; return where that led."""
    made = Sound(lambda _: None)
    for at in moments:
        made.add(sound(), at)
    return made


@pytest.mark.parametrize(
    ("moments", "seconds"),
    [
        ([0.0, 0.02, 0.04], 0.06),
        ([0.0, 0.05, 0.07], 0.06),  # irregular, but never apart by more than 40 ms
        ([0.0, 1.0], 1.02),  # a gap
        ([0.5], 0.52),  # it begins later than the pictures
        ([0.0, 0.02, -0.06], 0.04),  # it was there already
        ([0.0, 0.02, 0.04, 0.015], 0.06),  # part of it was: 45 ms early
    ],
)
def test_places(moments: list[float], seconds: float) -> None:
    """Small differences are left; larger ones are filled with silence, or left out."""
    assert added(*moments).seconds == pytest.approx(seconds, abs=1e-3)


def test_a_clock_that_drifts() -> None:
    """A sound card that is a thousandth too fast stays within 40 ms of the timeline."""
    made, apart = Sound(lambda _: None), 0.0
    for number in range(3_000):  # a minute
        made.add(sound(), number * 0.02 * 0.999)
        apart = max(apart, abs(made.seconds - (number + 1) * 0.02 * 0.999))
    assert 0.02 < apart < 0.0601


@pytest.mark.parametrize(
    ("rate", "layout"), [(8_000, "mono"), (16_000, "mono"), (44_100, "stereo")]
)
def test_formats(rate: int, layout: str) -> None:
    """What comes in another rate, and in mono, becomes 48 kHz stereo of the same length."""
    written: list[bytes] = []
    made = Sound(written.append)
    for number in range(50):
        frame = AudioFrame("s16", layout, rate // 50)
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), number
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        made.add(frame, number * 0.02)
    assert made.seconds == pytest.approx(1.0, abs=0.04)
    assert sum(map(len, written)) == round(made.seconds * RATE) * BYTES


def test_filling() -> None:
    """An hour of silence is written a second at a time."""
    written: list[bytes] = []
    made = Sound(written.append)
    made.fill(3600.5)
    assert (made.seconds, len(written)) == (3600.5, 3601)
    assert max(map(len, written)) == RATE * BYTES
    assert len(bytes(sound().planes[0])) == SAMPLES * BYTES
