"""`--report`: a sweep as JSON, JUnit, Markdown and OpenMetrics, each read back."""

import json
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from junitparser import JUnitXml, TestCase, TestSuite

from kvsops.core.channel import Channel
from kvsops.core.facts import Fact, Facts, Source
from kvsops.core.judge import Decision, Verdict
from kvsops.core.rules import completed
from kvsops.errors import KvsopsError, UsageError
from kvsops.reports.sweep import Run, Summary, item_columns
from kvsops.reports.sweep_files import REPORT
from kvsops.sweep.item import Item, Outcome
from tests.reports.gauges import PARSERS, Parse, in_openmetrics, samples_in

check, write = REPORT.check, REPORT.write

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
NOW_SECONDS = 1795341600.0
ARN = "arn:aws:kinesisvideo:us-east-1:123456789012:channel/{}/1700000000000"


def item(name: str, outcome: Outcome, reason: str = "3h old") -> Item:
    """Return a channel, and what became of it."""
    channel = Channel(name, ARN.format(name), "ACTIVE", NOW, "v", "SINGLE_MASTER", 60)
    facts = Facts(channel, Fact({"env": "ci"}, Source.DIRECT, NOW))
    kept = outcome in (Outcome.KEPT, Outcome.UNKNOWN)
    verdict = Verdict.KEEP if kept else Verdict.DELETE
    return Item(facts, Decision(verdict, reason), outcome, reason)


def run(*items: Item, now: datetime = NOW, **summary: Any) -> Run:
    """Return a run that did this to these channels."""
    counts = Counter(each.outcome for each in items)
    totals = Summary(
        region="us-east-1",
        listed=len(items),
        outcomes={each.value: counts[each] for each in Outcome},
        dry_run=False,
        journal="/state/run.jsonl",
        stopped=None,
        api_calls={"DeleteSignalingChannel": 2, "ListSignalingChannels": 1},
        throttled=4,
        own_cost_usd=None,
        seconds=1.5,
        exit_code=0,
    )
    columns = item_columns(NOW, completed({}))
    markdown = "**kvsops in us-east-1**: 1 deleted.\n"
    return Run(items, columns, cast("Summary", {**totals, **summary}), lambda: markdown, now)


def suite_in(file: Path) -> tuple[TestSuite, dict[str, TestCase]]:
    """Read a JUnit file back: its only suite, and its cases by name."""
    (suite,) = JUnitXml.fromfile(str(file))
    cases = [*suite]
    assert len({case.name for case in cases}) == len(cases)
    return suite, {str(case.name): case for case in cases}


def outcome_of(case: TestCase) -> str:
    """Tell how a viewer shows the case."""
    if case.is_failure:
        return "failed"
    return "skipped" if case.is_skipped else "passed"


def told_in(case: TestCase) -> list[tuple[str, str, str]]:
    """Return the kind, message and text of each result."""
    results: Any = case.result
    return [(each.type or "", each.message, each.text or "") for each in results]


def samples(file: Path, parse: Parse = in_openmetrics) -> dict[tuple[str, ...], float]:
    """Read metrics back by name and the values of their labels, less the common ones."""
    found = {}
    for sample in samples_in(file, parse):
        labels = dict(sample.labels)
        assert (labels.pop("region"), labels.pop("sweep")) == ("us-east-1", file.stem)
        key = (sample.name.removeprefix("kvsops_sweep_"), *labels.values())
        assert key not in found
        found[key] = sample.value
    return found


def test_json(tmp_path: Path) -> None:
    """JSON is what -o json prints."""
    given = run(item("ci-1", Outcome.DELETED))
    write(given, tmp_path / "sweep.json")
    assert json.loads((tmp_path / "sweep.json").read_text("utf-8")) == given.as_json()


def test_markdown(tmp_path: Path) -> None:
    """Markdown is what the step's summary shows."""
    write(run(), tmp_path / "sweep.md")
    text = (tmp_path / "sweep.md").read_text("utf-8")
    assert text == "**kvsops in us-east-1**: 1 deleted.\n"


