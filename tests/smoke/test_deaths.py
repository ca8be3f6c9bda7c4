"""Peers that die while smoke looks: real processes, killed, stopped, or gone in order."""

import asyncio
import re
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest

from kvsops.smoke.plan import Limits, Subject, Wanted
from kvsops.smoke.report import SmokeReport
from kvsops.smoke.run import smoke
from kvsops.smoke.steps import Step
from tests.smoke.conftest import failed
from tests.smoke.stranger import Process, stranger
from tests.smoke.strangers import browser, camera, session

LIMITS: Final = Limits(probe=1.0, negotiate=10.0, ice=10.0, dtls=5.0, video=5.0, somebody=15.0)
VIEWER: Final = Wanted(mode="viewer-only", duration=4, limits=LIMITS)
MASTER: Final = Wanted(mode="master-only", duration=4, limits=LIMITS)
Act = Callable[[Process], object]


def kill(process: Process) -> None:
    """Let it die without a word."""
    process.kill()


def leave(process: Process) -> None:
    """Let it say goodbye."""
    assert process.stdin is not None
    process.stdin.close()


def at(step: str, seconds: float, act: Callable[[], object]) -> Callable[[Step], None]:
    """Return what acts so long after a step began; it is told of steps, on the event loop."""
    planned: list[asyncio.TimerHandle] = []

    def tell(told: Step) -> None:
        if told.key == step and not planned:
            planned.append(asyncio.get_running_loop().call_later(seconds, act))

    return tell


def beside(
    kind: str, subject: Subject, wanted: Wanted, act: Act, *, step: str = "steady", seconds: float
) -> SmokeReport:
    """Run smoke beside a process to which something is done so long after a step began."""
    with stranger(kind, subject.channel_name) as process:
        tell = at(step, seconds, lambda: act(process))
        return asyncio.run(smoke(subject, wanted, tell=tell))


@pytest.mark.parametrize("seconds", [0.0, 1.0, 3.9])
def test_a_camera_that_is_killed(subject: Subject, seconds: float) -> None:
    """Whenever it dies, the pictures' end is told with its moment, and what is missing is lost."""
    report = beside("camera", subject, VIEWER, kill, seconds=seconds)
    [(step, reason)] = failed(report)
    assert step == "steady"
    [direction] = report.media.directions
    [video] = [track for track in direction.tracks if track.kind == "video"]
    assert video.stopped_seconds == pytest.approx(seconds, abs=0.6)
    assert reason == (
        f"master to viewer-1: the pictures stopped {video.stopped_seconds:.1f} s into the"
        " measurement: the other end is gone, or the path to it is: it answers no ICE checks"
    )
    missing = 100 * (4 - seconds) / 4
    assert direction.loss_percent == pytest.approx(missing, abs=20)
    assert direction.video.longest_gap_ms > 3000
    assert not report.passed


def test_a_camera_that_leaves(subject: Subject) -> None:
    """A connection that the other end closes ends the test, and is told as such."""
    report = beside("camera", subject, replace(VIEWER, duration=20), leave, seconds=1)
    [(step, reason)] = failed(report)
    assert step == "steady"
    assert re.match(r"viewer-1: the other end closed the connection, [1-4]\.", reason or "")
    assert report.seconds < 15
    [direction] = report.media.directions
    assert direction.loss_percent > 80
    assert direction.video.frozen_ms > 15_000


@pytest.mark.parametrize(
    ("step", "act"),
    [
        ("answer", kill),
        ("ice_connected", kill),
        ("dtls", leave),
        ("first_video", kill),
        ("first_video", leave),
    ],
)
def test_a_camera_that_ends_before(subject: Subject, act: Act, step: str) -> None:
    """One that dies before anything is measured fails a step."""
    report = beside("camera", subject, replace(VIEWER, duration=1), act, step=step, seconds=0)
    assert len(failed(report)) == 1
    assert not report.passed


@pytest.mark.parametrize(("limit", "passed"), [(1.0, False), (10.0, True)])
def test_a_camera_that_freezes(subject: Subject, limit: float, *, passed: bool) -> None:
    """A freeze beyond the limit fails, though the pictures go on; one within it does not."""

    def freeze(process: Process) -> None:
        process.send_signal(signal.SIGSTOP)
        asyncio.get_running_loop().call_later(1.5, process.send_signal, signal.SIGCONT)

    report = beside("camera", subject, replace(VIEWER, max_freeze=limit), freeze, seconds=1)
    assert report.passed == passed
    [direction] = report.media.directions
    assert direction.video.longest_gap_ms > 1300
    assert {track.stopped_seconds for track in direction.tracks} == {None}
    if not passed:
        [(_, reason)] = failed(report)
        assert re.match(r"master to viewer-1: frozen for [12]\.", reason or "")
        assert (reason or "").endswith("; --max-freeze is 1 s")


