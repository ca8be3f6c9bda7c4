"""`kvsops sweep`: what it shows, how far it goes, and how it ends."""

import csv
import io
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kvsops.core.text import moment
from kvsops.local.faults import Fault
from kvsops.local.kinesisvideo.channels import SignalingChannel
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.fleet import DAY, HOUR, names, put, put_many, retag, writes
from tests.usage import use

DENIED = "AccessDeniedException"
DELETE, TAGS = "DeleteSignalingChannel", "ListTagsForResource"
OLD = ("sweep", "--older-than", "2h")
CI = (*OLD, "--prefix", "ci-", "--yes")
DRY = (
    "dry run: nothing was deleted; to delete, add --yes (3 unconfirmed: the tags, storage link "
    "and activity of each will be read directly before it is deleted)\n"
)

OWN_COST_OF_TWO = "own cost: 12 metrics in 4 calls, $0.0002 at most\n"


@pytest.fixture
def fleet(emulator: LocalServer) -> dict[str, SignalingChannel]:
    """Make a small fleet that has a bit of everything; return it by name."""
    made = [
        put(emulator, "ci-1", 3 * HOUR, tags={"kvsops:owner": "github:acme/77", "env": "ci"}),
        put(emulator, "ci-2", 2 * DAY + 4 * HOUR),
        put(emulator, "cam-door", 400 * DAY, tags={"kvsops:keep": "on site"}),
        put(emulator, "cam-yard", 90 * DAY, stored=True),
        put(emulator, "meeting", HOUR, tags={"kvsops:expires-at": "2099-01-01T00:00:00Z"}),
    ]
    return {channel.channel_name: channel for channel in made}


def test_table(kvsops: Kvsops, fleet: dict[str, SignalingChannel], emulator: LocalServer) -> None:
    """The doomed first, oldest on top; then the protected; never what no condition met."""
    ended = kvsops(*OLD)
    assert ended.out == (
        "CHANNEL      AGE  OUTCOME       REASON                          TAGS\n"
        "cam-yard     90d  would-delete  90d old                         -\n"
        "ci-2        2d4h  would-delete  2d4h old                        -\n"
        "ci-1          3h  would-delete  3h old                          "
        "kvsops:owner=github:acme/77\n"
        "cam-door    400d  kept          protected: kvsops:keep=on site  kvsops:keep=on site\n"
        "\n"
        "3 would be deleted, 2 kept, of 5 channels.\n"
    )
    assert (ended.code, ended.err) == (0, DRY)
    assert writes(emulator) == {}
    assert fleet.keys() == names(emulator)


@pytest.mark.usefixtures("fleet")
def test_everything(kvsops: Kvsops) -> None:
    """With --all the channels that no condition meets are shown too, with the reason."""
    ended = kvsops(*OLD, "--all")
    last = "meeting       1h  kept          1h old, not older than 2h       ?\n"
    assert ended.out.endswith(last + "\n3 would be deleted, 2 kept, of 5 channels.\n")


@pytest.mark.usefixtures("fleet")
def test_markdown(kvsops: Kvsops) -> None:
    """Markdown says the totals, then the same rows."""
    ended = kvsops(*OLD, "-o", "markdown")
    assert ended.out == (
        "**kvsops in us-east-1**: 3 would be deleted, 2 kept, of 5 channels.\n"
        "\n"
        "| CHANNEL | AGE | OUTCOME | REASON | TAGS |\n"
        "| --- | ---: | --- | --- | --- |\n"
        "| cam-yard | 90d | would-delete | 90d old | - |\n"
        "| ci-2 | 2d4h | would-delete | 2d4h old | - |\n"
        "| ci-1 | 3h | would-delete | 3h old | kvsops:owner=github:acme/77 |\n"
        "| cam-door | 400d | kept | protected: kvsops:keep=on site | kvsops:keep=on site |\n"
    )
    assert (ended.code, ended.err) == (0, DRY)


