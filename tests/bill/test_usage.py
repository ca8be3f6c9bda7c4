"""The use of many channels: the answer of asking everything, for less."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from kvsops.aws import activity
from kvsops.aws.activity import EVERY
from kvsops.aws.metric_data import QUERIES
from kvsops.aws.scope import Scope
from kvsops.bill import usage as metering
from kvsops.bill.usage import Metered
from kvsops.core.cost import Day, Usage
from kvsops.errors import CheckFailedError
from kvsops.local.demo.fleet import sow
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.aws.first_calls import FirstCalls
from tests.counting import Counted
from tests.fleet import DAY, HOUR, NOON, Time
from tests.retries import retries_at_once
from tests.usage import everything, use

START = NOON.replace(hour=0) - 30 * DAY
DENIED = 'GetMetricData denied: the credentials need cloudwatch:GetMetricData on "*"'


_retry_at_once = retries_at_once(100)


@pytest.fixture
def scope(environment: dict[str, str], time: Time) -> Scope:
    """Return a scope and an emulator at noon; only sleeping moves their time."""
    return time.scope(environment, quota_share=1)


def metered(scope: Scope, names: Sequence[str], maximum: str | None = None) -> Metered:
    """Read the names' last 30 days."""
    found = Metered()
    metering.see(scope, found)
    scope.metric_budget.maximum = None if maximum is None else Decimal(maximum)
    metering.read(scope, found, names, START, NOON)
    return found


def many(number: int, prefix: str = "ch") -> list[str]:
    """Answer so many names."""
    return [f"{prefix}-{each:04}" for each in range(number)]


def used_weeks_ago(emulator: LocalServer, names: Sequence[str]) -> None:
    """Use names when ListMetrics does not tell of it any more."""
    for name in names:
        use(emulator, name, NOON - 21 * DAY, masters=2, failed=1, messages=10, turn_minutes=3)


# How much is asked


def test_unseen_names_are_asked_three_metrics(emulator: LocalServer, scope: Scope) -> None:
    """What has no points is asked the first queries only, 500 in a call."""
    found = metered(scope, many(334))
    assert (found.usage, found.unknown) == ({}, {})
    assert scope.metric_budget.asked == 1_002  # 334 x 3
    assert emulator.calls == {"ListMetrics": 3, "GetMetricData": 3}  # 500, 500, 2


def test_seen_names_are_asked_six(emulator: LocalServer, scope: Scope) -> None:
    """What ListMetrics names is asked everything at once."""
    names = many(100)
    for name in names:
        use(emulator, name, NOON - HOUR, masters=1)
    found = metered(scope, names)
    assert len(found.usage) == 100
    assert scope.metric_budget.asked == 600  # 100 x 6
    assert emulator.calls == {"ListMetrics": 3, "GetMetricData": 2}  # 500, 100


def test_the_rest_only_where_there_are_points(emulator: LocalServer, scope: Scope) -> None:
    """Of what ListMetrics left out, the rest is asked of those with points in the first."""
    names = many(200)
    used_weeks_ago(emulator, names[:20])
    use(emulator, names[199], NOON - HOUR, viewers=1)
    found = metered(scope, names)
    assert found.seen == {names[199]}
    assert scope.metric_budget.asked == 6 + 199 * 3 + 20 * 3
    # 603 in two calls, 60 in a third
    assert emulator.calls == {"ListMetrics": 3, "GetMetricData": 3}
    expected = Usage({(NOON - 21 * DAY).date(): Day(2, 10, 3)})
    assert [found.of(name) for name in names[:20]] == [expected] * 20
    assert found.of(names[100]) == Usage()


def test_nothing_is_asked_of_no_names(emulator: LocalServer, scope: Scope) -> None:
    """An empty fleet costs three calls of ListMetrics."""
    found = metered(scope, [])
    assert (scope.metric_budget.asked, found.usage, found.unknown) == (0, {}, {})
    assert emulator.calls == {"ListMetrics": 3}


def test_each_name_is_told_of_once_asked(emulator: LocalServer, scope: Scope) -> None:
    """Progress comes to the number of names, also where one is in two batches."""
    used_weeks_ago(emulator, many(3))
    told = Counted()
    metering.read(scope, Metered(), many(400), START, NOON, counter=told)
    assert told.stages == [("metrics", 400, 400), ("more metrics", 3, 3)]


