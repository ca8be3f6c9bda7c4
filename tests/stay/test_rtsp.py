"""A camera's RTSP stream as a source: played, silent, and broken off."""

import asyncio
import itertools
import ssl

import pytest
import trustme
from av import VideoFrame

from kvsops.peers.picture import read
from kvsops.reports.play import line, warns
from kvsops.stay.outlet import Feed
from kvsops.stay.sources import Rtsp, SourceError
from kvsops.stay.studio import Event, Interrupted, Playing, Studio
from tests.stay.conftest import run
from tests.stay.rtsp import RtspCamera


def test_played() -> None:
    """Its pictures come as they are sent, over its one connection."""
    with RtspCamera() as camera:
        opened = Rtsp(camera.url, "camera").open()
        frames = itertools.islice(opened.frames, 5)
        marks = [read(frame) for frame in frames if isinstance(frame, VideoFrame)]
        opened.close()
    assert opened.kinds == {"video"}
    assert [mark.sender for mark in marks if mark is not None] == [5] * 5
    numbers = [mark.number for mark in marks if mark is not None]
    assert numbers == [*range(numbers[0], numbers[0] + 5)]
    assert camera.asked[:4] == ["OPTIONS cam", "DESCRIBE cam", "SETUP video", "PLAY cam"]


def test_secured() -> None:
    """One that speaks TLS is played as well, though nobody vouches for its certificate."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("camera.example").configure_cert(tls)
    with RtspCamera(tls=tls) as camera:
        opened = Rtsp(camera.url, "camera").open()
        frame = next(opened.frames)
        opened.close()
        assert camera.url.startswith("rtsps://")
    assert isinstance(frame, VideoFrame)
    assert (mark := read(frame)) is not None
    assert mark.sender == 5


@pytest.mark.parametrize(
    ("scheme", "why"),
    [
        ("rtsp", "it is no media that can be read"),
        ("rtsps", "it broke off: perhaps it speaks no RTSP, or no TLS (rtsps://)"),
    ],
)
def test_no_camera(scheme: str, why: str) -> None:
    """What speaks something else is no camera; each try is told in one line, with why."""

    async def talk(url: str) -> Interrupted:
        told = asyncio.Queue[Event]()
        studio = Studio(Rtsp(url, "camera"), tell=told.put_nowait)
        studio.start()
        event = await told.get()
        await studio.close()
        assert isinstance(event, Interrupted)
        return event

    with RtspCamera(raves=True) as camera:
        event = run(talk(camera.url.replace("rtsp", scheme, 1)))
    assert event == Interrupted(why, 1.0)
    assert line(event, "rtsp://cam") == f"rtsp://cam: {why}; trying again in 1 s"
    assert warns(event)


def test_silent() -> None:
    """One that takes the connection and says nothing is given up, and its URL is not told."""
    with RtspCamera(silent=True) as camera:
        url = camera.url.replace("//", "//me:secret@")
        with pytest.raises(SourceError) as caught:
            Rtsp(url, "camera", silent_seconds=1.0).open()
    assert str(caught.value) == "it was silent for 1 s"
    assert caught.value.__suppress_context__
    assert "secret" not in repr(Rtsp(url, "camera"))


@pytest.mark.parametrize("host", ["camera..example", "[fe80::1%25nowhere]"])
def test_no_such_host(host: str) -> None:
    """A host that has no address is said to have none."""
    with pytest.raises(SourceError, match=r"^its host is not found: .+") as caught:
        Rtsp(f"rtsp://{host}/cam", "camera").open()
    assert not caught.value.refused


def test_broken_off() -> None:
    """One that breaks off is played again, and viewers go on with a key frame."""
    told: list[Event] = []

    async def talk(url: str) -> int:
        studio = Studio(Rtsp(url, "camera"), first_wait_seconds=0.1, tell=told.append)
        feed = Feed("video", "H264")
        studio.add(feed)
        studio.start()
        before = 0
        while len([event for event in told if isinstance(event, Playing)]) < 2:
            await feed.get()
            before = feed.taken
        while feed.taken <= before:
            await feed.get()
        await studio.close()
        return feed.taken - before

    with RtspCamera(pictures=12) as camera:
        assert run(talk(camera.url)) > 0
    video = frozenset({"video"})
    assert told[:3] == [
        Playing(video, again=False),
        Interrupted("it ended", 0.1),
        Playing(video, again=True),
    ]