def test_json(kvsops: Kvsops, fleet: dict[str, SignalingChannel]) -> None:
    """JSON has every channel listed, and a summary; its keys are an interface."""
    ended = kvsops(*OLD, "--match", "c*", "-o", "json")
    told = json.loads(ended.out)

    def row(name: str, **more: Any) -> dict[str, Any]:
        channel = fleet[name]
        created = moment(channel.creation_time)
        return {
            "channel_name": name,
            "creation_time": created,
            "channel_arn": channel.arn,
            "tags": channel.tags,
            "policy": None,
            **more,
        }

    doomed = {"outcome": "would-delete", "decision": "delete"}
    kept = {"outcome": "kept", "decision": "keep", "unconfirmed": []}
    unread = ["storage link", "activity"]
    assert told["channels"] == [
        row("cam-door", reason="protected: kvsops:keep=on site", **kept),
        row("cam-yard", reason="90d old", unconfirmed=unread, **doomed),
        row("ci-1", reason="3h old", unconfirmed=["tags", *unread], **doomed),
        row("ci-2", reason="2d4h old", unconfirmed=unread, **doomed),
        row("meeting", reason="name does not match c*", **kept | {"tags": None}),
    ]
    seconds = told["summary"].pop("seconds")
    assert isinstance(seconds, float)
    assert told["summary"] == {
        "region": "us-east-1",
        "exit_code": 0,
        "listed": 5,
        "outcomes": {
            "would-delete": 3,
            "deleted": 0,
            "gone": 0,
            "changed": 0,
            "failed": 0,
            "kept": 2,
            "unknown": 0,
            "left": 0,
            "would-mark": 0,
            "marked": 0,
            "would-unmark": 0,
            "unmarked": 0,
        },
        "dry_run": True,
        "journal": None,
        "stopped": None,
        "api_calls": {"GetResources": 1, "ListMetrics": 3, "ListSignalingChannels": 1, TAGS: 2},
        "throttled": 0,
        "own_cost_usd": 0.00003,
    }
    assert (ended.code, ended.err) == (0, DRY)


def test_csv(kvsops: Kvsops, fleet: dict[str, SignalingChannel]) -> None:
    """CSV has a record for each channel listed."""
    ended = kvsops(*OLD, "--prefix", "ci-", "-o", "csv")
    rows = [*csv.reader(io.StringIO(ended.out))]
    one, two = fleet["ci-1"], fleet["ci-2"]
    unread = '"storage link", "activity"]'
    tags = '{"kvsops:owner": "github:acme/77", "env": "ci"}'
    made = moment(one.creation_time), moment(two.creation_time)
    assert rows == [
        [
            "channel_name",
            "creation_time",
            "outcome",
            "reason",
            "policy",
            "tags",
            "decision",
            "unconfirmed",
            "channel_arn",
        ],
        *[
            [
                "ci-1",
                made[0],
                "would-delete",
                "3h old",
                "",
                tags,
                "delete",
                f'["tags", {unread}',
                one.arn,
            ],
            [
                "ci-2",
                made[1],
                "would-delete",
                "2d4h old",
                "",
                "{}",
                "delete",
                f"[{unread}",
                two.arn,
            ],
        ],
    ]


@pytest.mark.usefixtures("fleet")
def test_query(kvsops: Kvsops) -> None:
    """A query takes from the whole of the JSON, never from a page of it."""
    ended = kvsops(*OLD, "-o", "json", "--query", "channels[:1].channel_name")
    assert ended.out == '[\n  "cam-door"\n]\n'


def test_deletes(kvsops: Kvsops, fleet: dict[str, SignalingChannel], emulator: LocalServer) -> None:
    """With --yes the chosen are deleted; the rows say so, and where the journal is."""
    ended = kvsops(*CI)
    assert ended.out == (
        "CHANNEL      AGE  OUTCOME    REASON    TAGS\n"
        "ci-2        2d4h  deleted    2d4h old  -\n"
        "ci-1          3h  deleted    3h old    kvsops:owner=github:acme/77\n"
        "\n"
        "2 deleted, of 2 channels.\n"
    )
    assert ended.code == 0
    assert re.fullmatch(
        r"journal: /.*/state/kvsops/journals/\d{8}T\d{6}Z-us-east-1-\d+\.jsonl\n"
        r"own cost: 12 metrics in 4 calls, \$0\.0002 at most\n",
        ended.err,
    )
    assert names(emulator) == {"cam-door", "cam-yard", "meeting"} == fleet.keys() - {"ci-1", "ci-2"}
    assert writes(emulator) == {DELETE: 2}


