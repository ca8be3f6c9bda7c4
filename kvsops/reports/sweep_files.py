"""`--report FILE`: a sweep as JSON, JUnit XML, Markdown or OpenMetrics, by the file's name."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kvsops.output.files import FOR_ALL
from kvsops.output.gauges import exposition, gauge
from kvsops.output.rows import dumps_ready
from kvsops.output.text import safe, xml_safe
from kvsops.reports.files import Kind, ReportFiles
from kvsops.reports.junit import document
from kvsops.reports.sweep import Run, Summary
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
    return dumps_ready(run.as_json()).encode()


def _markdown(run: Run, _: Path) -> bytes:
    return run.markdown().encode("utf-8", "backslashreplace")


def _junit(run: Run, _: Path) -> bytes:
    """Make a test of each channel that was to be deleted, and one of the run itself.

    The run's own fails where no channel tells why the exit code is not 0; and it is there when
    nothing was to be done: some viewers take a file without a test for a broken one.
    """
    summary, classname = run.summary, f"kvsops.sweep.{run.summary['region']}"
    properties = {key: str(summary[key]) for key in ("region", "dry_run", "journal")}
    cases = [*channel_cases(run.items, classname)]
    itself = run_case(
        classname, summary["stopped"] or run.answer, summary["exit_code"], any(map(_fails, cases))
    )
    return suite_of((itself, *cases), properties, run.now, summary["seconds"])


def suite_of(
    cases: "Iterable[TestCase]", properties: Mapping[str, str], now: datetime, seconds: float
) -> bytes:
    """Make the document of a run's test cases."""
    from junitparser import TestSuite

    suite = TestSuite("kvsops sweep")
    suite.timestamp = now.isoformat(timespec="seconds")
    for key, value in properties.items():
        suite.add_property(key, xml_safe(value))
    for case in cases:
        suite.add_testcase(case)
    suite.time = seconds
    return document(suite)


def run_case(classname: str, why: str, exit_code: int, told: bool) -> "TestCase":  # noqa: FBT001 - whether
    """Make the run's own test: `told` says that others tell of what failed."""
    from junitparser import Failure, TestCase

    itself = TestCase("the run", xml_safe(classname))
    if exit_code and (why or not told):
        itself.result = [Failure(xml_safe(why or _why(exit_code)))]
    return itself


def _why(exit_code: int) -> str:
    why = {1: "something failed, or could not be told", 3: "the fuse blew, or --check found some"}
    return f"exit code {exit_code}: {why.get(exit_code, 'see what the run said')}"


def channel_cases(items: Sequence[Item], classname: str) -> "Iterator[TestCase]":
    """Make a test of each channel that was to be deleted."""
    from junitparser import Failure, Skipped, TestCase

    for item in items:
        outcome, reason = item.outcome, xml_safe(item.reason)
        if outcome is Outcome.KEPT:
            continue
        case = TestCase(xml_safe(item.channel.channel_name), xml_safe(classname))
        if outcome in _FAILED:
            case.result = [Failure(reason, outcome.value)]
            case.result[0].text = xml_safe(item.channel.channel_arn)
        elif outcome not in _PASSED:
            case.result = [Skipped(f"{outcome.value}: {reason}")]
        yield case


def _fails(case: "TestCase") -> bool:
    return bool(case.is_failure)


@dataclass(frozen=True, slots=True)
class Measured:
    """One scope's totals, its labels, and when it last succeeded, in seconds since 1970."""

    summary: Summary
    labels: Mapping[str, str]
    succeeded: float | None


Success = tuple[Mapping[str, str], float | None]
"""The labels of a scope, and when it last succeeded."""


def _open_metrics(run: Run, path: Path) -> bytes:
    """Give the gauges; the file's name is a label, so that many sweeps can stand side by side."""
    labels = {"region": run.summary["region"], "sweep": path.stem}
    ended = run.now.timestamp()
    succeeded = earlier_success(path)(labels) if run.summary["exit_code"] else ended
    return exposition(lambda: gauges([Measured(run.summary, labels, succeeded)], ended))


def gauges(
    parts: Sequence[Measured], ended: float, lost: Sequence[Success] = ()
) -> "Iterator[GaugeMetricFamily]":
    """Give the gauges of the scopes of a run that ended then.

    Of those that are `lost`, as they could not be looked at, only when they last succeeded.
    """
    for name, text, value in (
        ("channels", "Channels by what became of them.", _by("outcome", "outcomes")),
        ("listed", "Channels that were listed.", _one("listed")),
        ("api_calls", "Calls made, by operation.", _by("operation", "api_calls")),
        ("throttled", "Calls that AWS throttled.", _one("throttled")),
        ("duration_seconds", "How long the run took.", _one("seconds")),
        ("own_cost_dollars", "US dollars that the run itself cost.", _one("own_cost_usd")),
        ("dry_run", "1 if the run only showed what it would do, else 0.", _one("dry_run")),
        ("exit_code", "How the run ended.", _one("exit_code")),
        (
            "last_run_timestamp_seconds",
            "When the last run ended, since 1970.",
            lambda _: [({}, ended)],
        ),
    ):
        values = [({**part.labels, **more}, n) for part in parts for more, n in value(part.summary)]
        yield from gauge(f"kvsops_sweep_{name}", text, values)
    succeeded = [*((part.labels, part.succeeded) for part in parts), *lost]
    yield from gauge(LAST_SUCCESS, "When a run last ended with exit code 0, since 1970.", succeeded)


Values = list[tuple[dict[str, str], float | Decimal | None]]


def _one(key: str) -> Callable[[Mapping[str, Any]], Values]:
    return lambda summary: [({}, summary[key])]


def _by(label: str, key: str) -> Callable[[Mapping[str, Any]], Values]:
    return lambda summary: [({label: each}, number) for each, number in summary[key].items()]


def earlier_success(path: Path) -> Callable[[Mapping[str, str]], float | None]:
    """Return what tells, by its labels, when the file of the run before says that one succeeded.

    None, which raises an alarm, where it does not say.
    """
    from prometheus_client.parser import text_string_to_metric_families

    try:
        families = [*text_string_to_metric_families(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError):
        return lambda _: None
    samples = [sample for family in families for sample in family.samples]
    known = {
        frozenset(each.labels.items()): each.value for each in samples if each.name == LAST_SUCCESS
    }
    return lambda labels: known.get(frozenset((k, safe(v)) for k, v in labels.items()))


REPORT: Final = ReportFiles(
    "--report",
    {
        ".json": Kind(_json),
        ".xml": Kind(_junit, "junitparser"),
        ".md": Kind(_markdown),
        ".prom": Kind(_open_metrics, "prometheus_client", FOR_ALL),
    },
)
