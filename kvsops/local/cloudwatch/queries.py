"""GetMetricData's queries: what is refused of them, and what answers the others.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from moto.cloudwatch.exceptions import ValidationError

from kvsops.local import settings
from kvsops.local.cloudwatch.index import NAMESPACE, UNITS, Metric, MetricIndex
from kvsops.local.cloudwatch.series import MINUTE_SECONDS, STATISTICS

_HOUR_SECONDS = 3600
RETENTION = (
    (_HOUR_SECONDS, timedelta(days=455)),
    (5 * MINUTE_SECONDS, timedelta(days=63)),
    (MINUTE_SECONDS, timedelta(days=15)),
)
"""How long points are kept for periods that are multiples of this many seconds."""

_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")


@dataclass(frozen=True)
class Query:
    """One metric to be returned; `where` is what AWS's messages call it."""

    where: str
    id: str
    namespace: str
    metric: Metric
    period: int
    stat: str
    unit: str | None
    label: str
    returned: bool

    @classmethod
    def parse(cls, number: int, asked: Mapping[str, Any]) -> Self:
        """Read one MetricDataQuery, counted from 1. Raises ValidationError."""
        where = f"MetricDataQueries.member.{number}"
        if asked.get("Expression"):
            raise ValidationError(
                f"{where}.Expression: kvsops local evaluates no metric math, no SEARCH and no "
                "Metrics Insights query; ask with MetricStat."
            )
        identity = asked.get("Id") or ""
        if not _ID.fullmatch(identity):
            raise ValidationError(
                f"The value {identity} for parameter {where}.Id is not matching the expected "
                f"pattern {_ID.pattern}"
            )
        stat = asked.get("MetricStat") or {}
        metric = stat.get("Metric")
        if not metric:
            raise ValidationError(f"The parameter {where}.MetricStat is required.")
        name = metric.get("MetricName") or ""
        return cls(
            where=where,
            id=identity,
            namespace=metric.get("Namespace") or "",
            metric=Metric.of(name, dimensions(metric.get("Dimensions"))),
            period=int(stat.get("Period") or 0),
            stat=stat.get("Stat") or "",
            unit=stat.get("Unit"),
            label=asked.get("Label") or name,
            returned=asked.get("ReturnData") is not False,
        )

    @property
    def ours(self) -> bool:
        """Whether our index answers it, not moto."""
        return self.namespace == NAMESPACE

    def check(self) -> None:
        """Raise ValidationError unless our index can answer it."""
        if self.period < MINUTE_SECONDS or self.period % MINUTE_SECONDS:
            raise ValidationError(
                f"The value {self.period} for parameter {self.where}.MetricStat.Period is not a "
                "multiple of 60."
            )
        if self.stat not in STATISTICS:
            raise ValidationError(
                f"The value {self.stat} for parameter {self.where}.MetricStat.Stat is not "
                f"supported by kvsops local, which has {', '.join(STATISTICS)}."
            )

    def points(self, index: MetricIndex, start: datetime, end: datetime) -> list[tuple[int, float]]:
        """Return the statistic of each period that has points, oldest first.

        The periods begin at StartTime, rounded down, as was seen; whether the last one reaches
        past EndTime is not documented, and here it does not.
        Source: https://github.com/boto/boto3/issues/3457
        """
        if self.unit not in (None, UNITS.get(self.metric.name)):
            return []
        origin, statistic = rounded(start), STATISTICS[self.stat]
        since = max(origin, kept_since(self.period))
        found = index.aggregate(self.metric, since, int(end.timestamp()), self.period, origin)
        return [(at, statistic(sample)) for at, sample in sorted(found.items())]


def dimensions(pairs: list[dict[str, str]] | None) -> dict[str, str]:
    """Return dimensions by name."""
    return {pair["Name"]: pair["Value"] for pair in pairs or ()}


def rounded(start: datetime) -> int:
    """Round a StartTime down to the minute, five minutes or hour, by its age, as documented."""
    age, at = settings.active().clock() - start, int(start.timestamp())
    for multiple, kept in reversed(RETENTION):
        if age < kept:
            return at - at % multiple
    return at - at % _HOUR_SECONDS


def kept_since(period: int) -> int:
    """Return the time before which no points are kept for such a period."""
    kept = next(kept for multiple, kept in RETENTION if period % multiple == 0)
    return int((settings.active().clock() - kept).timestamp())
