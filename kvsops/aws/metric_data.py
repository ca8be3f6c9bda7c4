"""CloudWatch's metrics of the service: asked, and the answers checked; what they mean is not here.

Metric names and dimensions are as documented; silence may be a mistake of ours or a permission that
is missing, so it is never proof by itself.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from kvsops.aws.answers import DOUBTS
from kvsops.aws.scope import Scope
from kvsops.errors import AwsError

NAMESPACE: Final = "AWS/KinesisVideo"
QUERIES: Final = 500  # a GetMetricData request takes
LISTED_FOR: Final = timedelta(days=14)
"""ListMetrics leaves out what had no point for so long."""
MOST: Final = 2**53
"""No count of a period is beyond it, where a float no longer tells each number from the next."""

_TOLD: Final = "Complete"
_UNDECIDED: Final = ("PartialData", _TOLD)  # a later page may say more

Take = Callable[[int, Sequence[datetime], Sequence[float]], None]
"""Hears the points of a series: its number among those asked, their times, and their values."""


@dataclass(frozen=True, slots=True)
class Series:
    """One statistic of one metric of one resource; the period in seconds."""

    metric: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str
    period: int

    def as_query(self, identity: str) -> dict[str, Any]:
        """Return what GetMetricData takes."""
        pairs = [{"Name": name, "Value": value} for name, value in self.dimensions]
        metric = {"Namespace": NAMESPACE, "MetricName": self.metric, "Dimensions": pairs}
        stat = {"Metric": metric, "Period": self.period, "Stat": self.statistic}
        return {"Id": identity, "MetricStat": stat}


def names_listed(
    scope: Scope,
    metric: str,
    dimension: str,
    *also: tuple[str, str],
    recently: bool = False,
) -> set[str]:
    """Return the dimension's values for which the metric had a point in the last two weeks.

    `also` are other dimensions with their values. `recently` asks for the last 3 hours instead.
    Raises `AwsError`, too for a metric that names none: one that is left out would pass for silent.
    """
    dimensions = [{"Name": dimension}, *({"Name": name, "Value": each} for name, each in also)]
    narrowed: dict[str, Any] = {"RecentlyActive": "PT3H"} if recently else {}
    pages = scope.pages(
        "ListMetrics",
        "Metrics",
        Namespace=NAMESPACE,
        MetricName=metric,
        Dimensions=dimensions,
        **narrowed,
    )
    return {_value_of(found, dimension) for page in pages for found in page}


def _value_of(metric: Mapping[str, Any], dimension: str) -> str:
    pairs = metric.get("Dimensions", ())
    value = next((each.get("Value") for each in pairs if each.get("Name") == dimension), None)
    if not value:
        msg = f"ListMetrics failed: it told a metric without {dimension}"
        raise AwsError(msg, "UnreadableAnswerError")
    return str(value)


@dataclass(slots=True)
class _Read:
    """What the pages of one answer told so far, by query."""

    asked: Sequence[Series]
    start: datetime
    end: datetime
    take: Take
    statuses: dict[int, str] = field(default_factory=dict)
    seen: dict[int, set[datetime]] = field(default_factory=dict)

    def add(self, result: Mapping[str, Any], *, doubted: bool) -> None:
        """Hand on what a query told; raises `AwsError` for one that was not asked."""
        number = _number(result.get("Id", ""), len(self.asked))
        if number is None:
            raise AwsError("GetMetricData failed: it told what was not asked", "NotAsked")
        times, values = result.get("Timestamps", ()), result.get("Values", ())
        if doubted or not self._possible(number, times, values):
            self.statuses[number] = "what cannot be"
            return
        if self.statuses.get(number, _TOLD) in _UNDECIDED:  # an earlier page's failure stays one
            self.statuses[number] = result.get("StatusCode", _TOLD)
        if times:  # most have none
            self.take(number, times, values)

    def _possible(self, number: int, times: Sequence[datetime], values: Sequence[float]) -> bool:
        """Whether each moment was asked about, is told once, and has a value that can be one."""
        if not times:
            return not values
        seen = self.seen.setdefault(number, set())
        known = len(seen)
        seen.update(times)
        if len(times) != len(values) or len(seen) != known + len(times):
            return False
        first = self.start - timedelta(seconds=self.asked[number].period)
        bounded = min(values) >= 0 and max(values) <= MOST
        return bounded and first <= min(times) and max(times) <= self.end

    def untold(self) -> dict[int, str]:
        """Return the queries of which not all was told, with why."""
        told = ((number, self.statuses.get(number, "nothing")) for number in range(len(self.asked)))
        return {
            number: f"CloudWatch answered {status}" for number, status in told if status != _TOLD
        }


def read(
    scope: Scope, asked: Sequence[Series], start: datetime, end: datetime, take: Take
) -> dict[int, str]:
    """Read up to 500 series; return the numbers of those that were not told whole, with why.

    Raises `AwsError`.
    """
    told = _Read(asked, start, end, take)
    pages = scope.answers(
        "GetMetricData",
        MetricDataQueries=[each.as_query(f"q{at}") for at, each in enumerate(asked)],
        StartTime=start,
        EndTime=end,
    )
    for page in pages:
        for at, result in enumerate(page["MetricDataResults"]):
            told.add(result, doubted=at in page.get(DOUBTS, {}))
    scope.metric_budget.count(len(asked))
    return told.untold()


def batches(asked: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Part what is asked into as much as a request takes."""
    return (asked[at : at + QUERIES] for at in range(0, len(asked), QUERIES))


def _number(identity: str, asked: int) -> int | None:
    """Return which query it is of, if of any."""
    number = identity[1:]
    known = identity[:1] == "q" and number.isdecimal() and int(number) < asked
    return int(number) if known else None
