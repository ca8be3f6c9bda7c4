"""Sweeps in two steps: marked, then deleted after the grace; and marks that do not count."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from kvsops.aws import channels
from kvsops.aws.scope import Scope
from kvsops.core.channel import Channel
from kvsops.core.facts import Fact, Facts, Source
from kvsops.core.judge import Decision, Verdict
from kvsops.core.mark import Mark, digest
from kvsops.local.faults import Fault
from kvsops.local.kinesisvideo.channels import SignalingChannel
from kvsops.local.server import LocalServer
from kvsops.sweep import marks
from kvsops.sweep.item import Item, Outcome
from kvsops.sweep.plan import Plan
from tests.cli.conftest import Ended, Kvsops, kvsops
from tests.fleet import NOON, From, Time, names, put, put_many, retag, writes
from tests.sweep.runs import TAGS, delete
from tests.usage import use

__all__ = ["kvsops"]  # the fixture

DOOMED = "kvsops:doomed-at"
TAG, UNTAG, DENIED = "TagResource", "UntagResource", "AccessDeniedException"
CI = ("--older-than", "2h", "--prefix", "ci-")
TWO_STEPS = ("sweep", *CI, "--grace", "1d", "--yes")
MORE = 90
"""Seconds, so that what the clocks may differ by shows in no age."""
Outcomes = Callable[..., dict[str, str]]


def told(ended: Ended) -> dict[str, str]:
    """Return each channel's outcome and reason from a sweep's JSON."""
    rows = json.loads(ended.out)["channels"]
    return {row["channel_name"]: f"{row['outcome']}: {row['reason']}" for row in rows}


@pytest.fixture
def sweep(kvsops: Kvsops) -> Outcomes:
    """Return what sweeps in two steps, with these options more, and says what came of each."""

    def run(*argv: str, code: int = 0) -> dict[str, str]:
        ended = kvsops(*TWO_STEPS, "-o", "json", *argv)
        assert ended.code == code, ended
        return told(ended)

    return run


@pytest.fixture
def channel(emulator: LocalServer, time: Time) -> SignalingChannel:
    """Put a channel there that the sweep condemns."""
    assert time.clock() == 0
    return put(emulator, "ci-1", tags={"env": "ci"})


def test_marked_then_deleted(
    sweep: Outcomes, kvsops: Kvsops, emulator: LocalServer, time: Time, channel: SignalingChannel
) -> None:
    """The first run marks, those within the grace leave it so, and then one deletes."""
    dry = kvsops(*TWO_STEPS[:-1], "-o", "json")
    assert told(dry) == {"ci-1": "would-mark: 1d old; its grace of 1d begins"}
    assert writes(emulator) == {}
    assert sweep() == {"ci-1": "marked: 1d old; its grace of 1d begins"}
    mark = Mark.read(channel.tags)
    assert mark is not None
    assert (mark.time, mark.policy) == (time.now().replace(microsecond=0), "command-line")
    assert channel.tags[DOOMED].startswith("2026-05-01T12:00:00Z policy=command-line rules=")
    assert channel.tags[DOOMED].endswith(" 1d old- its grace of 1d begins")
    time.sleep(23 * 3600 + MORE)
    assert sweep() == {"ci-1": "marked: 1d23h old; marked 23h1m ago, grace 1d"}
    assert writes(emulator) == {TAG: 1}
    time.sleep(2 * 3600 + MORE)
    assert sweep() == {"ci-1": "deleted: 2d1h old; marked 1d1h ago"}
    assert writes(emulator) == {TAG: 1, "DeleteSignalingChannel": 1}


@pytest.mark.usefixtures("channel")
@pytest.mark.parametrize(
    ("argv", "reads"), [(TWO_STEPS, 1), (TWO_STEPS[:-1], 1), ((*TWO_STEPS[:-1], "--check"), 0)]
)
def test_what_is_to_be_marked_is_read_once(
    kvsops: Kvsops, emulator: LocalServer, argv: tuple[str, ...], reads: int
) -> None:
    """By the deed, or by the dry run that shows it; --check asks of what is to be deleted alone."""
    assert kvsops(*argv).code == 0
    assert emulator.calls["DescribeMediaStorageConfiguration"] == reads


def test_shown_in_lists(
    sweep: Outcomes, kvsops: Kvsops, time: Time, channel: SignalingChannel
) -> None:
    """Whoever lists channels sees since when one is marked."""
    sweep()
    time.sleep(60)
    (row,) = json.loads(kvsops("list", "-o", "json").out)
    assert (row["doomed_at"], DOOMED in row["tags"]) == ("2026-05-01T12:00:00Z", True)
    assert channel.tags.keys() == {"env", DOOMED}


def test_no_longer_condemned(
    sweep: Outcomes, kvsops: Kvsops, emulator: LocalServer, time: Time, channel: SignalingChannel
) -> None:
    """A channel that is used again loses its mark, and its grace begins anew."""
    sweep()
    time.sleep(23 * 3600 + MORE)
    use(emulator, "ci-1", time.now() - timedelta(minutes=5), masters=1)
    assert told(kvsops(*TWO_STEPS[:-1], "-o", "json"))["ci-1"].startswith(
        "would-unmark: no longer condemned: in use: last used at most "
    )
    assert DOOMED in channel.tags
    assert sweep()["ci-1"].startswith("unmarked: no longer condemned: in use: ")
    assert channel.tags == {"env": "ci"}
    time.sleep(3 * 3600 + MORE)
    assert sweep() == {"ci-1": "marked: 2d2h old; its grace of 1d begins"}


@pytest.mark.parametrize(
    "argv",
    [
        ("--older-than", "3h"),
        ("--protect-tag", "x", "--older-than", "2h", "--match", "ci*"),
        ("--older-than", "2h", "--without-tag", "x"),
    ],
)
def test_other_rules_begin_anew(
    sweep: Outcomes, time: Time, channel: SignalingChannel, argv: tuple[str, ...]
) -> None:
    """A mark counts for the very rules that it was written by; others leave it alone for long."""
    sweep()
    before = channel.tags[DOOMED]
    time.sleep(25 * 3600 + MORE)
    said = "marked: 2d1h old; command-line marked it 1d1h ago: left alone"
    assert sweep(*argv) == {"ci-1": said}
    assert channel.tags[DOOMED] == before
    time.sleep(24 * 3600 + MORE)
    assert sweep(*argv) == {"ci-1": "marked: 3d1h old; its grace of 1d begins"}
    assert channel.tags[DOOMED] != before


def test_two_sweeps_that_mark_the_same(
    sweep: Outcomes, emulator: LocalServer, time: Time, channel: SignalingChannel
) -> None:
    """Neither undoes what the other began: the channel goes once the first one's grace is over."""
    for _ in range(12):
        sweep()
        time.sleep(3600 + MORE)
        sweep("--older-than", "3h")
        time.sleep(3600 + MORE)
    assert DOOMED in channel.tags
    assert sweep() == {"ci-1": "deleted: 2d old; marked 1d ago"}
    assert names(emulator) == set()


