"""A recording: decoded pictures and sounds on a timeline, cut into files.

What is missing while nothing comes stays on the timeline: the last picture is held, the sound is
silent. So a place in the file is a time of day.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from math import inf
from typing import Final, Literal

from av import AudioFrame, VideoFrame

from kvsops.stay.destination import Destination, Sink
from kvsops.stay.fitting import even
from kvsops.stay.media_file import MediaFile, media_file
from kvsops.stay.sound import Sound

Frame = VideoFrame | AudioFrame
PATIENCE_SECONDS: Final = 3.0
"""How long sound waits for the first picture: what a file holds is said at its beginning."""
APART_SECONDS: Final = 1.0
"""Sound that is behind the pictures by more than this has a hole, which is filled to half of it.

A player waits for it; and after so long a file that another follows has all that belongs to it.
"""


@dataclass(frozen=True, slots=True)
class Begun:
    """A file was begun, so many seconds after the first."""

    file: str
    position: float
    size: tuple[int, int] | None
    sound: bool


@dataclass(frozen=True, slots=True)
class Finished:
    """A file has its end."""

    file: str
    seconds: float
    pictures: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Fitted:
    """Pictures have this size now, and are scaled to that of the file."""

    size: tuple[int, int]
    file_size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What comes now has no track in the file, as it did not come at its beginning."""

    kind: Literal["video", "audio"]
    file: str


Told = Begun | Finished | Fitted | LeftOut


@dataclass(slots=True)
class Part:
    """One file, and what it has so far; `began` on the whole recording's timeline."""

    sink: Sink
    file: MediaFile
    began: float
    size: tuple[int, int] | None
    sounds: bool
    pictures: int = 0
    last: float = 0.0
    """The latest moment that it has something of."""
    sound: Sound = field(init=False)

    def __post_init__(self) -> None:
        self.sound = Sound(self.file.add_sound)

    def add(self, frame: Frame, at: float) -> None:
        """Add what came so many seconds after the recording began."""
        at -= self.began
        self.last = max(self.last, at)
        if isinstance(frame, AudioFrame):
            self.sound.add(frame, at)
            return
        self.file.add_picture(frame, at)
        self.pictures += 1
        if self.sounds and at - self.sound.seconds > APART_SECONDS:
            self.sound.fill(at - APART_SECONDS / 2)


