"""The deed of a sweep: what is spared at the last moment, what is deleted, what is written down."""

import json
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kvsops.aws.scope import Scope
from kvsops.core.judge import sweep_rules
from kvsops.local.faults import DROP_AFTER, Fault
from kvsops.local.server import LocalServer
from kvsops.sweep.course import INTERRUPTED
from kvsops.sweep.fuse import Bounds, Fuse
from kvsops.sweep.item import Item
from kvsops.sweep.journal import Journal
from kvsops.sweep.run import Sweep, settle
from tests.fleet import DAY, HOUR, From, Time, names, put, put_many, retag, writes
from tests.usage import use

OLD = {"older-than": HOUR}
STREAM = r"arn:aws:kinesisvideo:us-east-1:123456789012:stream/.*-media/\d+"
THROTTLE, DENIED = "ClientLimitExceededException", "AccessDeniedException"
DELETE, TAGS = "DeleteSignalingChannel", "ListTagsForResource"
METRICS = "GetMetricData"
STORAGE, UNLINK = "DescribeMediaStorageConfiguration", "UpdateMediaStorageConfiguration"


@pytest.fixture
def scope(environment: dict[str, str], time: Time) -> Scope:
    """Return a scope for which no time passes but what it sleeps."""
    return time.scope(environment, quota_share=1)


@pytest.fixture
def brisk(emulator: LocalServer, environment: dict[str, str]) -> Scope:
    """Return a scope in real time, for channels by the dozen; what it deletes is gone at once."""
    emulator.settings.state_delay = timedelta()
    return Scope(environ=environment, quota_share=1)


@dataclass
class Run:
    """One sweep, planned and carried out; what came of it, and what is in its journal."""

    scope: Scope
    path: Path
    given: dict[str, Any] = field(default_factory=lambda: dict(OLD))
    meanwhile: Callable[[], object] = lambda: None  # between the plan and the deed
    advance: Callable[[int], object] = lambda _: None
    seconds: float | None = None
    items: list[Item] = field(default_factory=list)
    why_stopped: str = ""

    def __call__(self) -> "Run":
        """Plan, let something happen, and carry the plan out."""
        rules = sweep_rules(self.given)
        sweep = Sweep.of_all(self.scope, rules, Bounds(Fuse.parse("100%")))
        self.items = sweep.plan.doomed
        self.meanwhile()
        if self.seconds is not None:
            sweep.deadline = self.scope.clock() + self.seconds
        sweep.carry_out(lambda _: Journal(self.path, "run"), self._shown)
        self.why_stopped = sweep.why_stopped
        return self

    @contextmanager
    def _shown(self, _journal: Path, _number: int) -> Iterator[Callable[[int], object]]:
        yield self.advance

    @property
    def outcomes(self) -> dict[str, str]:
        """The outcomes by channel name."""
        return {item.channel.channel_name: item.outcome.value for item in self.items}

    @property
    def reasons(self) -> dict[str, str]:
        """The reasons by channel name."""
        return {item.channel.channel_name: item.reason for item in self.items}

    def named(self, outcome: str) -> set[str]:
        """Which channels came to this outcome."""
        return {name for name, each in self.outcomes.items() if each == outcome}

    @property
    def journal(self) -> list[dict[str, Any]]:
        """The journal's lines."""
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def events(self, name: str) -> list[str]:
        """Return what the journal tells of one channel, in its order."""
        return [line["event"] for line in self.journal if f"/{name}/" in line["channel_arn"]]


@pytest.fixture
def run(scope: Scope, tmp_path: Path) -> Run:
    """Return a sweep of all that is older than an hour, in a time that stands."""
    return Run(scope, tmp_path / "journal")


@pytest.fixture
def brisk_run(brisk: Scope, tmp_path: Path) -> Run:
    """Return a sweep of all that is older than an hour, in real time."""
    return Run(brisk, tmp_path / "journal")


