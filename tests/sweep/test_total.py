"""Sweeps of many scopes: one fuse and one limit over all, which no caller can go round."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from kvsops.core.policies import sweep_rules
from kvsops.errors import UsageError
from kvsops.fleet.place import Places
from kvsops.fleet.sweep import FleetSweep, Terms
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from kvsops.sweep.fuse import DEFAULT, Bounds, Fuse, Weight, blown_in_all
from kvsops.sweep.journal import Journal
from kvsops.sweep.run import Sweep
from kvsops.sweep.total import UNWEIGHED, Total
from tests.fleet import HOUR, NOON, Time, writes
from tests.scopes import EAST, OTHER, OWN, WEST, names_at, places, put_at
from tests.sweep.runs import OLD, STORAGE

RULES = sweep_rules(OLD)
FIRST, SECOND, THIRD = (OWN, EAST), (OWN, WEST), (OTHER, EAST)
ALL = "100%"


@pytest.fixture
def emulator() -> Iterator[LocalServer]:
    """Yield an emulator of two accounts; what is deleted is gone at once."""
    with LocalServer(Settings(quotas=False, accounts=2, state_delay=timedelta())) as server:
        yield server


@pytest.fixture
def found(
    emulator: LocalServer,
    environment: dict[str, str],  # noqa: ARG001 - sets it
    time: Time,
) -> Places:
    """Return two regions of two accounts, in a time that stands."""
    return places(emulator, time=time)


Run = Callable[..., FleetSweep]


@pytest.fixture
def run(found: Places, tmp_path: Path) -> Run:
    """Return what sweeps all places of what is older than an hour, each with its journal."""

    def ran(fuse: str = ALL, total: str | None = None, limit: int | None = None) -> FleetSweep:
        whole = Fuse.parse(total, "--max-deletes-total") if total else None
        bounds = Bounds(Fuse.parse(fuse), limit=limit, total=whole)
        fleet = FleetSweep.planned(found, Terms(rules=RULES, bounds=bounds, read_only=False), NOON)
        fleet.run(lambda name: Journal(tmp_path / name, name))
        return fleet

    return ran


def sow(emulator: LocalServer) -> None:
    """Put three channels that are to go into each of two scopes, and one into a third."""
    for where, number in ((FIRST, 3), (SECOND, 3), (THIRD, 1)):
        for n in range(number):
            put_at(emulator, where, f"ci-{n}")


def left(emulator: LocalServer) -> tuple[int, ...]:
    """Count the channels that are there, by scope."""
    return tuple(len(names_at(emulator, each)) for each in (FIRST, SECOND, THIRD))


@pytest.mark.parametrize(
    ("fuses", "said", "there"),
    [
        ((ALL, None), "", (0, 0, 0)),
        ((ALL, "7"), "", (0, 0, 0)),
        ((ALL, "6"), "7 of 7 channels are more than --max-deletes-total 6", (3, 3, 1)),
        ((ALL, "85%"), "7 of 7 channels are more than --max-deletes-total 85%", (3, 3, 1)),
        # What a scope's own fuse holds back is no weight: the others go.
        (("2", None), "", (3, 3, 0)),
        (("2", "1"), "", (3, 3, 0)),
    ],
)
def test_the_fuse_of_all(
    emulator: LocalServer, run: Run, fuses: tuple[str, str | None], said: str, there: Sequence[int]
) -> None:
    """Where more would be deleted than it allows, nothing is anywhere, nor journalled."""
    sow(emulator)
    fleet = run(*fuses)
    assert (fleet.total.blown, left(emulator)) == (said, there)
    if said:
        assert writes(emulator).keys() <= {"AssumeRole"}
        assert [each.sweep.journal for each in fleet.swept] == [None] * 4


def test_it_rests_on_direct_reads(emulator: LocalServer, run: Run) -> None:
    """What the index does not know yet to be protected counts no more when it was read."""
    sow(emulator)
    emulator.settings.index_lag = HOUR
    for where in (FIRST, SECOND):
        put_at(emulator, where, "kept", tags={"kvsops:keep": ""})
    assert run(total="6").total.blown == "7 of 9 channels are more than --max-deletes-total 6"
    fleet = run(total="7")
    assert (fleet.total.blown, left(emulator)) == ("", (1, 1, 0))


@pytest.mark.parametrize(("limit", "there"), [(1, (3, 3, 0)), (3, (2, 2, 0)), (9, (0, 0, 0))])
def test_the_limit_is_over_all(
    emulator: LocalServer, run: Run, limit: int, there: Sequence[int]
) -> None:
    """The oldest go, wherever they are; what is beyond is left, and does not blow the fuse."""
    for n, where in enumerate((FIRST, SECOND, FIRST, SECOND, FIRST, SECOND)):
        put_at(emulator, where, f"ci-{n}", HOUR * (9 - n))
    put_at(emulator, THIRD, "oldest", HOUR * 10)
    fleet = run(total=str(limit), limit=limit)
    assert (fleet.total.blown, left(emulator)) == ("", there)
    reasons = {item.reason for each in fleet.swept for item in each.sweep.plan.items}
    assert any(each.endswith(f"beyond --limit {limit}") for each in reasons) is (limit < 7)


def test_what_a_scopes_own_fuse_holds_back(
    emulator: LocalServer, found: Places, tmp_path: Path
) -> None:
    """It is read no further, takes no place within the limit, and does not go by it."""
    for where, hours, number in ((FIRST, 4, 6), (SECOND, 3, 3), (THIRD, 2, 3)):
        for n in range(number):
            put_at(emulator, where, f"ci-{n}", HOUR * hours)
    bounds = Bounds(Fuse.parse("3"), limit=5)
    fleet = FleetSweep.planned(found, Terms(rules=RULES, bounds=bounds, read_only=False), NOON)
    assert emulator.calls[STORAGE] == 4 + 3 + 3
    fleet.run(lambda name: Journal(tmp_path / name, name))
    assert (fleet.total.blown, left(emulator)) == ("", (6, 0, 1))
    assert [bool(each.held_back) for each in fleet.swept] == [True, False, False, False]


@pytest.mark.parametrize(("total", "reads"), [("8", 0), ("7", 0), ("6", 7), ("1", 5)])
def test_no_more_is_read_than_tells(
    emulator: LocalServer, found: Places, total: str, reads: int
) -> None:
    """Nothing where all candidates fit the fuse of all; else one more of each scope than fit."""
    sow(emulator)
    bounds = Bounds(DEFAULT, total=Fuse.parse(total))
    FleetSweep.planned(found, Terms(rules=RULES, bounds=bounds, read_only=False), NOON)
    assert emulator.calls[STORAGE] == reads


def test_no_caller_goes_round_it(emulator: LocalServer, found: Places, tmp_path: Path) -> None:
    """One of many deletes nothing before all were weighed, nor after one more came."""
    sow(emulator)
    bounds = Bounds(DEFAULT, total=Fuse.parse("1", "--max-deletes-total"))
    total = Total(bounds, NOON)
    first, second = (
        Sweep.of_all(place.open(read_only=False), RULES, bounds, total=total)
        for place in found.found[:2]
    )
    first.run(lambda name: Journal(tmp_path / name, name))
    assert (first.blown, second.blown) == (UNWEIGHED, UNWEIGHED)
    total.weigh(lambda do, sweeps: list(map(do, sweeps)))
    second.run(lambda name: Journal(tmp_path / name, name))
    assert second.blown == "at least 4 of 6 channels are more than --max-deletes-total 1"
    Sweep.of_all(found.found[2].open(read_only=False), RULES, bounds, total=total)
    assert first.blown == UNWEIGHED
    assert left(emulator) == (3, 3, 1)


def test_reads_that_came_to_no_end(emulator: LocalServer, found: Places) -> None:
    """Where what the fuse rests on could not be read, every candidate counts."""
    sow(emulator)
    bounds = Bounds(DEFAULT, total=Fuse.parse("1", "--max-deletes-total"))
    total = Total(bounds, NOON)
    for place in found.found[:2]:
        Sweep.of_all(place.open(read_only=False), RULES, bounds, total=total)
    total.weigh(lambda _, __: None)
    assert total.blown == "6 of 6 channels are more than --max-deletes-total 1"


def test_a_limit_whose_reads_came_to_no_end(emulator: LocalServer, found: Places) -> None:
    """What was not confirmed is not among the oldest that may go."""
    sow(emulator)
    bounds = Bounds(DEFAULT, limit=2)
    total = Total(bounds, NOON)
    sweep = Sweep.of_all(found.found[0].open(read_only=False), RULES, bounds, total=total)
    total.weigh(lambda _, __: None)
    assert sweep.plan.doomed == []


def test_of_one_scope_it_is_one_fuse_more(
    emulator: LocalServer, found: Places, tmp_path: Path
) -> None:
    """Where there is but one scope the fuse of all holds as its own."""
    sow(emulator)
    bounds = Bounds(DEFAULT, total=Fuse.parse("2", "--max-deletes-total"))
    sweep = Sweep.of_all(found.found[0].open(read_only=False), RULES, bounds)
    sweep.run(lambda name: Journal(tmp_path / name, name))
    assert sweep.blown == "3 of 3 channels are more than --max-deletes-total 2"
    assert left(emulator) == (3, 3, 1)


@pytest.mark.parametrize(
    ("total", "weights", "said"),
    [
        ("5", [Weight(9, 2, 2), Weight(9, 3, 3)], ""),
        ("5", [Weight(9, 2, 2), Weight(9, 4, 3)], ""),
        ("4", [Weight(9, 2, 2), Weight(9, 3, 3)], "5 of 18 channels are more than X 4"),
        ("4", [Weight(9, 2, 2), Weight(9, 4, 3)], "at least 5 of 18 channels are more than X 4"),
        ("10%", [Weight(9, 0, 0), Weight(9, 2, 2)], "2 of 18 channels are more than X 10%"),
        ("1", [], ""),
    ],
)
def test_weights(total: str, weights: list[Weight], said: str) -> None:
    """Scopes that were planned elsewhere are weighed by their numbers alone."""
    assert blown_in_all(Fuse.parse(total, "X"), weights) == said


def test_what_was_weighed_elsewhere(emulator: LocalServer, found: Places, tmp_path: Path) -> None:
    """A scope deletes no more than it was weighed by, though it plans anew."""
    sow(emulator)
    bounds = Bounds(DEFAULT, total=Fuse.parse("1")).at_most(2)
    sweep = Sweep.of_all(found.found[0].open(read_only=False), RULES, bounds)
    sweep.run(lambda name: Journal(tmp_path / name, name))
    assert sweep.blown == "3 of 3 channels are more than what was weighed: 2"


def test_an_account_that_is_not_expected(emulator: LocalServer, found: Places) -> None:
    """It ends the run before any channel is listed."""
    sow(emulator)
    bounds = Bounds(DEFAULT, account_ids=(OWN,))
    terms = Terms(rules=RULES, bounds=bounds, read_only=False)
    with pytest.raises(UsageError) as caught:
        FleetSweep.planned(found, terms, NOON)
    assert str(caught.value) == f"account {OTHER} is not --expect-account {OWN}: nothing was done"
    assert emulator.calls["ListSignalingChannels"] == 0


def test_a_deadline(emulator: LocalServer, found: Places, time: Time, tmp_path: Path) -> None:
    """Once it has passed each scope leaves what is planned, and says why."""
    sow(emulator)
    bounds = Bounds(DEFAULT)
    terms = Terms(rules=RULES, bounds=bounds, deadline=time.clock() + 600, read_only=False)
    fleet = FleetSweep.planned(found, terms, NOON)
    time.sleep(601)
    fleet.run(lambda name: Journal(tmp_path / name, name))
    items = [item for each in fleet.swept for item in each.sweep.plan.items]
    assert {(item.outcome.value, item.reason) for item in items} == {
        ("left", "the deadline passed")
    }
    assert [each.sweep.why_stopped for each in fleet.swept] == [*["the deadline passed"] * 3, ""]
    assert left(emulator) == (3, 3, 1)


def test_a_journal_that_cannot_be_written(
    emulator: LocalServer, found: Places, tmp_path: Path
) -> None:
    """Where one scope's cannot be, nothing of that scope is deleted; the others go on."""
    sow(emulator)
    terms = Terms(rules=RULES, bounds=Bounds(DEFAULT), read_only=False)
    fleet = FleetSweep.planned(found, terms, NOON)

    def opened(name: str) -> Journal:
        return Journal(tmp_path if WEST in name else tmp_path / name, name)

    fleet.run(opened)
    assert left(emulator) == (0, 3, 0)
    failed = [each for each in fleet.swept if each.failure]
    assert [str(each.place) for each in failed] == [f"{OWN} {WEST}"]
    assert fleet.swept[1].sweep.why_stopped.endswith("cannot be written: it is not a file")
