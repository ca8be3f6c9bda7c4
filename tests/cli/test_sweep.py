"""`kvsops sweep`: what it shows, how far it goes, and how it ends."""

import csv
import io
import json
import re
import shlex
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kvsops.core.text import moment
from kvsops.local.kinesisvideo.channels import SignalingChannel
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.fleet import DAY, HOUR, names, put, put_many, writes

DELETE, TAGS = "DeleteSignalingChannel", "ListTagsForResource"
OLD = ("sweep", "--older-than", "2h")
CI = (*OLD, "--prefix", "ci-", "--yes")
NARROWER = (
    "To look at the 2 named ci-… alone (still a dry run):\n"
    "  kvsops sweep --older-than 2h --prefix ci-\n"
)
TO_DELETE = "To delete these 2:\n  kvsops {command} --yes\n"
PLACE = "us-east-1, account 123456789012, emulator {emulator}\n"


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
    """Where, how many of how many, which, oldest on top; then why the others are kept.

    What is shown was read directly: the channel that is linked to storage is kept. What is
    proposed is narrower, and a dry run.
    """
    ended = kvsops(*OLD)
    assert ended.out == (
        f"Dry run in {PLACE.format(emulator=emulator.endpoint_url)}"
        "2 of 5 channels would be deleted\n"
        "\n"
        "CHANNEL      AGE  OWNER\n"
        "ci-2        2d4h  -\n"
        "ci-1          3h  github:acme/77\n"
        "\n"
        "Kept 3: 1 protected by a tag, 1 linked to storage, 1 too young\n"
    )
    assert (ended.code, ended.err) == (0, NARROWER)
    assert writes(emulator) == {}
    assert fleet.keys() == names(emulator)


@pytest.mark.usefixtures("fleet")
def test_everything(kvsops: Kvsops) -> None:
    """With --all the channels that are kept are shown too, oldest first, with the reason."""
    ended = kvsops(*OLD, "--all", "--tags")
    *_, headings, door, yard, meeting = ended.out.splitlines()
    assert headings.split() == ["CHANNEL", "AGE", "REASON", "TAGS"]
    assert re.split("  +", door)[2:] == ["protected: kvsops:keep=on site", "kvsops:keep=on site"]
    assert re.split("  +", yard)[2].startswith("linked to storage: stream/")
    assert re.split("  +", meeting)[:3] == ["meeting", "1h", "1h old, not older than 2h"]


@pytest.mark.usefixtures("fleet")
def test_markdown(kvsops: Kvsops) -> None:
    """Markdown says the totals, then the same rows."""
    argv = (*OLD, "--match", "c[ia]*[-][12d]*", "-o", "markdown")
    ended = kvsops(*argv)
    assert ended.out == (
        "**kvsops in us-east-1**: 2 would be deleted, 3 kept, of 5 channels.\n"
        "\n"
        "| CHANNEL | AGE | OUTCOME | REASON | TAGS |\n"
        "| --- | ---: | --- | --- | --- |\n"
        "| ci-2 | 2d4h | would-delete | 2d4h old | - |\n"
        "| ci-1 | 3h | would-delete | 3h old | kvsops:owner=github:acme/77 |\n"
        "| cam-door | 400d | kept | protected: kvsops:keep=on site | kvsops:keep=on site |\n"
    )
    assert (ended.code, ended.err) == (0, TO_DELETE.format(command=shlex.join(argv)))