def test_deletes_and_writes_down(run: Run, emulator: LocalServer) -> None:
    """A channel is deleted after one read of each fact, and journalled around it."""
    channel = put(emulator, "ci-1", tags={"env": "ci", "größe": "µ“\n"}, message_ttl_seconds=30)
    version = channel.version
    before = len(emulator.log)
    run.meanwhile = lambda: before_deed.append(len(emulator.log))
    before_deed = [before]
    run()
    assert run.outcomes == {"ci-1": "deleted"}
    assert run.reasons == {"ci-1": "1d old"}
    assert [entry[1:] for entry in emulator.log[before_deed[-1] :]] == [
        (METRICS, "ok"),
        (TAGS, "ok"),
        (STORAGE, "ok"),
        (DELETE, "ok"),
    ]
    begins = {
        "journal": 1,
        "event": "deleting",
        "time": "2026-05-01T12:00:00Z",
        "run": "run",
        "channel_arn": "arn:aws:kinesisvideo:us-east-1:123456789012:channel/ci-1/1777550400000",
        "channel_name": "ci-1",
        "channel_type": "SINGLE_MASTER",
        "message_ttl_seconds": 30,
        "creation_time": "2026-04-30T12:00:00Z",
        "version": version,
        "tags": {"env": "ci", "größe": "µ“\n"},
        "storage": None,
        "reason": "1d old",
    }
    ends = {name: begins[name] for name in ("journal", "time", "run", "channel_arn", "reason")}
    assert run.journal == [begins, {**ends, "event": "deleted"}]


@pytest.mark.parametrize(
    ("given", "tags", "tags_now", "reason"),
    [
        (OLD, {}, {"kvsops:keep": "yes"}, "protected: kvsops:keep=yes"),
        (OLD, {}, {"kvsops:keep": ""}, "has kvsops:keep"),
        (OLD | {"protect-tag": ("prod",)}, {}, {"prod": "1"}, "protected: prod=1"),
        (
            {"expired": True},
            {"kvsops:expires-at": "2026-05-01T10:00:00Z"},
            {"kvsops:expires-at": "2026-05-01T14:00:30Z"},
            "held: expires in 2h",
        ),
        (
            {"expired": True},
            {"kvsops:expires-at": "2026-05-01T10:00:00Z"},
            {"kvsops:expires-at": "soon"},
            "kvsops:expires-at is unreadable: soon",
        ),
        (
            {"expired": True},
            {"kvsops:expires-at": "2026-05-01T10:00:00Z"},
            {},
            "has no kvsops:expires-at",
        ),
        (
            OLD,
            {},
            {"aws:cloudformation:stack-name": "doorbell"},
            "made by CloudFormation: stack doorbell",
        ),
        ({"orphaned": True}, {}, {"kvsops:owner": "ana"}, "owned: kvsops:owner=ana"),
    ],
)
def test_the_stale_tag_index_condemns_nothing(
    run: Run,
    emulator: LocalServer,
    *,
    given: dict[str, Any],
    tags: dict[str, str],
    tags_now: dict[str, str],
    reason: str,
) -> None:
    """What was tagged after the index learned of the channel is spared, and the reason says why."""
    emulator.settings.index_lag = HOUR
    put(emulator, "ci-1", tags={"env": "ci"} | tags)
    retag(emulator, "ci-1", {"env": "ci"} | tags_now)
    run.given = given
    run()
    assert run.outcomes == {"ci-1": "kept"}
    assert run.reasons == {"ci-1": reason}
    assert writes(emulator) == {}
    assert run.journal == []


def test_linked_to_storage(run: Run, emulator: LocalServer) -> None:
    """A channel linked to a stream is planned for deletion, and spared when its link is read."""
    put(emulator, "cam-1", stored=True)
    run()
    assert run.outcomes == {"cam-1": "kept"}
    assert run.reasons["cam-1"].startswith("linked to storage: stream/cam-1-media/")
    assert writes(emulator) == {}


def _delete(emulator: LocalServer, name: str, delay: timedelta) -> None:
    backend = emulator.backend()
    backend.remove_channel(backend.channels[name], emulator.settings.clock() + delay)


def _update(emulator: LocalServer, name: str) -> None:
    channel = emulator.backend().channels[name]
    emulator.backend().update_signaling_channel(channel.arn, channel.version, 5)
    channel.active_from = emulator.settings.clock()