@pytest.mark.usefixtures("fleet")
def test_deletes_as_json(kvsops: Kvsops, tmp_path: Path) -> None:
    """What a direct read confirmed is not called unconfirmed; the summary names the journal."""
    ended = kvsops(*CI, "-o", "json", "--journal", str(tmp_path / "new" / "journal"))
    told = json.loads(ended.out)
    assert [(row["outcome"], row["decision"], row["unconfirmed"]) for row in told["channels"]] == [
        ("deleted", "delete", [])
    ] * 2
    summary = told["summary"]
    assert (summary["dry_run"], summary["stopped"]) == (False, None)
    assert summary["journal"] == str(tmp_path / "new" / "journal")
    assert summary["api_calls"] == {
        DELETE: 2,
        "DescribeMediaStorageConfiguration": 2,
        "GetMetricData": 1,
        "GetResources": 1,
        "ListMetrics": 3,
        "ListSignalingChannels": 2,
        TAGS: 3,
    }
    assert summary["own_cost_usd"] == 0.00015  # 12 metrics, 3 calls of ListMetrics
    assert ended.err == f"journal: {tmp_path}/new/journal\n{OWN_COST_OF_TWO}"


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
    own_cost = "own cost: 6 metrics in 4 calls, $0.0001 at most\n"
    assert ended.err == f"journal: {journal}\n{own_cost}"
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
    assert summary.read_text() == (
        "# Before\n"
        "\n"
        "**kvsops in us-east-1**: 1 deleted, of 1 channel.\n"
        "\n"
        "| CHANNEL | AGE | OUTCOME | REASON | TAGS |\n"
        "| --- | ---: | --- | --- | --- |\n"
        "| ci-1 | 1d | deleted | 1d old | - |\n"
    )


