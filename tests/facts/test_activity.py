"""When channels were last used: what spares, what condemns, what proves nothing, at what cost."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from kvsops.aws import channels
from kvsops.aws.metrics import RecentUse
from kvsops.aws.scope import Scope
from kvsops.core.facts import Facts, Need
from kvsops.core.policies import listing_rules
from kvsops.facts import gather
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from kvsops.sweep import plan as planning
from kvsops.sweep.plan import Plan
from tests import plans
from tests.fleet import DAY, HOUR, NOON, From, Time, put, put_many
from tests.usage import use

MINUTE = timedelta(minutes=1)
METRICS, DENIED = "GetMetricData", "AccessDenied"
IDLE: dict[str, Any] = {"idle-for": 7 * DAY}
NEVER: dict[str, Any] = {"never-used": True, "older-than": DAY}
planned = partial(plans.planned, directly=True)
SILENT = (
    "unknown: no channel has any metrics, which may be a mistake or a missing permission: "
    "--trust-silence if truly nothing runs"
)


@pytest.fixture
def scope(environment: dict[str, str], time: Time) -> Scope:
    """Return a scope that refuses writes, and whose turns take no real time."""
    return time.scope(environment, read_only=True)


def told(plan: Plan) -> dict[str, str]:
    """Return each channel's outcome and reason."""
    return {item.channel.channel_name: f"{item.outcome}: {item.reason}" for item in plan.items}


def witness(emulator: LocalServer) -> None:
    """Put a camera there that is in use."""
    put(emulator, "witness", 30 * DAY)
    use(emulator, "witness", NOON - 10 * MINUTE, masters=1)


@pytest.mark.parametrize(
    ("given", "age", "last", "expected"),
    [
        # The points are of hours here: the hour that ends 7 days ago is just outside.
        (IDLE, 30 * DAY, 7 * DAY - MINUTE, "kept: last used at most 6d23h ago"),
        (IDLE, 30 * DAY, 7 * DAY + MINUTE, "would-delete: not used for 7d"),
        (IDLE, 30 * DAY, None, "would-delete: not used for 7d"),
        (IDLE, 6 * DAY, None, "kept: younger than 7d: too young to be idle so long"),
        (IDLE, 6 * DAY, 5 * DAY, "kept: younger than 7d: too young to be idle so long"),
        # What is in use is spared for 2 hours, however short the time to be idle is.
        ({"idle-for": 75 * MINUTE}, DAY, 80 * MINUTE, "kept: in use: last used at most 1h15m ago"),
        ({"idle-for": 75 * MINUTE}, DAY, 70 * MINUTE, "kept: in use: last used at most 1h5m ago"),
        ({"idle-for": 75 * MINUTE}, DAY, 3 * HOUR, "would-delete: not used for 1h15m"),
        # However coarse the points are that the span allows, use is seen.
        ({"idle-for": 40 * DAY}, 400 * DAY, 39 * DAY, "kept: last used at most 38d ago"),
        ({"idle-for": 60 * DAY}, 400 * DAY, 3 * DAY, "kept: last used at most 2d12h ago"),
        ({"idle-for": 60 * DAY}, 400 * DAY, 62 * DAY, "would-delete: not used for 60d"),
        ({"idle-for": 300 * DAY}, 400 * DAY, 290 * DAY, "kept: last used at most 288d ago"),
        ({"idle-for": 300 * DAY}, 400 * DAY, None, "would-delete: not used for 300d"),
        (NEVER, 30 * DAY, None, "would-delete: 30d old, never used"),
        (NEVER, 30 * DAY, 29 * DAY, "kept: last used at most 28d18h ago"),
        (NEVER, 400 * DAY, 399 * DAY, "kept: last used at most 398d ago"),
        (NEVER, 23 * HOUR, None, "kept: 23h old, not older than 1d"),
        (NEVER, 456 * DAY, None, "unknown: its activity since it was made is not known"),
    ],
)
def test_idle(
    scope: Scope,
    emulator: LocalServer,
    *,
    given: dict[str, Any],
    age: timedelta,
    last: timedelta | None,
    expected: str,
) -> None:
    """Use just inside the window spares, just outside it does not; a period counts to its end."""
    witness(emulator)
    put(emulator, "cam", age)
    if last:
        use(emulator, "cam", NOON - last, masters=1)
    assert told(planned(scope, given))["cam"] == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ({"masters": 1}, "kept: last used at most 1d11h ago"),
        ({"viewers": 1}, "kept: last used at most 1d11h ago"),
        ({"messages": 1}, "kept: last used at most 1d11h ago"),
        ({"turn_minutes": 1}, "kept: last used at most 1d11h ago"),
        ({"failed": 3}, "would-delete: not used for 7d"),
    ],
)
def test_what_use_is(
    scope: Scope, emulator: LocalServer, *, kind: dict[str, int], expected: str
) -> None:
    """A connection, a message or a TURN minute is use; a connect that failed is none."""
    witness(emulator)
    put(emulator, "cam", 30 * DAY)
    use(emulator, "cam", NOON - 36 * HOUR, **kind)
    assert told(planned(scope, IDLE))["cam"] == expected