def _make_again(emulator: LocalServer, name: str) -> None:
    _delete(emulator, name, timedelta())
    emulator.backend()._settle()
    put(emulator, name, DAY / 2)


@pytest.mark.parametrize(
    ("meanwhile", "outcome", "reason"),
    [
        (lambda e: _delete(e, "ci-1", timedelta()), "gone", "it was gone already"),
        (lambda e: _delete(e, "ci-1", HOUR), "gone", "somebody else is deleting it"),
        (lambda e: _make_again(e, "ci-1"), "gone", "it was gone already"),
        (lambda e: _update(e, "ci-1"), "changed", "it changed after it was read"),
    ],
)
def test_what_others_did_meanwhile(
    run: Run,
    emulator: LocalServer,
    meanwhile: Callable[[LocalServer], object],
    outcome: str,
    reason: str,
) -> None:
    """What somebody deleted, made again or changed since the plan is no failure, and not ours."""
    put(emulator, "ci-1")
    put(emulator, "ci-2")
    run.meanwhile = lambda: meanwhile(emulator)
    run()
    assert run.outcomes == {"ci-1": outcome, "ci-2": "deleted"}
    assert run.reasons["ci-1"] == reason
    assert run.events("ci-1") in ([], ["deleting", outcome])


def test_one_failure_never_stops_the_rest(brisk_run: Run, emulator: LocalServer) -> None:
    """Denied deletes fail, each with the permission it needs; the others are deleted."""
    put_many(emulator, [f"ci-{n:02}" for n in range(40)])
    emulator.settings.faults = (Fault(DELETE, DENIED, 0.5),)
    run = brisk_run()
    failed, deleted = run.named("failed"), run.named("deleted")
    assert (len(failed | deleted), names(emulator)) == (40, failed)
    assert len(failed) > 5
    assert len(deleted) > 5
    for name in failed:
        arn = emulator.backend().channels[name].arn
        said = f"{DELETE} denied: the credentials need kinesisvideo:{DELETE} on {arn}"
        assert run.reasons[name] == said
        assert run.events(name) == ["deleting", "failed"]
    assert run.why_stopped == ""


@pytest.mark.parametrize("operation", [TAGS, STORAGE])
def test_what_may_not_be_read_is_kept(run: Run, emulator: LocalServer, operation: str) -> None:
    """Tags or a link that cannot be read directly are unknown: the channel is kept."""
    put(emulator, "ci-1", tags={"env": "ci"})
    arn = emulator.backend().channels["ci-1"].arn
    emulator.settings.faults = (Fault(operation, DENIED),)
    run()
    assert run.outcomes == {"ci-1": "unknown"}
    what = {TAGS: "tags", STORAGE: "storage link"}[operation]
    needs = f"the credentials need kinesisvideo:{operation} on {arn}"
    assert run.reasons == {"ci-1": f"{what} unknown: {operation} denied: {needs}"}
    assert writes(emulator) == {}
    assert run.journal == []


@pytest.mark.parametrize("state_delay", [timedelta(), HOUR], ids=["gone-at-once", "still-there"])
def test_a_lost_answer_counts_once(run: Run, emulator: LocalServer, state_delay: timedelta) -> None:
    """A delete that was carried out, its answer lost, counts as deleted and is not sent again."""
    put_many(emulator, ["ci-1", "ci-2", "ci-3"])
    emulator.settings.state_delay = state_delay
    emulator.settings.faults = (Fault(DELETE, DROP_AFTER),)
    run()
    assert run.outcomes == {"ci-1": "deleted", "ci-2": "deleted", "ci-3": "deleted"}
    assert run.reasons["ci-1"] == "1d old"
    assert emulator.calls[DELETE] == 3
    assert run.events("ci-1") == ["deleting", "deleted"]


