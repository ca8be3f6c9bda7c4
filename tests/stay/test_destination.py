"""Where a recording goes: which names are taken, and which are refused before anything is done."""

import os
from pathlib import Path

import pytest

from kvsops.errors import UsageError
from kvsops.stay.destination import Destination


@pytest.mark.parametrize(
    ("name", "format_", "kinds"),
    [
        ("door.mp4", "mp4", ("video", "audio")),
        ("door.MKV", "matroska", ("video", "audio")),
        ("door.wav", "wav", ("audio",)),
        ("-", "matroska", ("video", "audio")),
        ("./-door: Tür 🚪.v2.mp4", "mp4", ("video", "audio")),
    ],
)
def test_formats(name: str, format_: str, kinds: tuple[str, ...]) -> None:
    """The name says what is written, in capitals too."""
    destination = Destination(name)
    assert (destination.format, destination.kinds) == (format_, kinds)


@pytest.mark.parametrize("name", ["-door.mp4", "Tür 🚪.mkv", "a:b%d.wav", "x" * 200 + ".mp4"])
def test_odd_names(tmp_path: Path, name: str) -> None:
    """Any name will do that the file system takes."""
    destination = Destination(str(tmp_path / name))
    destination.check()
    sink = destination.open(1)
    sink.write(b"12")
    sink.close()
    assert (tmp_path / name).read_bytes() == b"12"


@pytest.mark.parametrize("name", ["door", "door.avi", "mp4", ".mp4", "a\0b.mp4", "door.mp4 "])
def test_unknown_formats(name: str) -> None:
    """Another ending is refused, and those that are known are named."""
    with pytest.raises(UsageError, match=r"ends in \.mp4, \.mkv, \.wav; or it is -$"):
        Destination(name).check()


def test_what_is_there(tmp_path: Path) -> None:
    """A file stays, unless it is to be overwritten; a folder stays in any case."""
    path = tmp_path / "door.mp4"
    path.write_bytes(b"there")
    with pytest.raises(UsageError, match=r"door\.mp4 is there already: --force overwrites it$"):
        Destination(str(path)).check()
    Destination(str(path), force=True).check()
    assert path.read_bytes() == b"there"
    (tmp_path / "folder.mkv").mkdir()
    with pytest.raises(UsageError, match=r"folder\.mkv is no plain file"):
        Destination(str(tmp_path / "folder.mkv"), force=True).check()
    with pytest.raises(FileExistsError):  # it came since
        Destination(str(path)).open(1)


def test_segments(tmp_path: Path) -> None:
    """Any file of an earlier row is in the way; the name without a number is not."""
    destination = Destination(str(tmp_path / "door.mp4"), segmented=True)
    assert destination.name(7) == str(tmp_path / "door-007.mp4")
    assert destination.name(1234) == str(tmp_path / "door-1234.mp4")
    (tmp_path / "door.mp4").touch()
    (tmp_path / "door-1.mp4").touch()
    destination.check()
    (tmp_path / "door-005.mp4").touch()
    with pytest.raises(UsageError, match=r"door-005\.mp4 is there already"):
        destination.check()
    with pytest.raises(UsageError, match="standard output is but one"):
        Destination("-", segmented=True).check()


def test_an_earlier_row(tmp_path: Path) -> None:
    """What a shorter row has not overwritten is named; no file is of a row where there is none."""
    for name in ("door-001.mp4", "door-002.mp4", "door-003.mp4", "door-1.mp4", "gate-004.mp4"):
        (tmp_path / name).touch()
    destination = Destination(str(tmp_path / "door.mp4"), segmented=True, force=True)
    assert destination.earlier([destination.name(1)]) == ["door-002.mp4", "door-003.mp4"]
    assert destination.earlier(map(destination.name, (1, 2, 3))) == []
    assert Destination(str(tmp_path / "door.mp4"), force=True).earlier(["door.mp4"]) == []
    assert Destination("-").earlier([]) == []


def test_places(tmp_path: Path) -> None:
    """A folder that is not there, is none, or has too long a name, is told as it is."""
    (tmp_path / "file").touch()
    for place, why in (
        ("nowhere/door.mp4", "No such file or directory"),
        ("file/door.mp4", "is no directory"),
        ("x" * 300 + ".mp4", "File name too long"),
    ):
        with pytest.raises(UsageError, match=f"cannot be written: .*{why}"):
            Destination(str(tmp_path / place)).check()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission(tmp_path: Path) -> None:
    """A folder that may not be written to is refused."""
    tmp_path.chmod(0o555)
    with pytest.raises(UsageError, match="Permission denied"):
        Destination(str(tmp_path / "door.mp4")).check()
