"""The bounds of a run hold for whoever begins it, not only for the command line."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kvsops.aws.scope import Scope
from kvsops.core.policies import Rules, deletion_rules, sweep_rules
from kvsops.errors import UsageError
from kvsops.facts.look import Look
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from kvsops.sweep import entries
from kvsops.sweep.fuse import Bounds, Fuse
from kvsops.sweep.journal import Journal
from kvsops.sweep.run import Sweep
from tests.counting import Counted, Raising
from tests.fleet import DAY, HOUR, Time, names, put, put_many, writes
from tests.sweep.runs import DELETE, DENIED, OLD, STORAGE

ACCOUNT = "123456789012"
RULES = sweep_rules(OLD)


@pytest.fixture
def opener(tmp_path: Path) -> Callable[[str], Journal]:
    """Return what opens the journal of a run."""
    return lambda run: Journal(tmp_path / "journal", run)


def outcomes(sweep: Sweep) -> dict[str, str]:
    """Return the outcomes by channel name."""
    return {item.channel.channel_name: item.outcome.value for item in sweep.plan.items}


@pytest.mark.parametrize("fuses", [("1",), ("67%", "1"), ("3", "66%")])
def test_a_blown_fuse(
    scope: Scope, emulator: LocalServer, opener: Callable[[str], Journal], fuses: tuple[str, ...]
) -> None:
    """Where more would be deleted than the smallest fuse allows, nothing is, nor journalled."""
    put_many(emulator, ["a", "b"])
    put(emulator, "new", HOUR / 2)
    first, *others = map(Fuse.parse, fuses)
    sweep = Sweep.of_all(scope, RULES, Bounds(first, tuple(others)))
    counter = Counted()
    sweep.run(opener, counter)
    assert counter.stages == []  # nor is anything waited for
    assert sweep.blown.startswith("2 of 3 channels are more than --max-deletes ")
    assert outcomes(sweep) == {"a": "would-delete", "b": "would-delete", "new": "kept"}
    assert (sweep.journal, sweep.why_stopped, writes(emulator)) == (None, "", {})


def test_a_limit(scope: Scope, emulator: LocalServer, opener: Callable[[str], Journal]) -> None:
    """The limit leaves all but the oldest, and the fuse counts what it leaves to be deleted."""
    put(emulator, "old", 3 * HOUR)
    put(emulator, "older", 4 * HOUR)
    sweep = Sweep.of_all(scope, RULES, Bounds(Fuse.parse("1"), limit=1))
    sweep.run(opener)
    assert (sweep.blown, outcomes(sweep)) == ("", {"old": "left", "older": "deleted"})
    assert names(emulator) == {"old"}
    assert emulator.calls["GetCallerIdentity"] == 0  # nothing turns on the account


def test_a_limit_that_is_filled_up(
    scope: Scope, emulator: LocalServer, opener: Callable[[str], Journal]
) -> None:
    """What the last look spares makes room for the next oldest; what is beyond says so."""
    put(emulator, "cam", 9 * DAY, stored=True)
    for name, days in (("a", 4), ("b", 3), ("c", 2), ("d", 1)):
        put(emulator, name, days * DAY)
    sweep = Sweep.of_all(scope, RULES, Bounds(Fuse.parse("100"), limit=2))
    sweep.run(opener)
    told = {item.channel.channel_name: item.reason for item in sweep.plan.items}
    assert names(emulator) == {"cam", "c", "d"}
    assert (told["c"], told["d"]) == ("2d old; beyond --limit 2", "1d old; beyond --limit 2")


def test_a_limit_counts_what_may_be_deleted(
    scope: Scope, emulator: LocalServer, opener: Callable[[str], Journal]
) -> None:
    """A channel of which nobody knows whether it was deleted makes no room for the next oldest."""
    put(emulator, "old", 3 * HOUR)
    put(emulator, "older", 4 * HOUR)
    lost, unseen = Fault(DELETE, "InternalFailure"), Fault("DescribeSignalingChannel", DENIED)
    emulator.settings.faults = (lost, unseen)
    sweep = Sweep.of_all(scope, RULES, Bounds(Fuse.parse("1"), limit=1))
    sweep.run(opener)
    assert outcomes(sweep) == {"old": "left", "older": "unknown"}
    assert emulator.calls[DELETE] == 1


def test_what_fits_the_fuse_is_not_read_twice(
    scope: Scope, emulator: LocalServer, opener: Callable[[str], Journal]
) -> None:
    """As many as the fuse allows are confirmed while they are deleted; one more, before."""
    put_many(emulator, ["a", "b"])
    Sweep.of_all(scope, RULES, Bounds(Fuse.parse("2"))).run(opener)
    assert (emulator.calls[STORAGE], names(emulator)) == (2, set())
    put_many(emulator, ["c", "d", "e", "f"])
    Sweep.of_all(scope, RULES, Bounds(Fuse.parse("2"))).run(opener)
    assert (emulator.calls[STORAGE], names(emulator)) == (2 + 3, {"c", "d", "e", "f"})


def test_no_more_are_read_than_are_wanted(scope: Scope, emulator: LocalServer) -> None:
    """What was confirmed before is neither read nor counted once more."""
    put_many(emulator, ["a", "b", "c"])
    sweep = Sweep.of_all(scope, RULES, Bounds(Fuse.parse("100")))
    for number in (1, 2):
        sweep.confirm_more(number)
        assert emulator.calls[STORAGE] == number


def test_another_account(scope: Scope, emulator: LocalServer) -> None:
    """In another account than the one expected nothing is even listed, or planned."""
    expected = Bounds(Fuse.parse("100"), account_ids=("210987654321",))
    said = f"account {ACCOUNT} is not --expect-account 210987654321: nothing was done"
    with pytest.raises(UsageError, match=said):
        Sweep.of_all(scope, RULES, expected)
    assert emulator.calls["ListSignalingChannels"] == 0
    planned = Sweep.of_all(
        scope, RULES, Bounds(Fuse.parse("100"), account_ids=("210987654321", ACCOUNT))
    )
    with pytest.raises(UsageError, match=said):
        Sweep(scope, RULES, planned.plan, expected)


def test_a_read_only_scope(
    environment: dict[str, str],
    time: Time,
    emulator: LocalServer,
    opener: Callable[[str], Journal],
) -> None:
    """Where nothing may be written a run only shows what it would do."""
    put(emulator, "a")
    scope = time.scope(environment, read_only=True)
    sweep = Sweep.of_all(scope, RULES, Bounds(Fuse.parse("100")), Look(directly=True))
    sweep.run(opener)
    assert (outcomes(sweep), sweep.journal) == ({"a": "would-delete"}, None)
    assert names(emulator) == {"a"}


@pytest.mark.parametrize("grace", [None, DAY])
@pytest.mark.parametrize(("number", "shown"), [(500, 0), (501, 501)])
def test_how_many_a_dry_run_reads(
    environment: dict[str, str],
    time: Time,
    emulator: LocalServer,
    *,
    grace: timedelta | None,
    number: int,
    shown: int,
) -> None:
    """Up to 500, to delete or to mark, and what it cannot read is spared; of more, none."""
    for n in range(number):
        put(emulator, f"ci-{n}", tags={"env": "ci"})
    scope = time.scope(environment, read_only=True)
    rules = Rules((replace(RULES.policies[0], grace=grace),))
    sweep = Sweep.of_all(scope, rules, Bounds(Fuse.parse("100%")))
    sweep.deadline = scope.clock()  # every read fails, unasked
    sweep.confirm()
    assert len(sweep.plan.to_write) == shown
    assert emulator.calls[STORAGE] == 0


def test_what_is_counted(
    scope: Scope, emulator: LocalServer, opener: Callable[[str], Journal]
) -> None:
    """The stages say what is done: where nothing is to be deleted, that channels are marked."""
    put_many(emulator, ["a", "b"])
    rules = Rules((replace(RULES.policies[0], grace=DAY),))
    counter = Counted()
    Sweep.of_all(scope, rules, Bounds(Fuse.parse("2"))).run(opener, counter)
    assert counter.stages[:2] == [("metrics", 2, 2), ("marking", 2, 2)]


def test_named_channels(
    scope: Scope, emulator: LocalServer, opener: Callable[[str], Journal]
) -> None:
    """Of channels named one by one no more go than were named, each counted once."""
    arn = put(emulator, "a").arn
    put_many(emulator, ["b", "c"])
    sweep = Sweep.of_named(scope, deletion_rules({}), ("a", arn, "b"))
    assert sweep.bounds == Bounds(Fuse("2", 2, percent=False))
    sweep.run(opener)
    assert outcomes(sweep) == {"a": "deleted", "b": "deleted"}
    assert names(emulator) == {"c"}


def test_the_journal_has_the_runs_name(
    scope: Scope, emulator: LocalServer, opener: Callable[[str], Journal], tmp_path: Path
) -> None:
    """A run is named for its time, region and process."""
    put(emulator, "a")
    sweep = Sweep.of_all(scope, RULES, Bounds(Fuse.parse("100")))
    sweep.run(opener)
    assert sweep.journal == tmp_path / "journal"
    assert '"run": "20260501T120000Z-us-east-1-' in sweep.journal.read_text()


def test_whoever_begins_it_the_fuse_counts_what_is_confirmed(
    scope: Scope, emulator: LocalServer, opener: Callable[[str], Journal]
) -> None:
    """A caller that runs a plan at once cannot go round the reads that its fuse rests on."""
    for name in ("cam-1", "cam-2"):
        put(emulator, name, 9 * DAY, stored=True)
    put_many(emulator, ["a", "b"])
    sweep = Sweep.of_all(scope, RULES, Bounds(Fuse.parse("2")))
    sweep.run(opener)
    assert outcomes(sweep) == {"a": "deleted", "b": "deleted", "cam-1": "kept", "cam-2": "kept"}
    put_many(emulator, ["c", "d", "e"])
    again = Sweep.of_all(scope, RULES, Bounds(Fuse.parse("2")))
    again.run(opener)
    assert again.blown == "3 of 5 channels are more than --max-deletes 2"
    assert names(emulator) == {"c", "d", "e", "cam-1", "cam-2"}


def test_what_is_told_after_a_defect(
    scope: Scope, emulator: LocalServer, opener: Callable[[str], Journal]
) -> None:
    """Where something was deleted, a defect of ours is held until that is told."""
    put_many(emulator, [f"ci-{n:03}" for n in range(60)])

    sweep = Sweep.of_all(scope, RULES, Bounds(Fuse.parse("100")))
    sweep.run(opener, Raising(ZeroDivisionError))
    assert isinstance(sweep.defect, ZeroDivisionError)
    assert sweep.why_stopped == repr(sweep.defect)
    assert sweep.journal
    gone = {each.arn.channel_name for each in entries.read(sweep.journal).entries}
    ended = outcomes(sweep)
    assert gone == {name for name in ended if ended[name] == "deleted"}
    assert set(ended.values()) == {"deleted", "left"}
    assert gone.isdisjoint(names(emulator))


def test_what_the_last_look_sees_again(
    scope: Scope, emulator: LocalServer, opener: Callable[[str], Journal]
) -> None:
    """A channel that stays ACTIVE after its delete was accepted is written down as such."""
    put_many(emulator, ["a", "b"])
    backend = emulator.backend()

    class Forgetting(Counted):
        """Lets the service forget what it was told, once all are deleted."""

        def stage(self, what: str, total: int | None) -> None:
            super().stage(what, total)
            if what.startswith("waiting"):
                backend.channels["a"].gone_from = None
                backend._leaving.clear()

    emulator.settings.state_delay = HOUR
    sweep = Sweep.of_all(scope, RULES, Bounds(Fuse.parse("2")))
    sweep.run(opener, Forgetting())
    assert sweep.journal
    told = {each.arn.channel_name: each.last_event for each in entries.read(sweep.journal).entries}
    assert (outcomes(sweep)["a"], told) == ("failed", {"a": "failed", "b": "deleted"})
