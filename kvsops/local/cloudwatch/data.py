"""GetMetricData: a request, and its answer page by page.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from moto.cloudwatch.exceptions import CloudWatchException, ValidationError

from kvsops.local.api.exceptions import InvalidArgumentException
from kvsops.local.api.paging import name_before, token_after
from kvsops.local.cloudwatch.index import MetricIndex
from kvsops.local.cloudwatch.queries import Query

MAX_QUERIES = 500
MAX_POINTS = 100_800
"""The points in one answer; where there are more, they come in pages."""

_OLDEST_FIRST, _NEWEST_FIRST = "TimestampAscending", "TimestampDescending"

Points = list[tuple[int, float]]


class InvalidNextToken(CloudWatchException):
    """The token is not one of this request's (400)."""

    code = "InvalidNextToken"


@dataclass(frozen=True)
class DataRequest:
    """What one request asks for; `most` is how many points a page may hold."""

    queries: tuple[Query, ...]
    start: datetime
    end: datetime
    newest_first: bool
    most: int
    token: str | None

    @classmethod
    def parse(cls, asked: Mapping[str, Any]) -> Self:
        """Read a request's parameters. Raises ValidationError."""
        start, end = (_aware(asked, name) for name in ("StartTime", "EndTime"))
        if start > end:
            raise ValidationError("The parameter EndTime must be greater than StartTime.")
        if start == end:
            raise ValidationError("The parameter StartTime must not equal parameter EndTime.")
        return cls(
            queries=_queries(asked.get("MetricDataQueries") or []),
            start=start,
            end=end,
            newest_first=_newest_first(asked.get("ScanBy")),
            most=_most(asked.get("MaxDatapoints")),
            token=asked.get("NextToken"),
        )

    def results(self, index: MetricIndex) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of the results of our own metrics, and the token of the next page.

        Each page names each query; one with points yet to come is PartialData. That pages also
        repeat the queries that are done is our assumption.
        """
        results, place, room = [], None, self.most
        done, after = self._place()
        for number, query in enumerate(q for q in self.queries if q.ours and q.returned):
            points: Points = []
            if number >= done and place is None:
                points = self._points(query, index, after if number == done else None)
                if len(points) > room:
                    points = points[:room]
                    place = f"{number}.{points[-1][0] if points else ''}"
                room -= len(points)
            results.append(_result(query, points, complete=place is None))
        return results, token_after(place, self._fingerprint) if place else None

    def _points(self, query: Query, index: MetricIndex, after: int | None) -> Points:
        """Return the query's points in the order asked for, those after the last page's last."""
        points = query.points(index, self.start, self.end)
        if self.newest_first:
            return [(at, value) for at, value in reversed(points) if after is None or at < after]
        return [(at, value) for at, value in points if after is None or at > after]

    def _place(self) -> tuple[int, int | None]:
        """Return how many queries earlier pages finished, and where in the next they ended."""
        if not self.token:
            return 0, None
        try:
            number, _, after = name_before(self.token, self._fingerprint).partition(".")
        except InvalidArgumentException:
            raise InvalidNextToken("The NextToken is not one of this request's.") from None
        return int(number), int(after) if after else None

    @property
    def _fingerprint(self) -> str:
        """What all pages of one request have in common."""
        return repr((self.queries, self.start, self.end, self.newest_first))


def _queries(asked: list[Mapping[str, Any]]) -> tuple[Query, ...]:
    if not asked:
        raise ValidationError("The parameter MetricDataQueries is required.")
    if len(asked) > MAX_QUERIES:
        raise ValidationError(
            f"The collection MetricDataQueries must not have a size greater than {MAX_QUERIES}."
        )
    queries = tuple(Query.parse(number, each) for number, each in enumerate(asked, start=1))
    twice = [name for name, times in Counter(query.id for query in queries).items() if times > 1]
    if twice:
        raise ValidationError(
            f"The values for parameter Id in MetricDataQueries are not unique: {', '.join(twice)}."
        )
    for query in queries:
        if query.ours:
            query.check()
    return queries


def _aware(asked: Mapping[str, Any], name: str) -> datetime:
    """Return a time with its zone, which moto leaves out: it is UTC."""
    time: datetime | None = asked.get(name)
    if time is None:
        raise ValidationError(f"The parameter {name} is required.")
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _newest_first(scan_by: str | None) -> bool:
    if scan_by not in (None, _OLDEST_FIRST, _NEWEST_FIRST):
        raise ValidationError(
            f"The value {scan_by} for parameter ScanBy is not one of {_OLDEST_FIRST}, "
            f"{_NEWEST_FIRST}."
        )
    return scan_by != _OLDEST_FIRST


def _most(max_datapoints: int | None) -> int:
    """Return how many points a page may hold; that a larger wish is cut is our assumption."""
    if max_datapoints is None:
        return MAX_POINTS
    if max_datapoints < 1:
        raise ValidationError("The parameter MaxDatapoints must be greater than or equal to 1.")
    return min(max_datapoints, MAX_POINTS)


def _result(query: Query, points: Points, *, complete: bool) -> dict[str, Any]:
    return {
        "Id": query.id,
        "Label": query.label,
        "Timestamps": [at for at, _ in points],
        "Values": [value for _, value in points],
        "StatusCode": "Complete" if complete else "PartialData",
    }