def test_a_policy_that_is_no_more(
    kvsops: Kvsops, emulator: LocalServer, time: Time, tmp_path: Path
) -> None:
    """One of the same file begins its grace at once; one of another file has to wait."""
    file = tmp_path / "policies.toml"
    argv = ("sweep", "--policy", str(file), "--yes", "-o", "json")
    file.write_text(POLICIES)
    put(emulator, "a-1")
    kvsops(*argv)
    first = '[policies.first]\nprefix = "a"\nolder-than = "2h"\ngrace = "1d"\n'
    time.sleep(3600 + MORE)
    file.write_text(first)
    assert told(kvsops(*argv)) == {"a-1": "marked: 1d1h old; a marked it 1h1m ago: left alone"}
    file.write_text(first + POLICIES)
    assert told(kvsops(*argv)) == {"a-1": "marked: 1d1h old; its grace of 1d begins"}


def test_protection_and_grace_are_no_rules(
    sweep: Outcomes, time: Time, channel: SignalingChannel
) -> None:
    """What only spares more does not begin the grace anew."""
    sweep()
    assert channel.tags
    time.sleep(13 * 3600 + MORE)
    assert sweep("--protect-tag", "x", "--grace", "12h") == {
        "ci-1": "deleted: 1d13h old; marked 13h1m ago"
    }