# The answer


def test_the_answer_of_asking_everything(emulator: LocalServer, scope: Scope) -> None:
    """A fleet that was used in all ways: the same, name for name and day for day, for less."""
    sow(emulator.backend(), 400)
    names = sorted(emulator.backend().channels)
    used_weeks_ago(emulator, ("late-1", "late-2"))
    use(emulator, "failed", NOON - DAY, failed=3)
    use(emulator, "failed-weeks-ago", NOON - 20 * DAY, failed=3)
    use(emulator, "talked", NOON - 25 * DAY, messages=3, turn_minutes=1)
    names += ["late-1", "late-2", "failed", "failed-weeks-ago", "talked", "never"]
    expected = everything(scope, names, START, NOON)
    before = scope.metric_budget.asked
    found = metered(scope, names)
    assert {name: found.of(name) for name in names} == {
        name: expected.get(name, Usage()) for name in names
    }
    assert "late-1" not in found.seen
    assert found.of("late-1") == Usage({(NOON - 21 * DAY).date(): Day(2, 10, 3)})
    assert found.of("failed-weeks-ago") == Usage({(NOON - 20 * DAY).date(): Day()})
    assert scope.metric_budget.asked - before < 0.75 * EVERY * len(names)


@pytest.mark.parametrize("error", ["Throttling", "InternalFailure", "drop"])
def test_faults_that_pass(emulator: LocalServer, scope: Scope, error: str) -> None:
    """With a third of the calls failing the answer is the same, and so is what was asked."""
    sow(emulator.backend(), 200)
    names = sorted(emulator.backend().channels)
    expected, asked = metered(scope, names), scope.metric_budget.asked
    emulator.settings.faults = (Fault("GetMetricData", error, 0.3),)
    emulator.settings.faults += (Fault("ListMetrics", error, 0.3),)
    found = metered(scope, names)
    assert (found.usage, found.unknown, found.problems) == (expected.usage, {}, [])
    assert scope.metric_budget.asked == 2 * asked


def test_slow(emulator: LocalServer, scope: Scope) -> None:
    """Calls that take their time change nothing."""
    used_weeks_ago(emulator, many(2))
    expected = metered(scope, many(300))
    emulator.settings.latency = timedelta(milliseconds=20)
    assert metered(scope, many(300)) == expected


def test_own_cost(emulator: LocalServer, scope: Scope) -> None:
    """Each metric asked, and each call of ListMetrics, costs a thousandth of a cent."""
    for name in many(501, "ghost"):
        use(emulator, name, NOON - HOUR, masters=1)
    metered(scope, many(1_000))
    assert emulator.calls["ListMetrics"] == 2 + 1 + 1  # 501 masters, no others
    assert scope.metric_budget.asked == 3_000
    # (3,000 + 4) x 0.00001
    assert activity.own_cost(scope) == Decimal("0.03004")


# What may be spent


@pytest.mark.parametrize("maximum", ["0.006", "1"])
def test_within_the_maximum(scope: Scope, maximum: str) -> None:
    """100 names cost at most 100 x 6 x 0.00001 = 0.006."""
    metered(scope, many(100), maximum)
    assert scope.metric_budget.asked == 300


@pytest.mark.parametrize("maximum", ["0.005999", "0.003", "0"])
def test_beyond_the_maximum(emulator: LocalServer, scope: Scope, maximum: str) -> None:
    """Where it may cost more nothing is asked; that it could turn out cheaper is not hoped for."""
    with pytest.raises(CheckFailedError) as caught:
        metered(scope, many(100), maximum)
    assert str(caught.value) == (
        f"reading the metrics of 100 channels may cost $0.0060, more than --max-own-cost {maximum}:"
        " nothing was asked; narrow with --prefix or --match"
    )
    assert (caught.value.exit_code, emulator.calls["GetMetricData"]) == (3, 0)


# What could not be read


def test_metrics_denied(emulator: LocalServer, scope: Scope) -> None:
    """Of every name it is unknown, with the reason; none is taken to be unused."""
    use(emulator, "ch-0001", NOON - HOUR, masters=1)
    emulator.settings.faults = (Fault("GetMetricData", "AccessDenied"),)
    found = metered(scope, many(3))
    assert found.unknown == dict.fromkeys(many(3), DENIED)
    assert [found.of(name) for name in many(3)] == [None] * 3
    assert found.problems == [DENIED]
    assert scope.metric_budget.asked == 0


