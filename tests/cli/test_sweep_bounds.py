"""How far `kvsops sweep` goes: fuse, limit, account, deadline, consent."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.fleet import DAY, HOUR, names, put, put_many, writes

DELETE = "DeleteSignalingChannel"
OLD = ("sweep", "--older-than", "2h")
CI = (*OLD, "--prefix", "ci-", "--yes")


@pytest.mark.parametrize(
    ("fuse", "code"),
    [("3", 0), ("2", 3), ("75%", 0), ("74%", 3), ("100%", 0), ("1", 3)],
)
def test_the_fuse(kvsops: Kvsops, emulator: LocalServer, *, fuse: str, code: int) -> None:
    """More deletions than the fuse allows, a number or a share of all listed: none, and exit 3."""
    put_many(emulator, ["a", "b", "c"])
    put(emulator, "new", timedelta(minutes=1))
    ended = kvsops(*OLD, "--any-channel", "--yes", "--max-deletes", fuse)
    assert ended.code == code
    if code == 0:
        assert names(emulator) == {"new"}
        return
    assert names(emulator) == {"a", "b", "c", "new"}
    assert emulator.calls[DELETE] == 0
    number = "at least 2" if fuse == "1" else "3"  # no more are read than blow it
    assert ended.err.endswith(
        f"\nerror: the fuse blew: {number} of 4 channels are more than --max-deletes {fuse}, so "
        "nothing was deleted; raise --max-deletes, or take the oldest first with --limit N\n"
    )
    _, count, unconfirmed, *_, kept = ended.out.splitlines()
    assert count == "None of 4 channels deleted: the fuse blew, 3 would have been"
    assert unconfirmed.startswith("Unconfirmed: 1 of them; ") is (fuse == "1")
    assert kept == "Kept 1: 1 too young"


def test_the_fuse_is_100_unless_told(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A hundred and one deletions are too many by default, in a dry run with a warning only."""
    put_many(emulator, [f"ci-{n:03}" for n in range(101)])
    dry, wet = kvsops(*CI[:-1], "-o", "csv"), kvsops(*CI, "-o", "csv")
    blown = "101 of 101 channels are more than --max-deletes 100"
    how_on = "raise --max-deletes, or take the oldest first with --limit N"
    assert (dry.code, wet.code) == (0, 3)
    assert dry.err == (
        f"warning: the fuse would blow: {blown}; {how_on}\n"
        "To look at the 100 oldest alone (still a dry run):\n"
        "  kvsops sweep --older-than 2h --prefix ci- -o csv --limit 100\n"
    )
    assert wet.err.endswith(f"\nerror: the fuse blew: {blown}, so nothing was deleted; {how_on}\n")
    assert writes(emulator) == {}


def test_the_oldest_first(kvsops: Kvsops, emulator: LocalServer) -> None:
    """--limit takes the oldest, leaves the rest, and keeps within the fuse."""
    for days in (3, 9, 1, 7, 5):
        put(emulator, f"ci-{days}", days * DAY)
    ended = kvsops(*CI, "--limit", "2", "--max-deletes", "2")
    assert ended.out.partition("\n")[2] == (
        "2 of 5 channels named ci-… deleted, 3 left for another run\n"
        "\n"
        "CHANNEL      AGE\n"
        "ci-9          9d\n"
        "ci-7          7d\n"
    )
    assert ended.code == 0
    assert names(emulator) == {"ci-5", "ci-3", "ci-1"}


@pytest.mark.parametrize(
    ("age", "code", "said"),
    [("2h", 3, "error: --check: 1 channel to delete\n"), ("2d", 0, "")],
)
def test_check(kvsops: Kvsops, emulator: LocalServer, *, age: str, code: int, said: str) -> None:
    """--check exits 3 if there is something to delete, and deletes nothing."""
    put(emulator, "ci-1", tags={"env": "ci"})
    ended = kvsops("sweep", "--older-than", age, "--check")
    assert ended.code == code
    assert ended.err.endswith(said)
    told = json.loads(kvsops("sweep", "--older-than", age, "--check", "-o", "json").out)
    assert told["summary"]["exit_code"] == code
    assert writes(emulator) == {}


def test_the_account_expected(kvsops: Kvsops, emulator: LocalServer) -> None:
    """The right account lets the sweep go on."""
    put(emulator, "ci-1")
    assert kvsops(*CI, "--expect-account", "123456789012").code == 0
    assert names(emulator) == set()


