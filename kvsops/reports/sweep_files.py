"""`--report FILE`: a sweep as JSON, JUnit XML, Markdown or OpenMetrics, by the file's name."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kvsops.output.files import FOR_ALL
from kvsops.output.gauges import exposition, gauge
from kvsops.output.rows import dumps
from kvsops.output.text import safe, xml_safe
from kvsops.reports.files import Kind, ReportFiles
from kvsops.reports.junit import document
from kvsops.reports.sweep import Run
from kvsops.sweep.item import Item, Outcome

if TYPE_CHECKING:
    from junitparser import TestCase
    from prometheus_client.core import GaugeMetricFamily

LAST_SUCCESS: Final = "kvsops_sweep_last_success_timestamp_seconds"

# What became of a channel, to a viewer of tests. What is kept was never meant to go: thousands of
# passed tests would hide the few that matter. An outcome that is not named here is skipped.
_FAILED: Final = frozenset({Outcome.FAILED, Outcome.UNKNOWN, Outcome.LEFT})
_PASSED: Final = frozenset({Outcome.DELETED, Outcome.GONE})


def _json(run: Run, _: Path) -> bytes:
    return dumps(run.as_json()).encode()


def _markdown(run: Run, _: Path) -> bytes:
    return run.markdown().encode("utf-8", "backslashreplace")


def _junit(run: Run, _: Path) -> bytes:
    """Make a test of each channel that was to be deleted, and one of the run itself.

    The run's own fails where no channel tells why the exit code is not 0; and it is there when
    nothing was to be done: some viewers take a file without a test for a broken one.
    """
    from junitparser import Failure, TestCase, TestSuite

    summary, classname = run.summary, xml_safe(f"kvsops.sweep.{run.summary['region']}")
    suite = TestSuite("kvsops sweep")
    suite.timestamp = run.now.isoformat(timespec="seconds")
    suite.add_property("region", xml_safe(summary["region"]))
    suite.add_property("dry_run", str(summary["dry_run"]))
    suite.add_property("journal", xml_safe(str(summary["journal"])))
    cases = [*_cases(run.items, classname)]
    itself = TestCase("the run", classname)
    why = summary["stopped"] or run.answer
    if summary["exit_code"] and (why or not any(map(_is_failure, cases))):
        itself.result = [Failure(xml_safe(why or _why(summary["exit_code"])))]
    for case in (itself, *cases):
        suite.add_testcase(case)
    suite.time = summary["seconds"]
    return document(suite)


def _why(exit_code: int) -> str:
    why = {1: "something failed, or could not be told", 3: "the fuse blew, or --check found some"}
    return f"exit code {exit_code}: {why.get(exit_code, 'see what the run said')}"


def _cases(items: Sequence[Item], classname: str) -> "Iterator[TestCase]":
    from junitparser import Failure, Skipped, TestCase

    for item in items:
        outcome, reason = item.outcome, xml_safe(item.reason)
        if outcome is Outcome.KEPT:
            continue
        case = TestCase(xml_safe(item.channel.channel_name), classname)
        if outcome in _FAILED:
            case.result = [Failure(reason, outcome.value)]
            case.result[0].text = xml_safe(item.channel.channel_arn)
        elif outcome not in _PASSED:
            case.result = [Skipped(f"{outcome.value}: {reason}")]
        yield case


def _is_failure(case: "TestCase") -> bool:
    return bool(case.is_failure)


def _open_metrics(run: Run, path: Path) -> bytes:
    """Give the gauges; the file's name is a label, so that many sweeps can stand side by side."""
    where: dict[str, str] = {"region": run.summary["region"], "sweep": path.stem}
    succeeded = _earlier_success(path, where) if run.summary["exit_code"] else run.now.timestamp()
    return exposition(lambda: _gauges(run, where, succeeded))


def _gauges(
    run: Run, where: dict[str, str], succeeded: float | None
) -> "Iterator[GaugeMetricFamily]":
    summary = run.summary
    ended = run.now.timestamp()
    counts = [(where | {"outcome": key}, count) for key, count in summary["outcomes"].items()]
    calls = [(where | {"operation": key}, count) for key, count in summary["api_calls"].items()]
    for name, text, value in (
        ("channels", "Channels by what became of them.", counts),
        ("listed", "Channels that were listed.", summary["listed"]),
        ("api_calls", "Calls made, by operation.", calls),
        ("throttled", "Calls that AWS throttled.", summary["throttled"]),
        ("duration_seconds", "How long the run took.", summary["seconds"]),
        ("own_cost_dollars", "US dollars that the run itself cost.", summary["own_cost_usd"]),
        ("dry_run", "1 if the run only showed what it would do, else 0.", summary["dry_run"]),
        ("exit_code", "How the run ended.", summary["exit_code"]),
        ("last_run_timestamp_seconds", "When the last run ended, since 1970.", ended),
    ):
        values = value if isinstance(value, list) else [(where, value)]
        yield from gauge(f"kvsops_sweep_{name}", text, values)
    yield from gauge(
        LAST_SUCCESS, "When a run last ended with exit code 0, since 1970.", [(where, succeeded)]
    )


def _earlier_success(path: Path, where: Mapping[str, str]) -> float | None:
    """Return what the file of the run before says; None, which raises an alarm, if it does not."""
    from prometheus_client.parser import text_string_to_metric_families

    labels = {key: safe(value) for key, value in where.items()}
    try:
        families = [*text_string_to_metric_families(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError):
        return None
    samples = [sample for family in families for sample in family.samples]
    found = [each for each in samples if each.name == LAST_SUCCESS and each.labels == labels]
    return found[0].value if found else None


REPORT: Final = ReportFiles(
    "--report",
    {
        ".json": Kind(_json),
        ".xml": Kind(_junit, "junitparser"),
        ".md": Kind(_markdown),
        ".prom": Kind(_open_metrics, "prometheus_client", FOR_ALL),
    },
)
