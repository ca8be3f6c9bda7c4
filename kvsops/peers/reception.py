"""What arrives at a peer: each picture and when, whether it was the right one, and sound."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, VideoFrame

from kvsops.peers.picture import read
from kvsops.peers.tracks import NumberedVideo, audible
from kvsops.peers.waits import end_all


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture as it arrived; without a number where it carried none of ours."""

    at: float
    number: int | None = None
    latency: float | None = None
    """Seconds from when it was drawn to when it had been decoded."""


class Reception:
    """Watches the tracks that a peer receives. Times are seconds of `clock`.

    The first of a kind is whatever comes first, unless numbered pictures are expected: then it
    is the first whose number can be read, and the first sound that is not silence.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.first_video, self.first_audio = asyncio.Event(), asyncio.Event()
        self.seen: list[Seen] = []
        self.last_picture: VideoFrame | None = None
        self._clock = clock
        self._expected: NumberedVideo | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def numbered(self) -> bool:
        """Whether numbered pictures are expected."""
        return self._expected is not None

    def expect(self, video: NumberedVideo) -> None:
        """Expect these pictures, which are drawn in this process."""
        self._expected = video

    def watch(self, track: MediaStreamTrack) -> None:
        """Take in what comes on this track until it ends."""
        self._tasks.append(asyncio.ensure_future(self._take_all(track)))

    async def close(self) -> None:
        """Watch no more."""
        await end_all(self._tasks)

    async def _take_all(self, track: MediaStreamTrack) -> None:
        with suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                if isinstance(frame, VideoFrame):
                    self._take_picture(frame)
                elif isinstance(frame, AudioFrame) and (not self.numbered or audible(frame)):
                    self.first_audio.set()

    def _take_picture(self, frame: VideoFrame) -> None:
        at, self.last_picture = self._clock(), frame
        expected, seen = self._expected, Seen(at)
        if expected is not None:
            mark = read(frame)
            if mark is None or mark.sender != expected.sender:
                self.seen.append(seen)
                return
            if (drawn_at := expected.drawn.get(mark.number)) is not None:
                seen = Seen(at, mark.number, at - drawn_at)
        self.seen.append(seen)
        self.first_video.set()