def test_a_retried_delete_is_judged_anew(brisk_run: Run, emulator: LocalServer) -> None:
    """Each throttled delete reads tags and link again before it is sent once more."""
    put_many(emulator, [f"ci-{n:02}" for n in range(30)])
    emulator.settings.faults = (Fault(DELETE, THROTTLE, 0.3),)
    planned: list[int] = []
    brisk_run.meanwhile = lambda: planned.append(emulator.calls[TAGS])
    run = brisk_run()
    assert run.named("deleted") == {f"ci-{n:02}" for n in range(30)}
    assert names(emulator) == set()
    sent = emulator.calls[DELETE]
    assert sent > 30
    assert emulator.throttled[DELETE] == sent - 30
    assert emulator.calls[TAGS] - planned[0] == sent
    assert emulator.calls[STORAGE] == sent


def test_kept_while_its_delete_was_throttled(run: Run, emulator: LocalServer) -> None:
    """A channel that somebody tags to be kept between two tries is kept."""

    class ThrottledAndTagged(Fault):
        def strikes(self, operation: str, _random: object) -> bool:
            if operation == DELETE:
                retag(emulator, "ci-1", {"kvsops:keep": "mine"})
            return operation == DELETE

    put(emulator, "ci-1")
    emulator.settings.faults = (ThrottledAndTagged(DELETE, THROTTLE),)
    run()
    assert run.outcomes == {"ci-1": "kept"}
    assert run.reasons == {"ci-1": "protected: kvsops:keep=mine"}
    assert emulator.calls[DELETE] == 1
    assert run.events("ci-1") == ["deleting", "kept"]


def test_changed_while_its_delete_was_throttled(run: Run, emulator: LocalServer) -> None:
    """A channel that somebody updates between two tries is left alone."""

    class ThrottledAndUpdated(Fault):
        def strikes(self, operation: str, _random: object) -> bool:
            if operation == DELETE:
                _update(emulator, "ci-1")
            return operation == DELETE

    put(emulator, "ci-1")
    emulator.settings.faults = (ThrottledAndUpdated(DELETE, THROTTLE),)
    run()
    assert run.outcomes == {"ci-1": "changed"}
    assert run.reasons == {"ci-1": "it changed after it was planned"}
    assert emulator.calls[DELETE] == 1


def test_direct_reads_come_before_each_delete(brisk_run: Run, emulator: LocalServer) -> None:
    """At no moment have more deletes been sent than links and tags been read for them.

    The metrics of all are read at once, before the first of them.
    """
    put_many(emulator, [f"ci-{n:02}" for n in range(50)])
    began: list[int] = []
    brisk_run.meanwhile = lambda: began.append(len(emulator.log))
    brisk_run()
    seen = dict.fromkeys((METRICS, TAGS, STORAGE, DELETE), 0)
    for _, operation, outcome in emulator.log[began[0] :]:
        assert outcome == "ok"
        seen[operation] += 1
        assert seen[DELETE] <= seen[STORAGE] <= seen[TAGS]
        assert seen[METRICS] == 1
    assert seen == {METRICS: 1, TAGS: 50, STORAGE: 50, DELETE: 50}
    assert brisk_run.scope.metric_budget.asked == 6 * 50


def test_what_was_read_long_ago_is_read_again(
    emulator: LocalServer, environment: dict[str, str], time: Time, tmp_path: Path
) -> None:
    """A delete that could not follow its reads within 2 seconds is not sent: they are repeated."""
    put(emulator, "ci-1", tags={"env": "ci"})

    def now() -> Any:  # the first answer about the link takes 3 seconds
        return time.now() + timedelta(seconds=3 if emulator.calls[STORAGE] else 0)

    emulator.settings.clock = now
    run = Run(time.scope(environment, quota_share=1, now=now), tmp_path / "journal")()
    assert run.outcomes == {"ci-1": "deleted"}
    assert (emulator.calls[TAGS], emulator.calls[STORAGE], emulator.calls[DELETE]) == (2, 2, 1)
    assert run.events("ci-1") == ["deleting", "deleted"]


