"""A source played for many: encoded once for each codec in use, at its pace, to its end."""

import asyncio
import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from av import VideoFrame

from kvsops.stay.outlet import Feed
from kvsops.stay.sources import File, Frame, Numbered, Opened, Source, SourceError
from kvsops.stay.studio import Event, Interrupted, Playing, Studio
from tests.stay.clips import clip
from tests.stay.conftest import run

PICTURE = Numbered((320, 240), 30, "the test picture")


async def drained(feed: Feed) -> list[float]:
    """Take what comes for ever; return the times when it is cancelled."""
    times: list[float] = []
    try:
        while True:
            packet = await feed.get()
            times.append(float((packet.pts or 0) * packet.time_base))
    except asyncio.CancelledError:
        return times


async def played(
    source: Source, feeds: list[Feed], seconds: float, *, again: bool = False
) -> tuple[Studio, list[list[float]]]:
    """Play to these feeds for so long, or to its end; return the times of what each got."""
    studio = Studio(source, again=again)
    tasks = [asyncio.ensure_future(drained(feed)) for feed in feeds]
    for feed in feeds:
        studio.add(feed)
    studio.start()
    try:
        await asyncio.wait({studio.ended}, timeout=seconds)
        await asyncio.sleep(0.05)
    finally:
        await studio.close()
        for task in tasks:
            task.cancel()
    return studio, await asyncio.gather(*tasks)


def test_once_for_all() -> None:
    """There are as many encoders as codecs in use, however many take what they make."""
    codecs = ["VP8", "VP8", "VP8", "H264", "H264"]
    feeds = [*(Feed("video", each) for each in codecs), *(Feed("audio", "opus") for _ in codecs)]
    studio, times = run(played(PICTURE, feeds, 1.5))
    encoded = studio.broadcast.encoded
    assert set(encoded) == {"VP8", "H264", "opus"}
    assert [len(each) for each in times[:5]] == [
        *(3 * [encoded["VP8"]]),
        *(2 * [encoded["H264"]]),
    ]
    assert encoded["VP8"] == encoded["H264"] > 5
    assert {len(each) for each in times[5:]} == {encoded["opus"]}


def test_nobody_is_encoded_for() -> None:
    """What nobody takes is not encoded, and what nobody takes any more not any longer."""

    async def talk() -> tuple[int, int]:
        studio, feed = Studio(PICTURE), Feed("video", "VP8")
        studio.add(feed)
        studio.start()
        await asyncio.sleep(0.5)
        studio.broadcast.remove(feed)
        await asyncio.sleep(0.2)
        before = studio.broadcast.encoded["VP8"]
        await asyncio.sleep(0.5)
        await studio.close()
        return before, studio.broadcast.encoded["VP8"]

    before, after = run(talk())
    assert 0 < before == after


def test_key_frames() -> None:
    """All who join together begin with one key frame; of those wished for there is one a second."""

    async def talk() -> tuple[int, int, float]:
        studio, loop = Studio(PICTURE), asyncio.get_running_loop()
        feeds = [Feed("video", "VP8") for _ in range(3)]
        studio.start()
        for feed in feeds:
            studio.add(feed)
        await asyncio.sleep(0.8)
        joined = studio.broadcast.keys["VP8"]
        studio.add(late := Feed("video", "VP8"))
        await asyncio.sleep(0.4)
        again = studio.broadcast.keys["VP8"]
        assert bytes(await late.get())
        began = loop.time()
        for _ in range(40):
            studio.broadcast.wish("VP8")
            await asyncio.sleep(0.05)
        await studio.close()
        wished = studio.broadcast.keys["VP8"] - again
        assert wished >= 1
        return joined, again, wished / (1 + loop.time() - began)

    joined, again, a_second = run(talk())
    assert (joined, again) == (1, 2)
    assert a_second <= 1


def test_a_slow_viewer_holds_up_nobody() -> None:
    """One that takes nothing misses pictures; another gets them all."""

    async def talk() -> tuple[int, int, int]:
        studio, slow, quick = Studio(PICTURE), Feed("video", "VP8"), Feed("video", "VP8")
        studio.add(slow)
        studio.add(quick)
        studio.start()
        assert bytes(await slow.get())
        task = asyncio.ensure_future(drained(quick))
        while studio.broadcast.encoded["VP8"] < 45:
            await asyncio.sleep(0.05)
        await studio.close()
        await asyncio.sleep(0.05)
        task.cancel()
        return slow.dropped, len(await task), studio.broadcast.encoded["VP8"]

    dropped, taken, encoded = run(talk())
    assert dropped > 0
    assert taken == encoded


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("clip.mp4", {"video", "audio"}),
        ("clip.mkv", {"video", "audio"}),
        ("mute.mp4", {"video"}),
        ("song.m4a", {"audio"}),
    ],
)
def test_a_file(tmp_path: Path, name: str, kinds: set[str]) -> None:
    """A file is played to its end, as far as it goes; its picture and sound keep their times."""
    path = clip(tmp_path / name, picture="video" in kinds, sound="audio" in kinds)
    feeds = [Feed("video", "H264"), Feed("audio", "opus")]
    studio, (pictures, sounds) = run(played(File(path, name), feeds, 10.0))
    assert studio.ended.result() is None
    assert studio.kinds == kinds
    assert len(pictures) + studio.left_out == (15 if "video" in kinds else 0)
    assert (len(sounds) in range(45, 54)) is ("audio" in kinds)
    if kinds == {"video", "audio"}:
        assert pictures[0] == pytest.approx(sounds[0], abs=0.1)


