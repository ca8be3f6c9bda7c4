"""Files put in their place whole."""

import os
from pathlib import Path

import pytest

from kvsops.output.files import FOR_ALL, replace


def test_the_old_file_stays_whole_for_its_readers(tmp_path: Path) -> None:
    """Whoever has it open reads on; nothing is left beside the new one."""
    file = tmp_path / "report.json"
    file.write_text("before", encoding="utf-8")
    with file.open(encoding="utf-8") as reader:
        replace(file, b"after")
        assert reader.read() == "before"
    assert file.read_bytes() == b"after"
    assert [*tmp_path.iterdir()] == [file]


def test_what_is_no_plain_file_stays_what_it_is(tmp_path: Path) -> None:
    """Else a report to /dev/null would put a file in its place, where root writes it."""
    pipe, link, target = tmp_path / "pipe", tmp_path / "link", tmp_path / "target"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    link.symlink_to(target)
    try:
        for path in (pipe, link):
            replace(path, b"data")
        assert os.read(reader, 100) == b"data"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    assert link.is_symlink()
    assert target.read_bytes() == b"data"


@pytest.mark.parametrize(("mode", "expected"), [(None, 0o640), (FOR_ALL, 0o644)])
def test_mode(tmp_path: Path, mode: int | None, expected: int) -> None:
    """A file is the umask's, unless it is for all."""
    before = os.umask(0o027)
    try:
        replace(tmp_path / "report", b"", mode)
    finally:
        os.umask(before)
    assert (tmp_path / "report").stat().st_mode & 0o777 == expected


@pytest.mark.parametrize(
    ("name", "error"),
    [("missing/file", FileNotFoundError), ("folder", IsADirectoryError), ("nul\x00l", ValueError)],
)
def test_nothing_is_left_of_a_failure(tmp_path: Path, name: str, error: type[Exception]) -> None:
    """What cannot be written is an error, and no trace of it stays."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(error):
        replace(tmp_path / name, b"data")
    assert [path.name for path in tmp_path.rglob("*")] == ["folder"]
