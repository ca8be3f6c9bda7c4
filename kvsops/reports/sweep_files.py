"""`--report FILE`: a sweep as JSON, JUnit XML, Markdown or OpenMetrics, by the file's name."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kvsops.errors import KvsopsError, UsageError
from kvsops.output.files import FOR_ALL, replace
from kvsops.output.gauges import exposition, gauge
from kvsops.output.rows import dumps
from kvsops.output.text import safe

if TYPE_CHECKING:
    from junitparser import TestCase
    from prometheus_client.core import GaugeMetricFamily

Json = Mapping[str, Any]

LAST_SUCCESS: Final = "kvsops_sweep_last_success_timestamp_seconds"

# What became of a channel, to a viewer of tests. What is kept was never meant to go: thousands of
# passed tests would hide the few that matter. An outcome that is not named here is skipped.
_FAILED: Final = frozenset({"failed", "unknown", "left"})
_PASSED: Final = frozenset({"deleted", "gone"})
_KEPT: Final = "kept"

_NO_XML: Final = re.compile("[\ufffe\uffff]")  # beside what `safe()` makes visible


@dataclass(frozen=True, slots=True)
class Run:
    """A run to tell of.

    `told` is what `kvsops sweep -o json` prints, its summary's `exit_code` being the run's;
    `markdown` the same for people; `now` when the run ended, aware.
    """

    told: Json
    markdown: str
    now: datetime

    @property
    def summary(self) -> Json:
        """The run's totals."""
        return self.told["summary"]  # type: ignore[no-any-return]  # any JSON


def check(path: Path) -> Path:
    """Return the path; raises `UsageError`, before anything is done, if no report can go there."""
    kind = _KINDS.get(path.suffix.lower())
    name = safe(str(path))
    if kind is None:
        raise UsageError(f"not a report: '{name}': its name ends in {', '.join(_KINDS)}")
    if kind.library and find_spec(kind.library) is None:
        raise UsageError(f"--report {name} needs pip install 'kvsops[report]'")
    try:
        there = path.parent.is_dir() and not path.is_dir()
    except (OSError, ValueError):  # it may not be looked for, or has a null character
        there = False
    if not there:
        raise UsageError(f"--report {name} cannot be written: no such directory, or it is one")
    return path


def write(run: Run, path: Path) -> None:
    """Write the run to a file that was checked, all of it or nothing; raises KvsopsError."""
    kind = _KINDS[path.suffix.lower()]
    try:
        replace(path, kind.make(run, path), kind.mode)
    except OSError as error:
        raise KvsopsError(
            f"the report cannot be written to {safe(str(path))} (--report): {error.strerror}"
        ) from error


def _json(run: Run, _: Path) -> bytes:
    return dumps(run.told).encode()


def _markdown(run: Run, _: Path) -> bytes:
    return run.markdown.encode("utf-8", "backslashreplace")


def _junit(run: Run, _: Path) -> bytes:
    """Make a test of each channel that was to be deleted, and one of the run itself.

    The run's own fails where no channel tells why the exit code is not 0; and it is there when
    nothing was to be done: some viewers take a file without a test for a broken one.
    """
    from junitparser import Failure, JUnitXml, TestCase, TestSuite

    summary, classname = run.summary, _xml(f"kvsops.sweep.{run.summary['region']}")
    suite = TestSuite("kvsops sweep")
    suite.timestamp = run.now.isoformat(timespec="seconds")
    for name in ("region", "dry_run", "journal"):
        suite.add_property(name, _xml(str(summary[name])))
    cases = [*_cases(run.told["channels"], classname)]
    itself = TestCase("the run", classname)
    if summary["exit_code"] and (summary["stopped"] or not any(map(_is_failure, cases))):
        itself.result = [Failure(_xml(summary["stopped"] or _why(summary["exit_code"])))]
    for case in (itself, *cases):
        suite.add_testcase(case)
    suite.time = summary["seconds"]
    xml = JUnitXml("kvsops sweep")
    xml.add_testsuite(suite)
    text: bytes = xml.tostring()  # type: ignore[no-untyped-call]  # not all of it has types
    return text


def _why(exit_code: int) -> str:
    why = {1: "something failed, or could not be told", 3: "the fuse blew, or --check found some"}
    return f"exit code {exit_code}: {why.get(exit_code, 'see what the run said')}"


def _cases(channels: list[Json], classname: str) -> "Iterator[TestCase]":
    from junitparser import Failure, Skipped, TestCase

    for channel in channels:
        outcome, reason = channel["outcome"], _xml(channel["reason"])
        if outcome == _KEPT:
            continue
        case = TestCase(_xml(channel["channel_name"]), classname)
        if outcome in _FAILED:
            case.result = [Failure(reason, outcome)]
            case.result[0].text = _xml(channel["channel_arn"])
        elif outcome not in _PASSED:
            case.result = [Skipped(f"{outcome}: {reason}")]
        yield case


def _is_failure(case: "TestCase") -> bool:
    return bool(case.is_failure)


def _xml(text: str) -> str:
    """Make a text fit for XML: the writer escapes what has a meaning, but takes any character."""
    return _NO_XML.sub("\ufffd", safe(text))


def _open_metrics(run: Run, path: Path) -> bytes:
    """Give the gauges; the file's name is a label, so that many sweeps can stand side by side."""
    where: dict[str, str] = {"region": str(run.summary["region"]), "sweep": path.stem}
    succeeded = _earlier_success(path, where) if run.summary["exit_code"] else run.now.timestamp()
    return exposition(lambda: _gauges(run, where, succeeded), f"--report {safe(str(path))}")


def _gauges(
    run: Run, where: dict[str, str], succeeded: float | None
) -> "Iterator[GaugeMetricFamily]":
    summary = run.summary
    ended, cost = run.now.timestamp(), summary.get("own_cost_usd")
    counts = [(where | {"outcome": key}, count) for key, count in summary["outcomes"].items()]
    calls = [(where | {"operation": key}, count) for key, count in summary["api_calls"].items()]
    for name, text, value in (
        ("channels", "Channels by what became of them.", counts),
        ("listed", "Channels that were listed.", summary["listed"]),
        ("api_calls", "Calls made, by operation.", calls),
        ("throttled", "Calls that AWS throttled.", summary["throttled"]),
        ("duration_seconds", "How long the run took.", summary["seconds"]),
        ("own_cost_dollars", "US dollars that the run itself cost.", cost),
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


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of report: how it is made, and which library of the extra makes it, if any."""

    make: Callable[[Run, Path], bytes]
    library: str | None = None
    mode: int | None = None


_KINDS: Final = {
    ".json": _Kind(_json),
    ".xml": _Kind(_junit, "junitparser"),
    ".md": _Kind(_markdown),
    ".prom": _Kind(_open_metrics, "prometheus_client", FOR_ALL),
}
