"""A recording's files: what they hold, when, and what is left of them when it breaks off."""

import resource
import signal
import subprocess
import sys
import textwrap
from contextlib import suppress
from pathlib import Path

import pytest

from kvsops.stay.destination import Destination
from kvsops.stay.media_file import media_file
from kvsops.stay.recording import Begun, Finished, Fitted, LeftOut, Recording, Told
from tests.stay.decoding import FPS, decoded, picture, sound

BEGAN = 1_000.0
"""When the first picture was sent, by the clock of whoever records."""


def put(recording: Recording, began: float, ended: float, kinds: str = "video audio") -> None:
    """Send pictures numbered by their time, and a tone, from one moment to another."""
    for step in range(round(began * 150), round(ended * 150)):  # both rates divide it
        if "video" in kinds and step % 5 == 0:
            recording.add(picture(step // 5), BEGAN + step / 150)
        if "audio" in kinds and step % 3 == 0:
            recording.add(sound(), BEGAN + step / 150)


def made(path: Path, *, segmented: bool = False) -> Destination:
    """Return where to write."""
    return Destination(str(path), segmented)


@pytest.mark.parametrize(
    ("suffix", "codecs"), [("mp4", ["h264", "aac"]), ("mkv", ["h264", "opus"])]
)
def test_pictures_and_sound(tmp_path: Path, suffix: str, codecs: list[str]) -> None:
    """Every picture is there at its time, and the tone throughout."""
    path, told = tmp_path / f"a door: north.{suffix}", list[Told]()
    recording = Recording(made(path), ["video", "audio"], tell=told.append)
    put(recording, 0, 3)
    recording.close()
    clip = decoded(path)
    assert clip.codecs == codecs
    assert clip.numbers == [*range(90)]
    assert clip.times == pytest.approx([number / FPS for number in range(90)], abs=0.03)
    assert clip.sound_seconds == pytest.approx(3, abs=0.06)
    assert clip.loud(0.1, 2.9)
    size = path.stat().st_size
    assert told[0] == Begun(str(path), 0.0, (320, 240), sound=True)
    assert isinstance(told[1], Finished)
    assert (told[1].pictures, told[1].bytes) == (90, size)
    assert told[1].seconds == pytest.approx(3)
    assert (recording.pictures, recording.bytes, recording.files) == (90, size, [str(path)])


def test_wav(tmp_path: Path) -> None:
    """A wav has the sound alone, and its header is right before it is closed."""
    path = tmp_path / "door.wav"
    recording = Recording(made(path), ["video", "audio"])
    put(recording, 0, 2)
    assert decoded(path).sound_seconds == pytest.approx(2)
    recording.close()
    clip = decoded(path)
    assert (clip.codecs, clip.numbers) == (["pcm_s16le"], [])
    assert clip.loud(0, 2)


def test_a_gap(tmp_path: Path) -> None:
    """What is missing stays in the timeline: the picture is held, the sound is silent."""
    path = tmp_path / "door.mkv"
    recording = Recording(made(path), ["video", "audio"])
    put(recording, 0, 1)
    put(recording, 4, 5)
    recording.close()
    clip = decoded(path)
    assert clip.numbers == [*range(30), *range(120, 150)]
    assert clip.times[29:31] == pytest.approx([29 / 30, 4], abs=0.03)
    assert (clip.loud(0.1, 0.9), clip.silent(1.1, 3.9), clip.loud(4.1, 4.9)) == (True, True, True)


def test_sound_stops(tmp_path: Path) -> None:
    """Where only the sound stops, silence follows the pictures: no player waits for it."""
    path = tmp_path / "door.mp4"
    recording = Recording(made(path), ["video", "audio"])
    put(recording, 0, 1)
    put(recording, 1, 5, "video")
    recording.close()
    clip = decoded(path)
    assert clip.numbers == [*range(150)]
    assert clip.sound_seconds > 3.9
    assert clip.silent(1.2, 3.9)


def test_segments(tmp_path: Path) -> None:
    """Files follow each other without a picture or a sound lost, each from 0 on."""
    told: list[Told] = []
    destination = made(tmp_path / "door.mkv", segmented=True)
    recording = Recording(destination, ["video", "audio"], segment=1.5, tell=told.append)
    put(recording, 0, 4)
    recording.close()
    names = [f"door-00{number}.mkv" for number in (1, 2, 3)]
    assert sorted(each.name for each in tmp_path.iterdir()) == names
    clips = [decoded(tmp_path / name) for name in names]
    assert [clip.numbers for clip in clips] == [
        [*range(45)],
        [*range(45, 90)],
        [*range(90, 120)],
    ]
    assert all(clip.times[0] == 0 for clip in clips)
    assert sum(clip.sound_seconds for clip in clips) == pytest.approx(4, abs=0.1)
    assert [event.position for event in told if isinstance(event, Begun)] == [0.0, 1.5, 3.0]


def test_late_sound_of_a_segment(tmp_path: Path) -> None:
    """Sound that comes after the picture that begins a file, but was sent before it, is kept."""
    destination = made(tmp_path / "door.mkv", segmented=True)
    recording = Recording(destination, ["video", "audio"], segment=1.0)
    for step in range(300):
        if step % 5 == 0:
            recording.add(picture(step // 5), BEGAN + step / 150)
        if step % 3 == 0 and step >= 30:  # 200 ms behind
            recording.add(sound(), BEGAN + (step - 30) / 150)
    recording.close()
    first, second = (decoded(tmp_path / f"door-00{number}.mkv") for number in (1, 2))
    assert (first.sound_seconds, second.sound_seconds) == pytest.approx((1.0, 0.8), abs=0.03)
    assert first.loud(0.1, 0.95)
    assert second.loud(0.05, 0.7)


def test_another_size(tmp_path: Path) -> None:
    """Pictures of another size are scaled to the first's; the next file has theirs."""
    told: list[Told] = []
    destination = made(tmp_path / "door.mp4", segmented=True)
    recording = Recording(destination, ["video"], segment=1.0, tell=told.append)
    for number in range(60):
        size = (320, 240) if number < 15 else (640, 480)
        recording.add(picture(number, size), BEGAN + number / FPS)
    recording.close()
    first, second = (decoded(tmp_path / f"door-00{number}.mp4") for number in (1, 2))
    assert (first.size, second.size) == ((320, 240), (640, 480))
    assert first.numbers + second.numbers == [*range(60)]
    assert [each for each in told if isinstance(each, Fitted)] == [Fitted((640, 480), (320, 240))]


def test_another_shape(tmp_path: Path) -> None:
    """A phone that is turned gets black bars; an odd size loses a line, as H264 has none."""
    path = tmp_path / "door.mp4"
    recording = Recording(made(path), ["video"], size=(640, 480))
    for number, size in enumerate([(640, 480), (480, 640), (321, 241)]):
        recording.add(picture(number, size), BEGAN + number / FPS)
    recording.close()
    clip = decoded(path)
    assert (clip.size, len(clip.numbers)) == ((640, 480), 3)
    odd = Recording(made(tmp_path / "odd.mkv"), ["video"])
    odd.add(picture(0, (321, 241)), BEGAN)
    odd.close()
    assert decoded(tmp_path / "odd.mkv").size == (320, 240)


def test_what_came_too_late(tmp_path: Path) -> None:
    """Sound waits 3 s for a picture; one that comes later has no track, which is told once."""
    path, told = tmp_path / "door.mkv", list[Told]()
    recording = Recording(made(path), ["video", "audio"], tell=told.append)
    put(recording, 0, 2, "audio")
    assert not path.exists()
    put(recording, 2, 4, "audio")
    put(recording, 4, 5)
    recording.close()
    clip = decoded(path)
    assert (clip.codecs, clip.numbers) == (["opus"], [])
    assert clip.loud(0.1, 4.9)
    assert [each for each in told if isinstance(each, LeftOut)] == [LeftOut("video", str(path))]


def test_its_length(tmp_path: Path) -> None:
    """What was sent later than it is to last is left out."""
    path = tmp_path / "door.mkv"
    recording = Recording(made(path), ["video", "audio"], seconds=1.0)
    put(recording, 0, 2)
    recording.close()
    clip = decoded(path)
    assert clip.numbers == [*range(30)]
    assert clip.sound_seconds == pytest.approx(1, abs=0.03)


WRITES = textwrap.dedent(
    """
    import sys, time
    from kvsops.stay.destination import Destination
    from kvsops.stay.recording import Recording
    from tests.stay.test_recording import put
    recording = Recording(Destination(sys.argv[1]), ["video", "audio"])
    put(recording, 0, float(sys.argv[2]))
    print("written", flush=True)
    time.sleep(60)
    """
)


@pytest.mark.parametrize(("suffix", "least"), [("mp4", 3.8), ("mkv", 3.8), ("wav", 5.0)])
def test_kill_9(tmp_path: Path, suffix: str, least: float) -> None:
    """A process that is killed leaves a file that plays, but for its last second."""
    path = tmp_path / f"door.{suffix}"
    argv = [sys.executable, "-c", WRITES, str(path), "5"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as writing:
        assert writing.stdout is not None
        assert writing.stdout.readline() == "written\n"
        writing.send_signal(signal.SIGKILL)
    clip = decoded(path)
    assert clip.sound_seconds >= least
    assert clip.loud(0.1, least - 0.1)
    if suffix != "wav":
        assert len(clip.numbers) >= least * FPS
        assert clip.numbers == [*range(len(clip.numbers))]


@pytest.mark.parametrize("room", [99_900, 120_000])
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "wav"])
def test_a_full_disk(tmp_path: Path, suffix: str, room: int) -> None:
    """It is an OSError; what was written until then plays."""
    path = tmp_path / f"door.{suffix}"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    recording = Recording(made(path), ["video", "audio"])
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            put(recording, 0, 60)
        with suppress(OSError):
            recording.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.stat().st_size <= room
    clip = decoded(path)
    assert clip.sound_seconds > 0.4
    assert clip.numbers == [*range(len(clip.numbers))]


def test_the_longest_wav(tmp_path: Path) -> None:
    """Beyond 4 GiB its header cannot tell its size: that is an error, and what is there plays."""
    sink = made(tmp_path / "door.wav").open(1)
    file = media_file(sink, "wav", None, sound=True)
    file.add_sound(bytes(4 * 48_000))
    sink.size = (1 << 32) - 100
    with pytest.raises(OSError, match=r"a \.wav holds 4 GiB at most, which is 6 hours"):
        file.add_sound(bytes(400))
    file.close()
    assert decoded(tmp_path / "door.wav").sound_seconds == pytest.approx(1)
