"""`kvsops sweep --explain`: why one channel is kept, or goes, or cannot be judged."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.fleet import DAY, HOUR, put, writes
from tests.usage import use

AT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
EXPLAIN = ("sweep", "--older-than", "2h", "--explain")


def rows(text: str) -> list[list[str]]:
    """Return a table's rows, by columns that two spaces part."""
    return [re.split(r"\s{2,}", line.strip()) for line in text.splitlines()]


def test_condemned(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Each fact with its source and time, then what each rule says; nothing is written."""
    channel = put(emulator, "ci-1", 3 * HOUR, tags={"env": "ci"})
    ended = kvsops(*EXPLAIN, "ci-1")
    first, facts, rules = (
        ended.out.split("\n\n", 1)[0],
        *ended.out.split("\n\n", 1)[1].split("POLICY", 1),
    )
    assert first == "ci-1: delete: 3h old"
    assert [row[:3] for row in rows(facts)][:5] == [
        ["FACT", "VALUE", "READ FROM"],
        ["status", "ACTIVE", "description"],
        ["creation time", f"{channel.creation_time:%Y-%m-%dT%H:%M:%SZ}", "description"],
        ["tags", "env=ci", "direct read"],
        ["storage link", "DISABLED", "direct read"],
    ]
    activity = rows(facts)[5]
    assert activity[0] == "activity"
    assert re.fullmatch(
        f"not used, looked back to {AT}; no channel's metrics were heard in this run", activity[1]
    )
    assert activity[2] == "direct read"
    assert all(re.fullmatch(AT, row[3]) for row in rows(facts)[3:6])
    assert rows("POLICY" + rules) == [
        ["POLICY", "RULE", "SAYS", "WHY"],
        *[
            ["-", rule, "-"]
            for rule in ("not-active", "no-creation-time", "protected", "held", "cloudformation")
        ],
        ["-", "storage-linked", "-"],
        ["-", "in-use", "-"],
        ["-", "older-than", "delete", "3h old"],
    ]
    assert (ended.code, writes(emulator)) == (0, {})


def test_kept(kvsops: Kvsops, emulator: LocalServer) -> None:
    """All that spares a channel is told, not only what decided."""
    put(emulator, "cam", HOUR, tags={"kvsops:keep": "on site"}, stored=True)
    use(emulator, "cam", emulator.settings.clock() - timedelta(minutes=30), masters=1)
    told = json.loads(kvsops(*EXPLAIN, "cam", "-o", "json").out)
    assert told["decision"] == "keep"
    assert told["reason"] == "1h old, not older than 2h"
    assert told["policy"] is None
    said = {row["rule"]: (row["says"], row["why"]) for row in told["rules"]}
    assert said["protected"] == ("keep", "protected: kvsops:keep=on site")
    assert said["storage-linked"][0] == "keep"
    assert said["in-use"][0] == "keep"
    assert said["in-use"][1].startswith("in use: last used at most ")
    assert said["older-than"] == ("keep", "1h old, not older than 2h")
    facts = {row["fact"]: row["value"] for row in told["facts"]}
    assert facts["activity"].startswith("last used by ")


def test_unknown(kvsops: Kvsops, emulator: LocalServer) -> None:
    """What cannot be read is said beside the fact, and each rule that needs it cannot tell."""
    arn = put(emulator, "cam", DAY).arn
    emulator.settings.faults = (
        Fault("ListTagsForResource", "AccessDeniedException"),
        Fault("GetMetricData", "AccessDenied"),
    )
    ended = kvsops(*EXPLAIN, arn, "-o", "json")
    assert ended.code == 1
    told = json.loads(ended.out)
    denied = (
        "ListTagsForResource denied: the credentials need kinesisvideo:ListTagsForResource on "
        f"{arn}"
    )
    assert (told["decision"], told["reason"]) == ("keep", f"tags unknown: {denied}")
    facts = {row["fact"]: (row["value"], row["source"]) for row in told["facts"]}
    assert facts["tags"] == (f"unknown: {denied}", "")
    assert facts["activity"][0].startswith("unknown: GetMetricData denied: ")
    said = {row["rule"]: row["says"] for row in told["rules"]}
    assert said == {
        "not-active": "-",
        "no-creation-time": "-",
        "protected": "cannot tell",
        "held": "cannot tell",
        "cloudformation": "cannot tell",
        "storage-linked": "-",
        "in-use": "cannot tell",
        "older-than": "delete",
    }


def test_each_policy(
    kvsops: Kvsops, emulator: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a policy file, each policy's rules say what they make of the channel."""
    monkeypatch.chdir(tmp_path)
    Path("kvsops.toml").write_text(
        '[policies.ci]\nprefix = "ci-"\nolder-than = "2h"\n'
        '[policies.cams]\nprefix = "cam"\nidle-for = "7d"\ntrust-silence = true\n'
    )
    put(emulator, "cam", 10 * DAY)
    ended = kvsops("sweep", "--explain", "cam", "-o", "markdown")
    assert ended.out.startswith("cam: delete (cams): not used for 7d\n\n| FACT | VALUE |")
    assert "| ci | prefix | keep | name does not begin with ci- |" in ended.out
    assert "| ci | older-than | delete | 10d old |" in ended.out
    assert "| cams | idle-for | delete | not used for 7d |" in ended.out


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (("nope",), 1, "error: no such channel: nope (us-east-1, account 123456789012)\n"),
        (("a b",), 2, "not a channel name: 'a b'"),
        (
            ("arn:aws:kinesisvideo:eu-west-1:123456789012:channel/ci-1/1",),
            2,
            "is not in us-east-1: give its --region",
        ),
    ],
)
def test_wrong_names(
    kvsops: Kvsops, emulator: LocalServer, *, argv: tuple[str, ...], code: int, said: str
) -> None:
    """An unknown channel is one line and exit 1."""
    ended = kvsops(*EXPLAIN, *argv, "--yes", "--prefix", "x")
    assert (ended.code, ended.out) == (code, "")
    assert said in ended.err
    assert ended.err.count("\n") == 1
    assert writes(emulator) == {}
