"""A fleet's life at random, against a plain oracle: nothing goes that must stay, all goes that may.

Channels are made, used, tagged, leased, marked and swept, while time passes, indexes lag and calls
fail. The oracle knows what the machine itself did, not what the service told.
"""

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import stamina
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from kvsops.aws import channels
from kvsops.aws.scope import Scope
from kvsops.core.mark import Mark
from kvsops.core.policies import Rules, sweep_rules
from kvsops.core.text import moment
from kvsops.errors import AwsError
from kvsops.lease import renew
from kvsops.local.faults import DROP_AFTER, Fault
from kvsops.local.kinesisvideo.channels import SignalingChannel
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from kvsops.sweep.fuse import Bounds, Fuse
from kvsops.sweep.journal import Journal
from kvsops.sweep.run import Sweep
from tests.fleet import DAY, HOUR, NOON, Time
from tests.usage import use

MINUTE = timedelta(minutes=1)
IDLE = 6 * HOUR
GRACE = DAY
LAG = 10 * MINUTE
EXPIRES, KEEP = "kvsops:expires-at", "kvsops:keep"
POLICIES: dict[str, dict[str, Any]] = {
    "old": {"older-than": 3 * HOUR, "prefix": "ci-"},
    "idle": {"idle-for": IDLE, "prefix": "cam-"},
    "expired": {"expired": True},
}
NAMES = ["ci-1", "ci-2", "cam-1", "cam-2", "other-1"]
FAULTS = [
    Fault("DeleteSignalingChannel", "ClientLimitExceededException", 0.4),
    Fault("DeleteSignalingChannel", DROP_AFTER, 0.4),
    Fault("GetMetricData", "AccessDenied", 0.5),
    Fault("ListMetrics", "AccessDenied", 0.5),
    Fault("GetResources", "AccessDeniedException", 0.5),
    Fault("ListTagsForResource", "AccessDeniedException", 0.3),
    Fault("DescribeMediaStorageConfiguration", "AccessDeniedException", 0.3),
    Fault("TagResource", "AccessDeniedException", 0.5),
    Fault("UntagResource", "AccessDeniedException", 0.5),
]


def policies(*, graced: bool) -> Rules:
    """Return the policies, one after the other; `graced` gives the second one a grace."""
    graces = {"idle": GRACE if graced else None}
    policies = (
        replace(sweep_rules(given).policies[0], name=name, grace=graces.get(name))
        for name, given in POLICIES.items()
    )
    return Rules(tuple(policies))


@dataclass
class Known:
    """What the oracle knows of a channel."""

    channel: SignalingChannel
    made: datetime
    uses: list[datetime] = field(default_factory=list)
    expires: datetime | None = None
    kept: bool = False

    def used_within(self, span: timedelta, now: datetime, lag: timedelta) -> bool:
        """Whether it was used within that time, as far as the metrics can have told by now."""
        return any(now - lag - MINUTE >= at > now - span for at in self.uses)

    def may_go(self, now: datetime, lag: timedelta) -> bool:
        """Whether any policy covers and condemns it, and nothing protects it."""
        name, age = self.channel.channel_name, now - self.made
        if self.kept or (self.expires and now - self.expires < 5 * MINUTE):
            return False
        if self.used_within(2 * HOUR, now, lag):
            return False
        old = name.startswith("ci-") and age > 3 * HOUR
        idle = name.startswith("cam-") and age >= IDLE and not self.used_within(IDLE, now, lag)
        return old or idle or self.expires is not None

    def marked_for(self, now: datetime) -> timedelta:
        """How long the mark that it bears is there."""
        mark = Mark.read(self.channel.tags)
        return now - mark.time if mark else timedelta()