def test_junit(tmp_path: Path) -> None:
    """Each channel that was to be deleted is a test; what is kept is none."""
    rows = (
        item("ci-deleted", Outcome.DELETED),
        item("ci-gone", Outcome.GONE, "it was gone already"),
        item("ci-changed", Outcome.CHANGED, "it changed after it was read"),
        item("ci-failed", Outcome.FAILED, "DeleteSignalingChannel denied"),
        item("ci-unknown", Outcome.UNKNOWN, "tags unknown: denied"),
        item("ci-left", Outcome.LEFT, "3h old; beyond --limit 2"),
        item("cam", Outcome.KEPT, "protected: kvsops:keep=yes"),
        item("ci-marked", Outcome.MARKED, "3h old"),
    )
    write(run(*rows, exit_code=1), tmp_path / "sweep.xml")
    suite, cases = suite_in(tmp_path / "sweep.xml")
    assert {name: outcome_of(case) for name, case in cases.items()} == {
        "the run": "passed",
        "ci-deleted": "passed",
        "ci-gone": "passed",
        "ci-changed": "skipped",
        "ci-failed": "failed",
        "ci-unknown": "failed",
        "ci-left": "failed",
        "ci-marked": "skipped",
    }
    assert told_in(cases["ci-failed"]) == [
        ("failed", "DeleteSignalingChannel denied", ARN.format("ci-failed"))
    ]
    assert told_in(cases["ci-changed"]) == [("", "changed: it changed after it was read", "")]
    assert {case.classname for case in cases.values()} == {"kvsops.sweep.us-east-1"}
    assert (suite.name, suite.tests, suite.failures, suite.skipped) == ("kvsops sweep", 8, 3, 2)
    assert (suite.time, suite.timestamp) == (1.5, "2026-11-22T10:00:00+00:00")
    found: Any = suite  # its method has no types
    properties = {each.name: each.value for each in found.properties()}
    assert properties == {"region": "us-east-1", "dry_run": "False", "journal": "/state/run.jsonl"}


@pytest.mark.parametrize(
    ("summary", "failure"),
    [
        ({"exit_code": 0}, None),
        ({"exit_code": 3}, "exit code 3: the fuse blew, or --check found some"),
        ({"exit_code": 1}, "exit code 1: something failed, or could not be told"),
        ({"exit_code": 1, "stopped": "the deadline passed"}, "the deadline passed"),
        ({"exit_code": 130, "stopped": "interrupted"}, "interrupted"),
    ],
)
def test_junit_of_the_run_itself(
    tmp_path: Path, summary: dict[str, Any], failure: str | None
) -> None:
    """A run that ended badly fails in the viewer too, though no channel did; a dry run skips."""
    write(run(item("ci-1", Outcome.WOULD_DELETE), **summary), tmp_path / "sweep.xml")
    _, cases = suite_in(tmp_path / "sweep.xml")
    assert outcome_of(cases["ci-1"]) == "skipped"
    assert told_in(cases["ci-1"]) == [("", "would-delete: 3h old", "")]
    assert told_in(cases["the run"]) == ([("", failure, "")] if failure else [])


@pytest.mark.parametrize("parse", PARSERS)
def test_open_metrics(tmp_path: Path, parse: Parse) -> None:
    """OpenMetrics reads it, and the older format that the collector knows."""
    file = tmp_path / "expired.prom"
    write(run(item("a", Outcome.DELETED), item("b", Outcome.KEPT), own_cost_usd=0.25), file)
    assert samples(file, parse) == {
        ("channels", "would-delete"): 0,
        ("channels", "deleted"): 1,
        ("channels", "gone"): 0,
        ("channels", "changed"): 0,
        ("channels", "failed"): 0,
        ("channels", "kept"): 1,
        ("channels", "unknown"): 0,
        ("channels", "left"): 0,
        ("channels", "would-mark"): 0,
        ("channels", "marked"): 0,
        ("channels", "would-unmark"): 0,
        ("channels", "unmarked"): 0,
        ("listed",): 2,
        ("api_calls", "DeleteSignalingChannel"): 2,
        ("api_calls", "ListSignalingChannels"): 1,
        ("throttled",): 4,
        ("duration_seconds",): 1.5,
        ("own_cost_dollars",): 0.25,
        ("dry_run",): 0,
        ("exit_code",): 0,
        ("last_run_timestamp_seconds",): NOW_SECONDS,
        ("last_success_timestamp_seconds",): NOW_SECONDS,
    }
    assert file.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("more", [{}, {"own_cost_usd": None}])
def test_what_is_unknown_is_absent(tmp_path: Path, more: dict[str, Any]) -> None:
    """No figure stands for one that is not known."""
    file = tmp_path / "sweep.prom"
    write(run(api_calls={}, exit_code=1, **more), file)
    absent = {"own_cost_dollars", "api_calls", "last_success_timestamp_seconds"}
    assert absent & {key[0] for key in samples(file)} == set()


