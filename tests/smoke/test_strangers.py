"""Smoke against somebody else's peers, and against those who take its place."""

import asyncio
import re
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest

from kvsops.core.wire.message import Action
from kvsops.core.wire.payload import Description
from kvsops.local.server import LocalServer
from kvsops.peers.peer import Peer
from kvsops.reports.smoke import verdict
from kvsops.smoke import snapshot
from kvsops.smoke.plan import Subject, Wanted
from kvsops.smoke.report import SmokeReport
from kvsops.smoke.run import smoke
from kvsops.smoke.steps import Step
from tests.smoke.conftest import BRIEF, failed
from tests.smoke.strangers import (
    Change,
    SlowVideo,
    browser,
    camera,
    deaf_to_channels,
    lossy,
    session,
    trickling_camera,
    unchanged,
    with_another_fingerprint,
    with_closed_ports,
)

VIEWER = Wanted(mode="viewer-only", duration=0, limits=BRIEF)
MASTER = Wanted(mode="master-only", duration=0, limits=BRIEF)


def beside_camera(
    subject: Subject, wanted: Wanted, change: Change = unchanged, **more: Any
) -> SmokeReport:
    """Run smoke while a camera is the channel's master."""

    async def both() -> SmokeReport:
        async with camera(subject, change):
            return await smoke(subject, wanted, **more)

    return asyncio.run(both())


def test_a_camera(subject: Subject, tmp_path: Path) -> None:
    """--viewer-only meets the master that is there, and shows what it sends."""
    path = tmp_path / "door.png"
    report = beside_camera(
        subject, replace(VIEWER, duration=1), snapshot=lambda peer: snapshot.save(peer, path)
    )
    assert report.passed, report.reason
    [direction] = report.media.directions
    assert (direction.source, direction.sink) == ("master", "viewer-1")
    assert direction.video.frames > 5
    assert (direction.video.latency_ms, direction.video.wrong_pictures) == (None, None)
    assert report.media.round_trips == []
    with av.open(path) as png:
        picture = next(png.decode(video=0))
    assert (picture.width, picture.height) == (320, 240)


def test_a_camera_that_loses_packets(subject: Subject) -> None:
    """What was lost on the way is lost, though it was sent again: each track says how much."""

    async def both() -> SmokeReport:
        async with camera(subject, meet=lossy(10)):
            return await smoke(subject, replace(VIEWER, duration=4))

    report = asyncio.run(both())
    [direction] = report.media.directions
    assert direction.loss_percent == pytest.approx(10, abs=1)
    assert [track.loss_percent > 5 for track in direction.tracks] == [True, True]


@pytest.mark.parametrize("early", [True, False])
def test_a_camera_that_trickles(subject: Subject, *, early: bool) -> None:
    """Candidates are taken as they come, before the answer or after it, and strange ones left."""

    async def both() -> SmokeReport:
        async with trickling_camera(subject, early=early):
            return await smoke(subject, VIEWER)

    assert asyncio.run(both()).passed


def test_no_master(subject: Subject) -> None:
    """Nobody answers where no master is: the channel tells of nobody's presence."""
    report = asyncio.run(smoke(subject, replace(VIEWER, limits=replace(BRIEF, answer=0.5))))
    why = (
        "no master is connected to this channel, or it answers no offers: two were sent, as"
        " kvsops-smoke-viewer-1 and as kvsops-smoke-viewer-1-again"
    )
    assert failed(report) == [("answer", why)]


def test_no_way(subject: Subject) -> None:
    """A camera whose candidates lead nowhere is told with the candidates of both sides."""
    limits = replace(BRIEF, ice=1.0)
    report = beside_camera(subject, replace(VIEWER, limits=limits), with_closed_ports)
    [(step, reason)] = failed(report)
    assert step == "ice_connected"
    assert reason is not None
    assert reason.startswith("viewer-1: no path between the two ends: ")
    assert reason.endswith("UDP may be blocked, or TURN refuses to relay (--relay shows which)")


def test_another_certificate(subject: Subject) -> None:
    """A camera that is not who its SDP says is told as such."""
    report = beside_camera(subject, VIEWER, with_another_fingerprint)
    assert failed(report) == [
        (
            "dtls",
            "viewer-1: the DTLS handshake failed: "
            "the other end's certificate does not match its SDP",
        )
    ]


