"""An earlier output to compare with: what is read of it, and how much growth is too much."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kvsops.bill.baseline import Baseline, Growth, read
from kvsops.core.cost import Month
from kvsops.errors import UsageError

D = Decimal
OCTOBER = Month(2026, 10)
COST = {
    "month": "2026-10",
    "region": "us-east-1",
    "as_of": "2026-10-20T08:00:00Z",
    "total": {"estimated_monthly_usd": 1.05, "lower_bound": False},
    "channels": [{"channel_name": "cam-1"}, {"channel_name": "gone"}],
}
LIST = [
    {"channel_name": "cam-1", "estimated_monthly_usd": 0.1},
    {"channel_name": "cam-2", "estimated_monthly_usd": 0.2},
    {"channel_name": "cam-3", "estimated_monthly_usd": None},
]
NOT_OURS = "it is not the JSON of kvsops cost or list --cost"


def written(path: Path, content: Any) -> Path:
    """Write JSON; return where."""
    file = path / "earlier.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def test_of_cost(tmp_path: Path) -> None:
    """The output of `cost` tells its total, to the digit, and its channels, the deleted too."""
    path = written(tmp_path, COST)
    assert read(path) == Baseline(
        path,
        D("1.05"),
        frozenset({"cam-1", "gone"}),
        "us-east-1",
        OCTOBER,
        datetime(2026, 10, 20, 8, tzinfo=UTC),
        complete=True,
    )


def test_of_list(tmp_path: Path) -> None:
    """That of `list --cost` is summed, 0.1 + 0.2 = 0.3; what was not known is counted."""
    path = written(tmp_path, LIST)
    names = frozenset({"cam-1", "cam-2", "cam-3"})
    assert read(path) == Baseline(path, D("0.3"), names, unknown=1)


def test_of_nothing_known(tmp_path: Path) -> None:
    """An output of `cost` whose metrics could not be read is one all the same."""
    total = {"estimated_monthly_usd": None, "lower_bound": False, "unknown": 2}
    found = read(written(tmp_path, {**COST, "total": total}))
    assert (found.estimated_month, found.unknown) == (D(0), 2)


def test_of_nothing(tmp_path: Path) -> None:
    """A listing without channels came to nothing."""
    path = written(tmp_path, [])
    assert read(path) == Baseline(path, D(0), frozenset(), streams_month=D(0))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "no JSON",
        "{}",
        "null",
        "3",
        '"text"',
        '[{"channel_name": "cam-1"}]',
        '[{"channel_name": "cam-1", "estimated_monthly_usd": "much"}]',
        '[{"channel_name": "cam-1", "estimated_monthly_usd": NaN}]',
        '[{"channel_name": "cam-1", "estimated_monthly_usd": Infinity}]',
        '[{"channel_name": "cam-1", "estimated_monthly_usd": {}}]',
        "[1, 2]",
        {**COST, "total": None},
        {**COST, "total": {"estimated_monthly_usd": "NaN", "lower_bound": False}},
        {**COST, "channels": {"cam-1": 1}},
        {**COST, "month": 10},
        {**COST, "narrowing": "all"},
        {**COST, "as_of": None},
        {name: value for name, value in COST.items() if name != "region"},
    ],
)
def test_not_an_output(tmp_path: Path, content: Any) -> None:
    """What is no such output is refused, in one line, before it is compared with."""
    path = written(tmp_path, content)
    with pytest.raises(UsageError) as caught:
        read(path)
    assert str(caught.value) == f"the baseline {path} cannot be used: {NOT_OURS}"


def test_a_month_that_is_none(tmp_path: Path) -> None:
    """A month that is not one is refused as such."""
    with pytest.raises(UsageError, match="not a month: '2026-13'"):
        read(written(tmp_path, {**COST, "month": "2026-13"}))


@pytest.mark.parametrize(
    ("name", "why"), [("missing.json", "No such file or directory"), (".", "Is a directory")]
)
def test_unreadable(tmp_path: Path, name: str, why: str) -> None:
    """A file that cannot be read is refused with the reason."""
    with pytest.raises(UsageError, match=f"cannot be used: {why}"):
        read(tmp_path / name)


def test_no_text(tmp_path: Path) -> None:
    """A file of other than text is refused."""
    (tmp_path / "b").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=NOT_OURS):
        read(tmp_path / "b")


def at(month: int, day: int) -> datetime:
    """Answer the beginning of a day of 2026."""
    return datetime(2026, month, day, tzinfo=UTC)


@pytest.mark.parametrize(
    ("as_of", "until", "covers"),
    [
        (at(10, 20), at(10, 19), True),
        (at(10, 20), at(10, 20), True),
        (at(10, 20), at(10, 21), False),  # what came and went between is in neither
        (at(10, 20), at(11, 5), False),
        (at(10, 31), at(11, 5), False),
        (at(11, 1), at(11, 30), True),  # the month was over
        (None, at(10, 1), False),
    ],
)
def test_covers(as_of: datetime | None, until: datetime, covers: bool) -> None:  # noqa: FBT001 - a row
    """An output tells of all channels used until it was made, or until its month's end."""
    made = Baseline(Path("x"), D(0), frozenset(), "us-east-1", OCTOBER, as_of, complete=True)
    assert made.covers(OCTOBER, until) is covers
    assert not made.covers(Month(2026, 11), until)


def test_a_lower_bound_covers_nothing() -> None:
    """What was incomplete itself completes nothing."""
    made = Baseline(Path("x"), D(0), frozenset(), "us-east-1", OCTOBER, at(10, 20))
    assert not made.covers(OCTOBER, at(10, 1))


# Growth


@pytest.mark.parametrize(
    ("text", "baseline", "estimated", "passed"),
    [
        ("20%", "1.00", "1.20", False),
        ("20%", "1.00", "1.2000001", True),
        ("20%", "1.00", "0.10", False),
        ("0%", "1.00", "1.00", False),
        ("0%", "1.00", "1.0000001", True),
        ("20%", "0", "0.0000001", True),
        ("12.5%", "8", "9", False),
        ("5", "1.00", "6.00", False),
        ("5", "1.00", "6.0000001", True),
        ("0", "1.00", "1.00", False),
        ("0.50", "0", "0.51", True),
    ],
)
def test_growth(text: str, baseline: str, estimated: str, passed: bool) -> None:  # noqa: FBT001 - a row
    """A growth is passed when the estimate is further above the baseline, not at it."""
    assert Growth.parse(text).passed(D(baseline), D(estimated)) is passed


@pytest.mark.parametrize(
    "text", ["", "%", "-5", "-5%", "much", "20%%", "NaN", "inf", "inf%", "5 USD", "1,5"]
)
def test_no_growth(text: str) -> None:
    """Anything else is refused, with an example."""
    with pytest.raises(UsageError) as caught:
        Growth.parse(text)
    assert str(caught.value) == (
        f"not a growth: {text!r}: write a percentage like 20%, or dollars like 5"
    )
