"""ListMetrics: a request, and its answer page by page.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

from moto.cloudwatch.exceptions import InvalidParameterValue, ValidationError

from kvsops.local import settings
from kvsops.local.api.exceptions import InvalidArgumentException
from kvsops.local.api.paging import name_before, token_after
from kvsops.local.cloudwatch.index import NAMESPACE, Metric, MetricIndex

MAX_METRICS = 500
"""The metrics on one page."""
MAX_FILTERS = 10
LISTED_FOR = timedelta(days=14)
"""How long a metric is listed after its last point."""
RECENTLY_ACTIVE = {"PT3H": timedelta(hours=3)}
"""How long with RecentlyActive: exactly, where AWS may list up to 50 minutes more."""


@dataclass(frozen=True)
class ListRequest:
    """What one request asks for. A dimension without a value is wanted whatever its value."""

    namespace: str | None
    name: str | None
    dimensions: tuple[tuple[str, str | None], ...]
    listed_for: timedelta
    token: str | None

    @classmethod
    def parse(cls, asked: Mapping[str, Any]) -> Self:
        """Read a request's parameters. Raises ValidationError."""
        filters = asked.get("Dimensions") or []
        if len(filters) > MAX_FILTERS:
            raise ValidationError(
                f"The collection Dimensions must not have a size greater than {MAX_FILTERS}."
            )
        recently = asked.get("RecentlyActive")
        if recently is not None and recently not in RECENTLY_ACTIVE:
            raise ValidationError(f"The value {recently} for parameter RecentlyActive is not PT3H.")
        return cls(
            namespace=asked.get("Namespace"),
            name=asked.get("MetricName"),
            dimensions=tuple((each["Name"], each.get("Value")) for each in filters),
            listed_for=RECENTLY_ACTIVE.get(recently or "", LISTED_FOR),
            token=asked.get("NextToken"),
        )

    def page(self, index: MetricIndex) -> tuple[list[dict[str, object]], str | None]:
        """Return a page of our own metrics, and the token of the next page."""
        if self.namespace not in (None, NAMESPACE):
            return [], None
        since = int((settings.active().clock() - self.listed_for).timestamp())
        ahead = index.page(self._wants, self._after(), since, MAX_METRICS + 1)
        page, more = ahead[:MAX_METRICS], len(ahead) > MAX_METRICS
        token = token_after(json.dumps(page[-1]), self._fingerprint) if more else None
        return [_shown(metric) for metric in page], token

    def _wants(self, metric: Metric) -> bool:
        if self.name not in (None, metric.name):
            return False
        has = dict(metric.dimensions)
        return all(name in has and value in (None, has[name]) for name, value in self.dimensions)

    def _after(self) -> Metric | None:
        """Return the metric that the last page ended with, or None on the first."""
        if not self.token:
            return None
        try:
            name, pairs = json.loads(name_before(self.token, self._fingerprint))
        except InvalidArgumentException:
            raise InvalidParameterValue("Request parameter NextToken is invalid") from None
        return Metric(name, tuple((key, value) for key, value in pairs))

    @property
    def _fingerprint(self) -> str:
        """What all pages of one listing have in common."""
        return repr((self.namespace, self.name, self.dimensions, self.listed_for))


def _shown(metric: Metric) -> dict[str, object]:
    return {
        "Namespace": NAMESPACE,
        "MetricName": metric.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
    }
