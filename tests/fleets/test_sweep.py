"""Sweeps of many places: where policies hold, and what is told of one that came to no end."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kvsops.core.policies import Policy, Rules, sweep_rules
from kvsops.core.reach import Reach
from kvsops.errors import AwsError, KvsopsError, UsageError
from kvsops.fleet.place import Places
from kvsops.fleet.sweep import FleetSweep, Swept, Terms, units_of
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from kvsops.sweep.fuse import DEFAULT, Bounds
from kvsops.sweep.journal import Journal
from kvsops.sweep.run import Sweep
from tests.counting import Counted
from tests.fleet import NOON, Time, names, put_many
from tests.scopes import EAST, OTHER, OWN, at, places, put_at
from tests.sweep.runs import OLD

RULES = sweep_rules(OLD)


@pytest.fixture
def emulator() -> Iterator[LocalServer]:
    """Yield an emulator of two accounts."""
    with LocalServer(Settings(quotas=False, accounts=2, state_delay=timedelta())) as server:
        yield server


@pytest.fixture
def found(
    emulator: LocalServer,
    environment: dict[str, str],  # noqa: ARG001 - sets it
    time: Time,
) -> Places:
    """Return the accounts' places, in a time that stands."""
    return places(emulator, time=time)


@pytest.mark.parametrize(
    ("failure", "ended", "why"),
    [
        (None, "would-delete: 1d old", ""),
        (KvsopsError("no"), "left: no", "no"),
        (AwsError("no", "Throttling"), "left: no", "no"),
        (AwsError("no", "Interrupted"), "left: interrupted", "interrupted"),
    ],
)
def test_what_ended_one(
    emulator: LocalServer, found: Places, failure: KvsopsError | None, ended: str, why: str
) -> None:
    """What it had planned is left, and says why; Ctrl-C is no failure of the place."""
    put_many(emulator, ["a"])
    place = found.found[0]
    swept = Swept(place, Sweep.of_all(place.open(read_only=False), RULES, Bounds(DEFAULT)))
    swept.end(failure)
    (item,) = swept.sweep.plan.items
    assert (f"{item.outcome}: {item.reason}", swept.sweep.why_stopped) == (ended, why)
    assert swept.failure is (None if why == "interrupted" else failure)
    swept.sweep.leave("and then")
    assert swept.sweep.why_stopped == (why or "and then")


def test_ctrl_c_before_the_first(emulator: LocalServer, found: Places, tmp_path: Path) -> None:
    """It is told, and nothing is deleted anywhere."""

    class Interrupting(Counted):
        def stage(self, what: str, total: int | None) -> None:
            raise KeyboardInterrupt((what, total))

    put_many(emulator, ["a"])
    terms = Terms(rules=RULES, bounds=Bounds(DEFAULT), read_only=False)
    fleet = FleetSweep.planned(found, terms, NOON)
    fleet.run(lambda name: Journal(tmp_path / name, name), Interrupting())
    assert fleet.interrupted
    assert names(emulator) == {"a"}


def test_what_is_counted(emulator: LocalServer, found: Places, tmp_path: Path) -> None:
    """The places that are planned, and of these the ones where anything is to be done."""
    put_many(emulator, ["a"])
    terms, counter = Terms(rules=RULES, bounds=Bounds(DEFAULT), read_only=False), Counted()
    fleet = FleetSweep.planned(found, terms, NOON, counter)
    fleet.run(lambda name: Journal(tmp_path / name, name), counter)
    assert counter.stages == [
        ("planning accounts and regions", 4, 4),
        ("deleting in accounts and regions", 1, 1),
    ]


def test_they_are_told_by_account(found: Places) -> None:
    """Whichever account's places were found first."""
    terms = Terms(rules=RULES, bounds=Bounds(DEFAULT))
    fleet = FleetSweep.planned(Places(found.found[::-1]), terms, NOON)
    assert [each.place.account_id for each in fleet.swept] == [OWN, OWN, OTHER, OTHER]


def test_a_policy_of_a_unit(emulator: LocalServer, found: Places) -> None:
    """It holds in the unit's accounts alone."""
    for where in ((OWN, EAST), (OTHER, EAST)):
        put_at(emulator, where, "a")
    (policy,) = RULES.policies
    rules = Rules((replace(policy, reach=Reach(organizational_units=("ou-a",))),))
    there = replace(found, members={"ou-a": [OTHER]}.__getitem__)
    fleet = FleetSweep.planned(there, Terms(rules=rules, bounds=Bounds(DEFAULT)), NOON)
    assert fleet.missed == found.missed
    doomed = [at(each.place) for each in fleet.swept for _ in each.sweep.plan.doomed]
    assert doomed == [(OTHER, EAST)]


MEMBERS = {"ou-a": ["1", "2"], "ou-b": ["2"], "ou-c": []}


@pytest.mark.parametrize(
    ("named", "units"),
    [
        ((), {}),
        (("ou-b",), {"2": ("ou-b",)}),
        (("ou-c", "ou-b", "ou-a"), {"1": ("ou-a",), "2": ("ou-a", "ou-b")}),
    ],
)
def test_units(named: tuple[str, ...], units: Mapping[str, tuple[str, ...]]) -> None:
    """Of each account those that a policy names, in their order; without any nobody is asked."""
    reach = Reach(organizational_units=named)
    rules = Rules((Policy(()), Policy((), reach=reach)))
    assert units_of(Places((), members=MEMBERS.__getitem__), rules) == units
    if not named:
        assert units_of(Places(()), rules) == {}
        return
    with pytest.raises(UsageError, match="give --organization-role"):
        units_of(Places(()), rules)
