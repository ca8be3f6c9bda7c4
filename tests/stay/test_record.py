"""A recording of a channel's master, on the emulator: decoded again, and read."""

import asyncio
import resource
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from aiortc import MediaStreamTrack
from av import Packet, VideoFrame

from kvsops.aws import channels
from kvsops.aws.scope import Scope
from kvsops.core.wire.message import MessageType, Received
from kvsops.local.server import LocalServer
from kvsops.peers.ice import Ice
from kvsops.peers.tracks import NumberedVideo, Tone
from kvsops.signaling.access import Access
from kvsops.stay import presence, watching
from kvsops.stay.destination import Destination
from kvsops.stay.encoders import VIDEO_BASE, Encoded
from kvsops.stay.gaps import Resumed, Stopped
from kvsops.stay.presence import Presence
from kvsops.stay.record import Event, Recorder, Report, Wanted
from tests.aws.first_calls import FirstCalls
from tests.stay.conftest import Stay, run
from tests.stay.decoding import decoded
from tests.stay.master import Master

Told = list[Event | presence.Event]


class Recorded:
    """A recording to a file of a viewer that joins, with what it told."""

    def __init__(self, stay: Stay, path: Path, wait: float = 30.0, duration: float = 2.0) -> None:
        self.told: Told = []
        self.stop, self.ended = asyncio.Event(), asyncio.Event()
        viewer: Presence = stay("viewer", "recorder", tell=self.told.append)
        wanted = Wanted(Destination(str(path)), duration=duration, wait=wait)
        self._recorder = Recorder(viewer, wanted, self.told.append)

    async def run(self) -> Report:
        """Record."""
        try:
            return await self._recorder.run(self.stop)
        finally:
            self.ended.set()

    @property
    def seconds(self) -> float:
        """How long it is by now."""
        return self._recorder.now.seconds

    async def until(self, event: type, times: int = 1) -> None:
        """Wait until it has told this."""
        while sum(isinstance(each, event) for each in self.told) < times:
            await asyncio.sleep(0.02)

    async def lasts(self, seconds: float) -> None:
        """Wait until it is so long."""
        while self.seconds < seconds:
            await asyncio.sleep(0.02)


async def beside(recorded: Recorded, work: Awaitable[object]) -> Report:
    """Do something while it records."""
    recording = asyncio.ensure_future(recorded.run())
    await work
    return await recording


def consecutive(numbers: Sequence[int | None]) -> bool:
    """Whether each picture is the one after the last."""
    first = numbers[0] or 0
    return list(numbers) == [*range(first, first + len(numbers))]


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_master(stay: Stay, access: Access, arn: str, tmp_path: Path, suffix: str) -> None:
    """Every decoded picture is in the file, in step with the clock, and the tone."""
    path = tmp_path / f"door.{suffix}"

    async def go() -> tuple[Report, Told]:
        async with Master(access, arn):
            recorded = Recorded(stay, path)
            return await recorded.run(), recorded.told

    report, told = run(go(), 90)
    assert (report.reason, report.exit_code, report.files) == ("duration", 0, [str(path)])
    assert (report.gaps, report.pictures_dropped, report.sounds_dropped) == ([], 0, 0)
    clip = decoded(path)
    assert consecutive(clip.numbers)
    assert report.pictures == len(clip.numbers) > 10
    assert clip.sound_seconds == pytest.approx(2.0, abs=0.2)
    assert clip.share_loud(0.3, 1.7) > 0.8
    joined = next(each for each in told if isinstance(each, watching.Joined))
    assert joined.kinds == ("video", "audio")


