"""What is spared at the last moment, by direct reads that are fresh."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.fleet import DAY, HOUR, Time, names, put, put_many, retag, writes
from tests.sweep.runs import DELETE, DENIED, METRICS, OLD, STORAGE, TAGS, Run
from tests.usage import use


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


def test_direct_reads_come_before_each_delete(still_run: Run, emulator: LocalServer) -> None:
    """At no moment have more deletes been sent than links and tags been read for them.

    The metrics of all are read at once, before the first of them.
    """
    put_many(emulator, [f"ci-{n:02}" for n in range(50)])
    began: list[int] = []
    still_run.meanwhile = lambda: began.append(len(emulator.log))
    still_run()
    seen = dict.fromkeys((METRICS, TAGS, STORAGE, DELETE), 0)
    for _, operation, outcome in emulator.log[began[0] :]:
        assert outcome == "ok"
        seen[operation] += 1
        assert seen[DELETE] <= seen[STORAGE] <= seen[TAGS]
        assert seen[METRICS] == 1
    assert seen == {METRICS: 1, TAGS: 50, STORAGE: 50, DELETE: 50}
    assert still_run.scope.metric_budget.asked == 6 * 50


@pytest.mark.parametrize("slow", [TAGS, STORAGE])
@pytest.mark.parametrize(("seconds", "reads"), [(2, 1), (3, 2)])
def test_what_was_read_long_ago_is_read_again(
    emulator: LocalServer,
    environment: dict[str, str],
    time: Time,
    tmp_path: Path,
    *,
    slow: str,
    seconds: int,
    reads: int,
) -> None:
    """A delete that could not follow its reads within 2 seconds is not sent: they are repeated.

    It takes one of the reads that is too old, whichever.
    """
    put(emulator, "ci-1", tags={"env": "ci"})

    def now() -> Any:  # the first answer about this fact takes so long
        return time.now() + timedelta(seconds=seconds if emulator.calls[slow] else 0)

    emulator.settings.clock = now
    run = Run(time.scope(environment, quota_share=1, now=now), tmp_path / "journal")()
    assert run.outcomes == {"ci-1": "deleted"}
    counted = emulator.calls[TAGS], emulator.calls[STORAGE], emulator.calls[DELETE]
    assert counted == (reads, reads, 1)
    assert run.events("ci-1") == ["deleting", "deleted"]


@pytest.mark.parametrize(("seconds", "tries"), [(None, 10), (8.0, 3)])
def test_what_is_always_read_too_slowly_is_not_deleted(
    emulator: LocalServer,
    environment: dict[str, str],
    time: Time,
    tmp_path: Path,
    *,
    seconds: float | None,
    tries: int,
) -> None:
    """Where no read is ever fresh, the delete is given up after 10 tries, or at the deadline."""
    put(emulator, "ci-1", tags={"env": "ci"})

    def now() -> Any:  # each answer about the link takes 3 seconds
        return time.now() + timedelta(seconds=3 * emulator.calls[STORAGE])

    emulator.settings.clock = now
    scope = time.scope(
        environment,
        quota_share=1,
        now=now,
        clock=lambda: time.clock() + 3 * emulator.calls[STORAGE],
    )
    run = Run(scope, tmp_path / "journal", seconds=seconds)()
    assert run.outcomes == {"ci-1": "failed"}
    assert run.reasons == {"ci-1": "what was read could not be acted on within 2 s"}
    assert emulator.calls[STORAGE] == tries
    assert writes(emulator) == {}
    assert run.journal == []


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


@pytest.mark.parametrize(
    ("minutes", "left"), [(-4, {"young", "old", "held", "ended"}), (4, {"young", "held"})]
)
def test_a_clock_that_is_wrong(
    emulator: LocalServer,
    environment: dict[str, str],
    time: Time,
    tmp_path: Path,
    *,
    minutes: int,
    left: set[str],
) -> None:
    """Ages and leases hold by the earlier of the service's clock and this machine's."""
    off = timedelta(minutes=minutes)
    for name, age in (("young", HOUR - timedelta(minutes=2)), ("old", HOUR + timedelta(minutes=2))):
        put(emulator, name, age)
    for name, ago in (("held", 4), ("ended", 6)):
        ends = time.now() - timedelta(minutes=ago)
        put(emulator, name, DAY, tags={"kvsops:expires-at": f"{ends:%Y-%m-%dT%H:%M:%SZ}"})
    Run(
        time.scope(environment, quota_share=1, now=lambda: time.now() + off), tmp_path / "journal"
    )()
    assert names(emulator) == left
