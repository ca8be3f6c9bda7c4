"""What was used, and when: CloudWatch's metrics of signaling channels.

The metrics' dimension is the channel's name, not its ARN: a channel that was made again under its
name inherits its forerunner's points. Metric names and dimensions are as documented; silence may
be a mistake of ours or a permission that is missing, so it is never proof by itself.
Source: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/cloudwatch-metrics.html
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final

from kvsops.aws import metric_data
from kvsops.aws.metric_data import Series
from kvsops.aws.scope import Scope
from kvsops.core.cost import Day
from kvsops.errors import AwsError

NAME_DIMENSION: Final = "SignalingChannelName"
CONNECTS: Final = ("ConnectAsMaster", "ConnectAsViewer")
PERIODS: Final = (300, 3_600, 21_600, 86_400, 7 * 86_400)
"""The periods used, in seconds: of no finer points than are kept for as long as they serve."""
POINTS: Final = 200
DAY: Final = 86_400
"""Daily points are kept for 455 days, as the hourly ones that they are made of."""

CALL_PRICE: Final = Decimal("0.01") / 1_000  # each CloudWatch call but GetMetricData
CLOUDWATCH_CALLS: Final = ("GetMetricData", "ListMetrics")
# Source of the price: https://aws.amazon.com/cloudwatch/pricing/


@dataclass(frozen=True, slots=True)
class Query:
    """One statistic of one metric of channels: which of a day's figures it adds to, or lowers."""

    metric: str
    operation: str | None
    statistic: str
    figure: int  # of `Day`
    sign: int = 1

    def __str__(self) -> str:
        return f"{self.statistic} of {self.metric} {self.operation or ''}".rstrip()


# A connection that succeeded is a point of Failure with the value 0: SampleCount less Sum.
_CONNECTIONS, _SENT, _MINUTES = range(3)
_ATTEMPTS: Final = tuple(Query("Failure", each, "SampleCount", _CONNECTIONS) for each in CONNECTS)
_FAILURES: Final = tuple(Query("Failure", each, "Sum", _CONNECTIONS, -1) for each in CONNECTS)
_MESSAGES: Final = Query("MessagesTransferred.Count", None, "Sum", _SENT)
_TURN: Final = Query("TURNConnectedMinutes", None, "Sum", _MINUTES)

FIRST: Final = (*_ATTEMPTS, _MESSAGES)
"""Asked of every channel: one without a point in these was neither connected to nor spoke."""
REST: Final = (*_FAILURES, _TURN)
"""Asked of those that have points in the first."""
EVERY: Final = len(FIRST) + len(REST)

BY_ROLE: Final = {
    role: queries for role, *queries in zip(("master", "viewer"), _ATTEMPTS, _FAILURES, strict=True)
}
"""What tells the connections of a role alone, those that failed taken off."""

Asked = tuple[str, Query]
"""A channel's name and what is asked of it."""

Points = dict[str, dict[date, Day]]
"""What was used, by channel name and day; at another period than a day, by its beginning."""


def names_with_points(scope: Scope, query: Query, *, recently: bool = False) -> set[str]:
    """Return the names of channels, also deleted ones, with a point in the last two weeks.

    `recently` asks for the last 3 hours instead. It may prove that something was used; it never
    proves that nothing was.
    """
    also = [("Operation", query.operation)] if query.operation else []
    return metric_data.names_listed(scope, query.metric, NAME_DIMENSION, *also, recently=recently)


def read(
    scope: Scope, asked: Sequence[Asked], start: datetime, end: datetime, period: int = DAY
) -> tuple[Points, dict[str, str]]:
    """Read up to 500 queries; return use by name and day, and the names not told, with why.

    A name without points has no use that these queries could tell. Raises `AwsError`.
    """
    figures: dict[str, dict[date, list[int]]] = {}

    def take(number: int, times: Sequence[datetime], values: Sequence[float]) -> None:
        name, query = asked[number]
        days = figures.setdefault(name, {})
        for time, value in zip(times, values, strict=True):
            day = days.setdefault(_begin(time, period), [0, 0, 0])
            day[query.figure] += query.sign * round(value)

    series = [_series(*each, period) for each in asked]
    untold = metric_data.read(scope, series, start, end, take)
    points = {name: {at: Day(*d) for at, d in days.items()} for name, days in figures.items()}
    return points, {asked[number][0]: why for number, why in untold.items()}


def ask(
    scope: Scope,
    asked: Sequence[Asked],
    start: datetime,
    end: datetime,
    period: int = DAY,
    *,
    advance: Callable[[int], object] = lambda _: None,
) -> tuple[Points, dict[str, str]]:
    """Read any number of queries, in batches; a batch that fails leaves its names untold.

    `advance` hears how many more names were asked about, each of them once.
    """

    def answer(counted: tuple[Sequence[Asked], int]) -> tuple[Points, dict[str, str]]:
        batch, new = counted
        try:
            return read(scope, batch, start, end, period)
        except AwsError as error:
            return {}, {name: str(error) for name, _ in batch}
        finally:
            advance(new)

    points: Points = {}
    untold: dict[str, str] = {}
    for read_points, read_untold in scope.in_parallel(answer, _counted(metric_data.batches(asked))):
        untold |= read_untold
        merge(points, read_points)
    return points, untold


def _counted(batches: Iterable[Sequence[Asked]]) -> Iterator[tuple[Sequence[Asked], int]]:
    """Tell with each batch how many names it has that no batch before had."""
    known: set[str] = set()
    for batch in batches:
        before = len(known)
        known.update(name for name, _ in batch)
        yield batch, len(known) - before


def period_for(span: timedelta) -> int:
    """Return the period, in seconds, that tells the span in some 200 points at most."""
    return next(each for each in PERIODS if span / timedelta(seconds=each) <= POINTS)


def own_cost(scope: Scope) -> Decimal:
    """Return what the scope's CloudWatch calls cost in dollars, at most.

    Each statistic asked is counted as a metric.
    """
    return scope.metric_budget.spent + scope.calls["ListMetrics"] * CALL_PRICE


def merge(points: Points, more: Points) -> None:
    """Add more points to those that are known, and keep them."""
    for name, days in more.items():
        known = points.setdefault(name, days)
        if known is not days:
            for day, used in days.items():
                known[day] = known.get(day, Day()) + used


@lru_cache(1_024)
def _begin(time: datetime, period: int) -> date:
    """Return what a point is known by: most answers have the same few times."""
    utc = time.astimezone(UTC)
    return utc.date() if period == DAY else utc


def _series(name: str, query: Query, period: int) -> Series:
    operation = (("Operation", query.operation),) if query.operation else ()
    dimensions = (*operation, (NAME_DIMENSION, name))
    return Series(query.metric, dimensions, query.statistic, period)
