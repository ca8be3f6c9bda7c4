"""What flows both ways once all is connected, measured for a while."""

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from aiortc import RTCDataChannel
from aiortc.stats import RTCTransportStats

from kvsops.peers.call import Call
from kvsops.peers.peer import Peer
from kvsops.peers.streams import Count
from kvsops.peers.waits import end_all
from kvsops.smoke.flow import Flow, milliseconds, percentile
from kvsops.smoke.incoming import Measured, Span, Track

PING_SECONDS: Final = 0.1
ASK_SECONDS: Final = 3.0
"""What the answer to an ICE check may take, with two that were lost."""
LOOK_SECONDS: Final = 0.02
"""How often it is looked whether what may have stopped goes on."""


@dataclass(frozen=True, slots=True)
class Direction:
    """What came from one end to the other: rates, losses, and the picture's own figures.

    Packets are those of all tracks, pictures those of the track with the fewest.
    """

    source: str
    sink: str
    bitrate_kbps: float
    packets: int
    packets_lost: int
    loss_percent: float
    jitter_ms: float | None
    audio_jitter_ms: float | None
    video: Flow
    tracks: list[Track] = field(default_factory=list)

    @property
    def videos(self) -> dict[str, Flow]:
        """The pictures of each video track, by its mid."""
        found = {track.mid: track.video for track in self.tracks if track.video is not None}
        return found or {"0": self.video}


@dataclass(frozen=True, slots=True)
class RoundTrips:
    """Messages on the data channel that went to the other end and back."""

    peer: str
    sent: int
    returned: int
    round_trip_ms: float | None
    round_trip_p95_ms: float | None


@dataclass(frozen=True, slots=True)
class Media:
    """The figures of all that was measured."""

    seconds: float = 0.0
    directions: list[Direction] = field(default_factory=list)
    round_trips: list[RoundTrips] = field(default_factory=list)


class _Pinger:
    """Sends a message ten times a second, and notes when it came back."""

    def __init__(self, name: str, channel: RTCDataChannel, clock: Callable[[], float]) -> None:
        self._name, self._channel, self._clock = name, channel, clock
        self._left: dict[str, float] = {}
        self._trips: list[float] = []
        self._sent = 0
        channel.add_listener("message", self._returned)

    def _returned(self, message: object) -> None:
        left = self._left.pop(message, None) if isinstance(message, str) else None
        if left is not None:
            self._trips.append(self._clock() - left)

    async def run(self) -> None:
        while self._channel.readyState == "open":
            text = f"ping {self._sent}"
            self._left[text], self._sent = self._clock(), self._sent + 1
            self._channel.send(text)
            await asyncio.sleep(PING_SECONDS)

    def round_trips(self) -> RoundTrips:
        trips = sorted(self._trips)
        return RoundTrips(
            self._name,
            self._sent,
            len(trips),
            milliseconds(statistics.median(trips)) if trips else None,
            milliseconds(percentile(trips, 95)) if trips else None,
        )


class Way:
    """What one of our ends receives from the other end of its call, while it is measured."""

    def __init__(self, call: Call, end: Peer) -> None:
        self.source, self.end = call.other(end), end
        self._all = [Measured(end, incoming) for incoming in end.received.incoming]
        self._bytes = [0, 0]
        self.answers: bool | None = None
        """Whether the other end answered at the end; None where that was not to be known."""

    @property
    def tracks(self) -> list[Measured]:
        """Those on which something came."""
        return [track for track in self._all if track.began]

    @property
    def unused(self) -> list[Measured]:
        """Those on which something may come, but did not."""
        return [track for track in self._all if track.agreed and not track.began]

    async def begin(self) -> None:
        """Count from now on."""
        self._bytes = [await _bytes_received(self.end)] * 2

    async def end_here(self) -> None:
        """Count no further than now."""
        self._bytes[1] = await _bytes_received(self.end)
        for track in self._all:
            track.end_here()

    async def ask(self, seconds: float) -> None:
        """Ask the other end whether it is still there."""
        if not self.end.lost.done():
            self.answers = await self.end.answers(seconds)

    def direction(self, span: Span) -> Direction | None:
        """Work out the figures; None where no picture came at all."""
        tracks = [each.track(span) for each in self.tracks]
        videos = [track.video for track in tracks if track.video is not None]
        if not videos:
            return None
        count = sum((each.count(span) for each in self.tracks), Count())
        return Direction(
            source=self.source,
            sink=self.end.name,
            bitrate_kbps=round((self._bytes[1] - self._bytes[0]) * 8 / span.seconds / 1000, 1),
            packets=count.received,
            packets_lost=count.lost,
            loss_percent=count.percent_lost,
            jitter_ms=_jitter(tracks, "video"),
            audio_jitter_ms=_jitter(tracks, "audio"),
            video=min(videos, key=lambda video: video.fps),
            tracks=tracks,
        )


