"""`kvsops play` as a command: what it refuses, what it tells, and no secrets."""

import json
from pathlib import Path

import pytest

from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.fleet import put
from tests.retries import retries_at_once
from tests.stay.clips import clip
from tests.stay.rtsp import RtspCamera

_retry_at_once = retries_at_once(3)


@pytest.fixture
def channel(emulator: LocalServer) -> str:
    """Put a channel there, and return its name."""
    return put(emulator, "cam-door").channel_name


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{}/none.mp4"], "{}/none.mp4 cannot be played: No such file or directory"),
        (["{}"], "{} is a directory: give a file"),
        (["{}/text.mp4"], "{}/text.mp4 cannot be played: it is no media that can be read"),
        (["http://me:secret@x/y?z"], "not a file, nor an rtsp:// URL: http://x/y"),
        (["rtsp://[x"], "the SOURCE is a URL that cannot be read"),
        (["rtsp:///cam"], "rtsp:///cam names no host: write it like rtsp://192.0.2.7/stream1"),
        ([""], "the SOURCE is empty: give a file or an rtsp:// URL, or leave it out"),
        (["--loop"], "the test picture never ends: drop --loop"),
        (["rtsp://x", "--loop"], "a camera's stream is opened again by itself: drop --loop"),
        (
            ["{}/text.mp4", "--fps", "5"],
            "--size and --fps are the test picture's: leave them out, or the SOURCE",
        ),
        (
            ["--size", "641x480"],
            "Invalid value for '--size': the test picture cannot be 641x480: its sides are "
            "multiples of 40 and 30, 1280x720 at most: 640x480 would do (see kvsops play --help)",
        ),
        (
            ["--size", "big"],
            "Invalid value for '--size': not a size: 'big': write it like 640x480 "
            "(see kvsops play --help)",
        ),
    ],
)
def test_refused(
    kvsops: Kvsops, emulator: LocalServer, tmp_path: Path, words: list[str], said: str
) -> None:
    """What cannot be played is one line and exit code 2, before anything is asked of AWS."""
    (tmp_path / "text.mp4").write_text("no media")
    ended = kvsops("play", "cam-door", *(word.format(tmp_path) for word in words))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"error: {said.format(tmp_path)}\n"
    assert not emulator.calls


def test_no_such_channel(kvsops: Kvsops) -> None:
    """A name that no channel has: how it is made is said."""
    ended = kvsops("play", "cam-door")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        "error: no such channel: cam-door (us-east-1, account 123456789012); "
        "kvsops create cam-door makes it\n"
    )


def test_stored(kvsops: Kvsops, emulator: LocalServer) -> None:
    """On a channel that is linked to storage nothing is relayed: that is said, and no more done."""
    put(emulator, "cam-door", stored=True)
    ended = kvsops("play", "cam-door")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: cam-door is linked to storage (arn:aws:kinesisvideo:")
    assert ended.err.endswith("): its media goes there, not from master to viewer\n")
    assert "ConnectAsViewer" not in emulator.calls


def test_json(kvsops: Kvsops, channel: str) -> None:
    """An object a line; what it has is an interface."""
    ended = kvsops("play", channel, "--take-over", "--duration", "1s", "-o", "json")
    assert (ended.code, ended.err) == (0, "")
    told = [json.loads(line) for line in ended.out.splitlines()]
    assert [list(each) for each in told] == [
        ["event", "at", "again"],
        ["event", "at", "state", "kinds", "again"],
        ["event", "at", "reason", "seconds", "viewers"],
    ]
    assert [each["event"] for each in told] == ["connected", "source", "ended"]
    assert told[1]["kinds"] == ["audio", "video"]
    assert (told[2]["reason"], told[2]["viewers"]) == ("the time is up", 0)


def test_lines(kvsops: Kvsops, channel: str, tmp_path: Path) -> None:
    """Off a terminal each event is a line on standard error, a file being named as it was typed."""
    path = clip(tmp_path / "a b.mp4", 0.2, sound=False)
    ended = kvsops("play", channel, str(path), "--loop", "--take-over", "--duration", "1s")
    assert (ended.code, ended.out) == (0, "")
    lines = ended.err.splitlines()
    assert lines[:2] == ["connected as master", f"{path} has a picture, and no sound"]
    assert lines[2].startswith(f"{path} was played for ")
    assert lines[2].endswith(": the time is up; 0 viewers had joined")


def test_a_camera_out_of_reach(kvsops: Kvsops, channel: str) -> None:
    """It is tried again, as long as asked; its password is nowhere to be read."""
    url = "rtsp://me:secret@127.0.0.1:1/cam?token=hidden"
    ended = kvsops("play", channel, url, "--take-over", "--duration", "2s", "-o", "json")
    why = "rtsp://127.0.0.1:1/cam: the time is up, and nothing could be played"
    assert (ended.code, ended.err) == (1, f"error: {why}\n")
    told = [json.loads(line) for line in ended.out.splitlines()]
    assert (told[-1]["event"], told[-1]["reason"]) == ("ended", why)
    assert told[1]["state"] == "interrupted"
    assert told[1]["reason"] == "Connection refused"
    assert "secret" not in ended.out + ended.err
    assert "hidden" not in ended.out + ended.err
    lines = kvsops("play", channel, url, "--take-over", "--duration", "1s").err
    assert "warning: rtsp://127.0.0.1:1/cam: Connection refused; trying again in 1 s\n" in lines
    assert "secret" not in lines


def test_a_camera_that_refuses(kvsops: Kvsops, channel: str) -> None:
    """One that knows no such user is not tried again: many lock out who tries on."""
    with RtspCamera(refuses=True) as camera:
        url = camera.url.replace("//", "//me:secret@")
        ended = kvsops("play", channel, url, "--take-over")
        shown = camera.url
    assert ended.code == 1
    assert ended.err.splitlines()[1:] == [
        f"error: {shown}: it lets in no such user or password; a URL has them before the host and "
        "an @"
    ]
    assert [each for each in camera.asked if each.startswith("PLAY")] == []


def test_another_master(kvsops: Kvsops, emulator: LocalServer, channel: str) -> None:
    """Where it cannot be found out whether one is there, none is disconnected."""
    emulator.settings.faults = (Fault("ConnectAsViewer", "AccessDeniedException"),)
    ended = kvsops("play", channel)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.splitlines()[-1].startswith(
        "error: whether a master is connected cannot be found out: connecting as viewer was denied"
    )
    assert ended.err.endswith("; --take-over does not ask\n")
    assert "ConnectAsMaster" not in emulator.calls
