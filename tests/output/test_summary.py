"""The summary of a step of GitHub Actions."""

from pathlib import Path

import pytest

from kvsops.errors import KvsopsError
from kvsops.output.summary import LIMIT_BYTES, VARIABLE, append_step_summary


def test_it_is_appended(tmp_path: Path) -> None:
    """It follows what stands there already, parted by an empty line."""
    file = tmp_path / "summary"
    file.write_text("## Other\n", encoding="utf-8")
    append_step_summary("| A |\n| --- |\n| ü \ud800 |\n", {VARIABLE: str(file)})
    append_step_summary("end", {VARIABLE: str(file)})
    assert file.read_text(encoding="utf-8") == "## Other\n\n| A |\n| --- |\n| ü \\ud800 |\n\nend\n"


@pytest.mark.parametrize("environ", [{}, {VARIABLE: ""}])
def test_elsewhere_nothing_is_written(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside of GitHub Actions nothing happens."""
    monkeypatch.chdir(tmp_path)
    append_step_summary("text", environ)
    assert not [*tmp_path.iterdir()]


def test_it_is_cut_to_what_github_shows(tmp_path: Path) -> None:
    """Whole lines are left out at the end, and it says how many."""
    file = tmp_path / "summary"
    append_step_summary("0123456789abcde\n" * 100_000, {VARIABLE: str(file)})
    text = file.read_text(encoding="utf-8")
    assert LIMIT_BYTES - 200 < len(text) <= LIMIT_BYTES
    assert text.endswith("\n0123456789abcde\n\n_34,471 lines left out: GitHub shows 1 MiB._\n")


def test_a_full_summary_is_said(tmp_path: Path) -> None:
    """Where not a line has room the caller is told."""
    file = tmp_path / "summary"
    file.write_bytes(b"x" * LIMIT_BYTES)
    with pytest.raises(KvsopsError, match="summary is full: GitHub shows 1 MiB of it"):
        append_step_summary("text\n", {VARIABLE: str(file)})


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("missing/summary", "No such file or directory"),
        (".", "Is a directory"),
        ("nul\x00l", "embedded null byte"),
    ],
)
def test_a_summary_that_cannot_be_written(tmp_path: Path, name: str, told: str) -> None:
    """One line names the file, the variable and the reason."""
    file = f"{tmp_path}/{name}"
    with pytest.raises(KvsopsError) as caught:
        append_step_summary("text", {VARIABLE: file})
    shown = file.replace("\x00", "\\x00")
    assert str(caught.value) == f"the summary cannot be written to {shown} ({VARIABLE}): {told}"