def test_a_camera_that_hangs(subject: Subject) -> None:
    """One that sends no more pictures, and still answers, is told from one that is gone."""

    async def both() -> SmokeReport:
        async with camera(subject) as peers:

            def hang() -> None:
                for transceiver in peers[0].connection.getTransceivers():
                    if transceiver.kind == "video":
                        transceiver.sender.replaceTrack(None)

            wanted = replace(VIEWER, duration=2, max_freeze=2)
            return await smoke(subject, wanted, tell=at("steady", 1, hang))

    report = asyncio.run(both())
    [(step, reason)] = failed(report)
    assert step == "steady"
    assert re.fullmatch(
        r"master to viewer-1: the pictures stopped \d\.\d s into the measurement: nothing"
        r" arrives, though the other end still answers ICE checks",
        reason or "",
    )
    assert report.notes == []  # the sound went on


def test_several_viewers(subject: Subject) -> None:
    """Each viewer that sees nothing any more is told."""
    report = beside("camera", subject, replace(VIEWER, viewers=2), kill, seconds=1)
    [(step, reason)] = failed(report)
    assert step == "steady"
    assert [part.split(":")[0] for part in (reason or "").split("; ")] == [
        "master to viewer-1",
        "master to viewer-2",
    ]


@pytest.mark.parametrize("seconds", [1.0, 3.9])
def test_a_browser_that_is_killed(subject: Subject, seconds: float) -> None:
    """A viewer that sends is watched as a camera is."""
    report = beside("browser", subject, MASTER, kill, seconds=seconds)
    [(step, reason)] = failed(report)
    assert step == "steady"
    assert (reason or "").startswith("viewer to master: the pictures stopped ")


def test_a_browser_that_leaves(subject: Subject) -> None:
    """A viewer that says goodbye is told, too."""
    report = beside("browser", subject, MASTER, leave, seconds=1)
    [(step, reason)] = failed(report)
    assert step == "steady"
    assert re.match(r"master: the other end closed the connection, [1-4]\.", reason or "")


@pytest.mark.parametrize("kind", ["watcher", "listener"])
def test_a_silent_peer_that_is_killed(subject: Subject, kind: str) -> None:
    """Who sends no pictures, or nothing at all, is asked in the end whether it is still there."""
    report = beside(kind, subject, MASTER, kill, seconds=1)
    [(step, reason)] = failed(report)
    assert step == "steady"
    assert re.fullmatch(
        r"master: the other end is gone, or the path to it is: it answers no ICE checks, and"
        r" nothing has arrived since \d\.\d s into the measurement",
        reason or "",
    )


def test_signaling_lost_while_something_optional_is_awaited(subject: Subject) -> None:
    """What breaks while a data channel is awaited, which a viewer need not open, is a failure."""

    async def both() -> SmokeReport:
        lost = asyncio.Event()
        tell = at("data_channel", 0.3, lost.set)
        test = asyncio.ensure_future(smoke(subject, replace(MASTER, duration=0), tell=tell))
        async with browser(subject, channel=False):
            await lost.wait()
            async with session(subject, "master"):
                return await test

    report = asyncio.run(both())
    assert not report.passed
    [(_, reason)] = failed(report)
    assert (reason or "").startswith("the service ended the master's signaling (code 1001)")


def test_signaling_lost_while_it_is_measured(subject: Subject) -> None:
    """A viewer that loses its place in the channel does not pass; its pictures are told so far."""

    async def both() -> SmokeReport:
        lost = asyncio.Event()
        async with camera(subject):
            wanted = replace(VIEWER, duration=20)
            test = asyncio.ensure_future(smoke(subject, wanted, tell=at("steady", 1, lost.set)))
            await lost.wait()
            async with session(subject, "viewer", "kvsops-smoke-viewer-1"):
                return await test

    report = asyncio.run(both())
    [(step, reason)] = failed(report)
    assert step == "steady"
    assert re.search(
        r"another viewer with its client id took its place.*, \d+\.\d s into the measurement$",
        reason or "",
    )
    assert report.media.seconds < 15  # of 20
    [direction] = report.media.directions
    assert direction.video.frames > 5
    assert {track.stopped_seconds for track in direction.tracks} == {None}


def test_a_data_channel_that_dies(subject: Subject) -> None:
    """A data channel that was open, and is closed while it is measured, is told."""

    async def both() -> SmokeReport:
        async with camera(subject) as peers:

            def close() -> None:
                assert peers[0].channel is not None
                peers[0].channel.close()

            wanted = replace(VIEWER, duration=1.5)
            return await smoke(subject, wanted, tell=at("steady", 0.5, close))

    [(step, reason)] = failed(asyncio.run(both()))
    assert step == "steady"
    assert re.fullmatch(
        r"viewer-1: the data channel was closed, \d\.\d s into the measurement", reason or ""
    )
