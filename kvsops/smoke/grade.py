"""How well a channel works, where it works: a grade from what was measured, and what was slow.

The limits are those below which people are known to be content: ITU-T G.114 has 400 ms as the most
that a conversation bears, and 15 frames a second is where motion begins to stutter.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from kvsops.smoke.measurement import Direction, Media

Grade = Literal["good", "fair", "poor"]
GRADES: Final[tuple[Grade, ...]] = ("good", "fair", "poor")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is good, and what is still fair; all else is poor."""

    name: str
    unit: str
    good: float
    fair: float
    at_least: bool = False

    def badness(self, value: float) -> float:
        """Return what is the greater, the worse the value is."""
        return -value if self.at_least else value

    def grade(self, value: float) -> Grade:
        """Grade a value."""
        badness = self.badness(value)
        if badness <= self.badness(self.good):
            return "good"
        return "fair" if badness <= self.badness(self.fair) else "poor"


FRAME_RATE: Final = Bounds("frame rate", "fps", 24, 15, at_least=True)
"""Of the 30 a second that smoke sends; somebody else's camera may send fewer by intent."""
LATENCY: Final = Bounds("latency", "ms", 400, 1000)
LOSS: Final = Bounds("loss", "%", 1, 5)
FROZEN: Final = Bounds("frozen", "% of the time", 2, 10)
ROUND_TRIP: Final = Bounds("round trip", "ms", 300, 800)
ALL: Final = (FRAME_RATE, LATENCY, LOSS, FROZEN, ROUND_TRIP)


@dataclass(frozen=True, slots=True)
class Mark:
    """One figure with its grade, and where it was measured."""

    bounds: Bounds
    value: float
    where: str

    @property
    def badness(self) -> float:
        """How bad it is, among those of its kind."""
        return self.bounds.badness(self.value)

    @property
    def grade(self) -> Grade:
        """Its grade."""
        return self.bounds.grade(self.value)

    def __str__(self) -> str:
        return f"{self.bounds.name} {self.value:g} {self.bounds.unit} ({self.where})"


def worst(media: Media) -> list[Mark]:
    """Return of each kind of figure the worst that was measured."""
    marks = list(_marks(media))
    kinds = [[mark for mark in marks if mark.bounds is bounds] for bounds in ALL]
    return [max(kind, key=lambda mark: mark.badness) for kind in kinds if kind]


def grade_of(media: Media) -> Grade | None:
    """Return the grade of the worst figure; None where nothing was measured."""
    grades = {mark.grade for mark in worst(media)}
    return next((each for each in reversed(GRADES) if each in grades), None)


def _marks(media: Media) -> Iterator[Mark]:
    for way in media.directions:
        yield from _direction(way, media.seconds)
    for trip in media.round_trips:
        if trip.round_trip_ms is not None:
            yield Mark(ROUND_TRIP, trip.round_trip_ms, trip.peer)


def _direction(way: Direction, seconds: float) -> Iterator[Mark]:
    where, video = f"{way.source} to {way.sink}", way.video
    if video.wrong_pictures is not None:  # of our pictures
        yield Mark(FRAME_RATE, video.fps, where)
    if video.latency_ms is not None:
        yield Mark(LATENCY, video.latency_ms, where)
    yield Mark(LOSS, way.loss_percent, where)
    if seconds > 0:
        frozen_ms = max(each.frozen_ms for each in way.videos.values())
        yield Mark(FROZEN, round(frozen_ms / seconds / 10, 1), where)