def test_a_copied_mark(
    sweep: Outcomes, emulator: LocalServer, time: Time, channel: SignalingChannel
) -> None:
    """A tag that was copied to another channel, or is garbled, does not count there."""
    sweep()
    time.sleep(25 * 3600 + MORE)
    put(emulator, "ci-2", tags=dict(channel.tags))
    put(emulator, "ci-3", tags={DOOMED: "2020-01-01T00:00:00Z"})
    assert sweep() == {
        "ci-1": "deleted: 2d1h old; marked 1d1h ago",
        "ci-2": "marked: 1d old; its grace of 1d begins",
        "ci-3": "marked: 1d old; its grace of 1d begins",
    }


@pytest.mark.parametrize("tags", [50, 49])
def test_fifty_tags(sweep: Outcomes, emulator: LocalServer, time: Time, tags: int) -> None:
    """A channel that has no room for a mark is not deleted, and that is a failure."""
    full = put(emulator, "ci-1", tags={f"tag-{n}": "" for n in range(tags)})
    said = sweep(code=1 if tags == 50 else 0)["ci-1"]
    assert said.startswith(
        "failed: cannot be marked, so it is not deleted: TagResource failed for arn:"
        if tags == 50
        else "marked: "
    )
    time.sleep(48 * 3600 + MORE)
    sweep(code=1 if tags == 50 else 0)
    assert (DOOMED in full.tags, names(emulator)) == (tags == 49, {"ci-1"} if tags == 50 else set())


def test_marking_is_denied(
    sweep: Outcomes, emulator: LocalServer, time: Time, channel: SignalingChannel
) -> None:
    """A channel that may not be marked is not deleted, however often one tries."""
    emulator.settings.faults = (Fault(TAG, DENIED),)
    for _ in range(2):
        assert sweep(code=1)["ci-1"].startswith("failed: cannot be marked, so it is not deleted: ")
        time.sleep(48 * 3600 + MORE)
    assert channel.tags == {"env": "ci"}
    assert names(emulator) == {"ci-1"}


def test_unmarking_is_denied(
    sweep: Outcomes, emulator: LocalServer, channel: SignalingChannel
) -> None:
    """A mark that cannot be taken off is a failure, too."""
    sweep()
    retag(emulator, "ci-1", channel.tags | {"kvsops:keep": ""})
    emulator.settings.faults = (Fault(UNTAG, DENIED),)
    assert sweep(code=1)["ci-1"].startswith("failed: its mark cannot be taken off: UntagResource")


@pytest.mark.parametrize("yes", [True, False])
def test_unknown(
    sweep: Outcomes, kvsops: Kvsops, emulator: LocalServer, channel: SignalingChannel, *, yes: bool
) -> None:
    """One that cannot be judged is not condemned: its mark goes, and that it failed is told."""
    sweep()
    emulator.settings.faults = (Fault("GetMetricData", DENIED), Fault("ListMetrics", DENIED))
    ended = kvsops(*TWO_STEPS[: None if yes else -1], "-o", "json")
    assert told(ended)["ci-1"].startswith(
        f"{'unmarked' if yes else 'would-unmark'}: could not be judged: activity unknown: "
    )
    assert ended.code == 1
    assert "could not be judged, and left alone: ci-1: activity unknown: " in ended.err
    assert (DOOMED in channel.tags) is not yes


