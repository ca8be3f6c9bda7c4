"""A recording from the wait for its master to its last file."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from math import inf
from typing import Final, Literal

from av import VideoFrame

from kvsops.core.text import age
from kvsops.errors import KvsopsError
from kvsops.peers.ice import Ice
from kvsops.peers.peer import Codec, Peer
from kvsops.peers.waits import end_all
from kvsops.stay import recording, watching
from kvsops.stay.destination import Destination
from kvsops.stay.gaps import Gap, Gaps, Resumed, Stopped
from kvsops.stay.intake import Intake
from kvsops.stay.presence import Presence
from kvsops.stay.recording import Frame, Recording, kind_of
from kvsops.stay.space import LowSpace, Space
from kvsops.stay.writer import Writer

TICK_SECONDS: Final = 0.2
LATE_SECONDS: Final = 10.0
"""How much later than it was sent the last frame of a recording may come, on a slow machine."""
SLOW_SECONDS: Final = 60.0
"""How often it is said at most that the machine is too slow."""
UNDECODED_SECONDS: Final = 1.0
"""Packets that come so long after the last picture are of pictures that cannot be decoded."""
END_SECONDS: Final = 20.0
"""What the last frames may take to be written."""


@dataclass(frozen=True, slots=True)
class Slow:
    """The machine is too slow: so many pictures and sounds were dropped since the beginning."""

    pictures: int
    sounds: int


Event = recording.Told | watching.Event | Stopped | Resumed | LowSpace | Slow
Reason = Literal["duration", "interrupted", "reader-gone", "no-master", "left", "not-written"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to record, and how; times are in seconds."""

    destination: Destination
    duration: float = inf
    wait: float = 60.0
    """How long nothing may come, at the beginning and after a loss."""
    segment: float = inf
    size: tuple[int, int] | None = None
    codec: Codec | None = None


@dataclass(slots=True)
class Report:
    """What came of a recording, and why it ended."""

    reason: Reason
    text: str
    seconds: float = 0.0
    pictures: int = 0
    bytes: int = 0
    files: list[str] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    pictures_dropped: int = 0
    sounds_dropped: int = 0
    code: int = 1
    """What a failure ends the process with."""

    @property
    def exit_code(self) -> int:
        """0 where it ended as it should; 130 for a signal."""
        codes = {"interrupted": 130, "duration": 0, "reader-gone": 0}
        return codes.get(self.reason, self.code)


@dataclass(frozen=True, slots=True)
class Now:
    """How far a recording is, for whoever looks on."""

    seconds: float
    bytes: int
    fps: float
    size: tuple[int, int] | None
    stopped: bool


