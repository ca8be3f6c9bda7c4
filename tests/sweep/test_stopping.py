"""What ends a run early: a deadline, Ctrl-C, a journal that cannot be written, a defect."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kvsops.aws import channels
from kvsops.aws.scope import Scope
from kvsops.core.policies import sweep_rules
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from kvsops.sweep.course import INTERRUPTED, Course
from kvsops.sweep.deletion import Deletion
from kvsops.sweep.item import Outcome
from kvsops.sweep.journal import Journal
from kvsops.sweep.plan import plan
from tests.counting import Raising
from tests.fleet import From, Time, names, put, put_many, retag, writes
from tests.sweep.journals import growing_no_more_than
from tests.sweep.runs import DELETE, DENIED, OLD, STORAGE, THROTTLE, Run


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


@pytest.mark.parametrize(
    ("seconds", "last", "outcome", "most"), [(600, 1, "deleted", 2), (0.2, None, "failed", 4)]
)
def test_a_delete_is_tried_again_until_the_deadline(
    run: Run,
    emulator: LocalServer,
    time: Time,
    *,
    seconds: float,
    last: int | None,
    outcome: str,
    most: int,
) -> None:
    """A throttle is waited out as long as there is time for it."""
    time.sleep(1_000)  # lest the deadline be what is left until then
    put(emulator, "ci-1")
    emulator.settings.faults = (From(DELETE, THROTTLE, last=last),)
    run.seconds = seconds
    run()
    assert run.outcomes == {"ci-1": outcome}
    assert emulator.calls[DELETE] <= most


def test_a_journal_that_cannot_be_written(run: Run, emulator: LocalServer) -> None:
    """Where not even the first line fits, nothing is deleted and all is left."""
    put_many(emulator, [f"ci-{n:02}" for n in range(40)])
    with growing_no_more_than(100):
        run()
    said = f"the journal {run.path} cannot be written: File too large"
    assert run.why_stopped == said
    assert set(run.outcomes.values()) <= {"failed", "left"}
    assert set(run.reasons.values()) == {said}
    assert run.named("left")
    assert run.named("failed")
    assert writes(emulator) == {}
    assert len(names(emulator)) == 40


def test_an_end_that_cannot_be_written(run: Run, emulator: LocalServer) -> None:
    """What was deleted is told so, and that its line is missing ends the run."""
    put(emulator, "ci-1")
    with growing_no_more_than(450):  # its first line fits, its second does not
        run()
    assert (run.outcomes, names(emulator)) == ({"ci-1": "deleted"}, set())
    assert run.why_stopped == f"the journal {run.path} cannot be written: File too large"


def test_a_journal_that_fills_up(brisk_run: Run, emulator: LocalServer) -> None:
    """Once a line does not fit, no more deletes begin; each that was sent has its first line."""
    put_many(emulator, [f"ci-{n:03}" for n in range(150)])
    with growing_no_more_than(8_000):
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

    brisk_run.counter = Raising(KeyboardInterrupt)
    run = brisk_run()
    assert run.why_stopped == INTERRUPTED == "interrupted"
    deleted, left = run.named("deleted"), run.named("left")
    assert (len(deleted) + len(left), names(emulator)) == (150, left)
    assert deleted
    assert len(left) > 50
    assert {run.reasons[name] for name in left} == {"interrupted"}
    for name in deleted:
        assert run.events(name) == ["deleting", "deleted"]


DESCRIBE = "DescribeSignalingChannel"


@pytest.mark.parametrize(
    ("denied", "tags", "outcome", "reason"),
    [
        ("", {"kvsops:keep": "me"}, "kept", "protected: kvsops:keep=me"),
        (STORAGE, {}, "left", "interrupted"),
        (DESCRIBE, {}, "left", "interrupted"),
        (DELETE, {}, "failed", f"{DELETE} denied: "),
    ],
)
def test_what_ctrl_c_finds_under_way(
    emulator: LocalServer,
    environment: dict[str, str],
    time: Time,
    journal: Journal,
    *,
    denied: str,
    tags: dict[str, str],
    outcome: str,
    reason: str,
) -> None:
    """What was begun ends as it does; of the rest, what then cannot be read is left.

    Of a run of many each scope learns of Ctrl-C before the sweep there heeds it.
    """

    def now() -> datetime:  # what is read too slowly is read again, and described before that
        seconds = 3 * emulator.calls[STORAGE] if denied == DESCRIBE else 0
        return time.now() + timedelta(seconds=seconds)

    put(emulator, "ci-1")
    scope, rules = time.scope(environment, quota_share=1, now=now), sweep_rules(OLD)
    (item,) = plan(scope, channels.each_listed(scope), rules).doomed
    retag(emulator, "ci-1", tags)
    emulator.settings.clock = now
    emulator.settings.faults = (Fault(denied, DENIED),)
    scope.patience.interrupt()
    Deletion(Course(scope, rules, journal), item).run()
    assert item.outcome.value == outcome
    assert item.reason.startswith(reason)
    assert journal.written is (denied == DELETE)


def test_a_defect_ends_the_course(scope: Scope, emulator: LocalServer, journal: Journal) -> None:
    """Whoever would begin another deletion sees at once that it must not."""
    put(emulator, "ci-1")
    rules = sweep_rules(OLD)
    (item,) = plan(scope, channels.each_listed(scope), rules).doomed
    item.facts = replace(item.facts, channel=None)  # type: ignore[arg-type]  # the defect
    course = Course(scope, rules, journal)
    with pytest.raises(AttributeError):
        Deletion(course, item).run()
    assert course.stop.is_set()
    assert course.why_stopped.startswith("AttributeError(")
    assert item.outcome is Outcome.FAILED


def test_a_defect_after_a_delete_was_sent(
    emulator: LocalServer, environment: dict[str, str], time: Time, tmp_path: Path
) -> None:
    """What may be deleted when a defect of ours strikes is not told to have failed."""
    put(emulator, "ci-1")
    struck: list[int] = []

    def now() -> datetime:  # it fails once, when the answer to the delete is looked at
        if emulator.calls[DELETE] and not struck:
            struck.append(1)
            raise ZeroDivisionError
        return time.now()

    run = Run(time.scope(environment, quota_share=1, now=now), tmp_path / "journal")
    with pytest.raises(ZeroDivisionError):
        run()
    assert run.outcomes == {"ci-1": "unknown"}
    lost = "it may be deleted, the answer was lost: ZeroDivisionError()"
    assert run.reasons["ci-1"] == f"{lost}; then: a defect in kvsops: ZeroDivisionError()"
    assert run.items[0].lost
    assert run.events("ci-1") == ["deleting", "unknown"]


def test_a_defect_of_ours_stops_the_sweep(brisk_run: Run, emulator: LocalServer) -> None:
    """An error nobody foresaw is raised, and the deletions that have not begun never do."""
    put_many(emulator, [f"ci-{n:03}" for n in range(150)])

    brisk_run.counter = Raising(ZeroDivisionError)
    with pytest.raises(ZeroDivisionError):
        brisk_run()
    assert len(names(emulator)) > 50
