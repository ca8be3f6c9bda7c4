"""One channel deleted: judged anew at each try, carried out once, and written down."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kvsops.aws import channels
from kvsops.aws.scope import Scope
from kvsops.core.facts import Facts
from kvsops.core.judge import Decision, Verdict
from kvsops.core.policies import sweep_rules
from kvsops.local.faults import DROP_AFTER, FAULT_MESSAGE, Fault
from kvsops.local.server import LocalServer
from kvsops.sweep import entries
from kvsops.sweep.course import Course
from kvsops.sweep.deletion import Deletion
from kvsops.sweep.entries import MAY_BE_GONE
from kvsops.sweep.item import Item, Outcome
from kvsops.sweep.journal import Journal
from tests.fleet import DAY, HOUR, Time, names, put, put_many, retag
from tests.plans import is_direct
from tests.retries import retries_at_once
from tests.sweep.runs import (
    DELETE,
    DENIED,
    METRICS,
    OLD,
    STORAGE,
    TAGS,
    THROTTLE,
    UNLINK,
    Run,
    delete,
)
from tests.usage import use

_retry_at_once = retries_at_once(10)


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
    assert is_direct(run.items[0].facts.storage)  # the item has what was read last
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


def _update(emulator: LocalServer, name: str) -> None:
    channel = emulator.backend().channels[name]
    emulator.backend().update_signaling_channel(channel.arn, channel.version, 5)
    channel.active_from = emulator.settings.clock()


def _make_again(emulator: LocalServer, name: str) -> None:
    delete(emulator, name, timedelta())
    emulator.backend()._settle()
    put(emulator, name, DAY / 2)


@pytest.mark.parametrize(
    ("meanwhile", "outcome", "reason"),
    [
        (lambda e: delete(e, "ci-1", timedelta()), "gone", "it was gone already"),
        (lambda e: delete(e, "ci-1", HOUR), "gone", "somebody else is deleting it"),
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
    assert emulator.calls[DESCRIBE] == 0  # whatever becomes of it: it was refused
    assert run.why_stopped == ""


@pytest.mark.parametrize("state_delay", [timedelta(), HOUR], ids=["gone-at-once", "still-there"])
def test_a_lost_answer_counts_once(run: Run, emulator: LocalServer, state_delay: timedelta) -> None:
    """A delete that was carried out, its answer lost, counts as deleted and is not sent again."""
    put_many(emulator, ["ci-1", "ci-2", "ci-3"])
    emulator.settings.state_delay = state_delay
    emulator.settings.faults = (Fault(DELETE, DROP_AFTER),)
    run.meanwhile = lambda: run.scope.sleep(2 * 3600)
    run()
    assert run.outcomes == {"ci-1": "deleted", "ci-2": "deleted", "ci-3": "deleted"}
    assert run.reasons["ci-1"] == "1d2h old"
    assert emulator.calls[DELETE] == 3
    assert run.events("ci-1") == ["deleting", "deleted"]


def _deny_from_now_on(emulator: LocalServer, operation: str) -> None:
    emulator.settings.faults = (Fault(operation, DENIED),)


DESCRIBE = "DescribeSignalingChannel"
ARN = "arn:aws:kinesisvideo:us-east-1:123456789012:channel/ci-1/1777550400000"
LOST = (
    f"it may be deleted, the answer was lost: {DELETE} failed for {ARN}: InternalFailure: "
    f"{FAULT_MESSAGE}"
)


def _denied(operation: str) -> str:
    return f"; then: {operation} denied: the credentials need kinesisvideo:{operation} on {ARN}"


@pytest.mark.parametrize(
    ("meanwhile", "then"),
    [
        (lambda e: _update(e, "ci-1"), "; then: it changed after it was planned"),
        (lambda e: retag(e, "ci-1", {"kvsops:keep": "me"}), "; then: protected: kvsops:keep=me"),
        (lambda e: _deny_from_now_on(e, DESCRIBE), _denied(DESCRIBE)),
        (lambda e: _deny_from_now_on(e, DELETE), _denied(DELETE)),
        (lambda _: None, ""),
    ],
)
def test_what_a_lost_answer_leaves_open(
    run: Run, emulator: LocalServer, meanwhile: Callable[[LocalServer], object], then: str
) -> None:
    """Once an answer to a delete was lost, whatever is seen later leaves it deleted or unknown."""

    class Lost(Fault):
        def strikes(self, operation: str, _random: object) -> bool:
            if operation == DELETE:
                meanwhile(emulator)
            return operation == DELETE

    put(emulator, "ci-1")
    emulator.settings.faults = (Lost(DELETE, "InternalFailure"),)
    run()
    assert run.outcomes == {"ci-1": "unknown"}
    assert run.reasons["ci-1"] == f"{LOST}{then}"
    assert run.items[0].lost
    assert run.events("ci-1")[-1] == "unknown"
    (entry,) = entries.read(run.path).entries
    assert entry.last_event in MAY_BE_GONE


def test_credentials_that_end_at_the_delete(run: Run, emulator: LocalServer) -> None:
    """It was refused, and so surely not carried out; for all others it is the end."""
    put(emulator, "ci-1")
    emulator.settings.faults = (Fault(DELETE, "ExpiredTokenException"),)
    run()
    assert (run.outcomes, run.items[0].lost) == ({"ci-1": "failed"}, False)
    assert run.why_stopped == run.reasons["ci-1"] != ""
    assert run.events("ci-1") == ["deleting", "failed"]


def test_the_last_look_goes_as_far_back_as_the_rules(
    scope: Scope, emulator: LocalServer, time: Time, journal: Journal
) -> None:
    """Also where it reads one channel's metrics by itself."""
    for name, days in (("cam", 3), ("witness", 0)):
        put(emulator, name, 30 * DAY)
        use(emulator, name, time.now() - days * DAY, masters=1)
    (cam, _) = channels.each_listed(scope)
    item = Item(Facts(cam), Decision(Verdict.DELETE, ""), Outcome.WOULD_DELETE)
    Deletion(Course(scope, sweep_rules({"idle-for": 7 * DAY}), journal), item).run()
    assert item.outcome is Outcome.KEPT