def test_an_answer_that_was_long_on_its_way_is_not_fresh(
    emulator: LocalServer, environment: dict[str, str], time: Time, tmp_path: Path
) -> None:
    """An answer whose Date is old when it comes does not set the time back, and is read again."""
    put(emulator, "ci-1", tags={"env": "ci"})
    stalled: list[float] = []

    def now() -> Any:  # the first answer about the link is 10 seconds on its way back
        if emulator.calls[STORAGE] and not stalled:
            stalled.append(10)
            time.sleep(10)
            retag(emulator, "ci-1", {"kvsops:keep": ""})
        return time.now()

    run = Run(time.scope(environment, quota_share=1, now=now), tmp_path / "journal")()
    assert run.outcomes == {"ci-1": "kept"}
    assert writes(emulator) == {}


@pytest.mark.parametrize(
    ("seconds", "used", "outcome", "read_again"),
    [
        (200, False, "deleted", 0),
        (330, False, "deleted", 1),
        (330, True, "kept", 1),
    ],
)
def test_metrics_read_long_ago_are_read_again(
    run: Run,
    emulator: LocalServer,
    time: Time,
    *,
    seconds: float,
    used: bool,
    outcome: str,
    read_again: int,
) -> None:
    """What the metrics told more than 5 minutes before a delete does not condemn."""
    put(emulator, "cam", 9 * DAY)
    put(emulator, "witness", timedelta(minutes=50))
    use(emulator, "witness", time.now() - timedelta(minutes=1), masters=1)
    run.given = {"idle-for": 7 * DAY}
    read: list[int] = []

    def meanwhile() -> None:
        read.append(emulator.calls[METRICS])
        if used:
            use(emulator, "cam", time.now(), masters=1)
        time.sleep(seconds)

    run.meanwhile = meanwhile
    run()
    assert run.outcomes == {"cam": outcome}
    assert emulator.calls[METRICS] - read[0] == read_again


def test_takes_the_leaks_and_leaves_the_cameras(run: Run, emulator: LocalServer) -> None:
    """What was connected to in the last 2 hours is spared by a sweep for age, to the last look."""
    put_many(emulator, ["leak-1", "leak-2", "cam-1", "cam-2"], 30 * DAY)
    ago = {"leak-1": 125, "cam-1": 110}
    for name, minutes in ago.items():
        use(emulator, name, run.scope.now() - timedelta(minutes=minutes), masters=1)
    run.meanwhile = lambda: use(emulator, "cam-2", run.scope.now(), viewers=1)
    run()
    assert run.outcomes == {"cam-2": "kept", "leak-1": "deleted", "leak-2": "deleted"}
    assert run.reasons["cam-2"] == "in use: last used at most 0s ago"
    assert names(emulator) == {"cam-1", "cam-2"}


def test_even_if_active(run: Run, emulator: LocalServer) -> None:
    """With even-if-active what is in use goes too, and CloudWatch is not called."""
    put(emulator, "cam-1", 30 * DAY)
    use(emulator, "cam-1", run.scope.now(), masters=1)
    run.given = OLD | {"even-if-active": True}
    run()
    assert run.outcomes == {"cam-1": "deleted"}
    assert {METRICS, "ListMetrics"} & set(emulator.calls) == set()


@pytest.mark.parametrize("minutes", [-4, 4])
def test_a_clock_that_is_wrong(
    emulator: LocalServer, environment: dict[str, str], time: Time, tmp_path: Path, minutes: int
) -> None:
    """Ages and leases hold by the service's time, however wrong this machine's is."""
    off = timedelta(minutes=minutes)
    for name, age in (("young", HOUR - timedelta(minutes=2)), ("old", HOUR + timedelta(minutes=2))):
        put(emulator, name, age)
    for name, ago in (("held", 4), ("ended", 6)):
        ends = time.now() - timedelta(minutes=ago)
        put(emulator, name, DAY, tags={"kvsops:expires-at": f"{ends:%Y-%m-%dT%H:%M:%SZ}"})
    Run(
        time.scope(environment, quota_share=1, now=lambda: time.now() + off), tmp_path / "journal"
    )()
    assert names(emulator) == {"young", "held"}