def test_a_loop(tmp_path: Path) -> None:
    """A file in a loop goes on where it ended: times only grow."""
    path = clip(tmp_path / "clip.mp4", 0.4)
    feeds = [Feed("video", "H264"), Feed("audio", "opus")]
    studio, (pictures, sounds) = run(played(File(path, "clip.mp4"), feeds, 2.0, again=True))
    assert not studio.ended.done() or studio.ended.cancelled()
    for times in (pictures, sounds):
        steps = [after - before for before, after in itertools.pairwise(times)]
        assert min(steps) > 0
    assert len(pictures) + studio.left_out > 7


@dataclass
class Camera:
    """A camera that breaks off after some frames, as often as it is told, and then ends."""

    live: bool = True
    name: str = "camera"
    opened: list[int] = field(default_factory=list)

    def open(self) -> Opened:
        """Fail at the first attempt; then play."""
        self.opened.append(1)
        if len(self.opened) == 1:
            raise SourceError("Connection refused")
        return Opened(frozenset({"video"}), 30, self._frames())

    def _frames(self) -> Iterator[Frame]:
        for number, frame in enumerate(Numbered((320, 240), 30, "").open().frames):
            if number > 20:
                raise SourceError("it was silent for 10 s", refused=True)
            if frame.time is not None:
                yield frame


def test_a_camera_that_breaks_off() -> None:
    """A camera is tried again, after waits that grow as long as nothing comes of it.

    It is, too, where it refuses us only after it has played: it knows the password.
    """
    told: list[Event] = []

    async def talk() -> None:
        studio = Studio(Camera(), first_wait_seconds=0.05, tell=told.append)
        studio.start()
        while len(told) < 5:
            await asyncio.sleep(0.05)
        await studio.close()

    run(talk())
    video = frozenset({"video"})
    assert told[:5] == [
        Interrupted("Connection refused", 0.05),
        Playing(video, again=True),
        Interrupted("it was silent for 10 s", 0.05),
        Playing(video, again=True),
        Interrupted("it was silent for 10 s", 0.05),
    ]


def test_a_file_that_breaks_off() -> None:
    """What is no camera is not tried again: that is its end, and the reason."""
    camera = Camera(live=False, opened=[1])

    async def talk() -> BaseException | None:
        studio = Studio(camera)
        studio.add(Feed("video", "VP8"))
        studio.start()
        await asyncio.wait({studio.ended})
        await studio.close()
        return studio.ended.exception()

    error = run(talk())
    assert isinstance(error, SourceError)
    assert str(error) == "it was silent for 10 s"
    assert len(camera.opened) == 2


_MATRICES = {
    90: (0, -1, 1, 0),
    180: (-1, 0, 0, -1),
    270: (0, 1, -1, 0),
}
"""The first two columns of a film's matrix, by how far it is turned, counter-clockwise."""


def turned(path: Path, degrees: int) -> Path:
    """Let a film say that it is to be shown turned, as phones do: in the header of its track.

    Source: https://developer.apple.com/documentation/quicktime-file-format/track_header_atom
    """
    film = bytearray(path.read_bytes())
    a, b, c, d = (each << 16 for each in _MATRICES[degrees])
    struct.pack_into(">9i", film, film.index(b"tkhd") + 44, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(film)
    return path


def grey(path: Path) -> tuple[int, int, bytes]:
    """Return the size and brightness of the first picture that is played of a file."""
    opened = File(path, path.name).open()
    frame = next(each for each in opened.frames if isinstance(each, VideoFrame))
    opened.close()
    plane = frame.planes[0]
    rows = bytes(plane)
    lines = (rows[at : at + frame.width] for at in range(0, len(rows), plane.line_size))
    return frame.width, frame.height, b"".join(lines)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_film_of_a_phone(tmp_path: Path, degrees: int) -> None:
    """What says that it is to be shown turned is turned."""
    path = clip(tmp_path / "phone.mp4", 0.2, sound=False)
    width, height, before = grey(path)
    across, up, after = grey(turned(path, degrees))
    columns = [before[at::width] for at in range(width)]
    expected = {
        90: b"".join(reversed(columns)),
        180: before[::-1],
        270: b"".join(each[::-1] for each in columns),
    }
    assert (across, up) == ((width, height) if degrees == 180 else (height, width))
    assert after == expected[degrees]