class Measurement:
    """Measures what flows between the ends of these calls for `seconds`.

    It raises nothing if an end is lost or a track stops: `ways` and `span` tell of that. After
    `limit` seconds of nothing a track has stopped; one that may have is watched for that long.
    """

    def __init__(
        self,
        calls: Sequence[Call],
        seconds: float,
        limit: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ways = [Way(call, end) for call in calls for end in call.ends]
        self.span: Span | None = None
        """None as long as nothing was measured."""
        self._pingers = [each for call in calls if (each := _pinger(call, clock)) is not None]
        self._seconds, self._limit, self._clock = seconds, limit, clock

    async def run(self) -> None:
        """Let the media flow for these seconds, or until every connection is lost."""
        tasks = [asyncio.ensure_future(pinger.run()) for pinger in self._pingers]
        lost = [way.end.lost for way in self.ways]
        for way in self.ways:
            await way.begin()
        began = self._clock()
        try:
            await asyncio.wait(lost, timeout=self._seconds, return_when=asyncio.ALL_COMPLETED)
        finally:  # also where something else ended it
            ended = self._clock()
            if all(each.done() for each in lost):  # nothing can come any more
                ended = max(ended, began + self._seconds)
            self.span = span = Span(began, ended, ended, self._limit)
            for way in self.ways:
                await way.end_here()
            await end_all(tasks)
        asked = (way.ask(ASK_SECONDS) for way in self.ways)
        await asyncio.gather(self._resumed(span.patience), *asked)
        self.span = replace(span, watched=max(ended, self._clock()))

    async def _resumed(self, patience: float) -> None:
        """Wait until something came on each track, or that has taken too long."""
        tracks = [track for way in self.ways for track in way.tracks]
        while any(track.awaited(self._clock(), patience) for track in tracks):
            await asyncio.sleep(LOOK_SECONDS)

    def figures(self) -> Media:
        """Work out the figures of what was measured, as far as that came."""
        if self.span is None:
            return Media()
        directions = [way.direction(self.span) for way in self.ways]
        return Media(
            round(self.span.seconds, 3),
            [each for each in directions if each is not None],
            [pinger.round_trips() for pinger in self._pingers],
        )


def _pinger(call: Call, clock: Callable[[], float]) -> _Pinger | None:
    """Let the viewer's messages be sent back, where both ends are ours."""
    if call.viewer is None or call.master is None:
        return None
    near, far = call.viewer.channel, call.master.channel
    if near is None or far is None:
        return None
    far.add_listener("message", far.send)
    return _Pinger(call.viewer.name, near, clock)


async def _bytes_received(end: Peer) -> int:
    """Return what came over the transport, which is one for all: bundled."""
    for receiver in end.connection.getReceivers():
        for each in (await receiver.getStats()).values():
            if isinstance(each, RTCTransportStats):
                return each.bytesReceived
    return 0


def _jitter(tracks: Sequence[Track], kind: str) -> float | None:
    found = [each.jitter_ms for each in tracks if each.kind == kind and each.jitter_ms is not None]
    return max(found, default=None)
