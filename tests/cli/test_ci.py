"""What a CI shows of commands: a step's summary, annotations, a comment's text."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.fleet import DAY, put, put_many
from tests.goldens import Golden

OLD = ("sweep", "--older-than", "2h", "--prefix", "ci-")
Summary = Callable[[], str]


@pytest.fixture
def summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Summary:
    """Let GitHub Actions run it; return what reads the step's summary."""
    file = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(file))
    return lambda: file.read_text() if file.exists() else ""


@pytest.fixture
def fleet(emulator: LocalServer) -> LocalServer:
    """Put three old channels, one of them protected, and a young one of a dangerous name."""
    put_many(emulator, ["ci-1", "ci-2"])
    put(emulator, "ci-kept", 9 * DAY, tags={"kvsops:keep": "<b>@all</b>"})
    put(emulator, "cam-1")
    return emulator


@pytest.mark.usefixtures("fleet")
def test_a_sweep(
    kvsops: Kvsops, summary: Summary, golden: Golden, emulator: LocalServer, tmp_path: Path
) -> None:
    """The first line says how it went; what is kept is folded; the journal and how to undo it."""
    journal = tmp_path / "journal.jsonl"
    url = emulator.endpoint_url.replace("://", ":<!-- -->//")
    assert kvsops(*OLD, "--yes", "--journal", str(journal)).code == 0
    golden(summary(), journal=journal, url=url)


@pytest.mark.usefixtures("fleet")
def test_a_dry_run(kvsops: Kvsops, summary: Summary) -> None:
    """It says so."""
    assert kvsops(*OLD).code == 0
    first = summary().splitlines()[0]
    assert first.startswith(
        "✅ <code>kvsops sweep --older-than 2h --prefix ci-</code>: Dry run in "
    )
    assert first.endswith(": 2 would be deleted, 1 kept, of 3 channels")


@pytest.mark.usefixtures("fleet")
def test_a_fuse(kvsops: Kvsops, summary: Summary) -> None:
    """A blown fuse is a failure, and why stands below; in a dry run it is a warning."""
    blown = "2 of 3 channels are more than --max-deletes 1"
    ended = kvsops(*OLD, "--max-deletes", "1")
    assert ended.code == 0
    assert summary().startswith("⚠️ ")
    assert f"- **the fuse would blow: {blown}" in summary().replace("\\", "")
    assert f"::warning title=kvsops sweep::the fuse would blow: {blown}" in ended.err
    ended = kvsops(*OLD, "--max-deletes", "1", "--yes")
    assert ended.code == 3
    second = summary().rpartition("\n\n❌ ")[2].replace("\\", "")
    assert "nothing was deleted; 2 would be deleted" in second
    assert f"\n- **the fuse blew: {blown}" in second
    assert f"::error title=kvsops::the fuse blew: {blown}" in ended.err


@pytest.mark.usefixtures("fleet")
def test_failures(kvsops: Kvsops, summary: Summary, emulator: LocalServer) -> None:
    """A failed deletion is an error with its reason, in the summary and beside the log."""
    emulator.settings.faults = (Fault("DeleteSignalingChannel", "AccessDeniedException"),)
    ended = kvsops(*OLD, "--yes")
    assert ended.code == 1
    assert summary().startswith("❌ ")
    assert "\n- **ci-1 failed: " in summary()
    assert "::error title=kvsops sweep::ci-1 failed: " in ended.err
    assert "(and 1 more)\n" in ended.err


def test_what_ends_a_command(kvsops: Kvsops, summary: Summary, emulator: LocalServer) -> None:
    """Where there is nothing to report but an error, the summary is that."""
    emulator.settings.faults = (Fault("ListSignalingChannels", "AccessDeniedException"),)
    ended = kvsops("list", "-o", "json")
    assert (ended.code, ended.out) == (1, "")
    said = "ListSignalingChannels denied"
    assert ended.err.startswith("::error title=kvsops::")
    assert said in ended.err
    assert summary().startswith("❌ <code>kvsops list -o json</code>: ")
    assert said in summary()
    assert len(summary().splitlines()) == 1


@pytest.mark.usefixtures("last_months_fleet")
@pytest.mark.parametrize(
    ("options", "code", "mark"),
    [((), 0, "✅"), (("--warn-over", "1"), 0, "⚠️"), (("--fail-over", "1"), 3, "❌")],
)
def test_a_bill(
    last: Kvsops, summary: Summary, *, options: tuple[str, ...], code: int, mark: str
) -> None:
    """The budget decides on the mark, and is said first."""
    ended = last(*options)
    assert ended.code == code
    assert summary().startswith(f"{mark} <code>kvsops cost --month ")
    assert "4 channels, 3 used" in summary().splitlines()[0]
    assert "| cam | 2 | 1 | \\$2.40 | \\$2.40 |\n" in summary()
    limits = [line for line in summary().splitlines() if "the month will come to" in line]
    assert len(limits) == len(options) // 2
    assert not limits or summary().splitlines()[2] == limits[0]


@pytest.mark.usefixtures("last_months_fleet")
@pytest.mark.parametrize(
    "argv",
    [
        ("sweep", "--older-than", "2h"),
        ("list",),
        ("list", "--cost"),
        ("cost",),
    ],
    ids=" ".join,
)
def test_brief(kvsops: Kvsops, emulator: LocalServer, argv: tuple[str, ...]) -> None:
    """A comment's text begins with the answer, and fits; with other outputs it is refused."""
    put_many(emulator, [f"{'n' * 200}-{n:03}" for n in range(600)])
    ended = kvsops(*argv, "-o", "markdown", "--brief")
    assert ended.code == 0
    command = " ".join(("kvsops", *argv, "-o", "markdown", "--brief"))
    assert ended.out.startswith(("✅ ", "⚠️ "))
    assert f"<code>{command}</code>: " in ended.out
    assert len(ended.out) < 60_000
    refused = kvsops(*argv, "--brief")
    assert (refused.code, refused.err) == (2, "error: --brief is Markdown: add -o markdown\n")


@pytest.mark.usefixtures("fleet")
def test_files_are_named(kvsops: Kvsops, tmp_path: Path) -> None:
    """What was written is said, each file by its path."""
    paths = [str(tmp_path / f"report.{kind}") for kind in ("json", "xml")]
    ended = kvsops(*OLD, "--report", paths[0], "--report", paths[1])
    assert [line for line in ended.err.splitlines() if "written" in line] == [
        f"report written: {path}" for path in paths
    ]
    page = str(tmp_path / "page.html")
    assert f"page written: {page}\n" in kvsops("cost", "--html", page).err
