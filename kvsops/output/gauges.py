"""Gauges for Prometheus's textfile collector.

The text is OpenMetrics with nothing in it that the older Prometheus format, which the collector
reads, doesn't know.

Source: https://github.com/prometheus/node_exporter#textfile-collector
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from kvsops.output.text import safe

if TYPE_CHECKING:
    from prometheus_client.core import GaugeMetricFamily


def exposition(gauges: "Callable[[], Iterable[GaugeMetricFamily]]") -> bytes:
    """Make the text of the gauges."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.openmetrics.exposition import generate_latest
    from prometheus_client.registry import Collector

    class Gauges(Collector):
        def collect(self) -> "Iterable[GaugeMetricFamily]":
            return gauges()

    registry = CollectorRegistry()
    registry.register(Gauges())
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]  # it has no types
    return text


def gauge(
    name: str, text: str, values: Iterable[tuple[Mapping[str, str], float | Decimal | None]]
) -> "Iterator[GaugeMetricFamily]":
    """Give one gauge with the values that are known; none at all if none is."""
    from prometheus_client.core import GaugeMetricFamily

    known = [(labels, value) for labels, value in values if value is not None]
    if not known:
        return
    family = GaugeMetricFamily(name, text, labels=list(known[0][0]))
    for labels, value in known:
        family.add_metric([safe(label) for label in labels.values()], float(value))
    yield family
