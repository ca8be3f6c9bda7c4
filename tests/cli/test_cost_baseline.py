"""`kvsops cost --baseline`: what it is compared with, and how much it may grow."""

import json
from pathlib import Path

import pytest

from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.cli.costs import (
    baseline,
    just_now,
    last_month,
    of_last_month,
    this_month,
    written,
)


@pytest.mark.usefixtures("last_months_fleet")
@pytest.mark.parametrize(
    ("was", "growth", "code"),
    [(2.46, "0%", 0), (2.0, "23%", 0), (2.0, "22%", 3), (2.0, "0.46", 0), (2.0, "0.45", 3)],
)
def test_growth(last: Kvsops, tmp_path: Path, was: float, growth: str, code: int) -> None:
    """2.46 is 23 % or 0.46 more than 2.00."""
    made = baseline(last_month(), of_last_month(20), [], estimated_monthly_usd=was)
    file = written(tmp_path, "earlier.json", made)
    ended = last("--baseline", file, "--max-growth", growth)
    assert ended.code == code
    said = f"$2.46, where {file} had ${was:.2f}"
    assert said in ended.err
    assert (f": more than --max-growth {growth}\n" in ended.err) is (code == 3)


@pytest.mark.usefixtures("last_months_fleet")
def test_its_own_output_is_a_baseline(last: Kvsops, tmp_path: Path) -> None:
    """What it wrote it can read."""
    earlier = tmp_path / "earlier.json"
    earlier.write_text(last("-o", "json").out)
    assert last("--baseline", str(earlier), "--max-growth", "0").code == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "it is not the JSON of kvsops cost or list --cost"),
        (
            json.dumps(baseline(this_month(), just_now(), []) | {"region": "eu-west-1"}),
            "is of eu-west-1, not of us-east-1",
        ),
    ],
)
def test_bad_baselines(
    kvsops: Kvsops, emulator: LocalServer, tmp_path: Path, content: str, said: str
) -> None:
    """No output, and one of another region, is not compared with."""
    file = tmp_path / "earlier.json"
    file.write_text(content)
    ended = kvsops("cost", "--baseline", str(file))
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert emulator.calls == {}


@pytest.mark.usefixtures("last_months_fleet")
@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (("--prefix", "cam-"), (), "is of --prefix cam-, and this of all channels"),
        ((), ("--prefix", "cam-"), "is of all channels, and this of --prefix cam-"),
        (("--match", "*-1"), ("--match", "*-2"), "is of --match *-1, and this of --match *-2"),
    ],
)
def test_a_baseline_of_other_channels(
    last: Kvsops, tmp_path: Path, before: tuple[str, ...], after: tuple[str, ...], said: str
) -> None:
    """A part is not compared with the whole, nor taken to tell of all that was deleted."""
    earlier = tmp_path / "earlier.json"
    earlier.write_text(last("-o", "json", *before).out)
    assert last("--baseline", str(earlier), *before).code == 0
    ended = last("--baseline", str(earlier), *after)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_growth_over_what_was_not_known(
    last: Kvsops, last_months_fleet: LocalServer, tmp_path: Path
) -> None:
    """Whether it grew cannot be told, so it has not: an error, and never a budget passed."""
    faults, last_months_fleet.settings.faults = (
        last_months_fleet.settings.faults,
        (Fault("GetMetricData", "AccessDenied"),),
    )
    earlier = tmp_path / "earlier.json"
    earlier.write_text(last("-o", "json").out)
    last_months_fleet.settings.faults = faults
    ended = last("--baseline", str(earlier), "--max-growth", "10%")
    assert ended.code == 1
    assert ended.err.endswith(
        f"the month will come to $2.46, where {earlier} had at least $0.00\n"
        "error: whether it grew by more than --max-growth 10% is not known\n"
    )
    assert last("--baseline", str(earlier), "--max-growth", "5").code == 0


def test_growth_where_nothing_is_known(
    last: Kvsops, last_months_fleet: LocalServer, tmp_path: Path
) -> None:
    """What could not be read is no fall to nothing."""
    made = baseline(last_month(), of_last_month(20), [])
    file = written(tmp_path, "earlier.json", made)
    last_months_fleet.settings.faults = (Fault("GetMetricData", "AccessDenied"),)
    ended = last("--baseline", file, "--max-growth", "10%")
    assert ended.code == 1
    assert f"the month will come to at least $0.00, where {file} had $2.46\n" in ended.err
