"""What a run spends on CloudWatch, and what it has learned there; safe from any thread."""

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from kvsops.errors import CheckFailedError

METRIC_PRICE: Final = Decimal("0.01") / 1_000
"""Dollars for each metric asked of GetMetricData.

Source: https://aws.amazon.com/cloudwatch/pricing/
"""


class MetricPool:
    """What runs in many places may spend together; each reserves what it may ask before it asks."""

    def __init__(self, maximum: Decimal | None) -> None:
        self.maximum = maximum
        self._reserved = 0
        self._lock = threading.Lock()

    def reserve(self, metrics: int) -> bool:
        """Set so many metrics aside, if that may be; return whether."""
        with self._lock:
            reserved = self._reserved + max(metrics, 0)
            if self.maximum is not None and reserved * METRIC_PRICE > self.maximum:
                return False
            self._reserved = reserved
            return True


class MetricBudget:
    """Counts the metrics asked for, from any thread; `maximum` is what they may cost, in dollars.

    Each statistic asked is counted as a metric. With a `pool` they come out of that.
    """

    def __init__(self, maximum: Decimal | None = None, pool: MetricPool | None = None) -> None:
        self.maximum = pool.maximum if pool else maximum
        self.asked = 0
        self._pool, self._reserved = pool, 0
        self._lock = threading.Lock()

    def count(self, number: int) -> None:
        """Count metrics as asked for."""
        with self._lock:
            self.asked += number

    @property
    def spent(self) -> Decimal:
        """What the metrics asked for cost, in dollars."""
        return self.asked * METRIC_PRICE

    def refuse_to_overspend(self, names: int, metrics: int, noun: str = "channel") -> None:
        """Raise `CheckFailedError` where this many more metrics may cost more than the maximum.

        They are of so many `names`, each that of a `noun`.
        """
        most = self.spent + metrics * METRIC_PRICE
        if self._within(metrics):
            return
        channels = f"{names:,} {noun}{'' if names == 1 else 's'}"
        left = "what is left of " if self._pool else ""
        already = f", with {self.asked:,} metrics asked already," if self.asked else ""
        msg = (
            f"reading the metrics of {channels}{already} may cost ${most:.4f}, more than "
            f"{left}--max-own-cost {self.maximum}: nothing{' more' if already else ''} was asked; "
            "narrow with --prefix or --match"
        )
        raise CheckFailedError(msg)

    def _within(self, metrics: int) -> bool:
        """Whether so many more may be asked; of a pool they are set aside, each but once."""
        if self._pool is None:
            most = self.spent + metrics * METRIC_PRICE
            return self.maximum is None or most <= self.maximum
        more = self.asked + metrics - self._reserved
        if not self._pool.reserve(more):
            return False
        self._reserved += max(more, 0)
        return True


class RecentUse:
    """The names ListMetrics knows recent points of, and whether any metric had a point.

    Both are found out once a run.
    """

    def __init__(self) -> None:
        self._names: frozenset[str] | None = None
        self._witnessed = False
        self._asking, self._lock = threading.Lock(), threading.Lock()

    def names(self, ask: Callable[[], frozenset[str]]) -> frozenset[str]:
        """Return the names, asking for them the first time; where that fails, the next time too."""
        with self._asking:
            if self._names is None:
                self._names = ask()
            return self._names

    def witness(self, *, heard: bool) -> bool:
        """Note whether metrics had a point; return whether any had in this run, so far."""
        with self._lock:
            self._witnessed = self._witnessed or heard
            return self._witnessed
