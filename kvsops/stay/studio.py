"""Plays a source at its pace, as often as asked, and a camera's as long as there is time.

Decoding, waiting for a frame's time and encoding have one thread.
"""

import asyncio
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from av import AudioFrame, VideoFrame

from kvsops.stay.broadcast import Broadcast
from kvsops.stay.encoders import MOST_FPS
from kvsops.stay.outlet import Feed
from kvsops.stay.sources import Frame, Opened, Source, SourceError

FIRST_WAIT_SECONDS: Final = 1.0
LONGEST_WAIT_SECONDS: Final = 30.0
_LATE_SECONDS: Final = 0.2
"""A picture that is so late is left out: the machine cannot keep up."""
_LOST_SECONDS: Final = 1.0
"""What is so far from its time has lost touch with it, and begins a new one."""
_TELL_FROM, _TELL_EVERY = 30, 300  # pictures left out: a few are no trouble
_STOP_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Playing:
    """The source plays: its first time, or again."""

    kinds: frozenset[str]
    again: bool


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The source broke off or cannot be opened; it is tried again after `wait_seconds`."""

    why: str
    wait_seconds: float


@dataclass(frozen=True, slots=True)
class TooSlow:
    """The machine cannot keep up: so many pictures were left out so far."""

    left_out: int


Event = Playing | Interrupted | TooSlow


class Studio:
    """Plays `source`, from the first viewer on unless it is live; `again` and again if asked.

    `opened` is the source where the caller has opened it already, to see whether it can be. `tell`
    hears what happens, on the event loop. `ended` is done when there is no more to play: with a
    `SourceError` where the source broke off.
    """

    def __init__(
        self,
        source: Source,
        *,
        opened: Opened | None = None,
        again: bool = False,
        first_wait_seconds: float = FIRST_WAIT_SECONDS,
        tell: Callable[[Event], object] = lambda _: None,
    ) -> None:
        self.broadcast = Broadcast()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.kinds = None if opened is None else opened.kinds
        """What the source has; None as long as that is not known."""
        self.left_out = 0
        """How many pictures came too late to be sent."""
        self._source, self._opened, self._again = source, opened, again
        self._first_wait_seconds, self._tell = first_wait_seconds, tell
        self._somebody, self._stopped = threading.Event(), threading.Event()
        self._shift: float | None = None
        """What is added to a frame's time to get the machine's."""
        self._end_at = self._picture_at = -math.inf
        self._thread = threading.Thread(target=self._run, name="kvsops-studio", daemon=True)

    def start(self) -> None:
        """Begin to play."""
        self._thread.start()

    def add(self, feed: Feed) -> None:
        """Let this feed have what is played from now on."""
        self.broadcast.add(feed)
        self._somebody.set()

    async def close(self) -> None:
        """Stop; a source that is silent is not waited for."""
        self._stopped.set()
        self._somebody.set()
        self.ended.cancel()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join, _STOP_SECONDS)

    # On the event loop

    def _begun(self, playing: Playing) -> None:
        self.kinds = playing.kinds
        self._tell(playing)

    def _end(self, why: Exception | None) -> None:
        if self.ended.done():
            return
        if why is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(why)

    # In the thread

    def _run(self) -> None:
        try:
            why = self._play_all()
        except Exception as error:  # noqa: BLE001 - else nobody would hear of it
            why = error
        self.broadcast.to_loop(self._end, why)

    def _play_all(self) -> Exception | None:
        """Play it as often as asked; return why it broke off, if it did and that is the end."""
        wait_seconds, times, played = self._first_wait_seconds, 0, False
        while not self._stopped.is_set():
            why: SourceError | None = None
            self._shift = None
            try:
                self._play_once(again=times > 0)
            except SourceError as error:
                why = error
            if self._shift is not None:  # there was something
                wait_seconds, played = self._first_wait_seconds, True
            times += 1
            refused = why is not None and why.refused and not played  # else it knew us before
            if self._source.live and not refused:
                self._wait_for_it(why, wait_seconds)
                wait_seconds = min(2 * wait_seconds, LONGEST_WAIT_SECONDS)
            elif why is not None or not self._again:
                return why
        return None

    def _wait_for_it(self, why: SourceError | None, seconds: float) -> None:
        if not self._stopped.is_set():
            said = "it ended" if why is None else str(why)
            self.broadcast.to_loop(self._tell, Interrupted(said, seconds))
            self._stopped.wait(seconds)

    def _play_once(self, *, again: bool) -> None:
        """Play it to its end, if nobody stops it."""
        opened, self._opened = self._opened or self._source.open(), None
        try:
            self.broadcast.to_loop(self._begun, Playing(opened.kinds, again))
            if not self._source.live:
                self._somebody.wait()
            self.broadcast.begin(opened.fps)
            self._fps = opened.fps
            for frame in opened.frames:
                if self._stopped.is_set():
                    break
                self._play(frame)
        finally:
            opened.close()

    def _play(self, frame: Frame) -> None:
        """Wait for the frame's time, and have it encoded."""
        due = self._due(frame)
        if not self._source.live:
            self._stopped.wait(max(0.0, due - time.monotonic()))
        if isinstance(frame, AudioFrame):
            self.broadcast.sound(frame, due)
        elif self._source.live or time.monotonic() - due < _LATE_SECONDS:
            self._show(frame, due)
        else:
            self._leave_out()

    def _due(self, frame: Frame) -> float:
        """Return when the frame is due, by the machine's clock."""
        at, now = frame.time or 0.0, time.monotonic()
        if self._shift is None or self._is_lost(at + self._shift - now):
            self._shift = (now if self._source.live else max(now, self._end_at)) - at
        due = at + self._shift
        self._end_at = max(self._end_at, due + self._length(frame))
        return due

    def _is_lost(self, ahead: float) -> bool:
        """Whether a frame is so far ahead of its time, or behind, that this cannot be meant."""
        return ahead < -_LOST_SECONDS or (self._source.live and ahead > _LOST_SECONDS)

    def _length(self, frame: Frame) -> float:
        if isinstance(frame, AudioFrame):
            return frame.samples / frame.sample_rate
        return 1 / self._fps

    def _show(self, frame: VideoFrame, due: float) -> None:
        """Show a picture, but no more of them a second than can be sent."""
        if due - self._picture_at >= 0.9 / MOST_FPS:
            self._picture_at = due
            self.broadcast.show(frame, due)

    def _leave_out(self) -> None:
        self.left_out += 1
        if self.left_out == _TELL_FROM or self.left_out % _TELL_EVERY == 0:
            self.broadcast.to_loop(self._tell, TooSlow(self.left_out))