def test_every_delete_carries_the_version_judged(
    run: Run, emulator: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No delete leaves without CurrentVersion: not a first one, a repeated or an unlinked one's."""
    backend, sent = emulator.backend(), []
    delete = backend.delete_signaling_channel

    def seen(channel_arn: str, current_version: str | None) -> None:
        sent.append((channel_arn, current_version))
        delete(channel_arn, current_version)

    made = [put(emulator, f"ci-{n}", stored=n == 0) for n in range(5)]
    expected = {(channel.arn, channel.version) for channel in made}
    emulator.settings.faults = (Fault(DELETE, THROTTLE, 0.4),)
    run.given = OLD | {"unlink-storage": True}
    with monkeypatch.context() as spied:
        spied.setattr(backend, "delete_signaling_channel", seen)
        run()
    assert names(emulator) == set()
    assert set(sent) == expected


def test_unlinks_then_deletes(run: Run, emulator: LocalServer) -> None:
    """With unlink-storage the link is taken off, journalled, and everything is read once more."""
    stream = put(emulator, "cam-1", stored=True).stream_arn
    run.given = OLD | {"unlink-storage": True}
    run()
    assert run.outcomes == {"cam-1": "deleted"}
    assert names(emulator) == set()
    assert list(emulator.backend().streams) == [stream]
    assert writes(emulator) == {DELETE: 1, UNLINK: 1}
    link = {"status": "ENABLED", "stream_arn": stream}
    told = [(line["event"], line.get("storage")) for line in run.journal]
    assert told == [
        ("deleting", link),
        ("unlinking", link),
        ("deleting", link),
        ("deleted", None),
    ]


def test_an_unlinked_channel_kept_at_last_is_linked_again(run: Run, emulator: LocalServer) -> None:
    """When the delete does not follow, the link is put back, and the journal says so."""
    stream = put(emulator, "cam-1", stored=True).stream_arn
    emulator.settings.faults = (Fault(DELETE, DENIED),)
    run.given = OLD | {"unlink-storage": True}
    run()
    assert run.outcomes == {"cam-1": "failed"}
    assert run.reasons["cam-1"].startswith("DeleteSignalingChannel denied: ")
    assert emulator.backend().channels["cam-1"].stream_arn == stream
    assert run.events("cam-1") == ["deleting", "unlinking", "deleting", "relinked", "failed"]
    relinked = run.journal[3]
    assert relinked["storage"] == {"status": "ENABLED", "stream_arn": stream}


def test_a_link_that_cannot_be_put_back(run: Run, emulator: LocalServer) -> None:
    """When neither the delete nor the link succeeds, the reason and the journal say so."""
    stream = put(emulator, "cam-1", stored=True).stream_arn
    emulator.settings.faults = (Fault(DELETE, DENIED), From(UNLINK, DENIED, first=2))
    run.given = OLD | {"unlink-storage": True}
    run()
    assert run.outcomes == {"cam-1": "failed"}
    arn = emulator.backend().channels["cam-1"].arn
    assert run.reasons["cam-1"] == (
        f"{DELETE} denied: the credentials need kinesisvideo:{DELETE} on {arn}; "
        f"it stays unlinked from {stream}: "
        f"{UNLINK} denied: the credentials need kinesisvideo:{UNLINK} on {arn}"
    )
    assert run.events("cam-1") == ["deleting", "unlinking", "deleting", "failed"]
    assert run.journal[-1]["reason"] == run.reasons["cam-1"]


def test_a_link_that_cannot_be_taken_off(run: Run, emulator: LocalServer) -> None:
    """A denied unlinking fails that channel alone, whose link is as it was."""
    stream = put(emulator, "cam-1", stored=True).stream_arn
    put(emulator, "cam-2")
    emulator.settings.faults = (Fault(UNLINK, DENIED),)
    run.given = OLD | {"unlink-storage": True}
    run()
    assert run.outcomes == {"cam-1": "failed", "cam-2": "deleted"}
    arn = emulator.backend().channels["cam-1"].arn
    denied = f"{UNLINK} denied: the credentials need kinesisvideo:{UNLINK} on {arn}"
    assert run.reasons["cam-1"] == denied
    assert emulator.backend().channels["cam-1"].stream_arn == stream
    assert run.events("cam-1") == ["deleting", "unlinking", "failed"]


def test_a_linked_channel_that_somebody_is_deleting(run: Run, emulator: LocalServer) -> None:
    """Unlinking a channel that another run is deleting finds it gone, and stops nobody."""
    put(emulator, "cam-1", stored=True)
    put(emulator, "cam-2", stored=True)
    run.given = OLD | {"unlink-storage": True}
    run.meanwhile = lambda: _delete(emulator, "cam-1", HOUR)
    run()
    assert run.outcomes == {"cam-1": "gone", "cam-2": "deleted"}
    assert run.reasons["cam-1"] == "somebody else is deleting it"
    assert run.events("cam-1")[-1] == "gone"
    assert run.why_stopped == ""


def test_a_deadline_that_has_passed_leaves_all(run: Run, emulator: LocalServer) -> None:
    """No deletion begins after the deadline; what was to be done is left, and says why."""
    put_many(emulator, ["ci-1", "ci-2"])
    run.seconds = 0
    run()
    assert run.outcomes == {"ci-1": "left", "ci-2": "left"}
    assert run.reasons == dict.fromkeys(("ci-1", "ci-2"), "the deadline passed")
    assert run.why_stopped == "the deadline passed"
    assert writes(emulator) == {}


def test_a_deadline_on_the_way(run: Run, emulator: LocalServer) -> None:
    """What has begun at the deadline is finished, the rest is left; nothing is half done."""
    put_many(emulator, [f"ci-{n:03}" for n in range(120)])
    run.seconds = 0.5
    run()
    deleted, left = run.named("deleted"), run.named("left")
    assert (len(deleted) + len(left), names(emulator)) == (120, left)
    assert left
    assert deleted
    assert run.why_stopped == "the deadline passed"
    for name in deleted:
        assert run.events(name)[-1] == "deleted"
    for name in left:
        assert run.events(name) == []


@contextmanager
def _files_end_at(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond this many bytes: as good as a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_journal_that_cannot_be_written(run: Run, emulator: LocalServer) -> None:
    """Where not even the first line fits, nothing is deleted and all is left."""
    put_many(emulator, [f"ci-{n:02}" for n in range(40)])
    with _files_end_at(100):
        run()
    said = f"the journal {run.path} cannot be written: File too large"
    assert run.why_stopped == said
    assert set(run.outcomes.values()) <= {"failed", "left"}
    assert set(run.reasons.values()) == {said}
    assert run.named("left")
    assert writes(emulator) == {}
    assert len(names(emulator)) == 40


def test_a_journal_that_fills_up(brisk_run: Run, emulator: LocalServer) -> None:
    """Once a line does not fit, no more deletes begin; each that was sent has its first line."""
    put_many(emulator, [f"ci-{n:03}" for n in range(150)])
    with _files_end_at(8_000):
        run = brisk_run()
    assert run.why_stopped == f"the journal {run.path} cannot be written: File too large"
    gone = {f"ci-{n:03}" for n in range(150)} - names(emulator)
    whole = run.path.read_text().rpartition("\n")[0].splitlines()
    begun = {line["channel_name"] for text in whole if "channel_name" in (line := json.loads(text))}
    assert gone
    assert gone <= begun
    assert run.named("deleted") == gone
    assert len(run.named("left")) > 50
    assert emulator.calls[DELETE] == len(gone)


def test_an_interruption_leaves_the_rest(brisk_run: Run, emulator: LocalServer) -> None:
    """Ctrl-C ends in order: what has begun is finished, all else is left and says so."""
    put_many(emulator, [f"ci-{n:03}" for n in range(150)])

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    brisk_run.advance = interrupt
    run = brisk_run()
    assert run.why_stopped == INTERRUPTED == "interrupted"
    deleted, left = run.named("deleted"), run.named("left")
    assert (len(deleted) + len(left), names(emulator)) == (150, left)
    assert deleted
    assert len(left) > 50
    assert {run.reasons[name] for name in left} == {"interrupted"}
    for name in deleted:
        assert run.events(name) == ["deleting", "deleted"]


def test_a_defect_of_ours_stops_the_sweep(brisk_run: Run, emulator: LocalServer) -> None:
    """An error nobody foresaw is raised, and the deletions that have not begun never do."""
    put_many(emulator, [f"ci-{n:03}" for n in range(150)])

    def fail(_: int) -> None:
        raise ZeroDivisionError

    brisk_run.advance = fail
    with pytest.raises(ZeroDivisionError):
        brisk_run()
    assert len(names(emulator)) > 50


def test_settling_waits_until_they_are_gone(
    run: Run, emulator: LocalServer, scope: Scope, time: Time
) -> None:
    """After the deletes the listing is read until it shows none of them."""
    emulator.settings.state_delay = timedelta(seconds=1)
    put_many(emulator, ["ci-1", "ci-2"])
    put(emulator, "other", timedelta(minutes=1))
    run()
    emulator.calls.clear()
    before = emulator.calls["ListSignalingChannels"]
    began = time.clock()
    settle(scope, run.items, 60)
    assert run.outcomes == {"ci-1": "deleted", "ci-2": "deleted"}
    assert run.reasons == dict.fromkeys(("ci-1", "ci-2"), "1d old")
    assert emulator.calls["ListSignalingChannels"] - before == 4
    assert time.clock() - began == pytest.approx(1.0)
    assert set(emulator.backend().channels) == {"other"}


def test_still_deleting_when_the_time_is_over(
    run: Run, emulator: LocalServer, scope: Scope
) -> None:
    """A channel that is DELETING at the end is deleted all the same, and its reason says so."""
    emulator.settings.state_delay = HOUR
    put(emulator, "ci-1")
    run()
    settle(scope, run.items, 5)
    assert run.outcomes == {"ci-1": "deleted"}
    assert run.reasons == {"ci-1": "1d old; still DELETING after 5 s"}


def test_still_there_when_the_time_is_over(run: Run, emulator: LocalServer, scope: Scope) -> None:
    """A channel whose delete was accepted and that stays ACTIVE was not deleted: that failed."""
    put(emulator, "ci-1")
    run()
    backend = emulator.backend()
    backend.channels["ci-1"].gone_from = None  # the service forgot what it was told
    backend._leaving.clear()
    settle(scope, run.items, 5)
    assert run.outcomes == {"ci-1": "failed"}
    assert run.reasons == {"ci-1": "still listed as ACTIVE after 5 s"}


def test_nothing_deleted_is_not_looked_for(run: Run, emulator: LocalServer, scope: Scope) -> None:
    """Where nothing was deleted nothing is listed again."""
    put(emulator, "ci-1")
    emulator.settings.faults = (Fault(DELETE, DENIED),)
    run()
    listed = emulator.calls["ListSignalingChannels"]
    settle(scope, run.items, 5)
    assert emulator.calls["ListSignalingChannels"] == listed


def test_the_journal_accounts_for_every_channel(brisk_run: Run, emulator: LocalServer) -> None:
    """Whatever fails on the way, each deleted channel has a line before and its outcome after."""
    put_many(emulator, [f"ci-{n:02}" for n in range(30)])
    for n in range(10):
        put(emulator, f"cam-{n}", stored=True)
    emulator.settings.faults = (
        Fault(DELETE, THROTTLE, 0.1),
        Fault(DELETE, "InternalFailure", 0.1),
        Fault(DELETE, DENIED, 0.1),
        Fault(DELETE, DROP_AFTER, 0.2),
        Fault(TAGS, DENIED, 0.05),
        Fault(UNLINK, "InternalFailure", 0.1),
    )
    brisk_run.given = OLD | {"unlink-storage": True}
    run = brisk_run()
    assert run.named("deleted") == run.outcomes.keys() - names(emulator)
    for name, outcome in run.outcomes.items():
        events = run.events(name)
        if events:
            assert (events[0], events[-1]) == ("deleting", outcome)
        else:
            assert outcome == "unknown"
    for name in names(emulator):
        assert bool(emulator.backend().channels[name].stream_arn) == name.startswith("cam-")
