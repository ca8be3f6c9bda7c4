"""When channels were last used: hinted at by ListMetrics, told by the metrics themselves.

The metrics of all channels in question are read in batches. Whether silence tells anything is
found out on the way: it does where, in this run, the same queries had points for some channel.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from kvsops.aws import activity
from kvsops.aws.activity import FIRST, REACH, REST
from kvsops.aws.scope import Scope
from kvsops.core.cost import Day
from kvsops.core.facts import Activity, Fact, Facts, Need, Source, Unknown
from kvsops.core.rules import IN_USE
from kvsops.errors import AwsError

HINT_REACH: Final = timedelta(hours=3)
"""ListMetrics tells the names that had points so recently."""
FINE: Final = 3_600
"""Periods of up to so many seconds tell well enough whether a channel is in use."""
WITNESSES: Final = 3
"""So many channels that are known to be in use are asked along, to hear whether metrics speak."""


def hint(scope: Scope, wanted: Sequence[Facts], problems: list[str]) -> list[Facts]:
    """Add to each whether ListMetrics knows of recent use; where it fails, nothing is hinted.

    A hint of use says 3 hours ago, the earliest that it may have been. No hint tells nothing.
    """
    if not wanted:
        return []
    at = scope.now()
    try:
        recent = recently_used(scope)
    except AwsError as error:
        problems.append(f"{error}; activity is read from the metrics themselves")
        recent = None
    return [_hinted(each, recent, at) for each in wanted]


def recently_used(scope: Scope) -> frozenset[str]:
    """Return the names with a point in the last 3 hours; asked once a run."""
    if scope.recently_used is None:
        found = scope.in_parallel(
            lambda query: activity.names_with_points(scope, query, recently=True), FIRST
        )
        scope.recently_used = frozenset[str]().union(*found)
    return scope.recently_used


def read(
    scope: Scope,
    wanted: Sequence[Facts],
    span: timedelta | None,
    *,
    advance: Callable[[int], object] = lambda _: None,
) -> list[Facts]:
    """Read from the metrics when each was last used within the span, or since it was made.

    Of a long span the periods are long. What may have been used lately is read again in shorter
    ones: else all that was used today would be in use now.

    Raises `CheckFailedError`, before anything is asked, where it may cost more than the scope's
    `max_own_cost`.
    """
    if not wanted:
        return []
    end = scope.now()
    start = end - span if span else _earliest(wanted, end)
    period = activity.period_for(end - start)
    start = _floor(start, period)
    until = _floor(end, period) + timedelta(seconds=period)  # the period under way counts, too
    witnesses = sorted(_in_use(scope))[:WITNESSES]
    names = dict.fromkeys([*(each.channel.channel_name for each in wanted), *witnesses])
    asked = [(name, query) for name in names for query in (*FIRST, *REST)]
    activity.refuse_to_overspend(scope, len(names), len(asked))
    points, untold = activity.ask(scope, asked, start, until, period, advance=advance)
    scope.witnessed |= any(day.connections for days in points.values() for day in days.values())
    told = [_told(scope, each, points, untold, (start, end, period)) for each in wanted]
    if period <= FINE:
        return told
    lately = [each for each in told if _used_after(each, end - IN_USE)]
    finer = {
        each.channel.channel_arn: each for each in read(scope, lately, timedelta(seconds=period))
    }
    return [_refined(each, finer.get(each.channel.channel_arn, each)) for each in told]


def _used_after(facts: Facts, moment: datetime) -> bool:
    last_used = facts.use.last_used if facts.use else None
    return last_used is not None and last_used > moment


def _refined(facts: Facts, finer: Facts) -> Facts:
    """Take the time of the last use from a finer look, where that tells one."""
    fact, seen = facts.activity, finer.use
    if not isinstance(fact, Fact) or seen is None or seen.last_used is None:
        return facts
    last = replace(fact.value, last_used=seen.last_used)
    return facts.having(Need.ACTIVITY, replace(fact, value=last))


def _in_use(scope: Scope) -> frozenset[str]:
    """Return names that metrics should speak of; none where ListMetrics cannot be read."""
    try:
        return recently_used(scope)
    except AwsError:
        return frozenset()


def _earliest(wanted: Sequence[Facts], end: datetime) -> datetime:
    created = [each.channel.creation_time for each in wanted if each.channel.creation_time]
    return max(min(created, default=end - REACH), end - REACH)


def _hinted(facts: Facts, recent: frozenset[str] | None, at: datetime) -> Facts:
    if recent is None or facts.channel.channel_name in recent:
        last_used = None if recent is None else at - HINT_REACH
        return facts.having(Need.ACTIVITY, Fact(Activity(last_used, None), Source.INDEX, at))
    return facts.having(Need.ACTIVITY, Fact(Activity(None, None), Source.NOT_INDEXED, at))


def _told(
    scope: Scope,
    facts: Facts,
    points: activity.Points,
    untold: dict[str, str],
    window: tuple[datetime, datetime, int],
) -> Facts:
    name, (start, end, period) = facts.channel.channel_name, window
    if name in untold:
        return facts.having(Need.ACTIVITY, Unknown(untold[name], end))
    last_used = _last(points.get(name, {}), facts.channel.creation_time, end, period)
    told = Activity(last_used, start, scope.witnessed)
    return facts.having(Need.ACTIVITY, Fact(told, Source.DIRECT, end))


def _floor(at: datetime, period: int) -> datetime:
    """Return when the period that holds the moment began."""
    return datetime.fromtimestamp(at.timestamp() // period * period, UTC)


def _moment(at: date) -> datetime:
    """Return when a period began; one of a day is known by its date."""
    return at if isinstance(at, datetime) else datetime.combine(at, time(), UTC)


def _last(
    days: dict[date, Day], created: datetime | None, end: datetime, period: int
) -> datetime | None:
    """Return the end of the last period with any use, after the channel was made.

    CloudWatch knows only the name: a period that ended before is of another channel that had it.
    """
    ends = [_moment(at) + timedelta(seconds=period) for at, day in days.items() if day.used]
    own = [at for at in ends if created is None or at > created]
    return min(max(own), end) if own else None
