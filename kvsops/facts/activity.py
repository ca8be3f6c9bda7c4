"""When channels were last used: hinted at by ListMetrics, read from the metrics themselves.

The metrics of all channels in question are read in batches. Whether silence means anything is
found out on the way: it does where, in this run, the same queries had points for some channel.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from kvsops.aws.activity import FIRST, REST, Points, ask, names_with_points, period_for
from kvsops.aws.scope import Scope
from kvsops.core.cost import Day
from kvsops.core.facts import Activity, Fact, Facts, Need, Source, Unknown
from kvsops.core.rules import IN_USE
from kvsops.core.rules.activity import METRICS_REACH
from kvsops.errors import AwsError
from kvsops.facts.look import Gathered, Look, in_order, without_hints
from kvsops.output.console import UNSEEN, Counter

HINT_REACH: Final = timedelta(hours=3)
"""ListMetrics tells the names that had points so recently."""
FINE: Final = 3_600
"""Periods of at most this many seconds tell well enough whether a channel is in use."""
KEPT: Final = (
    (3_600, METRICS_REACH - timedelta(days=1)),
    (300, timedelta(days=62)),
    (60, timedelta(days=14)),
)
"""For how long CloudWatch keeps points of these periods, in seconds, less a day to be sure.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
"""
WITNESSES: Final = 3
"""At most this many channels known to be in use are asked along, to hear whether metrics speak."""


@dataclass(frozen=True, slots=True)
class Window:
    """The time that is looked back over, in periods of this many seconds."""

    start: datetime
    end: datetime
    period: int

    @classmethod
    def until(cls, end: datetime, span: timedelta) -> "Window":
        """Return the window of this span, from where its first period begins."""
        period = period_for(span)
        return cls(_floor(end - span, period), end, period)


def one(scope: Scope, facts: Facts, look: Look) -> Facts:
    """Read one channel's metrics."""
    return _read(scope, [facts], look.span)[0]


def many(scope: Scope, wanted: Sequence[Facts], look: Look) -> Gathered:
    """Hint at each channel's use; of those hinted at before, or directly, read the metrics.

    Raises `CheckFailedError`, before anything is asked, where it may cost more than the scope's
    budget.
    """
    problems: list[str] = []
    wanted = without_hints(wanted, Need.ACTIVITY) if look.directly else wanted
    hinted = [each for each in wanted if each.activity is not None or look.directly]
    others = [each for each in wanted if each.activity is None and not look.directly]
    read = _read(scope, hinted, look.span, look.counter)
    return Gathered(in_order(wanted, read, _hint(scope, others, problems)), problems)


def _hint(scope: Scope, wanted: Sequence[Facts], problems: list[str]) -> list[Facts]:
    """Add to each whether ListMetrics knows of recent use; where it fails, nothing is hinted.

    A hint of use says 3 hours ago, the earliest that it may have been. No hint tells nothing.
    """
    if not wanted:
        return []
    at = scope.now()
    try:
        recent = _recently_used(scope)
    except AwsError as error:
        problems.append(f"{error}; activity is read from the metrics themselves")
        recent = None
    return [_hinted(each, recent, at) for each in wanted]


def _recently_used(scope: Scope) -> frozenset[str]:
    """Return the names with a point in the last 3 hours."""

    def names() -> frozenset[str]:
        found = scope.in_parallel(
            lambda query: names_with_points(scope, query, recently=True), FIRST
        )
        return frozenset[str]().union(*found)

    return scope.recent_use.names(names)


def _hinted(facts: Facts, recent: frozenset[str] | None, at: datetime) -> Facts:
    if recent is None or facts.channel.channel_name in recent:
        last_used = None if recent is None else at - HINT_REACH
        return facts.having(Need.ACTIVITY, Fact(Activity(last_used, None), Source.INDEX, at))
    return facts.having(Need.ACTIVITY, Fact(Activity(None, None), Source.NOT_INDEXED, at))


def _read(
    scope: Scope,
    wanted: Sequence[Facts],
    span: timedelta | None,
    counter: Counter = UNSEEN,
) -> list[Facts]:
    """Read from the metrics when each was last used within the span, or since it was made.

    Of a long span the periods are long. What may have been used lately is read again in shorter
    ones: else all that was used today would be in use now.
    """
    if not wanted:
        return []
    end = scope.now()
    window = Window.until(end, span or end - _earliest(wanted, end))
    known = _told_apart(scope, _asked(scope, wanted, window, counter), window.period)
    if window.period <= FINE:
        return known
    lately = [each for each in known if _used_after(each, end - IN_USE)]
    finer = _read(scope, lately, timedelta(seconds=window.period), counter)
    return [_refined(each, last) for each, last in zip(known, in_order(known, finer), strict=True)]