class Life(RuleBasedStateMachine):
    """A fleet's life; after each sweep the oracle is asked of what is gone."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.time = Time(NOON)
        emulated = Settings(quotas=False, clock=self.time.now, state_delay=timedelta())
        self.emulator = self.stack.enter_context(LocalServer(emulated))
        patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in self.emulator.environment().items():
            patch.setenv(name, value)
        self.stack.enter_context(stamina.set_testing(True, attempts=10, cap=True))
        directory = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.journal = directory / "journal"
        self.known: dict[str, Known] = {}
        self.graced = False
        self.off = timedelta()

    def teardown(self) -> None:
        """See to it that what must go goes in the end; end the emulator."""
        try:
            self.at_last()
        finally:
            self.stack.close()

    @initialize(
        off=st.sampled_from([-4, 0, 4]),
        graced=st.booleans(),
        lag=st.booleans(),
        leased=st.sets(st.sampled_from(NAMES), max_size=3),
    )
    def begin(self, *, off: int, graced: bool, lag: bool, leased: set[str]) -> None:
        """Set this machine's clock wrong, the grace, how late the indexes are; make channels."""
        self.off, self.graced = timedelta(minutes=off), graced
        self.emulator.settings.index_lag = LAG if lag else timedelta()
        self.emulator.settings.metrics_lag = LAG if lag else timedelta()
        for name in NAMES:
            self.create(name, leased=name in leased or name == "ci-2")

    def scope(self) -> Scope:
        """Return a scope of its own, as each run has."""
        return Scope(
            environ=self.emulator.environment(),
            quota_share=1,
            clock=self.time.clock,
            sleep=self.time.sleep,
            now=lambda: self.time.now() + self.off,
        )

    @rule(name=st.sampled_from(NAMES), leased=st.booleans())
    def create(self, name: str, *, leased: bool) -> None:
        """Make a channel, with a lease of a day or none; its name may have been used before."""
        if name in self.known:
            return
        now = self.time.now().replace(microsecond=0)
        ends = now + DAY if leased else None
        tags = {EXPIRES: moment(ends)} if ends else {}
        backend = self.emulator.backend()
        backend.list_signaling_channels(1, None, "")
        channel = backend.put_channel(name, now, now, 60, tags)
        self.known[name] = Known(channel, now, expires=ends)

    def some(self, number: int) -> Known | None:
        """Return one of the channels that are there, if any."""
        there = sorted(self.known)
        return self.known[there[number % len(there)]] if there else None

    @rule(number=st.integers(0, 9), by=st.sampled_from(["masters", "viewers", "messages"]))
    def connect(self, number: int, by: str) -> None:
        """Use a channel now."""
        if one := self.some(number):
            one.uses.append(self.time.now())
            kind: dict[str, Any] = {by: 1}
            use(self.emulator, one.channel.channel_name, one.uses[-1], **kind)

    @rule(number=st.integers(0, 9), keep=st.booleans())
    def tag(self, number: int, *, keep: bool) -> None:
        """Protect a channel, or no more."""
        if one := self.some(number):
            tags = {key: value for key, value in one.channel.tags.items() if key != KEEP}
            self.emulator.backend().put_tags(one.channel, tags | ({KEEP: ""} if keep else {}))
            one.kept = keep

    @rule(number=st.integers(0, 9))
    def renew(self, number: int) -> None:
        """Renew a lease, as its holder does: by the service's time."""
        one = self.some(number)
        if one and one.expires:
            scope = self.scope()
            channels.described(scope, one.channel.arn)
            self.emulator.settings.faults = ()
            renew(scope, one.channel.arn, HOUR)
            one.expires = datetime.fromisoformat(one.channel.tags[EXPIRES])
            assert abs(one.expires - self.time.now() - HOUR) <= timedelta(seconds=4)

    @rule(minutes=st.sampled_from([1, 20, 70, 130, 400, 1500]))
    def wait(self, minutes: int) -> None:
        """Let time pass."""
        self.time.sleep(60 * minutes)

    @rule(faults=st.lists(st.sampled_from(FAULTS), max_size=2))
    def break_down(self, faults: list[Fault]) -> None:
        """Let some calls fail, or none any more."""
        self.emulator.settings.faults = tuple(faults)

    @precondition(lambda self: self.known)
    @rule(
        minutes=st.sampled_from([200, 0, 20, 400]),
        number=st.integers(0, 9),
        between=st.sampled_from(["", "connect", "tag"]),
    )
    def sweep(self, minutes: int, number: int, between: str) -> None:
        """Sweep by the policies, some time later; between plan and deed something may happen."""
        self.wait(minutes=minutes)
        try:
            self.swept(number, between)
        except AwsError:
            return  # a listing that failed: nothing was done

    def swept(self, number: int = 0, between: str = "") -> None:
        """Plan, mark and delete, and hold what is gone against the oracle."""
        scope, rules = self.scope(), policies(graced=self.graced)
        sweep = Sweep.of_all(scope, rules, Bounds(Fuse.parse("100%")))
        for item in sweep.plan.doomed[number % 3 :: 3]:
            at = sorted(self.known).index(item.channel.channel_name)
            if between == "connect":
                self.connect(at, "masters")
            if between == "tag":
                self.tag(at, keep=True)
        if between == "connect":
            self.time.sleep(1200)  # what was read of the metrics does not count any more
        before = self.time.now()
        sweep.carry_out(lambda run: Journal(self.journal, run))
        now = self.time.now()
        there = dict(self.emulator.backend().channels)
        for name, one in list(self.known.items()):
            channel = there.get(name)
            if channel is one.channel and channel.status(now) != "DELETING":
                continue
            lag = self.emulator.settings.metrics_lag
            assert one.may_go(now, lag) or one.may_go(before, lag), (name, one, now)
            if self.graced and name.startswith("cam-") and not one.expires:
                assert one.marked_for(now) >= GRACE
            del self.known[name]

    def at_last(self) -> None:
        """With all working and time enough, everything goes that is covered and not protected."""
        self.emulator.settings.faults = ()
        # Someone is in use, else silence proves nothing.
        now = self.time.now()
        backend = self.emulator.backend()
        backend.list_signaling_channels(1, None, "")
        if "witness" not in backend.channels:
            backend.put_channel("witness", now, now, 60, {KEEP: ""})
        for _ in range(4):
            self.time.sleep(30 * 3600)
            use(self.emulator, "witness", self.time.now() - 20 * MINUTE, masters=1)
            self.swept()
        left = {
            name: one
            for name, one in self.known.items()
            if not one.kept and (one.expires or not name.startswith("other-"))
        }
        assert left == {}


TestLife = Life.TestCase
TestLife.settings = settings(
    deadline=None,
    database=None,
    max_examples=20,
    stateful_step_count=20,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