def test_json(kvsops: Kvsops, fleet: dict[str, SignalingChannel], emulator: LocalServer) -> None:
    """JSON has every channel listed, and a summary; its keys are an interface."""
    argv = (*OLD, "--match", "c*", "-o", "json")
    ended = kvsops(*argv)
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
    link = emulator.backend().channels["cam-yard"].stream_arn
    assert link
    linked = "linked to storage: stream" + link.partition(":stream")[2]
    assert told["channels"] == [
        row("cam-door", reason="protected: kvsops:keep=on site", **kept),
        row("cam-yard", reason=linked, **kept),
        row("ci-1", reason="3h old", unconfirmed=[], **doomed),
        row("ci-2", reason="2d4h old", unconfirmed=[], **doomed),
        row("meeting", reason="name does not match c*", **kept | {"tags": None}),
    ]
    seconds = told["summary"].pop("seconds")
    assert isinstance(seconds, float)
    assert told["summary"] == {
        "region": "us-east-1",
        "exit_code": 0,
        "listed": 5,
        "outcomes": {
            "would-delete": 2,
            "deleted": 0,
            "gone": 0,
            "changed": 0,
            "failed": 0,
            "kept": 3,
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
        "api_calls": {
            "DescribeMediaStorageConfiguration": 3,
            "GetMetricData": 1,
            "GetResources": 1,
            "ListMetrics": 3,
            "ListSignalingChannels": 1,
            TAGS: 3,  # of two the index had nothing, so they were read when the plan was made
        },
        "throttled": 0,
        "own_cost_usd": 0.00015,
    }
    assert (ended.code, ended.err) == (0, TO_DELETE.format(command=shlex.join(argv)))


def test_csv(kvsops: Kvsops, fleet: dict[str, SignalingChannel]) -> None:
    """CSV has a record for each channel listed."""
    ended = kvsops(*OLD, "--prefix", "ci-", "-o", "csv")
    rows = [*csv.reader(io.StringIO(ended.out))]
    one, two = fleet["ci-1"], fleet["ci-2"]
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
                "[]",
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
                "[]",
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
    """With --yes the chosen are deleted; the rows say so, and where the journal is.

    The last line is the command that makes them again.
    """
    ended = kvsops(*CI)
    assert ended.out == (
        f"Carried out in {PLACE.format(emulator=emulator.endpoint_url)}"
        "2 of 2 channels named ci-… deleted\n"
        "\n"
        "CHANNEL      AGE  OWNER\n"
        "ci-2        2d4h  -\n"
        "ci-1          3h  github:acme/77\n"
    )
    assert ended.code == 0
    assert re.fullmatch(
        r"journal: (/.*/state/kvsops/journals/\d{8}T\d{6}Z-us-east-1-\d+\.jsonl)\n"
        r"to undo: kvsops restore \1 --yes --region us-east-1\n",
        ended.err,
    )
    assert names(emulator) == {"cam-door", "cam-yard", "meeting"} == fleet.keys() - {"ci-1", "ci-2"}
    assert writes(emulator) == {DELETE: 2}
    undo = ended.err.splitlines()[-1].removeprefix("to undo: kvsops ")
    assert kvsops(*shlex.split(undo)).code == 0
    assert names(emulator) == fleet.keys()


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
    path = f"{tmp_path}/new/journal"
    undo = f"to undo: kvsops restore {path} --yes --region us-east-1\n"
    assert ended.err == f"journal: {path}\n{undo}"


@pytest.mark.parametrize(
    ("argv", "doomed"),
    [
        (("--older-than", "1d"), {"ci-2", "ci-expired"}),
        (("--older-than", "2h", "--tag", "env=ci"), {"ci-1"}),
        (("--older-than", "2h", "--without-tag", "env"), {"ci-2", "ci-expired"}),
        (("--older-than", "2h", "--match", "*-[12]"), {"ci-1", "ci-2"}),
        (("--older-than", "2h", "--protect-tag", "env"), {"ci-2", "ci-expired"}),
        (("--expired",), {"ci-expired"}),
        (("--expired", "--older-than", "30d"), set()),
        (("--orphaned",), {"ci-2", "ci-expired"}),
        (("--orphaned", "--owner-tag", "env"), {"ci-2", "ci-expired"}),
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


@pytest.mark.usefixtures("fleet")
def test_unlinks_storage(kvsops: Kvsops, emulator: LocalServer) -> None:
    """--unlink-storage deletes a linked channel too; its stream stays."""
    ended = kvsops(*OLD, "--prefix", "cam-y", "--yes", "--unlink-storage")
    assert ended.code == 0
    assert "\n1 of 1 channel named cam-y… deleted\n" in ended.out
    assert "cam-yard" not in names(emulator)
    assert len(emulator.backend().streams) == 1


def test_waits_until_they_are_gone(kvsops: Kvsops, emulator: LocalServer) -> None:
    """The sweep ends when the deleted channels are no longer listed, not before."""
    put_many(emulator, ["ci-1", "ci-2"])
    emulator.settings.state_delay = timedelta(seconds=0.5)
    assert kvsops(*CI).code == 0
    assert kvsops("list").out == "No channels in us-east-1, account 123456789012.\n"


def test_nothing_to_do(kvsops: Kvsops, emulator: LocalServer) -> None:
    """No channel at all is said, and is no failure."""
    ended = kvsops(*CI)
    place = f"Carried out in {PLACE.format(emulator=emulator.endpoint_url)}"
    assert (ended.code, ended.out, ended.err) == (
        0,
        f"{place}No channels named ci-…: nothing to do\n",
        "",
    )
