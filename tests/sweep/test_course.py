"""What the deletions of one run share: what of the facts they may still go by, and the stop."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kvsops.aws.scope import Scope
from kvsops.core.facts import Activity, Fact, Facts, Source, Unknown
from kvsops.core.policies import sweep_rules
from kvsops.sweep.course import INTERRUPTED, Course
from kvsops.sweep.journal import Journal
from tests.core.examples import Example
from tests.fleet import NOON, Time
from tests.sweep.runs import OLD

IDLE = Activity(None, NOON - timedelta(days=9), witnessed=True)


@pytest.fixture
def course(scope: Scope, journal: Journal) -> Course:
    """Return the course of a run, at noon."""
    return Course(scope, sweep_rules(OLD), journal)


@pytest.mark.parametrize(
    ("source", "seconds_ago", "stays"),
    [
        (Source.DIRECT, 0, True),
        (Source.DIRECT, 300, True),
        (Source.DIRECT, 301, False),
        (Source.INDEX, 0, False),
    ],
)
def test_only_a_recent_direct_read_of_the_metrics_stays(
    course: Course, *, source: Source, seconds_ago: int, stays: bool
) -> None:
    """For 5 minutes; tags and link are always read anew, however lately they were read."""
    read = Fact(IDLE, source, NOON - timedelta(seconds=seconds_ago))
    known = replace(Example({}, None).facts(), activity=read)
    fresh = course.fresh(known)
    assert fresh == Facts(known.channel, activity=read if stays else None)


@pytest.mark.parametrize("activity", [None, Unknown("GetMetricData denied", NOON)])
def test_what_could_not_be_read_is_asked_again(course: Course, activity: Unknown | None) -> None:
    """A failed look at the metrics does not stay."""
    known = replace(Example({}, None).facts(), activity=activity)
    assert course.fresh(known) == Facts(known.channel)


@pytest.mark.parametrize(
    ("deadline", "late"), [(None, False), (10.5, False), (10, True), (9, True)]
)
def test_late(course: Course, time: Time, deadline: float | None, *, late: bool) -> None:
    """From the very moment of the deadline on; without one, never."""
    time.sleep(10)
    assert replace(course, deadline=deadline).late is late


@pytest.mark.parametrize(
    ("whys", "why", "interrupted"),
    [
        (["the deadline passed", INTERRUPTED], "the deadline passed", True),
        ([INTERRUPTED, "the disk is full"], INTERRUPTED, True),
        (["the disk is full"], "the disk is full", False),
    ],
)
def test_the_first_reason_to_stop_is_told(
    course: Course, whys: list[str], why: str, *, interrupted: bool
) -> None:
    """Whatever comes after it; Ctrl-C ends the waiting for reads at any time."""
    assert not course.stop.is_set()
    for each in whys:
        course.end(each)
    assert (course.why_stopped, course.stop.is_set()) == (why, True)
    assert course.scope.patience.interrupted is interrupted