def test_made_again(scope: Scope, emulator: LocalServer) -> None:
    """What a forerunner of its name did before it was made is not its own use."""
    witness(emulator)
    put(emulator, "old", 40 * DAY)
    put(emulator, "again", 8 * DAY)
    use(emulator, "again", NOON - 9 * DAY, masters=5, messages=80)
    assert told(planned(scope, NEVER))["again"] == "would-delete: 8d old, never used"


@pytest.mark.parametrize(
    ("age", "before", "after", "expected"),
    [
        # Points are of minutes for 15 days, of 5 minutes for 63, of hours for 455.
        (8 * DAY + 30 * MINUTE, 20 * MINUTE, None, "would-delete: 8d old, never used"),
        (8 * DAY + MINUTE / 2, 2 * MINUTE, None, "would-delete: 8d old, never used"),
        (8 * DAY + 5.5 * MINUTE, MINUTE / 4, None, "unknown: {doubt}"),
        (8 * DAY + 5.5 * MINUTE, 2 * MINUTE, 2 * MINUTE, "kept: last used at most 8d ago"),
        (40 * DAY + 30 * MINUTE, 20 * MINUTE, None, "would-delete: 40d old, never used"),
        (40 * DAY + 2 * MINUTE, MINUTE, None, "unknown: {doubt}"),
        (40 * DAY + 2 * MINUTE, MINUTE, 10 * MINUTE, "kept: last used at most 39d ago"),
        (300 * DAY + 3 * HOUR + 30 * MINUTE, HOUR, None, "would-delete: 300d old, never used"),
        (300 * DAY + 3 * HOUR + 30 * MINUTE, MINUTE, None, "unknown: {doubt}"),
        (300 * DAY + 3 * HOUR + 30 * MINUTE, HOUR, HOUR, "kept: last used at most 300d ago"),
    ],
)
def test_made_again_within_a_period(
    scope: Scope,
    emulator: LocalServer,
    *,
    age: timedelta,
    before: timedelta,
    after: timedelta | None,
    expected: str,
) -> None:
    """A forerunner's last use is told from the channel's first as finely as points are kept."""
    witness(emulator)
    put(emulator, "again", age)
    use(emulator, "again", NOON - age - before, masters=1)
    if after:
        use(emulator, "again", NOON - age + after, masters=1)
    doubt = "used when it was made, perhaps by an earlier channel of its name"
    assert told(planned(scope, NEVER))["again"] == expected.format(doubt=doubt)


@pytest.mark.parametrize("days", [7, 30, 90, 400])
@pytest.mark.parametrize("hours", [0.5, 3, 13, 30])
def test_of_a_long_span_too(scope: Scope, emulator: LocalServer, days: int, hours: float) -> None:
    """However far back one looks, only what was used lately was used lately."""
    channel = put(emulator, "cam", 410 * DAY)
    use(emulator, "cam", NOON - hours * HOUR, masters=1)
    (listed,) = channels.each_listed(scope)
    assert listed.channel_arn == channel.arn
    facts = gather.direct(scope, Facts(listed), Need.ACTIVITY, span=days * DAY)
    assert facts.use
    assert facts.use.last_used
    assert hours * HOUR > NOON - facts.use.last_used
    assert (NOON - facts.use.last_used >= 2 * HOUR) is (hours >= 3)
    assert facts.use.since
    assert facts.use.since <= NOON - days * DAY