class Recording:
    """Takes frames in, each with when it was sent, and writes the files.

    `expected` are the kinds of media that were agreed. Every call may raise OSError, and takes its
    time: it belongs in a thread. `tell` is called in that thread. What was sent `seconds` after
    the first or later is left out.
    """

    def __init__(
        self,
        destination: Destination,
        expected: Collection[str],
        *,
        size: tuple[int, int] | None = None,
        segment: float = inf,
        seconds: float = inf,
        tell: Callable[[Told], object] = lambda _: None,
    ) -> None:
        self.began_at: float | None = None
        """When the first picture or sound was sent that it has."""
        self.seconds = 0.0
        """How long it is."""
        self.pictures = 0
        self.files: list[str] = []
        self._destination, self._expected = destination, set(expected) & {*destination.kinds}
        self._size, self._segment, self._longest, self._tell = size, segment, seconds, tell
        self._waiting: list[tuple[Frame, float]] = []
        self._part: Part | None = None
        self._before: Part | None = None
        self._finished_bytes = 0
        self._due = segment
        self._last_picture = -inf
        self._picture_size: tuple[int, int] | None = None
        self._left_out: set[tuple[str, str]] = set()

    @property
    def bytes(self) -> int:
        """How much was written."""
        parts = (part for part in (self._part, self._before) if part is not None)
        return self._finished_bytes + sum(part.sink.size for part in parts)

    def add(self, frame: Frame, at: float) -> None:
        """Add a picture or a sound that was sent at this moment of a clock, always the same."""
        if kind_of(frame) not in self._destination.kinds:
            return
        if self.began_at is not None:
            self._place(frame, at - self.began_at)
            return
        self._waiting.append((frame, at))
        first = min(moment for _, moment in self._waiting)
        patient = "video" in self._expected and at - first < PATIENCE_SECONDS
        if isinstance(frame, VideoFrame) or not patient:
            self._begin()

    def close(self) -> None:
        """Bring all files to their end."""
        if self._waiting:
            self._begin()
        parts, self._before, self._part = (self._before, self._part), None, None
        for part in parts:
            if part is not None:
                self._finish(part)

    def _begin(self) -> None:
        waiting, self._waiting = sorted(self._waiting, key=lambda each: each[1]), []
        self.began_at = waiting[0][1]
        for frame, _ in waiting:
            self._take_size(frame)
        for frame, at in waiting:
            self._place(frame, at - self.began_at)

    def _place(self, frame: Frame, at: float) -> None:
        """Add what came so many seconds after the first to the file that it belongs to."""
        if not 0 <= at < self._longest:
            return
        self._take_size(frame)
        if self._part is None:
            self._open(at)
        elif at >= self._due and (isinstance(frame, VideoFrame) or not self._has_pictures(at)):
            self._next(at)
        if (part := self._part_of(frame, at)) is not None:
            self._put(part, frame, at)

    def _put(self, part: Part, frame: Frame, at: float) -> None:
        kind = kind_of(frame)
        if not (part.size if kind == "video" else part.sounds):
            if (kind, part.sink.name) not in self._left_out:
                self._left_out.add((kind, part.sink.name))
                self._tell(LeftOut(kind, part.sink.name))
            return
        part.add(frame, at)
        self.seconds = max(self.seconds, at)
        if isinstance(frame, VideoFrame):
            self.pictures, self._last_picture = self.pictures + 1, at

    def _part_of(self, frame: Frame, at: float) -> Part | None:
        """Return the file that a moment belongs to: what is late may belong to the one before."""
        before, part = self._before, self._part
        if before is None or part is None:
            return part
        if at < part.began:
            return before
        if isinstance(frame, AudioFrame) or at > part.began + APART_SECONDS:
            self._before = None
            self._finish(before)
        return part

    def _next(self, at: float) -> None:
        """Let the next file begin here."""
        before, self._before = self._before, self._part
        if before is not None:
            self._finish(before)
        self._open(at)

    def _open(self, at: float) -> None:
        sink = self._destination.open(len(self.files) + 1)
        size = self._picture_size and (self._size or even(*self._picture_size))
        if "video" not in self._destination.kinds:
            size = None
        sounds = "audio" in self._expected
        file = media_file(sink, self._destination.format, size, sound=sounds)
        self._part = Part(sink, file, at, size, sounds)
        self._due = at + self._segment
        self.files.append(sink.name)
        self._tell(Begun(sink.name, at, size, sounds))

    def _finish(self, part: Part) -> None:
        try:
            part.file.close()
        finally:
            self._finished_bytes += part.sink.size
        seconds = max(part.last, part.sound.seconds)
        self._tell(Finished(part.sink.name, seconds, part.pictures, part.sink.size))

    def _take_size(self, frame: Frame) -> None:
        """Take note of how large pictures are now, and what kinds there are."""
        self._expected.add(kind_of(frame))
        if not isinstance(frame, VideoFrame):
            return
        size = (frame.width, frame.height)
        if size == self._picture_size:
            return
        self._picture_size = size
        part = self._part
        if part is not None and part.size not in (None, even(*size)):
            self._tell(Fitted(size, part.size or size))

    def _has_pictures(self, at: float) -> bool:
        """Whether pictures come, at one of which a file had better begin."""
        return at - self._last_picture < APART_SECONDS


def kind_of(frame: Frame) -> Literal["video", "audio"]:
    """Return what kind of media a frame is."""
    return "video" if isinstance(frame, VideoFrame) else "audio"
