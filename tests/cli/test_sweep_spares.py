"""What `kvsops sweep` spares, cannot know or fails at, and how it says so."""

import json

from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.fleet import DAY, HOUR, names, put, put_many, retag, writes
from tests.usage import use

DENIED = "AccessDeniedException"
DELETE, TAGS = "DeleteSignalingChannel", "ListTagsForResource"
OLD = ("sweep", "--older-than", "2h")
CI = (*OLD, "--prefix", "ci-", "--yes")


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


def test_what_is_denied_is_unknown(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Tags that cannot be read keep their channels, and the exit code is 1, dry run or not."""
    put(emulator, "ci-1")
    put(emulator, "ci-2")
    emulator.settings.faults = (Fault("GetResources", DENIED), Fault(TAGS, DENIED))
    ended = kvsops(*CI)
    arn = emulator.backend().channels["ci-1"].arn
    denied = f"tags unknown: {TAGS} denied: the credentials need kinesisvideo:{TAGS} on {arn}"
    index = "GetResources denied: the credentials need tag:GetResources on"
    assert ended.out.endswith("\nKept 2: 2 could not be judged\n")
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
    assert ended.out.partition("\n")[2] == (
        "None of 1 channel named ci-… deleted, 1 kept at the last look\n"
        "\n"
        "Not deleted:\n"
        "  ci-1: kept at the last look: has kvsops:keep\n"
    )
    assert ended.code == 0
    assert names(emulator) == {"ci-1"}


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
    assert ended.out.endswith("\nKept 1: 1 could not be judged\n")
    assert "could not be judged, and left alone: cam-1: activity unknown: " in ended.err


def test_silence(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Where nothing was heard at all nothing is idle, unless silence is trusted."""
    put(emulator, "cam-1", 9 * DAY)
    ended = kvsops("sweep", "--idle-for", "7d", "--yes")
    assert (ended.code, names(emulator)) == (1, {"cam-1"})
    assert "--trust-silence if truly nothing runs" in ended.err
    assert kvsops("sweep", "--idle-for", "7d", "--yes", "--trust-silence").code == 0
    assert names(emulator) == set()


def test_a_tag_that_only_looks_like_one_that_protects(
    kvsops: Kvsops, emulator: LocalServer
) -> None:
    """It spares, also from a deletion by name, and is warned of with what does not show."""
    put(emulator, "ci-1", tags={"kvsops:keep\u3164": "yes"})
    put(emulator, "ci-2", tags={"KVSOPS:KEEP": "yes"})
    put(emulator, "ci-3", tags={"Team": "ana"})
    ended = kvsops(*CI, "--protect-tag", "team", "--all", "--tags")
    assert (ended.code, names(emulator)) == (0, {"ci-1", "ci-2", "ci-3"})
    assert (
        "warning: spared by a tag that is not quite the one: ci-1, ci-2, ci-3: "
        "has kvsops:keep\\u3164, which only looks like kvsops:keep\n"
    ) in ended.err
    assert "kvsops:keep\\u3164=yes" in ended.out
    assert kvsops("delete", "ci-1", "--yes").code == 1
    assert names(emulator) == {"ci-1", "ci-2", "ci-3"}