def test_an_answer_that_is_none(subject: Subject) -> None:
    """What cannot be used as an answer is told by what is wrong with it."""
    report = beside_camera(subject, VIEWER, lambda _: Description("answer", "v=0\r\nnonsense\r\n"))
    [(step, reason)] = failed(report)
    assert step == "answer"
    assert (reason or "").startswith("viewer-1 cannot use the answer: ")


def test_an_answer_of_an_earlier_run(subject: Subject) -> None:
    """What was kept for this client id before it offered is not taken for its answer."""

    async def both() -> SmokeReport:
        async with session(subject, "master") as master:
            stale = Description("answer", "v=0\r\nstale\r\n").to_payload()
            await master.send(Action.SDP_ANSWER, stale, "kvsops-smoke-viewer-1")
            await asyncio.sleep(0.1)
        async with camera(subject):
            return await smoke(subject, VIEWER)

    assert asyncio.run(both()).passed


@pytest.mark.parametrize("viewers", [1, 2])
def test_a_client_id_in_progress(subject: Subject, viewers: int) -> None:
    """A master that ignores an id after an unclean end is met by the second one, which is told."""
    ids = {f"kvsops-smoke-viewer-{number + 1}" for number in range(viewers)}
    wanted = replace(VIEWER, viewers=viewers, limits=replace(BRIEF, answer=3.0))

    async def both() -> SmokeReport:
        async with camera(subject, in_progress=ids) as peers:
            report = await smoke(subject, wanted)
            assert len(peers) == viewers
            return report

    report = asyncio.run(both())
    assert report.passed, report.reason
    assert report.notes == [
        f"the master did not answer {first}, but {first}-again: AWS's C client ignores a client id"
        " that it still has in progress, after a run that ended badly"
        for first in sorted(ids)
    ]


def test_an_offer_of_an_earlier_run(subject: Subject) -> None:
    """An offer that was kept from a run that failed is not answered by the next one."""

    async def both() -> SmokeReport:
        async with session(subject, "viewer", "kvsops-smoke-viewer-1") as viewer:
            stale = Description("offer", "v=0\r\nstale\r\n").to_payload()
            await viewer.send(Action.SDP_OFFER, stale)
            await asyncio.sleep(0.1)
        return await smoke(subject, Wanted(duration=0, limits=BRIEF))

    assert asyncio.run(both()).passed


@pytest.mark.parametrize("data", [True, False])
def test_a_browser(subject: Subject, *, data: bool) -> None:
    """--master-only answers a viewer that comes, and measures what it sends."""

    async def both() -> SmokeReport:
        test = asyncio.ensure_future(smoke(subject, replace(MASTER, duration=0.5)))
        await asyncio.sleep(0.5)
        async with browser(subject, channel=data):
            return await test

    report = asyncio.run(both())
    assert report.passed, report.reason
    [direction] = report.media.directions
    assert (direction.source, direction.sink) == ("viewer", "master")
    [opened] = [step.status for step in report.steps if step.key == "data_channel"]
    assert opened == ("ok" if data else "skipped")
    assert [(each.peer, each.kind, each.direction) for each in report.negotiated] == [
        ("master", "video", "sendrecv"),
        ("master", "audio", "sendrecv"),
    ]


def test_several_videos(subject: Subject) -> None:
    """Each video track of a viewer has its own frame rate; one that is never used is told."""

    async def both() -> SmokeReport:
        test = asyncio.ensure_future(smoke(subject, replace(MASTER, duration=2)))
        async with browser(
            subject, send=None, kinds=(), more=(SlowVideo(2), SlowVideo(6), "video")
        ):
            return await test

    report = asyncio.run(both())
    assert report.passed, report.reason
    [direction] = report.media.directions
    rates = {track.mid: track.video.fps for track in direction.tracks if track.video is not None}
    assert rates == {"0": pytest.approx(15, abs=4), "1": pytest.approx(5, abs=2)}
    assert direction.video.fps == rates["1"]
    assert "the viewer says in its SDP that it may send video 2, but sends none" in report.notes


def test_a_camera_without_a_data_channel(subject: Subject) -> None:
    """It is our end that opens the data channel: a camera may leave it unacknowledged."""

    async def both() -> SmokeReport:
        async with camera(subject, meet=deaf_to_channels):
            return await smoke(subject, VIEWER)

    report = asyncio.run(both())
    assert report.passed, report.reason
    [step] = [step for step in report.steps if step.key == "data_channel"]
    assert (step.status, step.reason) == ("skipped", "the other end did not acknowledge ours")