def test_the_deadline(kvsops: Kvsops, emulator: LocalServer) -> None:
    """At the deadline the run ends in order, lists what is left, and exits 1."""
    put_many(emulator, [f"ci-{n:03}" for n in range(200)])
    ended = kvsops(*CI, "--max-deletes", "200", "--deadline", "3s", "-o", "json")
    told = json.loads(ended.out)
    outcomes = told["summary"]["outcomes"]
    by_outcome: dict[str, set[str]] = {"deleted": set(), "left": set(), "unknown": set()}
    for row in told["channels"]:  # unknown: what was being asked of just then
        by_outcome[row["outcome"]].add(row["channel_name"])
    assert sum(outcomes.values()) == 200
    assert by_outcome["left"]
    assert by_outcome["left"] <= names(emulator) <= by_outcome["left"] | by_outcome["unknown"]
    assert {row["reason"] for row in told["channels"] if row["outcome"] == "left"} == {
        "the deadline passed"
    }
    cut_off = [row["reason"] for row in told["channels"] if row["outcome"] == "unknown"]
    assert [reason for reason in cut_off if "the deadline passed before " not in reason] == []
    assert told["summary"]["stopped"] == "the deadline passed"
    assert ended.code == 1
    *_, stopped, undo = ended.err.splitlines()
    assert stopped == "error: stopped: the deadline passed"
    assert undo.startswith("to undo: kvsops restore /")


def test_the_deadline_while_reading(kvsops: Kvsops, emulator: LocalServer) -> None:
    """What could not be read in time is not known, and nothing of it is deleted."""
    put(emulator, "ci-1")
    emulator.settings.faults = (Fault("GetResources", "Throttling"),)
    ended = kvsops(*CI, "--tag", "env=ci", "--deadline", "1s", "-o", "json")
    ((row,), code) = (json.loads(ended.out)["channels"], ended.code)
    assert (row["outcome"], code) == ("unknown", 1)
    assert row["reason"].endswith("the deadline passed before ListTagsForResource was asked")
    assert writes(emulator) == {}


