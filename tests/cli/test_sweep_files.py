"""What `kvsops sweep` leaves behind: journal, step summary, reports."""

import json
import re
from pathlib import Path

import pytest

from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.fleet import put, put_many

OLD = ("sweep", "--older-than", "2h")
CI = (*OLD, "--prefix", "ci-", "--yes")


@pytest.mark.parametrize(
    "variable",
    [
        "GITHUB_WORKSPACE",
        "CI_PROJECT_DIR",
        "WORKSPACE",
        "BUILD_ARTIFACTSTAGINGDIRECTORY",
        "BUILDKITE_BUILD_CHECKOUT_PATH",
    ],
)
def test_the_journal_in_a_ci(
    kvsops: Kvsops,
    emulator: LocalServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    variable: str,
) -> None:
    """In a CI's job the journal goes to the workspace, and its path is said."""
    put(emulator, "ci-1")
    monkeypatch.setenv(variable, str(tmp_path / "workspace"))
    ended = kvsops(*CI)
    (journal,) = (tmp_path / "workspace").iterdir()
    assert re.fullmatch(r"kvsops-journal-\d{8}T\d{6}Z-us-east-1-\d+\.jsonl", journal.name)
    undo = f"to undo: kvsops restore {journal} --yes --region us-east-1\n"
    assert ended.err == f"journal: {journal}\n{undo}"
    assert [json.loads(line)["event"] for line in journal.read_text().splitlines()] == [
        "deleting",
        "deleted",
    ]


def test_the_step_summary(
    kvsops: Kvsops, emulator: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Markdown is appended to GitHub's step summary, whatever the output."""
    put(emulator, "ci-1")
    summary = tmp_path / "summary"
    summary.write_text("# Before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert kvsops(*CI, "-o", "json").code == 0
    appended = summary.read_text()
    assert appended.startswith(
        "# Before\n\n✅ <code>kvsops sweep --older-than 2h --prefix ci- --yes -o json</code>: "
    )
    assert ": 1 deleted, of 1 channel\n" in appended
    assert appended.endswith("\n| CHANNEL | AGE |\n| --- | ---: |\n| ci-1 | 1d |\n")


def test_a_step_summary_that_cannot_be_written(
    kvsops: Kvsops, emulator: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A summary that cannot be written is a warning: the sweep is not the worse for it."""
    put(emulator, "ci-1")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/proc/none/summary")
    ended = kvsops(*OLD)
    assert ended.code == 0
    assert ended.err.startswith("warning: the summary cannot be written to /proc/none/summary")


@pytest.mark.parametrize(("fuse", "code"), [("1", 3), ("100", 1)])
def test_a_report_that_cannot_be_written(
    kvsops: Kvsops, emulator: LocalServer, tmp_path: Path, *, fuse: str, code: int
) -> None:
    """It is an error, and hides neither the other reports nor what came of the run."""
    put_many(emulator, ["a", "b"])
    report = tmp_path / "report.json"
    reports = ("--report", "/proc/report.json", "--report", str(report))
    ended = kvsops(*OLD, "--any-channel", "--yes", "--max-deletes", fuse, *reports)
    assert ended.code == code
    assert "error: the report cannot be written to /proc/report.json (--report): " in ended.err
    assert ("error: the fuse blew: 2 of 2 channels" in ended.err) is (code == 3)
    assert json.loads(report.read_text())["summary"]["exit_code"] == (3 if code == 3 else 0)