def test_a_step_summary_that_cannot_be_written(
    kvsops: Kvsops, emulator: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A summary that cannot be written is a warning: the sweep is not the worse for it."""
    put(emulator, "ci-1")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/proc/none/summary")
    ended = kvsops(*OLD)
    assert ended.code == 0
    assert ended.err.startswith("warning: the summary cannot be written to /proc/none/summary")


@pytest.mark.parametrize(
    ("argv", "doomed"),
    [
        (("--older-than", "1d"), {"cam-yard", "ci-2", "ci-expired"}),
        (("--older-than", "2h", "--tag", "env=ci"), {"ci-1"}),
        (("--older-than", "2h", "--without-tag", "env"), {"cam-yard", "ci-2", "ci-expired"}),
        (("--older-than", "2h", "--match", "*-[12]"), {"ci-1", "ci-2"}),
        (("--older-than", "2h", "--protect-tag", "env"), {"cam-yard", "ci-2", "ci-expired"}),
        (("--expired",), {"ci-expired"}),
        (("--expired", "--older-than", "30d"), set()),
        (("--orphaned",), {"cam-yard", "ci-2", "ci-expired"}),
        (("--orphaned", "--owner-tag", "env"), {"cam-yard", "ci-2", "ci-expired"}),
        (("--older-than", "1d", "--direct"), {"ci-2", "ci-expired"}),
        (
            ("--older-than", "1d", "--direct", "--unlink-storage"),
            {"cam-yard", "ci-2", "ci-expired"},
        ),
    ],
)
@pytest.mark.usefixtures("fleet")
def test_chooses(
    kvsops: Kvsops, emulator: LocalServer, *, argv: tuple[str, ...], doomed: set[str]
) -> None:
    """All that was given must hold; what is protected is never chosen."""
    put(emulator, "ci-expired", 2 * DAY, tags={"kvsops:expires-at": "2026-01-01T00:00:00Z"})
    told = json.loads(kvsops("sweep", *argv, "-o", "json").out)
    chosen = {row["channel_name"] for row in told["channels"] if row["decision"] == "delete"}
    assert chosen == doomed
    assert writes(emulator) == {}


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
    assert ended.err == (
        f"error: the fuse blew: 3 of 4 channels are more than --max-deletes {fuse}, so nothing was "
        "deleted; raise --max-deletes, or take the oldest first with --limit N\n"
    )
    assert ended.out.endswith("\n3 would be deleted, 1 kept, of 4 channels.\n")


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


def test_the_fuse_is_100_unless_told(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A hundred and one deletions are too many by default, in a dry run with a warning only."""
    put_many(emulator, [f"ci-{n:03}" for n in range(101)])
    dry, wet = kvsops(*CI[:-1], "-o", "csv"), kvsops(*CI, "-o", "csv")
    blown = "101 of 101 channels are more than --max-deletes 100"
    how_on = "raise --max-deletes, or take the oldest first with --limit N"
    assert (dry.code, wet.code) == (0, 3)
    assert dry.err.endswith(f"warning: the fuse would blow: {blown}; {how_on}\n")
    assert wet.err == f"error: the fuse blew: {blown}, so nothing was deleted; {how_on}\n"
    assert writes(emulator) == {}


def test_taken_as_untagged(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Of channels kept for want of a tag that only the index denies them it is said how many."""
    put(emulator, "ci-1", tags={"kvsops:expires-at": "2020-01-01T00:00:00Z"})
    put_many(emulator, [f"ci-{n:03}" for n in range(101)])
    ended = kvsops("sweep", "--expired", "--yes")
    assert (ended.code, names(emulator)) == (0, {f"ci-{n:03}" for n in range(101)})
    assert (
        "\n101 channels are not in AWS's tag index, being never tagged or too recently: "
        "taken as untagged; --direct reads each\n" in ended.err
    )


def test_the_oldest_first(kvsops: Kvsops, emulator: LocalServer) -> None:
    """--limit takes the oldest, leaves the rest, and keeps within the fuse."""
    for days in (3, 9, 1, 7, 5):
        put(emulator, f"ci-{days}", days * DAY)
    ended = kvsops(*CI, "--limit", "2", "--max-deletes", "2")
    assert ended.out == (
        "CHANNEL      AGE  OUTCOME    REASON                    TAGS\n"
        "ci-9          9d  deleted    9d old                    -\n"
        "ci-7          7d  deleted    7d old                    -\n"
        "ci-5          5d  left       5d old; beyond --limit 2  -\n"
        "ci-3          3d  left       3d old; beyond --limit 2  -\n"
        "ci-1          1d  left       1d old; beyond --limit 2  -\n"
        "\n"
        "2 deleted, 3 left, of 5 channels.\n"
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
    left = {row["channel_name"] for row in told["channels"] if row["outcome"] == "left"}
    assert outcomes["deleted"] + outcomes["left"] == 200
    assert names(emulator) == left
    assert left
    assert {row["reason"] for row in told["channels"] if row["outcome"] == "left"} == {
        "the deadline passed"
    }
    assert told["summary"]["stopped"] == "the deadline passed"
    assert ended.code == 1
    assert ended.err.endswith("error: stopped: the deadline passed\n")


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
    said = "error: the deadline passed before ListSignalingChannels was asked\n"
    assert (ended.code, ended.out, ended.err) == (1, "", said)


def test_what_is_denied_is_unknown(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Tags that cannot be read keep their channels, and the exit code is 1, dry run or not."""
    put(emulator, "ci-1")
    put(emulator, "ci-2")
    emulator.settings.faults = (Fault("GetResources", DENIED), Fault(TAGS, DENIED))
    ended = kvsops(*CI)
    arn = emulator.backend().channels["ci-1"].arn
    denied = f"tags unknown: {TAGS} denied: the credentials need kinesisvideo:{TAGS} on {arn}"
    index = "GetResources denied: the credentials need tag:GetResources on"
    assert ended.out.endswith("\n2 unknown, of 2 channels.\n")
    first, second = ended.err.splitlines()
    assert first.startswith(f"warning: {index}")
    assert first.endswith("; tags are read channel by channel instead")
    assert second == f"warning: could not be judged, and left alone: ci-1, ci-2: {denied}"
    assert ended.code == 1
    assert writes(emulator) == {}


def test_a_failed_listing_is_no_empty_one(kvsops: Kvsops, emulator: LocalServer) -> None:
    """When the channels cannot be listed that is an error, not an empty table."""
    emulator.settings.faults = (Fault("ListSignalingChannels", DENIED),)
    ended = kvsops(*OLD)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        "error: ListSignalingChannels denied: the credentials need "
        'kinesisvideo:ListSignalingChannels on "*"\n'
    )


def test_failed_deletes(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A delete that fails is in the rows with its reason, and the exit code is 1."""
    arn = put(emulator, "ci-1").arn
    emulator.settings.faults = (Fault(DELETE, DENIED),)
    ended = kvsops(*CI, "-o", "json", "--query", "channels[].[outcome, reason]")
    said = f"{DELETE} denied: the credentials need kinesisvideo:{DELETE} on {arn}"
    assert (ended.code, json.loads(ended.out)) == (1, [["failed", said]])


def test_kept_at_the_last_look(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A channel that was tagged too late for the index is kept, and that is no failure."""
    emulator.settings.index_lag = HOUR
    put(emulator, "ci-1", tags={"env": "ci"})
    retag(emulator, "ci-1", {"kvsops:keep": ""})
    ended = kvsops(*CI)
    assert ended.out == (
        "CHANNEL      AGE  OUTCOME    REASON           TAGS\n"
        "ci-1          1d  kept       has kvsops:keep  kvsops:keep\n"
        "\n"
        "1 kept, of 1 channel.\n"
    )
    assert ended.code == 0
    assert names(emulator) == {"ci-1"}


@pytest.mark.usefixtures("fleet")
def test_unlinks_storage(kvsops: Kvsops, emulator: LocalServer) -> None:
    """--unlink-storage deletes a linked channel too; its stream stays."""
    ended = kvsops(*OLD, "--prefix", "cam-y", "--yes", "--unlink-storage")
    assert ended.code == 0
    assert ended.out.endswith("\n1 deleted, of 1 channel.\n")
    assert "cam-yard" not in names(emulator)
    assert len(emulator.backend().streams) == 1


def test_waits_until_they_are_gone(kvsops: Kvsops, emulator: LocalServer) -> None:
    """The sweep ends when the deleted channels are no longer listed, not before."""
    put_many(emulator, ["ci-1", "ci-2"])
    emulator.settings.state_delay = timedelta(seconds=0.5)
    assert kvsops(*CI).code == 0
    assert kvsops("list").out == "No channels.\n"


def test_says_what_is_not_gone_in_time(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A channel that is still being deleted at the deadline is deleted, and its reason says so."""
    put(emulator, "ci-1")
    emulator.settings.state_delay = HOUR
    ended = kvsops(*CI, "--deadline", "5s", "-o", "json", "--query", "channels[].[outcome, reason]")
    ((outcome, reason),) = json.loads(ended.out)
    assert outcome == "deleted"
    assert re.fullmatch("1d old; still DELETING after [0-5] s", reason)
    assert ended.code == 0


def test_nothing_to_do(kvsops: Kvsops) -> None:
    """No channel at all is said, and is no failure."""
    ended = kvsops(*CI)
    assert (ended.code, ended.out, ended.err) == (0, "nothing to do, of 0 channels.\n", "")


def test_consent_never_comes_from_the_environment(
    kvsops: Kvsops, emulator: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No variable stands for --yes."""
    put(emulator, "ci-1")
    for name in ("KVSOPS_YES", "KVSOPS_SWEEP_YES", "CLI_SWEEP_YES", "YES", "SWEEP_YES"):
        monkeypatch.setenv(name, "1")
    assert kvsops(*CI[:-1]).code == 0
    assert writes(emulator) == {}


def test_leaks_and_cameras(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A sweep for age alone takes what leaked, and leaves what is in use."""
    put_many(emulator, ["ci-1", "cam-1"], 9 * DAY)
    use(emulator, "cam-1", emulator.settings.clock() - HOUR, masters=1)
    ended = kvsops(*OLD, "--any-channel", "--yes", "-o", "json")
    told = {row["channel_name"]: row for row in json.loads(ended.out)["channels"]}
    assert (ended.code, names(emulator)) == (0, {"cam-1"})
    assert told["cam-1"]["reason"].startswith("in use: last used at most ")
    assert kvsops(*OLD, "--any-channel", "--yes", "--even-if-active").code == 0
    assert names(emulator) == set()


def test_idle_where_metrics_are_denied(kvsops: Kvsops, emulator: LocalServer) -> None:
    """What could not be judged is kept, said, and exit 1."""
    put(emulator, "cam-1", 9 * DAY)
    emulator.settings.faults = (Fault("GetMetricData", "AccessDenied"),)
    ended = kvsops("sweep", "--idle-for", "7d", "--yes")
    assert ended.code == 1
    assert names(emulator) == {"cam-1"}
    assert ended.out.endswith("\n1 unknown, of 1 channel.\n")
    assert "could not be judged, and left alone: cam-1: activity unknown: " in ended.err


def test_silence(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Where nothing was heard at all nothing is idle, unless silence is trusted."""
    put(emulator, "cam-1", 9 * DAY)
    ended = kvsops("sweep", "--idle-for", "7d", "--yes")
    assert (ended.code, names(emulator)) == (1, {"cam-1"})
    assert "--trust-silence if truly nothing runs" in ended.err
    assert kvsops("sweep", "--idle-for", "7d", "--yes", "--trust-silence").code == 0
    assert names(emulator) == set()
