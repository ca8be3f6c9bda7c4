"""The use of many channels, read from CloudWatch for as little as will do, and what that cost.

GetMetricData is billed by the metric. ListMetrics, which costs next to nothing, says first which
names have any points: they are asked everything at once; the others only what cannot be missing
of a channel that was used, and the rest only where that has points.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from kvsops.aws import activity
from kvsops.aws.activity import EVERY, FIRST, REST, Asked
from kvsops.aws.scope import Scope
from kvsops.core.cost import Usage
from kvsops.errors import AwsError
from kvsops.output.console import UNSEEN, Counter


@dataclass(slots=True)
class Metered:
    """What was used, by channel name; what could not be told, and why; what asking cost.

    A name in neither `usage` nor `unknown` had no use.
    """

    usage: dict[str, Usage] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)  # names with points in the last two weeks
    seen_all: bool = True  # False where ListMetrics could not be read
    problems: list[str] = field(default_factory=list)

    def of(self, name: str) -> Usage | None:
        """Return a name's usage; None where it is not known."""
        return None if name in self.unknown else self.usage.get(name, Usage())


def see(scope: Scope, metered: Metered) -> None:
    """Learn from ListMetrics which names have points; where it fails, everything must be asked."""
    try:
        found = scope.in_parallel(lambda query: activity.names_with_points(scope, query), FIRST)
        for names in found:
            metered.seen |= names
    except AwsError as error:
        metered.seen_all = False
        metered.problems.append(f"{error}; deleted channels could not be looked for")


def read(
    scope: Scope,
    metered: Metered,
    names: Sequence[str],
    start: datetime,
    end: datetime,
    *,
    counter: Counter = UNSEEN,
) -> None:
    """Read the names' use by day from `start` to `end`.

    Raises `CheckFailedError`, before anything is asked, where it may cost more than the scope's
    budget.
    """
    likely = [name for name in names if name in metered.seen]
    others = [name for name in names if name not in metered.seen]
    scope.metric_budget.refuse_to_overspend(len(names), len(names) * EVERY)
    points: activity.Points = {}

    def ask(what: str, asked: list[Asked]) -> None:
        if asked:
            counter.stage(what, len({name for name, _ in asked}))
        found, untold = activity.ask(scope, asked, start, end, advance=counter.advance)
        metered.unknown |= untold
        activity.merge(points, found)

    ask("metrics", [*_each(likely, (*FIRST, *REST)), *_each(others, FIRST)])
    ask("more metrics", [*_each((name for name in others if name in points), REST)])
    metered.usage |= {name: Usage(days) for name, days in points.items()}
    metered.problems += sorted(set(metered.unknown.values()))


def _each(names: Iterable[str], queries: Sequence[activity.Query]) -> Iterable[Asked]:
    return ((name, query) for name in names for query in queries)