def test_a_viewer_that_may_send_and_does_not(subject: Subject) -> None:
    """Many say sendrecv who only watch: that is told, and is no failure."""

    async def both() -> SmokeReport:
        test = asyncio.ensure_future(smoke(subject, replace(MASTER, duration=0.5)))
        async with browser(subject, send=None, kinds=(), more=["video"]):
            return await test

    report = asyncio.run(both())
    assert report.passed, report.reason
    [step] = [step for step in report.steps if step.key == "first_video"]
    why = "the other end's SDP says that it may send video, but it sends none"
    assert (step.status, step.reason) == ("skipped", why)
    assert report.media.directions == []


def test_a_camera_that_sends_nothing(subject: Subject) -> None:
    """A camera that agreed to send pictures, and sends none, fails."""

    def without_tracks(peer: Peer) -> None:
        for transceiver in peer.connection.getTransceivers():
            transceiver.sender.replaceTrack(None)

    async def both() -> SmokeReport:
        async with camera(subject, meet=without_tracks):
            limits = replace(BRIEF, video=2.0)
            return await smoke(subject, replace(VIEWER, limits=limits))

    why = "no video could be decoded in 2 s: no video came, though the other end agreed to send it"
    assert failed(asyncio.run(both())) == [("first_video", why)]


@pytest.mark.parametrize("kinds", [("video",), ("audio",), ()])
def test_a_viewer_that_only_watches(subject: Subject, kinds: tuple[str, ...]) -> None:
    """--master-only answers with what was offered: a page may want the video alone, or data."""

    async def both() -> SmokeReport:
        test = asyncio.ensure_future(smoke(subject, MASTER))
        async with browser(subject, send=None, kinds=kinds):
            return await test

    report = asyncio.run(both())
    assert report.passed, report.reason
    skipped = [step.key for step in report.steps if step.status == "skipped" and step.reason]
    assert skipped[-2:] == ["first_video", "first_audio"]
    assert verdict(report).endswith(
        " after the offer; no video was sent; relay proven over udp, tls"
    )


def test_a_page_that_was_reloaded(subject: Subject, emulator: LocalServer) -> None:
    """Of the offers that waited the last one is answered: who sent the others may be gone."""

    async def both() -> SmokeReport:
        async with session(subject, "viewer", "before") as viewer:
            await viewer.send(Action.SDP_OFFER, Description("offer", "v=0\r\n").to_payload())
            async with browser(subject):
                async with asyncio.timeout(10):
                    while emulator.calls["SendSdpOffer"] < 2:
                        await asyncio.sleep(0.01)
                return await smoke(subject, MASTER)

    report = asyncio.run(both())
    assert report.passed, report.reason


def test_no_viewer(subject: Subject) -> None:
    """Without anybody who offers there is nothing to test."""
    report = asyncio.run(smoke(subject, replace(MASTER, limits=replace(BRIEF, somebody=0.3))))
    assert failed(report) == [("offer", "no viewer connected and sent an offer")]


def test_second_master(subject: Subject) -> None:
    """Another master that takes the place ends the test with that reason."""

    async def both() -> SmokeReport:
        measures = asyncio.Event()

        def tell(step: Step) -> None:
            if step.key == "steady":
                measures.set()

        wanted = Wanted(duration=20, limits=BRIEF)
        test = asyncio.ensure_future(smoke(subject, wanted, tell=tell))
        await measures.wait()
        async with session(subject, "master"):
            return await test

    [(step, reason)] = failed(asyncio.run(both()))
    assert step == "steady"
    assert re.fullmatch(
        r"the service ended the master's signaling \(code 1001\): another master took its place, or"
        r" the channel was deleted, \d\.\d s into the measurement",
        reason or "",
    )


def test_viewers_full(subject: Subject) -> None:
    """With ten viewers there already, the eleventh is told of the limit."""

    async def both() -> SmokeReport:
        async with AsyncExitStack() as stack:
            for number in range(10):
                await stack.enter_async_context(session(subject, "viewer", f"other-{number}"))
            return await smoke(subject, Wanted(duration=0, limits=BRIEF))

    assert failed(asyncio.run(both())) == [
        (
            "viewer_connects",
            "connecting as viewer hit a limit of the channel (3 connects a second, 1 master and"
            " 10 viewers): The channel has its maximum number of viewers.",
        )
    ]