def test_list_metrics_denied(emulator: LocalServer, scope: Scope) -> None:
    """Then every name is asked, and it is said that deleted ones could not be found."""
    names = many(50)
    use(emulator, names[0], NOON - HOUR, masters=1)
    used_weeks_ago(emulator, names[1:3])
    emulator.settings.faults = (Fault("ListMetrics", "AccessDenied"),)
    found = metered(scope, names)
    assert (found.seen, found.seen_all) == (set(), False)
    assert found.problems == [
        'ListMetrics denied: the credentials need cloudwatch:ListMetrics on "*"; deleted channels '
        "could not be looked for"
    ]
    assert scope.metric_budget.asked == 50 * 3 + 3 * 3
    assert [name for name in names if found.of(name) != Usage()] == names[:3]
    assert found.unknown == {}


def test_a_listing_that_fails_midway(emulator: LocalServer, scope: Scope) -> None:
    """One of three listings failing is enough to say so: not all that was used was seen."""
    use(emulator, "ch-0000", NOON - HOUR, masters=1)
    emulator.settings.faults = (FirstCalls("ListMetrics", "AccessDenied", 1),)
    found = metered(scope, many(2))
    assert not found.seen_all
    assert found.of("ch-0000") == Usage({NOON.date(): Day(1)})


def _batches(names: Sequence[str]) -> list[set[str]]:
    """Part names as their first queries are: 500 at a time, so that names stand astride."""
    asked = [name for name in names for _ in range(3)]
    return [set(asked[at : at + QUERIES]) for at in range(0, len(asked), QUERIES)]


@pytest.mark.parametrize("failing", [1, 2])
def test_some_batches_fail(emulator: LocalServer, scope: Scope, failing: int) -> None:
    """The names of a batch that failed are unknown, and no others; the rest is told."""
    names = many(600)
    used_weeks_ago(emulator, names)
    emulator.settings.faults = (FirstCalls("GetMetricData", "AccessDenied", failing),)
    found = metered(scope, names)
    batches = _batches(names)
    struck = [batch for batch in batches if batch <= found.unknown.keys()]
    assert len(struck) == failing
    assert found.unknown == dict.fromkeys(set().union(*struck), DENIED)
    expected = Usage({(NOON - 21 * DAY).date(): Day(2, 10, 3)})
    assert {found.of(name) for name in found.unknown} == {None}
    assert [found.of(name) for name in names if name not in found.unknown] == [expected] * (
        600 - len(found.unknown)
    )


def test_a_share_of_the_calls_denied(emulator: LocalServer, scope: Scope) -> None:
    """Whatever fails, first queries or rest: each name has the full answer or none."""
    names = many(1_000)
    used_weeks_ago(emulator, names)
    emulator.settings.faults = (Fault("GetMetricData", "AccessDenied", 0.3),)
    found = metered(scope, names)
    expected = Usage({(NOON - 21 * DAY).date(): Day(2, 10, 3)})
    assert 0 < len(found.unknown) < 1_000
    assert all(found.of(name) in (None, expected) for name in names)
    assert {name for name in names if found.of(name) is None} == found.unknown.keys()


def test_faults_that_do_not_pass(emulator: LocalServer, scope: Scope) -> None:
    """After ten attempts it is unknown, with CloudWatch's own word."""
    emulator.settings.faults = (Fault("GetMetricData", "InternalFailure"),)
    found = metered(scope, many(1))
    assert emulator.calls["GetMetricData"] == 10
    assert found.unknown == {
        "ch-0000": "GetMetricData failed for the account: InternalFailure: A fault of kvsops "
        "local, asked for."
    }


def test_a_window_as_it_is_asked(emulator: LocalServer, scope: Scope) -> None:
    """What is outside of the window is not read."""
    inside: datetime = START + timedelta(minutes=1)
    use(emulator, "ch-0000", START - HOUR, inside, masters=1)
    assert metered(scope, many(1)).of("ch-0000") == Usage({START.date(): Day(1)})
