"""`--report FILE`: a smoke test as JUnit XML, OpenMetrics, JSON or Markdown, by the file's name."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kvsops.output.files import FOR_ALL
from kvsops.output.gauges import exposition
from kvsops.output.rows import dumps
from kvsops.output.text import xml_safe
from kvsops.reports.files import Kind, ReportFiles
from kvsops.reports.junit import document

if TYPE_CHECKING:
    from junitparser import TestCase

    # A file's name is checked before it is known whether the extra is installed.
    from kvsops.smoke.report import SmokeReport


def _json(report: "SmokeReport", _: Path) -> bytes:
    return dumps(report.to_json()).encode()


def _markdown(report: "SmokeReport", _: Path) -> bytes:
    from kvsops.reports.smoke import markdown_text

    return markdown_text(report).encode()


def _junit(report: "SmokeReport", _: Path) -> bytes:
    """Make a test case of each step and each threshold."""
    from junitparser import TestSuite

    name = report.channel_name
    suite = TestSuite("kvsops smoke")
    suite.timestamp = report.started_at.isoformat(timespec="seconds")
    suite.hostname = name
    for case in _cases(report, f"kvsops.smoke.{name}"):
        suite.add_testcase(case)
    suite.time = round(report.seconds, 3)
    return document(suite)


def _cases(report: "SmokeReport", classname: str) -> "Iterator[TestCase]":
    from junitparser import Failure, Skipped, TestCase

    for step in report.steps:
        case = TestCase(xml_safe(step.name), classname, round(step.seconds or 0, 4))
        if step.status == "failed":
            case.result = [Failure(xml_safe(step.reason or ""))]
        elif step.status != "ok":
            case.result = [Skipped(xml_safe(step.reason or "not reached"))]
        yield case
    for each in report.thresholds:
        case = TestCase(each.option, classname, 0.0)
        case.result = [] if each.passed else [Failure(xml_safe(str(each)))]
        yield case


def _open_metrics(report: "SmokeReport", _: Path) -> bytes:
    """Give the gauges; one of which nothing is known is there all the same, without a value."""
    from prometheus_client.core import GaugeMetricFamily

    gauges: dict[str, GaugeMetricFamily] = {}

    def gauge(name: str, help_text: str, value: float | None, **labels: str) -> None:
        if name not in gauges:
            names = ["channel", *labels]
            gauges[name] = GaugeMetricFamily(f"kvsops_smoke_{name}", help_text, labels=names)
        if value is not None:
            gauges[name].add_metric([report.channel_name, *labels.values()], value)

    _gauges(report, gauge)
    return exposition(gauges.values)


def _gauges(report: "SmokeReport", gauge: Callable[..., None]) -> None:
    began = report.started_at.timestamp()
    gauge("passed", "Whether every step and threshold passed.", float(report.passed))
    gauge("timestamp_seconds", "When the test began, in seconds since the epoch.", began)
    gauge("connect_seconds", "From the offer until DTLS.", _seconds(report.connect_ms))
    gauge("first_video_seconds", "From the offer to a picture.", _seconds(report.first_video_ms))
    for step in report.steps:
        if step.key != "probe":
            took = step.seconds if step.status == "ok" else None
            gauge("step_seconds", "What each step took, if it went well.", took, step=step.key)
    for way in report.media.directions:
        ends = {"source": way.source, "sink": way.sink}
        gauge("frames_per_second", "Decoded frames per second.", way.video.fps, **ends)
        gauge("bits_per_second", "Received bits per second.", way.bitrate_kbps * 1000, **ends)
        gauge("loss_ratio", "Lost packets over those sent.", way.loss_percent / 100, **ends)
        gauge("freezes", "Gaps in the video that a viewer sees.", way.video.freezes, **ends)
        longest = max(video.longest_gap_ms for video in way.videos.values())
        told = "The longest time without a picture."
        gauge("longest_gap_seconds", told, _seconds(longest), **ends)
        latency = _seconds(way.video.latency_ms)
        gauge("latency_seconds", "From drawn to decoded, the median.", latency, **ends)
    for trip in report.media.round_trips:
        seconds = _seconds(trip.round_trip_ms)
        gauge("round_trip_seconds", "On the data channel, the median.", seconds, peer=trip.peer)


def _seconds(milliseconds: float | None) -> float | None:
    if milliseconds is None:
        return None
    return timedelta(milliseconds=milliseconds) / timedelta(seconds=1)


# Others read them: a CI's viewer, Prometheus's collector.
REPORT: "Final[ReportFiles[SmokeReport]]" = ReportFiles(
    "--report",
    {
        ".xml": Kind(_junit, "junitparser", FOR_ALL),
        ".prom": Kind(_open_metrics, "prometheus_client", FOR_ALL),
        ".json": Kind(_json, mode=FOR_ALL),
        ".md": Kind(_markdown, mode=FOR_ALL),
    },
    extra="smoke",
)