def test_a_blown_fuse(
    sweep: Outcomes, emulator: LocalServer, time: Time, channel: SignalingChannel
) -> None:
    """Nothing is deleted, but what is not condemned any more loses its mark."""
    put_many(emulator, ["ci-2", "ci-3"])
    sweep()
    time.sleep(25 * 3600 + MORE)
    retag(emulator, "ci-1", channel.tags | {"kvsops:keep": ""})
    assert sweep("--max-deletes", "1", code=3) == {
        "ci-1": "unmarked: no longer condemned: has kvsops:keep",
        "ci-2": "would-delete: 2d1h old; marked 1d1h ago",
        "ci-3": "would-delete: 2d1h old; marked 1d1h ago",
    }
    assert DOOMED not in channel.tags
    assert names(emulator) == {"ci-1", "ci-2", "ci-3"}


def test_marks_are_taken_off_first() -> None:
    """A run that ends early leaves no mark that must not count."""
    shown = (Outcome.WOULD_MARK, Outcome.WOULD_DELETE, Outcome.KEPT, Outcome.WOULD_UNMARK)
    facts = Facts(Channel("ci-1", "arn", "ACTIVE", NOON, "1"))
    items = [Item(facts, Decision(Verdict.KEEP, ""), outcome) for outcome in shown]
    assert [item.outcome for item in Plan(items).to_write] == [
        Outcome.WOULD_UNMARK,
        Outcome.WOULD_DELETE,
        Outcome.WOULD_MARK,
    ]


def test_a_limit(
    sweep: Outcomes, emulator: LocalServer, time: Time, channel: SignalingChannel
) -> None:
    """It is one of deletions: whatever it leaves, marks are taken off and put on."""
    put_many(emulator, ["ci-2", "ci-3"])
    sweep()
    time.sleep(25 * 3600 + MORE)
    retag(emulator, "ci-1", channel.tags | {"kvsops:keep": ""})
    put(emulator, "ci-4")
    assert sweep("--limit", "1") == {
        "ci-1": "unmarked: no longer condemned: has kvsops:keep",
        "ci-2": "deleted: 2d1h old; marked 1d1h ago",
        "ci-3": "left: 2d1h old; marked 1d1h ago; beyond --limit 1",
        "ci-4": "marked: 1d old; its grace of 1d begins",
    }


@pytest.mark.parametrize(
    ("operation", "keep", "said"),
    [
        (TAG, False, "gone: it was gone already"),
        (UNTAG, True, "gone: it was gone already"),
        (TAGS, False, "gone: deleted meanwhile"),  # and so no mark is looked for
    ],
)
def test_gone_meanwhile(
    sweep: Outcomes,
    emulator: LocalServer,
    channel: SignalingChannel,
    *,
    operation: str,
    keep: bool,
    said: str,
) -> None:
    """One that somebody deletes just before its mark is written, or taken off, is no failure."""

    class Deleting(Fault):
        def strikes(self, operation: str, _random: object) -> bool:
            if operation == self.operation:
                delete(emulator, "ci-1", timedelta())
            return False

    if operation != TAG:
        sweep()
    if keep:
        retag(emulator, "ci-1", channel.tags | {"kvsops:keep": ""})
    emulator.settings.faults = (Deleting(operation, DENIED),)
    assert sweep(*["--direct"] * (operation == TAGS)) == {"ci-1": said}


def test_throttled(sweep: Outcomes, emulator: LocalServer, channel: SignalingChannel) -> None:
    """A throttle is waited out."""
    emulator.settings.faults = (From(TAG, "ClientLimitExceededException", last=3),)
    assert sweep() == {"ci-1": "marked: 1d old; its grace of 1d begins"}
    assert DOOMED in channel.tags


