"""`kvsops record` as a command: its files and pipes, what it says, its exit codes."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import av
import pytest

from kvsops.aws.scope import Scope
from kvsops.cli.access import access_of
from kvsops.local.server import LocalServer
from kvsops.reports.recording import clock, size
from tests.cli.conftest import Kvsops
from tests.fleet import put
from tests.stay.decoding import decoded
from tests.stay.master import Master

NOBODY = ("record", "cam-door", "door.mp4")


@contextmanager
def camera(scope: Scope, emulator: LocalServer) -> Iterator[None]:
    """Have a master in the channel cam-door, in a thread of its own."""
    emulator.settings.state_delay = timedelta()
    arn, there, stop = put(emulator, "cam-door").arn, Event(), Event()

    async def stay() -> None:
        async with Master(access_of(scope), arn):
            there.set()
            while not stop.is_set():
                await asyncio.sleep(0.05)

    thread = Thread(target=lambda: asyncio.run(stay()))
    thread.start()
    try:
        assert there.wait(30)
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def at_the_door(scope: Scope, emulator: LocalServer) -> Iterator[None]:
    """Have a master in the channel cam-door."""
    with camera(scope, emulator):
        yield


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Record into a folder of the test's own."""
    monkeypatch.chdir(tmp_path)


def started(*argv: str) -> "subprocess.Popen[bytes]":
    """Run it in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "kvsops", "record", "cam-door", *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.usefixtures("at_the_door")
def test_a_file(kvsops: Kvsops) -> None:
    """What happens is told on standard error, what came of it on standard output."""
    ended = kvsops("record", "cam-door", "./-a door.mp4", "--duration", "1s")
    assert ended.code == 0
    connected, *rest = [
        line for line in ended.err.splitlines() if "waiting" not in line and "slow" not in line
    ]
    assert connected.startswith("connected to the master (")
    assert connected.endswith("), which offers picture and sound")
    assert rest == ["recording to ./-a door.mp4: 320x240 and sound"]
    assert ended.out.startswith("Recorded 00:00:01 of cam-door: ./-a door.mp4 (")
    assert decoded("./-a door.mp4").codecs == ["h264", "aac"]


@pytest.mark.usefixtures("at_the_door")
def test_json(kvsops: Kvsops) -> None:
    """A line for each event, the last of them the result."""
    ended = kvsops(
        *("record", "cam-door", "door.mkv", "--duration", "2s", "--segment", "1s", "-o", "json")
    )
    events = [json.loads(line) for line in ended.out.splitlines()]
    names = [each["event"] for each in events]
    assert (ended.code, ended.err) == (0, "")
    assert names[:2] == ["connected", "joined"]
    assert (names.count("file-begun"), names.count("file-finished"), names[-1]) == (2, 2, "ended")
    assert list(events[-1]) == [
        *("event", "at", "end", "reason", "seconds", "pictures", "bytes", "files", "gaps"),
        *("pictures_dropped", "sounds_dropped"),
    ]
    assert not any(secret in ended.out for secret in ("X-Amz-", "Credential", "turn:"))
    assert events[-1]["files"] == ["door-001.mkv", "door-002.mkv"]
    assert (events[-1]["end"], events[-1]["reason"]) == ("duration", None)


@pytest.mark.usefixtures("at_the_door")
def test_an_earlier_row(kvsops: Kvsops) -> None:
    """Overwritten is what has the same name: the rest stays, and is told not to be of this one."""
    for number in (1, 7, 9, 1000):
        Path(f"door-{number:03}.mkv").write_bytes(b"earlier")
    row = ("record", "cam-door", "door.mkv", "--duration", "1s", "--segment", "10m")
    assert kvsops(*row).code == 2
    ended = kvsops(*row, "--force")
    assert ended.code == 0
    told = "warning: of an earlier recording, not overwritten: door-007.mkv to door-1000.mkv"
    assert ended.err.endswith(f"{told} (3 files)\n")
    assert decoded("door-001.mkv").codecs == ["h264", "opus"]
    assert Path("door-009.mkv").read_bytes() == b"earlier"


@pytest.mark.usefixtures("at_the_door", "environment")
def test_a_pipe() -> None:
    """`-` is Matroska, and nothing else goes to standard output."""
    with started("-", "--duration", "1s") as recording:
        assert recording.stdout is not None
        with av.open(recording.stdout, "r") as container:
            assert [each.codec_context.name for each in container.streams] == ["h264", "opus"]
            assert sum(each.stream.type == "video" for each in container.demux()) > 5
        _, said = recording.communicate(timeout=60)
    assert recording.returncode == 0
    assert b"Recorded 00:00:01 of cam-door: standard output (" in said


@pytest.mark.usefixtures("at_the_door", "environment")
def test_a_reader_that_goes_away() -> None:
    """A closed pipe ends it in order."""
    with started("-") as recording:
        assert recording.stdout is not None
        assert recording.stdout.read(4) == b"\x1aE\xdf\xa3"  # EBML
        recording.stdout.close()
        assert recording.stderr is not None
        said = recording.stderr.read()
        assert recording.wait(60) == 0
    assert b"Traceback" not in said


@pytest.mark.usefixtures("at_the_door", "environment")
def test_ctrl_c(tmp_path: Path) -> None:
    """The file is complete, and the exit code tells of the signal."""
    path = tmp_path / "door.mp4"
    with started(str(path)) as recording:
        assert recording.stderr is not None
        while b"recording to" not in recording.stderr.readline():
            assert recording.poll() is None
        recording.send_signal(signal.SIGINT)
        out, said = recording.communicate(timeout=60)
    assert recording.returncode == 130
    assert (
        b"stopping: closing connections, 10 s at most; press Ctrl-C again to stop at once\n" in said
    )
    assert out.startswith(b"Recorded 00:00:0")
    assert decoded(path).sound_seconds >= 0


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("door.avi",), "door.avi: a recording's name ends in .mp4, .mkv, .wav; or it is -"),
        (("no/door.mp4",), "no/door.mp4 cannot be written: No such file or directory"),
        (
            ("-", "-o", "json"),
            "-o json goes to standard output, where - puts the recording",
        ),
        (("-", "--segment", "1m"), "--segment needs files: standard output is but one"),
        (("door.mp4", "--segment", "0.5s"), "--segment is at least 1s"),
        (
            ("door.wav", "--size", "640x480"),
            "a .wav has no pictures: --size and --codec are of no use",
        ),
        (
            ("door.mp4", "--size", "641x480"),
            "Invalid value for '--size': not a size: '641x480': write width x height like "
            "640x480, both even, from 16 to 8192 (see kvsops record --help)",
        ),
    ],
)
def test_wrong_usage(
    kvsops: Kvsops, emulator: LocalServer, argv: tuple[str, ...], said: str
) -> None:
    """It is one line, before anything is asked of AWS."""
    ended = kvsops("record", "cam-door", *argv)
    assert (ended.code, ended.out, ended.err) == (2, "", f"error: {said}\n")
    assert not emulator.calls


def test_a_channel_linked_to_storage(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Nothing is relayed to its viewers: it does not even connect."""
    put(emulator, "cam-door", stored=True)
    ended = kvsops(*NOBODY)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: cam-door is linked to storage (arn:")
    assert ended.err.endswith("): its media goes there, not from master to viewer\n")
    assert emulator.calls["ConnectAsViewer"] == 0


def test_no_such_channel(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A name that is nearly one is told so; nothing is written."""
    put(emulator, "cam-door")
    ended = kvsops("record", "cam-dor", "door.mp4")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: no such channel: cam-dor (us-east-1")
    assert not Path("door.mp4").exists()


def test_nobody_there(kvsops: Kvsops, emulator: LocalServer) -> None:
    """No master within --wait: exit code 1, and no file."""
    put(emulator, "cam-door")
    ended = kvsops(*NOBODY, "--wait", "1s")
    assert ended.code == 1
    assert ended.out == "Nothing was recorded of cam-door, and no file was written\n"
    last = "error: nothing came for 1s: no master answers; --wait waits longer"
    assert ended.err.splitlines()[-1] == last
    assert not Path("door.mp4").exists()


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.4, "00:00:00"), (83.4, "00:01:23"), (360_000, "100:00:00")]
)
def test_clock(seconds: float, shown: str) -> None:
    """A place in a recording has hours, minutes and seconds."""
    assert clock(seconds) == shown


@pytest.mark.parametrize(
    ("bytes_", "shown"), [(0, "0 kB"), (850_000, "850 kB"), (12.34e6, "12.3 MB"), (2e9, "2.0 GB")]
)
def test_size(bytes_: float, shown: str) -> None:
    """A file's size is told as players do."""
    assert size(bytes_) == shown