@pytest.mark.parametrize("given", [IDLE, NEVER])
def test_denied(scope: Scope, emulator: LocalServer, given: dict[str, Any]) -> None:
    """Metrics that may not be read are unknown, and keep."""
    witness(emulator)
    put(emulator, "cam", 30 * DAY)
    emulator.settings.faults = (Fault(METRICS, DENIED),)
    assert told(planned(scope, given))["cam"] == (
        "unknown: activity unknown: GetMetricData denied: the credentials need "
        'cloudwatch:GetMetricData on "*"'
    )


def test_part_is_denied(scope: Scope, emulator: LocalServer) -> None:
    """Where one batch of several fails, its channels are kept, and the others judged."""
    witness(emulator)
    put_many(emulator, [f"cam-{n:03}" for n in range(200)], 30 * DAY)
    for n in range(0, 200, 10):  # some are heard in each batch
        use(emulator, f"cam-{n:03}", NOON - 5 * DAY, masters=1)
    emulator.settings.faults = (From(METRICS, DENIED, first=2, last=2),)
    plan = planned(scope, IDLE, directly=False)
    outcomes = [item.outcome.value for item in plan.items if item.channel.channel_name != "witness"]
    assert emulator.calls[METRICS] == 3  # 201 x 6 queries, 500 each
    assert 30 < outcomes.count("unknown") < 90
    assert outcomes.count("kept") + outcomes.count("unknown") > 20
    assert outcomes.count("would-delete") > 90


@pytest.mark.parametrize(
    ("given", "lone", "beside"),
    [
        (IDLE, SILENT, "would-delete: not used for 7d"),
        (
            IDLE | {"trust-silence": True},
            "would-delete: not used for 7d",
            "would-delete: not used for 7d",
        ),
        (NEVER, SILENT, "would-delete: 30d old, never used"),
        (
            NEVER | {"trust-silence": True},
            "would-delete: 30d old, never used",
            "would-delete: 30d old, never used",
        ),
        # An age is a reason in itself: silence only fails to spare.
        ({"older-than": DAY}, "would-delete: 30d old", "would-delete: 30d old"),
    ],
)
def test_silence(
    scope: Scope, emulator: LocalServer, *, given: dict[str, Any], lone: str, beside: str
) -> None:
    """Silence condemns only where, in this run, some channel was heard."""
    put(emulator, "cam", 30 * DAY)
    assert told(planned(scope, given))["cam"] == lone
    witness(emulator)
    scope.recent_use = RecentUse()  # as another run begins
    assert told(planned(scope, given))["cam"] == beside


def test_hints_spare_without_the_metrics(scope: Scope, emulator: LocalServer) -> None:
    """What ListMetrics knows to be in use has no metric asked; the rest has six each."""
    for name in put_many(emulator, [f"cam-{n}" for n in range(50)], 30 * DAY):
        use(emulator, name, NOON - HOUR, masters=1)
    plan = planned(scope, IDLE, directly=False)
    assert {item.reason for item in plan.items} == {"last used at most 3h ago"}
    assert (scope.metric_budget.asked, emulator.calls[METRICS]) == (0, 0)
    assert emulator.calls["ListMetrics"] == 3
    put_many(emulator, ["a", "b"], 30 * DAY)
    assert len(planned(scope, IDLE, directly=False).doomed) == 2
    assert (scope.metric_budget.asked, emulator.calls[METRICS]) == (6 * (2 + 3), 1)
    assert emulator.calls["ListMetrics"] == 3


def test_the_index_of_metrics_is_denied(scope: Scope, emulator: LocalServer) -> None:
    """Without ListMetrics the metrics themselves are read, and that is said."""
    witness(emulator)
    put(emulator, "cam", 30 * DAY)
    emulator.settings.faults = (Fault("ListMetrics", DENIED),)
    plan = planned(scope, IDLE, directly=False)
    assert told(plan) == {
        "cam": "would-delete: not used for 7d",
        "witness": "kept: in use: last used at most 0s ago",
    }
    assert plan.problems == [
        'ListMetrics denied: the credentials need cloudwatch:ListMetrics on "*"; '
        "activity is read from the metrics themselves"
    ]


