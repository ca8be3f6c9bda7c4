"""The life at random of channels in many scopes: what fails in one changes nothing in another.

All channels have the same names and ages in every scope: only their ARNs tell them apart.
"""

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import stamina
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from kvsops.aws.scope import Scope
from kvsops.errors import AwsError
from kvsops.fleet.place import Place, Places
from kvsops.fleet.sweep import FleetSweep, Terms
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from kvsops.sweep import entries
from kvsops.sweep.fuse import Bounds, Fuse
from kvsops.sweep.journal import Journal
from tests.fleet import NOON, Time
from tests.scopes import EAST, OTHER, OWN, WEST, At, at, places, put_at, use_at
from tests.sweep.test_life import FAULTS, Known, policies

WHERE: Sequence[At] = ((OWN, EAST), (OWN, WEST), (OTHER, EAST))
NAMES = ("ci-1", "ci-2", "cam-1", "other-1")
KEEP, EXPIRES = "kvsops:keep", "kvsops:expires-at"
ONE = st.tuples(st.sampled_from(WHERE), st.sampled_from(NAMES))


def refused(*, read_only: bool, max_own_cost: Decimal | None = None) -> Scope:
    """Open nothing, as where a role cannot be assumed any more."""
    raise AwsError(f"AssumeRole failed {read_only=} {max_own_cost=}", "AccessDenied")


class LifeOfMany(RuleBasedStateMachine):
    """After each sweep the oracle is asked of what is gone, wherever it was."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.time = Time(NOON)
        emulated = Settings(quotas=False, accounts=2, clock=self.time.now, state_delay=timedelta())
        self.emulator = self.stack.enter_context(LocalServer(emulated))
        patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in self.emulator.environment().items():
            patch.setenv(name, value)
        self.stack.enter_context(stamina.set_testing(True, attempts=10, cap=True))
        self.directory = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.known: dict[tuple[At, str], Known] = {}
        self.down: frozenset[At] = frozenset()

    def teardown(self) -> None:
        """See to it that what must go goes in the end; end the emulator."""
        try:
            self.at_last()
        finally:
            self.stack.close()

    @initialize(lag=st.booleans())
    def begin(self, *, lag: bool) -> None:
        """Set how late the tag index is, and make the same channels everywhere."""
        self.emulator.settings.index_lag = timedelta(minutes=10 if lag else 0)
        for where in WHERE:
            for name in NAMES:
                self.create((where, name))

    @rule(one=ONE)
    def create(self, one: tuple[At, str]) -> None:
        """Make a channel, unless there is one of its name."""
        if one not in self.known:
            made = self.time.now().replace(microsecond=0)
            self.known[one] = Known(put_at(self.emulator, *one, timedelta()), made)

    @rule(one=ONE, keep=st.booleans())
    def tag(self, one: tuple[At, str], *, keep: bool) -> None:
        """Protect a channel, or no more."""
        if known := self.known.get(one):
            tags = {key: value for key, value in known.channel.tags.items() if key != KEEP}
            backend = self.emulator.backend(one[0][1], one[0][0])
            backend.put_tags(known.channel, tags | ({KEEP: ""} if keep else {}))
            known.kept = keep

    @rule(one=ONE)
    def connect(self, one: tuple[At, str]) -> None:
        """Use a channel now."""
        if known := self.known.get(one):
            known.uses.append(self.time.now())
            use_at(self.emulator, *one, self.time.now())

    @rule(minutes=st.sampled_from([20, 130, 400, 1500]))
    def wait(self, minutes: int) -> None:
        """Let time pass."""
        self.time.sleep(60 * minutes)

    @rule(faults=st.lists(st.tuples(st.sampled_from(FAULTS), st.sampled_from(WHERE)), max_size=3))
    def break_down(self, faults: list[tuple[Fault, At]]) -> None:
        """Let some calls fail in some of the scopes, or none any more."""
        self.emulator.settings.faults = tuple(
            replace(fault, account_id=where[0], region=where[1]) for fault, where in faults
        )

    @rule(down=st.frozensets(st.sampled_from(WHERE), max_size=1))
    def close(self, down: frozenset[At]) -> None:
        """Let a scope not be opened any more, or all be again."""
        self.down = down

    @rule(limit=st.sampled_from([None, None, 2]), total=st.sampled_from(["100%", "100%", "1"]))
    def sweep(self, limit: int | None, total: str) -> None:
        """Sweep by the policies, a while later."""
        self.wait(minutes=200)
        self.swept(Bounds(Fuse.parse("100%"), limit=limit, total=Fuse.parse(total)))

    def swept(self, bounds: Bounds) -> FleetSweep:
        """Plan, weigh and delete, and hold what is gone against the oracle and the journals."""
        found = places(self.emulator, time=self.time)
        opened = tuple(self.opened(place) for place in found.found)
        terms = Terms(rules=policies(graced=False), bounds=bounds, read_only=False)
        before = self.time.now()
        fleet = FleetSweep.planned(Places(opened), terms, before)
        fleet.run(lambda run: Journal(self.directory / f"{run}-{before.timestamp()}", run))
        assert {(m.account_id, m.region) for m in fleet.missed if m.why} >= self.down
        gone = self.gone(before)
        if fleet.total.blown:
            assert gone == set()
        if bounds.limit is not None:
            assert len(gone) <= bounds.limit
        assert not {one for one in gone if one[0] in self.down}
        told = {str(arn) for each in fleet.swept for arn in _told(each.sweep.journal)}
        assert {self.known[one].channel.arn for one in gone} <= told
        for one in gone:
            del self.known[one]
        return fleet

    def opened(self, place: Place) -> Place:
        """Return the place, which opens only where it is not down."""
        return replace(place, open=refused) if at(place) in self.down else place

    def gone(self, before: datetime) -> set[tuple[At, str]]:
        """Return what is gone; none of it was to stay, then or now."""
        now, gone = self.time.now(), set()
        for one, known in self.known.items():
            where, name = one
            there = self.emulator.backend(where[1], where[0]).channels.get(name)
            if there is known.channel and there.status(now) != "DELETING":
                continue
            none = timedelta()
            assert known.may_go(now, none) or known.may_go(before, none), (one, known)
            gone.add(one)
        return gone

    def at_last(self) -> None:
        """With all working and time enough, everything goes that is covered and not protected."""
        self.emulator.settings.faults, self.down = (), frozenset()
        for where in WHERE:  # someone is in use everywhere, else silence proves nothing
            if "witness" not in self.emulator.backend(where[1], where[0]).channels:
                put_at(self.emulator, where, "witness", tags={KEEP: ""})
        for _ in range(3):
            self.time.sleep(30 * 3600)
            for where in WHERE:
                then = self.time.now() - timedelta(minutes=20)
                use_at(self.emulator, where, "witness", then)
            fleet = self.swept(Bounds(Fuse.parse("100%")))
            assert [each.failure for each in fleet.swept] == [None] * 4
        left = {one for one, known in self.known.items() if not known.kept and one[1] != "other-1"}
        assert left == set()


def _told(journal: Path | None) -> list[object]:
    return [entry.arn for entry in entries.read(journal).entries] if journal else []


TestLifeOfMany = LifeOfMany.TestCase
TestLifeOfMany.settings = settings(
    deadline=None,
    database=None,
    max_examples=12,
    stateful_step_count=14,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
