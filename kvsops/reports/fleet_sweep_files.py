"""`--report FILE` of a sweep of many places: each scope's totals by account and region."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kvsops.output.files import FOR_ALL
from kvsops.output.gauges import exposition, gauge
from kvsops.output.rows import dumps_ready
from kvsops.output.text import xml_safe
from kvsops.reports.files import Kind, ReportFiles
from kvsops.reports.fleet_sweep import FleetReport
from kvsops.reports.sweep_files import (
    Measured,
    channel_cases,
    earlier_success,
    gauges,
    run_case,
    suite_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from junitparser import TestCase
    from prometheus_client.core import GaugeMetricFamily


@dataclass(frozen=True, slots=True)
class FleetRun:
    """A run in many places that has ended with this exit code."""

    report: FleetReport
    code: int


def _json(run: FleetRun, _: Path) -> bytes:
    return dumps_ready(run.report.as_json(run.code)).encode()


def _markdown(run: FleetRun, _: Path) -> bytes:
    return run.report.markdown().encode("utf-8", "backslashreplace")


def _junit(run: FleetRun, _: Path) -> bytes:
    """Make a test of the run, of each channel that was to be deleted, and of what failed whole."""
    report = run.report
    cases = [*_failed_cases(report)]
    for each, _told in report.parts:
        cases += channel_cases(each.sweep.plan.items, _classname(str(each.place)))
    told = any(case.is_failure for case in cases)
    itself = run_case("kvsops.sweep", report.ended or report.stopped, run.code, told)
    properties = {
        "scopes": str(len(report.fleet.swept)),
        "dry_run": str(report.read_only),
        "journals": " ".join(report.journals),
    }
    seconds = report.clocks.clock() - report.began
    return suite_of((itself, *cases), properties, report.clocks.now(), round(seconds, 3))


def _failed_cases(report: FleetReport) -> "Iterator[TestCase]":
    from junitparser import Failure, TestCase

    for place, why in report.wrong:
        case = TestCase("the scope", xml_safe(_classname(place)))
        case.result = [Failure(xml_safe(why))]
        yield case


def _classname(place: str) -> str:
    account_id, _, region = place.partition(" ")
    return f"kvsops.sweep.{account_id}.{region.replace(' ', '-')}"


def _open_metrics(run: FleetRun, path: Path) -> bytes:
    """Give the gauges of each scope; those of one that was not looked at tell when it last was."""
    report, earlier, ended = run.report, earlier_success(path), run.report.clocks.now().timestamp()
    parts = []
    for each, summary in report.summaries():
        labels = _labels(each.place.account_id, each.place.region, path)
        succeeded = earlier(labels) if summary["exit_code"] else ended
        parts.append(Measured(summary, labels, succeeded))
    missed = {
        (each.account_id or "", each.region or ""): _labels(each.account_id, each.region, path)
        for each in report.fleet.missed
        if not each.excused
    }

    def given() -> "Iterator[GaugeMetricFamily]":
        lost = [(labels, earlier(labels)) for labels in missed.values()]
        yield from gauges(parts, ended, lost)
        what = "1 for each account and region that could not be looked at."
        yield from gauge("kvsops_sweep_missed", what, [(each, 1) for each in missed.values()])

    return exposition(given)


def _labels(account_id: str | None, region: str | None, path: Path) -> dict[str, str]:
    return {"account": account_id or "", "region": region or "", "sweep": path.stem}


REPORT: Final = ReportFiles(
    "--report",
    {
        ".json": Kind(_json),
        ".xml": Kind(_junit, "junitparser"),
        ".md": Kind(_markdown),
        ".prom": Kind(_open_metrics, "prometheus_client", FOR_ALL),
    },
)