def test_the_deadline_while_listing(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Without a whole list nothing is judged: one line says why."""
    put_many(emulator, ["ci-1", "ci-2"])
    emulator.settings.page_limit = 1
    emulator.settings.latency = timedelta(seconds=1)
    ended = kvsops(*CI, "--deadline", "1s")
    # It may pass during the first page, or between that and the second.
    said = "error: the deadline passed before ListSignalingChannels was (asked|answered)\n"
    assert (ended.code, ended.out) == (1, "")
    assert re.fullmatch(said, ended.err)


def test_says_what_is_not_gone_in_time(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A channel that is still being deleted at the deadline is deleted, and its reason says so."""
    put(emulator, "ci-1")
    emulator.settings.state_delay = HOUR
    ended = kvsops(*CI, "--deadline", "5s", "-o", "json", "--query", "channels[].[outcome, reason]")
    ((outcome, reason),) = json.loads(ended.out)
    assert outcome == "deleted"
    assert re.fullmatch("1d old; still DELETING after [0-5] s", reason)
    assert ended.code == 0


def test_consent_never_comes_from_the_environment(
    kvsops: Kvsops, emulator: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No variable stands for --yes."""
    put(emulator, "ci-1")
    for name in ("KVSOPS_YES", "KVSOPS_SWEEP_YES", "CLI_SWEEP_YES", "YES", "SWEEP_YES"):
        monkeypatch.setenv(name, "1")
    assert kvsops(*CI[:-1]).code == 0
    assert writes(emulator) == {}


LINKED = ("one", "two", "three")


@pytest.fixture
def linked_and_leaked(emulator: LocalServer) -> None:
    """Put three old channels there that are linked to storage, and four younger leaks."""
    for name in LINKED:
        put(emulator, f"ci-{name}", 9 * DAY, stored=True)
    for days in (4, 3, 2, 1):
        put(emulator, f"ci-{days}", days * DAY)


def test_check_of_what_would_never_be_deleted(kvsops: Kvsops, emulator: LocalServer) -> None:
    """--check answers by direct reads: what only looks like a leak is none."""
    for name in LINKED:
        put(emulator, name, 9 * DAY, stored=True)
    ended = kvsops(*OLD, "--check")
    assert (ended.code, "--check" in ended.err) == (0, False)
    assert ended.out.endswith(
        "\nNone of 3 channels would be deleted\n\nKept 3: 3 linked to storage\n"
    )


@pytest.mark.usefixtures("linked_and_leaked")
def test_check_ends_at_the_first(kvsops: Kvsops, emulator: LocalServer) -> None:
    """One that is confirmed answers --check; no more are read than it takes to find it."""
    put_many(emulator, [f"young-{n:02}" for n in range(60)], 3 * HOUR)
    ended = kvsops(*OLD, "--check")
    assert ended.code == 3
    assert re.search(r"\nerror: --check: at least [14] channels? to delete\n$", ended.err)
    assert emulator.calls["DescribeMediaStorageConfiguration"] == 7  # 1, 2 and 4 at a time
    assert "--yes" not in ended.err  # it would be refused


@pytest.mark.usefixtures("linked_and_leaked")
def test_a_limit_goes_on_until_so_many_are_deleted(kvsops: Kvsops, emulator: LocalServer) -> None:
    """What the direct reads spare does not count: the next oldest take its place."""
    dry = kvsops(*CI[:-1], "--limit", "2")
    assert "\n2 of 7 channels named ci-… would be deleted, 2 left for another run\n" in dry.out
    ended = kvsops(*CI, "--limit", "2", "--max-deletes", "2")
    count = ended.out.splitlines()[1]
    assert count == (
        "2 of 7 channels named ci-… deleted, 3 kept at the last look, 2 left for another run"
    )
    assert ended.out.count(": kept at the last look: linked to storage: stream/ci-") == 3
    assert ended.code == 0
    assert names(emulator) == {"ci-one", "ci-two", "ci-three", "ci-2", "ci-1"}


@pytest.mark.usefixtures("linked_and_leaked")
@pytest.mark.parametrize(("fuse", "code"), [("4", 0), ("3", 3)])
def test_the_fuse_counts_what_is_confirmed(
    kvsops: Kvsops, emulator: LocalServer, *, fuse: str, code: int
) -> None:
    """Channels that a direct read spares do not blow it."""
    ended = kvsops(*CI, "--max-deletes", fuse)
    assert ended.code == code
    assert emulator.calls[DELETE] == (4 if code == 0 else 0)


def test_a_dry_run_of_many(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Beyond 500 candidates nothing is confirmed unless it is asked for; the first lines say so."""
    put_many(emulator, [f"ci-{n:03}" for n in range(501)])
    ended = kvsops(*CI[:-1], "--max-deletes", "501")
    assert ended.out.splitlines()[1:4] == [
        "501 of 501 channels named ci-… would be deleted",
        "Unconfirmed: 501 of them; the tags, storage link and activity of each will be read "
        "directly before it goes",
        "",
    ]
    assert ended.err.endswith(
        "To delete these 501:\n"
        "  kvsops sweep --older-than 2h --prefix ci- --max-deletes 501 --yes\n"
    )
    assert emulator.calls["DescribeMediaStorageConfiguration"] == 0
    shown = kvsops(*CI[:-1], "--max-deletes", "501", "-o", "markdown").out.splitlines()
    assert shown[0].endswith("501 channels. Unconfirmed: 501 of 501 to delete.")


@pytest.mark.parametrize("flag", ["--check", "--dry-run"])
def test_how_to_delete_after_a_flag(kvsops: Kvsops, emulator: LocalServer, flag: str) -> None:
    """--yes beside it would be refused, so it takes its place."""
    put(emulator, "ci-1")
    ended = kvsops(*CI[:-1], flag)
    assert "  kvsops sweep --older-than 2h --prefix ci- --yes\n" in ended.err


def test_a_blown_fuse_is_told_wherever_the_run_is(
    kvsops: Kvsops, emulator: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step summary, Markdown, JSON and JUnit say that it blew, and by what."""
    put_many(emulator, ["ci-1", "ci-2"])
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    reports = [tmp_path / f"report.{kind}" for kind in ("json", "md", "xml")]
    options = [each for path in reports for each in ("--report", str(path))]
    assert kvsops(*CI, "--max-deletes", "1", *options).code == 3
    blew = "the fuse blew: 2 of 2 channels are more than --max-deletes 1"
    assert json.loads(reports[0].read_text())["summary"]["stopped"] == blew
    for path in (*reports[1:], tmp_path / "summary"):
        assert blew in path.read_text().replace("\\", ""), path
