"""The one writer of report files: what it refuses beforehand, and how it writes."""

import os
from pathlib import Path

import pytest

from kvsops.errors import KvsopsError, UsageError
from kvsops.output.files import FOR_ALL
from kvsops.reports.files import ANY, Kind, ReportFiles


def _made(reported: str, _: Path) -> bytes:
    return reported.encode()


FILES = ReportFiles(
    "--report", {".md": Kind(_made), ".prom": Kind(_made, "not_installed", FOR_ALL)}, extra="x"
)
PAGE = ReportFiles("--page", {ANY: Kind(_made, mode=FOR_ALL)}, what="page")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.txt", "not a report: '{}': its name ends in .md, .prom"),
        ("a.prom", "--report {} needs pip install '.[x]' in a clone of kvsops"),
        ("no/a.md", "--report {} cannot be written: no such directory, or it is one"),
        ("folder.md", "--report {} cannot be written: no such directory, or it is one"),
        ("lost.md", "--report {} cannot be written: no such directory, or it is one"),
        ("loop.md", "--report {} cannot be written: no such directory, or it is one"),
    ],
)
def test_refused(tmp_path: Path, name: str, said: str) -> None:
    """Before the run it is said that no report can go there."""
    (tmp_path / "folder.md").mkdir()
    (tmp_path / "lost.md").symlink_to(tmp_path / "nowhere" / "a.md")
    (tmp_path / "loop.md").symlink_to(tmp_path / "loop.md")
    with pytest.raises(UsageError) as caught:
        FILES.check(tmp_path / name)
    assert str(caught.value) == said.format(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_no_permission(tmp_path: Path) -> None:
    """Neither a directory nor a link's file that may not be written passes for one."""
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "a.md").touch(0o444)
    (tmp_path / "link.md").symlink_to(kept / "a.md")
    kept.chmod(0o555)
    for path in (kept / "new.md", kept / "a.md", tmp_path / "link.md"):
        with pytest.raises(UsageError, match="cannot be written: permission denied"):
            FILES.check(path)


def test_written(tmp_path: Path) -> None:
    """Whatever the suffix's case, a link's target is written, and the mode is the kind's."""
    path = FILES.check(tmp_path / "A.MD")
    FILES.write("text", path)
    assert path.read_text() == "text"
    link = tmp_path / "link"
    link.symlink_to("target")
    before = os.umask(0o077)
    try:
        PAGE.write("page", PAGE.check(tmp_path / "page"))
    finally:
        os.umask(before)
    assert (tmp_path / "page").stat().st_mode & 0o777 == FOR_ALL
    PAGE.write("linked", PAGE.check(link))
    assert link.is_symlink()
    assert (tmp_path / "target").read_text() == "linked"
    PAGE.write("nothing", PAGE.check(Path("/dev/null")))
    assert Path("/dev/null").is_char_device()


def test_failed(tmp_path: Path) -> None:
    """One line names the file, the option and the reason."""
    path = tmp_path / "gone" / "page"
    with pytest.raises(KvsopsError) as caught:
        PAGE.write("page", path)
    said = f"the page cannot be written to {path} (--page): No such file or directory"
    assert str(caught.value) == said