class Recorder:
    """Records what a channel's master sends, by a viewer's `presence`, which it enters.

    `tell` hears what happens. `clock` is that of the presence.
    """

    def __init__(
        self,
        presence: Presence,
        wanted: Wanted,
        tell: Callable[[Event], object] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wanted, self._tell, self._clock = wanted, tell, clock
        self._loop = asyncio.get_running_loop()
        self._watching = watching.Watching(
            presence, self._make_peer, self._hear, last_at=self._last_at, clock=clock
        )
        self._writer: Writer | None = None
        self._gaps = Gaps(clock, self._tell, self._position)
        self._space = Space(wanted.destination.directory, clock, self._tell)
        self._why = "no master answers"
        self._slow, self._next_slow = Slow(0, 0), -inf
        self._picture: tuple[int, int] | None = None
        self._came_at: dict[str, float] = {}
        """When something of each kind came last in this call, decoded."""
        self._past: set[str] = set()
        """Of which kinds something came that was sent after the end."""

    async def run(self, stop: asyncio.Event) -> Report:
        """Record until it is over, or `stop` is set; the files have their end then."""
        watching = asyncio.ensure_future(self._watched())
        works = [watching, *map(asyncio.ensure_future, (self._attend(), self._stopped(stop)))]
        report = Report("left", "")
        try:
            done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            report = next(each.result() for each in works if each in done)
        finally:
            await end_all(works)
            await self._finish(report)
        return report

    @property
    def now(self) -> Now:
        """How far it is."""
        made = None if self._writer is None else self._writer.recording
        seconds, size = (0.0, 0) if made is None else (made.seconds, made.bytes)
        return Now(seconds, size, self._gaps.fps, self._picture, self._gaps.stopped)

    def _make_peer(self, ice: Ice) -> Peer:
        self._came_at.clear()
        return Peer(
            watching.OURS,
            ice,
            kinds=self._wanted.destination.kinds,
            codec=self._wanted.codec,
            received=Intake(self._clock, self._deliver),
            clock=self._clock,
        )

    def _hear(self, event: watching.Event) -> None:
        if isinstance(event, watching.Joined):
            self._why = "the master is connected, but sends nothing that can be decoded"
            self._begin(event.kinds)
        elif isinstance(event, watching.NotJoined | watching.Refused):
            self._why = event.why
            if isinstance(event, watching.NotJoined):
                self._gaps.stop_all(event.why)
        self._tell(event)

    def _begin(self, kinds: tuple[str, ...]) -> None:
        if self._writer is None:
            wanted = self._wanted
            made = Recording(
                wanted.destination,
                kinds,
                size=wanted.size,
                segment=wanted.segment,
                seconds=wanted.duration,
                tell=lambda told: self._loop.call_soon_threadsafe(self._tell, told),
            )
            self._writer = Writer(made)

    def _deliver(self, frame: Frame, at: float) -> None:
        if isinstance(frame, VideoFrame):
            self._picture = (frame.width, frame.height)
        if self._writer is None:  # it came before DTLS was seen to be connected
            self._begin(self._wanted.destination.kinds)
        if self._writer is not None:
            self._writer.put(frame, at)
            if at - (self._writer.recording.began_at or at) >= self._wanted.duration:
                self._past.add(kind_of(frame))
        self._came_at[kind_of(frame)] = self._clock()
        self._gaps.came(kind_of(frame))

    def _position(self) -> float:
        """Return what moment of the recording is now."""
        began = None if self._writer is None else self._writer.recording.began_at
        return 0.0 if began is None else max(0.0, self._clock() - began)

    def _last_at(self) -> float:
        """Return when something came last; before anything does, when it first offered."""
        return max(self._gaps.last_at, self._watching.offered_at or self._clock())

    async def _attend(self) -> Report:
        """Look after time, space and gaps until one of them ends it."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            if self._writer is not None and self._writer.ended.done():
                return Report("not-written", "")
            if self._clock() - self._last_at() > self._wanted.wait:
                waited = age(timedelta(seconds=self._wanted.wait))
                why = self._why_nothing(self._wanted.destination.kinds)
                why = f"nothing came for {waited}: {why}; --wait waits longer"
                return Report("no-master", why)
            if self._is_complete():
                return Report("duration", "")
            self._gaps.look(self._why_nothing)
            self._space.look(self.now.bytes, self._position())
            self._look_slow()

    def _is_complete(self) -> bool:
        """Whether it is as long as was asked for, and nothing that belongs to it is on its way."""
        over = self._position() - self._wanted.duration
        return over > LATE_SECONDS or (over > 0 and self._gaps.coming <= self._past)

    def _look_slow(self) -> None:
        """Say what was dropped, as long as that grows, every few seconds."""
        if self._writer is None or self._clock() < self._next_slow:
            return
        slow = Slow(self._writer.dropped["video"], self._writer.dropped["audio"])
        if slow != self._slow:
            self._slow, self._next_slow = slow, self._clock() + SLOW_SECONDS
            self._tell(slow)

    def _why_nothing(self, kinds: Iterable[str]) -> str:
        """Tell why none of these kinds comes, in this call not yet, or no more."""
        peer = self._watching.peer
        if peer is None or peer.connection.connectionState != "connected":
            return self._why
        agreed = [kind for kind in kinds if peer.receives(kind)]
        whys = dict.fromkeys(self._why_not(peer, kind) for kind in agreed)  # each is said once
        return "; ".join(whys) or self._why

    def _why_not(self, peer: Peer, kind: str) -> str:
        if (came_at := self._came_at.get(kind)) is None:
            return peer.why_nothing(kind)
        tracks = (each for each in peer.received.incoming if each.kind == kind)
        packet_at = max((each.streams.last_at or -inf for each in tracks), default=-inf)
        undecoded = packet_at - came_at > UNDECODED_SECONDS
        return "packets come that cannot be decoded" if undecoded else "no more packets come"

    async def _watched(self) -> Report:
        """Watch until the place in the channel is lost, or cannot be used."""
        try:
            await self._watching.run()
        except KvsopsError as error:
            return Report("left", str(error), code=error.exit_code)

    async def _stopped(self, stop: asyncio.Event) -> Report:
        await stop.wait()
        return Report("interrupted", "")

    async def _finish(self, report: Report) -> None:
        """Bring the files to their end, and the report with them."""
        self._gaps.close()
        if (writer := self._writer) is None:
            return
        try:
            async with asyncio.timeout(END_SECONDS):
                await writer.close()
        except BrokenPipeError:
            if report.reason == "not-written":  # else Ctrl-C ended both
                report.reason, report.text = "reader-gone", "whoever read it has closed the pipe"
        except OSError as error:
            name = (
                error.filename or (writer.recording.files or [self._wanted.destination.given])[-1]
            )
            report.reason, report.text = "not-written", f"{name}: {error.strerror or error}"
        except TimeoutError:
            report.reason, report.text = "not-written", "the disk is too slow: the end is missing"
        await asyncio.sleep(0)  # what the thread told
        self._fill(report, writer)

    def _fill(self, report: Report, writer: Writer) -> None:
        made = writer.recording
        report.seconds, report.pictures, report.bytes = made.seconds, made.pictures, made.bytes
        report.files, report.gaps = list(made.files), self._gaps.all
        report.pictures_dropped = writer.dropped["video"]
        report.sounds_dropped = writer.dropped["audio"]