def test_a_master_that_restarts(stay: Stay, access: Access, arn: str, tmp_path: Path) -> None:
    """It is called again; the gap is told, and has its place in the timeline."""
    path = tmp_path / "door.mkv"

    async def go() -> tuple[Report, Told]:
        recorded = Recorded(stay, path, duration=60.0)

        async def restart() -> None:
            async with Master(access, arn):
                await recorded.lasts(1.0)
            await recorded.until(Stopped)
            async with Master(access, arn):
                await recorded.until(Resumed, 2)
                await recorded.lasts(recorded.seconds + 1.0)
                recorded.stop.set()
                await recorded.ended.wait()

        return await beside(recorded, restart()), recorded.told

    report, told = run(go(), 120)
    assert (report.reason, report.exit_code) == ("interrupted", 130)
    assert sorted(gap.kind for gap in report.gaps) == ["audio", "video"]
    gap = next(each for each in report.gaps if each.kind == "video")
    assert gap.seconds > 0.9
    assert gap.why == "the other end closed the connection"
    clip = decoded(path)
    beginning = 1 + next(
        place
        for place, each in enumerate(clip.numbers[1:])
        if (each or 0) < (clip.numbers[place] or 0)
    )
    assert beginning > 3
    assert clip.times[beginning] - clip.times[beginning - 1] == pytest.approx(gap.seconds, abs=0.5)
    middle = (clip.times[beginning] + clip.times[beginning - 1]) / 2
    assert clip.silent(middle - 0.1, middle + 0.1)
    assert sum(isinstance(each, watching.Joined) for each in told) == 2


