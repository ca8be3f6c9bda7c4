"""The cost report as gauges for Prometheus."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kvsops.errors import KvsopsError, UsageError
from kvsops.reports.bill import BillReport, Group, Quota
from kvsops.reports.bill_gauges import OPEN_METRICS
from tests.reports.bills import D, changed
from tests.reports.gauges import PARSERS, Parse, in_openmetrics, samples_in

write = OPEN_METRICS.write

HERE = (("region", "us-east-1"),)
MONTH = (("month", "2026-11"), *HERE)


def report(groups: Sequence[Group] | None = None, **total: Any) -> BillReport:
    """Return a report with some of its totals, or its groups, changed."""
    rows = [group("github:org/repo/1", "1.5"), group(None, "0.25")] if groups is None else groups
    totals = {
        "unknown": 4,
        "messages": D("12.5"),
        "month_to_date": D("102.862"),
        "estimated_month": D("136.63"),
        **total,
    }
    return changed(groups=rows, total=totals)


def group(name: str | None, to_date: str | None) -> Group:
    """Return a group; its estimate is not known."""
    return Group(name, 12, 7, None if to_date is None else D(to_date), None)


Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(file: Path, parse: Parse = in_openmetrics) -> Samples:
    """Read a file back; none in it comes twice."""
    found = samples_in(file, parse)
    read = {(held.name, tuple(sorted(held.labels.items()))): held.value for held in found}
    assert len(read) == len(found)
    return read


@pytest.mark.parametrize("parse", PARSERS)
def test_both_formats_read_it(tmp_path: Path, parse: Parse) -> None:
    """OpenMetrics reads it, and the older format that the collector knows."""
    file = tmp_path / "kvsops.prom"
    write(report(), file)
    group_of = "kvsops_cost_group_month_to_date_dollars"
    assert samples(file, parse) == {
        ("kvsops_cost_month_to_date_dollars", MONTH): 102.862,
        ("kvsops_cost_estimated_month_dollars", MONTH): 136.63,
        ("kvsops_cost_part_dollars", (MONTH[0], ("part", "fee"), *HERE)): 90.36,
        ("kvsops_cost_part_dollars", (MONTH[0], ("part", "messages"), *HERE)): 12.5,
        ("kvsops_cost_part_dollars", (MONTH[0], ("part", "turn"), *HERE)): 0.002,
        ("kvsops_cost_lower_bound", MONTH): 1,  # 4 are not known
        (group_of, (("by", "owner"), ("group", "github:org/repo/1"), *MONTH)): 1.5,
        (group_of, (("by", "owner"), ("group", "(none)"), *MONTH)): 0.25,
        ("kvsops_cost_in_all_month_to_date_dollars", MONTH): 102.862,
        ("kvsops_cost_in_all_estimated_month_dollars", MONTH): 136.63,
        ("kvsops_channels", HERE): 9300,
        ("kvsops_channels_used", MONTH): 3012,
        ("kvsops_channels_unknown", MONTH): 4,
        ("kvsops_channel_quota_share", HERE): 0.93,
        ("kvsops_ghosts", MONTH): 120,
        ("kvsops_own_cost_dollars", HERE): 0.3002,
        ("kvsops_cost_last_run_timestamp_seconds", HERE): 1795341600,
    }


def test_what_is_unknown_is_absent(tmp_path: Path) -> None:
    """No figure stands for one that is not known: a zero would look like a saving."""
    file = tmp_path / "kvsops.prom"
    unknown = report(
        [group("a", None)],
        month_to_date=None,
        estimated_month=None,
        fee=None,
        messages=None,
        lower_bound=True,
    )
    write(replace(unknown, quota=Quota(9300, None)), file)
    assert {name for name, _ in samples(file)} == {
        "kvsops_cost_part_dollars",
        "kvsops_cost_lower_bound",
        "kvsops_channels",
        "kvsops_channels_used",
        "kvsops_channels_unknown",
        "kvsops_ghosts",
        "kvsops_own_cost_dollars",
        "kvsops_cost_last_run_timestamp_seconds",
    }
    assert samples(file)["kvsops_cost_lower_bound", MONTH] == 1
    assert "kvsops_cost_month_to_date_dollars" not in file.read_text(encoding="utf-8")
    write(report(unknown=0), file)
    assert samples(file)["kvsops_cost_lower_bound", MONTH] == 0


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([group(f"g{n}", "1") for n in range(100)], None),
        ([group(f"g{n}", "0.5") for n in range(103)], 1.5),
        ([*[group(f"g{n}", "1") for n in range(101)], group("x", None)], None),
    ],
)
def test_groups_are_kept_few(tmp_path: Path, rows: list[Group], expected: float | None) -> None:
    """Beyond the dearest hundred all are one, told only where each of them is known."""
    file = tmp_path / "kvsops.prom"
    write(report(rows), file)
    read = {
        dict(labels)["group"]: value
        for (name, labels), value in samples(file).items()
        if name == "kvsops_cost_group_month_to_date_dollars"
    }
    assert read.pop("(other)", None) == expected
    assert [*read] == [f"g{n}" for n in range(100)]


def test_any_name_can_be_read_back(tmp_path: Path) -> None:
    """Quotes and backslashes are escaped, what acts is made visible, and none comes twice."""
    file = tmp_path / "kvsops.prom"
    odd = [group('a"b\\', "1"), group("x\n\ud800", "2"), group("x\\n\\ud800", "3")]
    write(report(odd), file)
    read = {dict(labels).get("group"): value for (_, labels), value in samples(file).items()}
    assert (read['a"b\\'], read["x\\n\\ud800"]) == (1, 5)


def test_the_file_is_replaced_at_once(tmp_path: Path) -> None:
    """Others may read it, the one before is gone, and nothing is left beside it."""
    file = tmp_path / "kvsops.prom"
    file.write_text("before", encoding="utf-8")
    file.chmod(0o600)
    with file.open(encoding="utf-8") as reader:
        write(report(), file)
        assert reader.read() == "before"
    assert file.stat().st_mode & 0o777 == 0o644
    assert file.read_text(encoding="utf-8").endswith("# EOF\n")
    assert [*tmp_path.iterdir()] == [file]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("missing/kvsops.prom", "No such file or directory"),
        ("folder", "Is a directory"),
        ("file/kvsops.prom", "Not a directory"),
        ("nul\x00l", "embedded null byte"),
    ],
)
def test_a_file_that_cannot_be_written(tmp_path: Path, name: str, told: str) -> None:
    """One line names the file, the option and the reason; nothing is left behind."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(KvsopsError) as caught:
        write(report(), tmp_path / name)
    shown = f"{tmp_path}/{name}".replace("\x00", "\\x00")
    assert str(caught.value) == f"the metrics cannot be written to {shown} (--open-metrics): {told}"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder"]


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has not installed what writes the metrics is told what to install."""
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(UsageError) as caught:
        OPEN_METRICS.check(tmp_path / "kvsops.prom")
    assert str(caught.value) == "--open-metrics needs pip install '.[report]' in a clone of kvsops"
    assert not [*tmp_path.iterdir()]
