"""What arrives at a peer: each picture and when, whether it was the right one, and sound."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from aiortc import MediaStreamTrack, RTCRtpReceiver, RTCRtpTransceiver
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, VideoFrame

from kvsops.peers.picture import read
from kvsops.peers.streams import Streams, tap
from kvsops.peers.tracks import NumberedVideo, audible
from kvsops.peers.waits import end_all


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture as it arrived; without a number where it carried none of ours."""

    at: float
    number: int | None = None
    latency: float | None = None
    """Seconds from when it was drawn to when it had been decoded."""


class Incoming:
    """One track that the other end may send on: its packets, and its pictures or sounds."""

    def __init__(self, transceiver: RTCRtpTransceiver, streams: Streams) -> None:
        self.kind, self.streams = transceiver.kind, streams
        self.seen: list[Seen] = []
        """The pictures, where it is video."""
        self._transceiver = transceiver

    @property
    def mid(self) -> str:
        """Which media of the SDP it is."""
        return self._transceiver.mid or "0"

    @property
    def receiver(self) -> RTCRtpReceiver:
        """What receives it."""
        return self._transceiver.receiver

    @property
    def agreed(self) -> bool:
        """Whether both ends agreed that the other may send."""
        return self._transceiver.currentDirection in ("recvonly", "sendrecv")

    @property
    def last_at(self) -> float | None:
        """When the last picture came, or of sound the last packet; None before the first."""
        if self.kind == "video":
            return self.seen[-1].at if self.seen else None
        stream = self.streams.latest
        return None if stream is None else stream.last_at


class Reception:
    """Watches the tracks that a peer receives. Times are seconds of `clock`.

    The first of a kind is whatever comes first, unless numbered pictures are expected: then it
    is the first whose number can be read, and the first sound that is not silence.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.first_video, self.first_audio = asyncio.Event(), asyncio.Event()
        self.incoming: list[Incoming] = []
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

    def packets(self, kind: str) -> int:
        """Return how many packets of this kind of media came."""
        return sum(each.streams.count.received for each in self.incoming if each.kind == kind)

    def watch(
        self, transceiver: RTCRtpTransceiver, clock_rate: Callable[[int], int | None]
    ) -> None:
        """Take in what comes on its track until that ends; `clock_rate` is told of `Streams`."""
        streams = Streams(self._clock, clock_rate)
        incoming = Incoming(transceiver, streams)
        self.incoming.append(incoming)
        tap(transceiver.receiver, streams.take)
        task = self._take_all(transceiver.receiver.track, incoming)
        self._tasks.append(asyncio.ensure_future(task))

    async def close(self) -> None:
        """Watch no more."""
        await end_all(self._tasks)

    async def _take_all(self, track: MediaStreamTrack, incoming: Incoming) -> None:
        with suppress(MediaStreamError):
            while True:
                self.take(incoming, await track.recv())

    def take(self, incoming: Incoming, frame: object) -> None:
        """Take in a picture or a sound, as it has been decoded."""
        if isinstance(frame, VideoFrame):
            self._take_picture(frame, incoming.seen)
        elif isinstance(frame, AudioFrame) and (not self.numbered or audible(frame)):
            self.first_audio.set()

    def _take_picture(self, frame: VideoFrame, seen: list[Seen]) -> None:
        at, self.last_picture = self._clock(), frame
        expected, picture = self._expected, Seen(at)
        if expected is not None:
            mark = read(frame)
            if mark is None or mark.sender != expected.sender:
                seen.append(picture)
                return
            if (drawn_at := expected.drawn.get(mark.number)) is not None:
                picture = Seen(at, mark.number, at - drawn_at)
        seen.append(picture)
        self.first_video.set()