class Troubled(MediaStreamTrack):
    """Numbered pictures, and from when it is `spoilt` what is none."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self.spoilt = False
        self._pictures = NumberedVideo(1, (320, 240))

    async def recv(self) -> "VideoFrame | Encoded":
        """Return the next picture, or nonsense in its place."""
        frame = await self._pictures.recv()
        if not self.spoilt:
            return frame
        nonsense = Packet(bytes(50))
        nonsense.pts, nonsense.time_base = frame.pts, frame.time_base or VIDEO_BASE
        return nonsense


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        ("paused", "no more packets come"),
        ("spoilt", "packets come that cannot be decoded"),
    ],
)
def test_a_picture_that_stops(
    stay: Stay, access: Access, arn: str, tmp_path: Path, *, trouble: str, why: str
) -> None:
    """The call stands, and no picture comes any more: why is told, and not what never came."""
    track = Troubled()

    def stopped(told: Told) -> list[Stopped]:
        return [each for each in told if isinstance(each, Stopped) and "video" in each.kinds]

    async def go() -> Stopped:
        recorded = Recorded(stay, tmp_path / "door.mkv", duration=60.0)

        async def stop() -> None:
            async with Master(access, arn, lambda: (track, Tone())) as master:
                await recorded.lasts(1.0)
                track.spoilt = trouble == "spoilt"
                if trouble == "paused":
                    for sender in master.peers[-1].connection.getSenders():
                        sender.replaceTrack(None)
                while not stopped(recorded.told):
                    await asyncio.sleep(0.02)
                recorded.stop.set()
                await recorded.ended.wait()

        await beside(recorded, stop())
        return stopped(recorded.told)[0]

    assert run(go(), 90).why == why


def test_a_master_that_comes_later(stay: Stay, access: Access, arn: str, tmp_path: Path) -> None:
    """It is waited for, which is said; several offers that waited for it do no harm."""
    path = tmp_path / "door.mp4"

    async def go() -> Report:
        recorded = Recorded(stay, path, duration=1.0)

        async def come() -> None:
            await recorded.until(watching.Waiting)
            async with Master(access, arn):
                await recorded.until(watching.Joined)
                await recorded.ended.wait()

        return await beside(recorded, come())

    report = run(go(), 90)
    assert (report.exit_code, report.files) == (0, [str(path)])
    assert decoded(path).sound_seconds == pytest.approx(1.0, abs=0.2)


def test_no_master(stay: Stay, tmp_path: Path) -> None:
    """Nobody comes: it gives up after --wait, and leaves no file."""
    recorded_at = tmp_path / "door.mp4"

    async def go() -> Report:
        return await Recorded(stay, recorded_at, wait=1.0).run()

    report = run(go(), 60)
    assert (report.reason, report.exit_code, report.files) == ("no-master", 1, [])
    assert report.text == "nothing came for 1s: no master answers; --wait waits longer"
    assert [*tmp_path.glob("*.mp4")] == []


Tracks = Callable[[], Sequence[MediaStreamTrack]]


@pytest.mark.parametrize(
    ("tracks", "codecs"),
    [
        (lambda: [NumberedVideo(1, (320, 240))], ["h264"]),
        (lambda: [Tone()], ["opus"]),
    ],
    ids=["pictures", "sound"],
)
def test_one_kind(
    *,
    stay: Stay,
    access: Access,
    arn: str,
    tmp_path: Path,
    tracks: Tracks,
    codecs: list[str],
) -> None:
    """A master that has but pictures, or but sound, is recorded as far as it goes."""
    path = tmp_path / "door.mkv"

    async def go() -> Report:
        async with Master(access, arn, tracks):
            return await Recorded(stay, path, duration=1.0).run()

    assert run(go(), 60).exit_code == 0
    assert decoded(path).codecs == codecs


def test_a_channel_that_is_deleted(
    stay: Stay, access: Access, arn: str, tmp_path: Path, scope: Scope
) -> None:
    """The file has its end, and the reason is told."""
    path = tmp_path / "door.mp4"

    async def go() -> Report:
        recorded = Recorded(stay, path, duration=600.0)

        async def delete() -> None:
            async with Master(access, arn):
                await recorded.lasts(1.0)
                await asyncio.to_thread(channels.delete_made, scope, arn)
                await recorded.ended.wait()

        return await beside(recorded, delete())

    report = run(go(), 90)
    assert (report.reason, report.exit_code) == ("left", 1)
    assert report.text == "the channel was deleted"
    assert decoded(path).sound_seconds > 0.8


def test_a_full_disk(stay: Stay, access: Access, arn: str, tmp_path: Path) -> None:
    """It is said in one line, and what was written plays."""
    path = tmp_path / "door.wav"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    async def go() -> Report:
        async with Master(access, arn):
            return await Recorded(stay, path, duration=600.0).run()

    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        report = run(go(), 90)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (report.reason, report.exit_code) == ("not-written", 1)
    assert report.text == f"{path}: File too large"
    assert decoded(path).sound_seconds == pytest.approx(1.0, abs=0.1)


class Later(Presence):
    """A viewer that hears of other TURN servers when it has offered through the first."""

    async def receive(self) -> Received:
        """Return the next message, that one late."""
        message = await super().receive()
        if message.message_type is MessageType.RECONNECT_ICE_SERVER:
            await asyncio.sleep(0.5)
        return message


class Relayed(Later):
    """One that connects through TURN alone."""

    async def ice(self) -> Ice:
        """Return the servers, to be used."""
        return replace(await super().ice(), relay_only=True)


@pytest.mark.parametrize(("viewer", "calls"), [(Later, 1), (Relayed, 2)])
def test_other_turn_servers(
    *,
    access: Access,
    arn: str,
    tmp_path: Path,
    emulator: LocalServer,
    viewer: type[Presence],
    calls: int,
) -> None:
    """RECONNECT_ICE_SERVER: what goes through TURN calls anew; what goes directly goes on."""
    emulator.settings.faults = (FirstCalls("ConnectAsViewer", "reconnect-ice-server", 1),)

    async def go() -> tuple[Report, Told]:
        async with Master(access, arn):
            recorded = Recorded(partial(viewer, access, arn), tmp_path / "door.mkv", duration=4.0)
            return await recorded.run(), recorded.told

    report, told = run(go(), 90)
    assert report.exit_code == 0
    assert sum(isinstance(each, watching.Joined) for each in told) == calls
    assert [each.why for each in told if isinstance(each, watching.NotJoined)] == (
        [watching.MOVED] * (calls - 1)
    )