def test_the_last_success_is_kept(tmp_path: Path) -> None:
    """A run that failed leaves the time of the last that did not, so that an alarm comes."""
    file = tmp_path / "sweep.prom"
    for hour, exit_code, success in ((0, 0, 0), (1, 1, 0), (2, 3, 0), (3, 0, 3), (4, 130, 3)):
        write(run(now=NOW + timedelta(hours=hour), exit_code=exit_code), file)
        found = samples(file)
        assert found["last_success_timestamp_seconds",] == NOW_SECONDS + 3600 * success
        assert found["last_run_timestamp_seconds",] == NOW_SECONDS + 3600 * hour


@pytest.mark.parametrize(
    "before",
    [
        "no metrics {",
        "\udcff",
        "kvsops_sweep_last_success_timestamp_seconds 5\n",
        'kvsops_sweep_last_success_timestamp_seconds{region="eu-west-1",sweep="sweep"} 5\n',
    ],
)
def test_a_success_that_cannot_be_read_is_none(tmp_path: Path, before: str) -> None:
    """Another sweep's success, or a spoilt file's, is never taken for one's own."""
    file = tmp_path / "sweep.prom"
    file.write_text(before, encoding="utf-8", errors="surrogateescape")
    write(run(exit_code=1), file)
    assert ("last_success_timestamp_seconds",) not in samples(file)


HOSTILE = '"><script>&amp;]]>\x00\x1b[31m\n\u202e\ud800\ufffe\\'


@pytest.mark.parametrize("suffix", [".json", ".xml", ".prom"])
def test_hostile_text(tmp_path: Path, suffix: str) -> None:
    """Nothing that a service or a tag says breaks out of a report."""
    file = tmp_path / f'quo"te\\{suffix}'
    write(
        run(item(HOSTILE, Outcome.FAILED, HOSTILE), region=HOSTILE, stopped=HOSTILE, exit_code=1),
        check(file),
    )
    shown = '"><script>&amp;]]>\\x00\\x1b[31m\\n\\u202e\\ud800{}\\'
    if suffix == ".json":
        assert json.loads(file.read_text("ascii"))["channels"][0]["reason"] == HOSTILE
    elif suffix == ".xml":
        _, cases = suite_in(file)
        name = shown.format("\ufffd")
        assert told_in(cases[name])[0][1] == name
        assert told_in(cases["the run"])[0][1] == name
    else:
        found = {tuple(each.labels.values()) for each in samples_in(file)}
        assert (shown.format("\ufffe"), 'quo"te\\') in found


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("sweep.txt", "not a report: '{}': its name ends in .json, .xml, .md, .prom"),
        ("sweep", "not a report: '{}': its name ends in .json, .xml, .md, .prom"),
        (".json", "not a report: '{}': its name ends in .json, .xml, .md, .prom"),
        ("no/sweep.md", "--report {} cannot be written: no such directory, or it is one"),
        ("folder.md", "--report {} cannot be written: no such directory, or it is one"),
    ],
)
def test_bad_paths_are_refused_beforehand(tmp_path: Path, name: str, told: str) -> None:
    """Before anything runs it is said that no report can go there."""
    (tmp_path / "folder.md").mkdir()
    with pytest.raises(UsageError) as caught:
        check(tmp_path / name)
    assert str(caught.value) == told.format(tmp_path / name)


def test_any_case_of_the_suffix(tmp_path: Path) -> None:
    """A file named in capitals is as good."""
    write(run(), check(tmp_path / "SWEEP.XML"))
    assert [*suite_in(tmp_path / "SWEEP.XML")[1]] == ["the run"]


@pytest.mark.parametrize(
    ("kind", "library"), [(".xml", "junitparser"), (".prom", "prometheus_client")]
)
def test_a_missing_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, library: str
) -> None:
    """Who has not installed what writes the report is told so before anything runs."""
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UsageError) as caught:
        check(tmp_path / f"sweep{kind}")
    path = tmp_path / f"sweep{kind}"
    assert (
        str(caught.value) == f"--report {path} needs pip install '.[report]' in a clone of kvsops"
    )
    check(tmp_path / "sweep.json")


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    """One line names the file, the option and the reason."""
    path = tmp_path / "gone" / "sweep.json"
    with pytest.raises(KvsopsError) as caught:
        write(run(), path)
    told = f"the report cannot be written to {path} (--report): No such file or directory"
    assert str(caught.value) == told