def test_what_could_not_be_restored_is_not_deleted(run: Run, emulator: LocalServer) -> None:
    """A channel whose line no restoration would take is left alone, told, and the others go."""
    put_many(emulator, ["ci-1", "ci-2"])

    def of_another_type() -> None:
        (item,) = (each for each in run.items if each.channel.channel_name == "ci-1")
        item.facts = replace(item.facts, channel=replace(item.channel, channel_type="FULL_MESH"))

    run.meanwhile = of_another_type
    run()
    assert run.outcomes == {"ci-1": "unknown", "ci-2": "deleted"}
    said = "could not be restored: a channel of type 'FULL_MESH' cannot be made"
    assert run.reasons["ci-1"] == said
    assert (names(emulator), run.events("ci-1")) == ({"ci-1"}, [])


def test_refused_as_in_use_and_not_being_deleted(run: Run, emulator: LocalServer) -> None:
    """That the service refuses a delete as in use does not yet say that somebody deletes it."""
    put(emulator, "ci-1")
    emulator.settings.faults = (Fault(DELETE, "ResourceInUseException"),)
    run()
    assert run.outcomes == {"ci-1": "failed"}
    assert "ResourceInUseException" in run.reasons["ci-1"]
    assert run.events("ci-1") == ["deleting", "failed"]
    assert (emulator.calls[DELETE], names(emulator)) == (1, {"ci-1"})


def test_a_message_ttl_that_cannot_be_set(run: Run, emulator: LocalServer) -> None:
    """It is doubted when it is listed: its channel is not even planned to be deleted."""
    put_many(emulator, ["ci-1", "ci-2"])
    emulator.backend().channels["ci-1"].message_ttl_seconds = 200
    run()
    assert run.outcomes == {"ci-2": "deleted"}
    assert (names(emulator), run.events("ci-1")) == ({"ci-1"}, [])


def test_a_retried_delete_is_judged_anew(still_run: Run, emulator: LocalServer) -> None:
    """Each throttled delete reads tags and link again before it is sent once more."""
    put_many(emulator, [f"ci-{n:02}" for n in range(30)])
    emulator.settings.faults = (Fault(DELETE, THROTTLE, 0.3),)
    planned: list[int] = []
    still_run.meanwhile = lambda: planned.append(emulator.calls[TAGS])
    run = still_run()
    assert run.named("deleted") == {f"ci-{n:02}" for n in range(30)}
    assert names(emulator) == set()
    sent = emulator.calls[DELETE]
    assert sent > 30
    assert emulator.throttled[DELETE] == sent - 30
    assert (emulator.calls[TAGS] - planned[0], emulator.calls[STORAGE]) == (sent, sent)


def test_ten_tries_in_all(
    emulator: LocalServer, environment: dict[str, str], time: Time, tmp_path: Path
) -> None:
    """Those count that were read too slowly to be acted on, and those that were throttled."""
    put(emulator, "ci-1")

    def now() -> datetime:  # the first six answers about the link take 3 seconds each
        return time.now() + timedelta(seconds=3 * min(emulator.calls[STORAGE], 6))

    emulator.settings.clock = now
    emulator.settings.faults = (Fault(DELETE, THROTTLE),)
    run = Run(time.scope(environment, quota_share=1, now=now), tmp_path / "journal")()
    assert run.outcomes == {"ci-1": "failed"}
    assert (emulator.calls[STORAGE], emulator.calls[DELETE]) == (10, 4)


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