def test_late_metrics(scope: Scope, emulator: LocalServer) -> None:
    """A connection of 80 minutes ago, held for an hour, is seen though metrics are 15 m late."""
    emulator.settings.metrics_lag = timedelta(minutes=15)
    put(emulator, "cam", 30 * DAY)
    use(emulator, "cam", NOON - 70 * MINUTE, masters=1)
    assert told(planned(scope, {"idle-for": 75 * MINUTE}))["cam"].startswith("kept: in use")


def test_even_if_active(scope: Scope, emulator: LocalServer) -> None:
    """A sweep that takes also what is in use calls CloudWatch not at all."""
    witness(emulator)
    plan = planned(scope, {"older-than": DAY, "even-if-active": True})
    assert told(plan) == {"witness": "would-delete: 30d old"}
    assert {METRICS, "ListMetrics"} & set(emulator.calls) == set()


MONTHS = [
    datetime(2026, 3, 29, 0, 30, tzinfo=NOON.tzinfo),  # clocks go forward in Europe at 1:00 UTC
    datetime(2026, 3, 8, 7, 30, tzinfo=NOON.tzinfo),  # and in the USA
    datetime(2026, 10, 25, 1, 30, tzinfo=NOON.tzinfo),  # and back
    datetime(2026, 2, 28, 23, 59, tzinfo=NOON.tzinfo),
    datetime(2028, 2, 29, 12, tzinfo=NOON.tzinfo),
    datetime(2026, 12, 31, 23, 59, 59, tzinfo=NOON.tzinfo),
    datetime(2027, 1, 1, 0, 0, 1, tzinfo=NOON.tzinfo),
]


@pytest.mark.parametrize("now", MONTHS)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
def test_days_that_are_odd(
    environment: dict[str, str],
    emulator: LocalServer,
    monkeypatch: pytest.MonkeyPatch,
    *,
    now: datetime,
    zone: str,
) -> None:
    """Ages, leases and idleness are spans of UTC, on whichever day and in whichever zone."""
    monkeypatch.setenv("TZ", zone)
    time = Time(now)
    emulator.settings.clock = time.now
    scope = time.scope(environment, read_only=True)
    put(emulator, "witness", 30 * DAY)
    use(emulator, "witness", now - 10 * MINUTE, masters=1)
    for name, age in (("just", DAY + MINUTE), ("not-yet", DAY - MINUTE)):
        put(emulator, name, age)
    ends = {"ended": now - 6 * MINUTE, "held": now - 4 * MINUTE}
    for name, at in ends.items():
        put(emulator, name, 2 * DAY, tags={"kvsops:expires-at": f"{at:%Y-%m-%dT%H:%M:%SZ}"})
    put(emulator, "idle", 60 * DAY)
    use(emulator, "idle", now - 31 * DAY - 7 * HOUR, masters=1)
    put(emulator, "used", 60 * DAY)
    use(emulator, "used", now - 30 * DAY + MINUTE, masters=1)
    sweeps: dict[str, dict[str, Any]] = {
        "older": {"older-than": DAY},
        "expired": {"expired": True},
        "idle": {"idle-for": 30 * DAY},
    }
    doomed = {
        name: {item.channel.channel_name for item in planned(scope, given).doomed}
        for name, given in sweeps.items()
    }
    assert doomed == {
        "older": {"just", "ended", "idle", "used"},
        "expired": {"ended"},
        "idle": {"idle"},
    }


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"active": True}, ["live"]),
        ({"idle-for": 7 * DAY}, ["idle", "unused"]),
        ({"never-used": True, "older-than": HOUR}, ["unused"]),
    ],
)
def test_listing(
    scope: Scope, emulator: LocalServer, *, given: dict[str, Any], names: list[str]
) -> None:
    """A listing can be narrowed to what is in use, to what is not, and to what never was."""
    put_many(emulator, ["idle", "live", "unused"], 30 * DAY)
    use(emulator, "live", NOON - HOUR, masters=1)
    use(emulator, "idle", NOON - 8 * DAY, masters=1)
    plan = planning.plan(scope, channels.each_listed(scope), listing_rules(given))
    assert [each.channel.channel_name for each in plan.chosen] == names