def test_without_a_grace_no_marks_are_looked_for(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Nor is the index asked for those of channels that are kept."""
    put(emulator, "ci-young", timedelta(minutes=5))
    assert kvsops("sweep", *CI, "--yes").code == 0
    assert emulator.calls["GetResources"] == 0


def test_a_mark_that_is_there_is_not_written_again(
    scope: Scope, emulator: LocalServer, channel: SignalingChannel
) -> None:
    """It may have come between the plan and the last look, from another run."""
    (listed,) = channels.each_listed(scope)
    mark = Mark(NOON, "command-line", digest("rules"), digest(listed.channel_arn))
    tags = Fact({DOOMED: mark.value("old")}, Source.DIRECT, NOON)
    decision = Decision(Verdict.MARK, "old", mark=mark)
    item = Item(Facts(listed, tags=tags), decision)
    marks.put(scope, item, decision)
    assert (item.outcome, emulator.calls[TAG], channel.tags) == (Outcome.MARKED, 0, {"env": "ci"})


def test_without_the_index(
    sweep: Outcomes, kvsops: Kvsops, emulator: LocalServer, channel: SignalingChannel
) -> None:
    """Where the index cannot be read, marks to take off are found channel by channel."""
    sweep()
    retag(emulator, "ci-1", channel.tags | {"kvsops:keep": ""})
    emulator.settings.faults = (Fault("GetResources", DENIED),)
    ended = kvsops(*TWO_STEPS)
    assert "marks are looked for channel by channel instead" in ended.err
    assert channel.tags == {"env": "ci", "kvsops:keep": ""}


def test_marks_that_nothing_tells_of(sweep: Outcomes, emulator: LocalServer) -> None:
    """Where a kept channel's tags cannot be read either, it may be marked: that is told."""
    young = put_many(emulator, ["ci-new", "ci-young"], timedelta(minutes=5))
    assert {said.partition(":")[0] for said in sweep().values()} == {"kept"}
    emulator.settings.faults = (Fault("GetResources", DENIED), Fault(TAGS, DENIED))
    said = "unknown: 5m old, not older than 2h; whether it is marked is not known"
    assert sweep(code=1) == dict.fromkeys(young, said)


def test_one_that_is_gone_has_no_mark(sweep: Outcomes, emulator: LocalServer) -> None:
    """Also where its tags could only be read directly: they are not unknown."""

    class DeniedAndDeleting(Fault):
        def strikes(self, operation: str, _random: object) -> bool:
            if operation == self.operation:
                delete(emulator, "ci-young", timedelta())
            return operation == self.operation

    put(emulator, "ci-young", timedelta(minutes=5))
    emulator.settings.faults = (DeniedAndDeleting("GetResources", DENIED),)
    assert sweep() == {"ci-young": "kept: 5m old, not older than 2h"}


def test_marks_that_the_index_leaves_out(kvsops: Kvsops, emulator: LocalServer, time: Time) -> None:
    """However many the tag index knows nothing of, the fuse and the limit count them."""
    put_many(emulator, [f"ci-{n}" for n in range(150)])
    emulator.settings.index_lag = timedelta(days=30)
    assert kvsops(*TWO_STEPS).code == 0
    time.sleep(25 * 3600 + MORE)
    dry = kvsops(*TWO_STEPS[:-1], "-o", "json")
    assert {said.partition(":")[0] for said in told(dry).values()} == {"would-delete"}
    assert kvsops(*TWO_STEPS).code == 3
    assert len(names(emulator)) == 150
    assert kvsops(*TWO_STEPS, "--limit", "3").code == 0
    assert len(names(emulator)) == 147


def test_a_mark_that_is_late_in_the_index(
    sweep: Outcomes, kvsops: Kvsops, emulator: LocalServer, time: Time, channel: SignalingChannel
) -> None:
    """What was only to be marked is not deleted, whatever the direct read says of its mark."""
    time.sleep(60)
    emulator.settings.index_lag = timedelta(days=2)
    sweep()
    time.sleep(3600 + MORE)
    assert sweep() == {"ci-1": "marked: 1d1h old; marked 1h1m ago, grace 1d"}
    assert writes(emulator) == {TAG: 1}  # it is there: it is not written again
    time.sleep(24 * 3600)
    dry = kvsops(*TWO_STEPS[:-1], "-o", "json")
    assert told(dry) == {"ci-1": "left: 2d1h old; marked 1d1h ago; the next run deletes it"}
    assert sweep() == {"ci-1": "left: 2d1h old; marked 1d1h ago; the next run deletes it"}
    assert DOOMED in channel.tags
    emulator.settings.index_lag = timedelta()
    assert sweep() == {"ci-1": "deleted: 2d1h old; marked 1d1h ago"}


@pytest.mark.parametrize(
    ("argv", "touched"),
    [
        # Another command's conditions are another policy.
        (("sweep", "--older-than", "2h", "--prefix", "cam-", "--grace", "1d", "--yes"), False),
        (("sweep", "--older-than", "9d", "--prefix", "ci-", "--grace", "1d", "--yes"), False),
        (("sweep", "--expired", "--yes"), False),
        # The same rules, and a protection more: now it keeps the channel.
        ((*TWO_STEPS, "--protect-tag", "env"), True),
    ],
)
def test_marks_of_others(
    sweep: Outcomes,
    kvsops: Kvsops,
    channel: SignalingChannel,
    *,
    argv: tuple[str, ...],
    touched: bool,
) -> None:
    """A run takes no marks off but those of its own policy."""
    sweep()
    assert kvsops(*argv).code == 0
    assert (DOOMED not in channel.tags) is touched


POLICIES = """
[policies.a]
prefix = "a-"
older-than = "2h"
grace = "1d"
[policies.b]
prefix = "b-"
older-than = "2h"
grace = "2d"
"""


def test_policies(kvsops: Kvsops, emulator: LocalServer, time: Time, tmp_path: Path) -> None:
    """Each policy has its own grace; a narrowed run leaves alone what it leaves out."""
    file = tmp_path / "policies.toml"
    file.write_text(POLICIES)
    one, two = put(emulator, "a-1"), put(emulator, "b-1")
    argv = ("sweep", "--policy", str(file), "--yes", "-o", "json")
    begins = "marked: 1d old; its grace of {} begins"
    assert told(kvsops(*argv)) == {"a-1": begins.format("1d"), "b-1": begins.format("2d")}
    time.sleep(25 * 3600 + MORE)
    assert told(kvsops(*argv, "--prefix", "x")) == {}
    narrowed = told(kvsops(*argv, "--match", "b*"))
    assert narrowed["a-1"] == "kept: name does not match b*"
    assert narrowed["b-1"] == "marked: 2d1h old; marked 1d1h ago, grace 2d"
    assert DOOMED in one.tags
    retag(emulator, "b-1", two.tags | {"kvsops:keep": ""})
    assert told(kvsops(*argv)) == {
        "a-1": "deleted: 2d1h old; marked 1d1h ago",
        "b-1": "unmarked: no longer condemned: has kvsops:keep",
    }


def test_narrowed_to_a_tag(
    kvsops: Kvsops, emulator: LocalServer, channel: SignalingChannel, tmp_path: Path
) -> None:
    """What the index tells of a tag is enough to take a mark off."""
    file = tmp_path / "policies.toml"
    file.write_text(POLICIES.replace('"a-"', '"ci-"'))
    argv = ("sweep", "--policy", str(file), "--yes", "-o", "json", "--tag", "env=ci")
    kvsops(*argv)
    assert DOOMED in channel.tags
    retag(emulator, "ci-1", channel.tags | {"kvsops:keep": ""})
    assert told(kvsops(*argv)) == {"ci-1": "unmarked: no longer condemned: has kvsops:keep"}


def test_restored_without_its_mark(
    sweep: Outcomes, kvsops: Kvsops, emulator: LocalServer, time: Time, tmp_path: Path
) -> None:
    """What a journal makes again begins a life of its own."""
    put(emulator, "ci-1", tags={"env": "ci"})
    journal = tmp_path / "journal"
    sweep()
    time.sleep(25 * 3600 + MORE)
    sweep("--journal", str(journal))
    assert names(emulator) == set()
    time.sleep(1)
    assert kvsops("restore", str(journal), "--yes").code == 0
    assert emulator.backend().channels["ci-1"].tags == {"env": "ci"}
