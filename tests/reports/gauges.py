"""Gauges read back from a file, as OpenMetrics and as the older format that the collector knows."""

from collections.abc import Callable, Iterable
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

Parse = Callable[[str], Iterable[Metric]]


def in_openmetrics(text: str) -> Iterable[Metric]:
    """Read OpenMetrics."""
    families: Iterable[Metric] = openmetrics.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]  # it has no types
    return families


PARSERS = [in_openmetrics, text_string_to_metric_families]


def samples_in(file: Path, parse: Parse = in_openmetrics) -> list[Sample]:
    """Read a file back; every metric in it is a gauge."""
    families = [*parse(file.read_text(encoding="utf-8"))]
    assert {family.type for family in families} == {"gauge"}
    return [sample for family in families for sample in family.samples]