def _asked(scope: Scope, wanted: Sequence[Facts], window: Window, counter: Counter) -> list[Facts]:
    """Ask the metrics of these channels, and of some witnesses."""
    witnesses = sorted(_in_use(scope))[:WITNESSES]
    names = dict.fromkeys([*(each.channel.channel_name for each in wanted), *witnesses])
    asked = [(name, query) for name in names for query in (*FIRST, *REST)]
    scope.metric_budget.refuse_to_overspend(len(names), len(asked))
    # The period under way counts, too, by the service's clock, which may be the later one.
    until = _floor(scope.service_now(), window.period) + timedelta(seconds=window.period)
    counter.stage("metrics", len(wanted))
    points, untold = ask(scope, asked, window.start, until, window.period, advance=counter.advance)
    heard = any(day.connections for days in points.values() for day in days.values())
    witnessed = scope.recent_use.witness(heard=heard)
    return [
        each.having(Need.ACTIVITY, _activity(each, points, untold, window, witnessed=witnessed))
        for each in wanted
    ]


def _told_apart(scope: Scope, known: Sequence[Facts], period: int) -> list[Facts]:
    """Tell what a channel did first from what a forerunner of its name did last.

    Metrics know the name alone. The period in which a channel was made, where it was used in none
    since, is read as finely as CloudWatch still keeps it; what is in doubt then is marked so.
    """
    doubtful: dict[datetime, list[Facts]] = {}
    for each in known:
        created, use = each.channel.creation_time, each.use
        if not (created and use and use.last_used):
            continue
        begin = _floor(created, period)
        if begin != created and use.last_used <= begin + timedelta(seconds=period):
            doubtful.setdefault(begin, []).append(each)
    groups = [_finely(scope, group, begin, period) for begin, group in doubtful.items()]
    return in_order(known, *groups)


def _finely(scope: Scope, group: Sequence[Facts], begin: datetime, period: int) -> list[Facts]:
    """Read one period of the metrics of these channels again, in shorter ones."""
    age = scope.now() - begin
    finer = next((each for each, kept in KEPT if each < period and age < kept), None)
    if finer is None:
        return [_with_use(each, perhaps_anothers=True) for each in group]
    window = Window(begin, min(begin + timedelta(seconds=period), scope.now()), finer)
    asked = [(each.channel.channel_name, query) for each in group for query in (*FIRST, *REST)]
    scope.metric_budget.refuse_to_overspend(len(group), len(asked))
    until = min(window.end + timedelta(seconds=finer), begin + timedelta(seconds=period))
    points, untold = ask(scope, asked, begin, until, finer)
    read: list[Facts] = []
    for each in group:
        name, created = each.channel.channel_name, each.channel.creation_time
        if name in untold:
            read.append(each.having(Need.ACTIVITY, Unknown(untold[name], scope.now())))
        else:
            last_used = _last_used(points.get(name, {}), created, window)
            read.append(_with_use(each, last_used=last_used))
    return _told_apart(scope, read, finer)


def _with_use(facts: Facts, **changes: Any) -> Facts:
    fact = facts.activity
    if not isinstance(fact, Fact):
        return facts
    return facts.having(Need.ACTIVITY, replace(fact, value=replace(fact.value, **changes)))


def _in_use(scope: Scope) -> frozenset[str]:
    """Return names that metrics should speak of; none where ListMetrics cannot be read."""
    try:
        return _recently_used(scope)
    except AwsError:
        return frozenset()


def _activity(
    facts: Facts, points: Points, untold: dict[str, str], window: Window, *, witnessed: bool
) -> Fact[Activity] | Unknown:
    name = facts.channel.channel_name
    if name in untold:
        return Unknown(untold[name], window.end)
    last_used = _last_used(points.get(name, {}), facts.channel.creation_time, window)
    return Fact(Activity(last_used, window.start, witnessed), Source.DIRECT, window.end)


def _last_used(days: dict[date, Day], created: datetime | None, window: Window) -> datetime | None:
    """Return the end of the last period with any use, after the channel was made.

    CloudWatch knows only the name: a period that ended before is of another channel that had it.
    """
    period = timedelta(seconds=window.period)
    ends = [_moment(at) + period for at, day in days.items() if day.used]
    own = [at for at in ends if created is None or at > created]
    return min(max(own), window.end) if own else None


def _used_after(facts: Facts, moment: datetime) -> bool:
    last_used = facts.use.last_used if facts.use else None
    return last_used is not None and last_used > moment


def _refined(facts: Facts, finer: Facts) -> Facts:
    """Take the time of the last use from a finer look, where that tells one."""
    known, seen = facts.use, finer.use
    if not (known and known.last_used and seen and seen.last_used):
        return facts
    return _with_use(facts, last_used=min(known.last_used, seen.last_used))


def _earliest(wanted: Iterable[Facts], end: datetime) -> datetime:
    created = [each.channel.creation_time for each in wanted if each.channel.creation_time]
    return max(min(created, default=end - METRICS_REACH), end - METRICS_REACH)


def _floor(at: datetime, period: int) -> datetime:
    """Return when the period that holds the moment began."""
    return datetime.fromtimestamp(at.timestamp() // period * period, UTC)


def _moment(at: date) -> datetime:
    """Return when a period began; one of a day is known by its date."""
    return at if isinstance(at, datetime) else datetime.combine(at, time(), UTC)
