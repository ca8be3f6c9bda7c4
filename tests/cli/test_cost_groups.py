"""`kvsops cost`: what it sums by, and of which month and channels."""

from datetime import UTC, datetime, timedelta

import pytest

from kvsops.core.cost import Month
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.cli.costs import (
    just_now,
    this_month,
    told,
)
from tests.fleet import DAY
from tests.usage import use


@pytest.mark.usefixtures("last_months_fleet")
@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("prefix", [("cam", 2.4), ("ci", 0.03), ("old", 0.03)]),
        ("region", [("us-east-1", 2.46)]),
        # ci-1 has no tags, which was read; of what is no more they are not known
        ("owner", [("ops", 2.4), (None, 0.03), ("unknown", 0.03)]),
        ("tag:team", [("door", 2.4), (None, 0.03), ("unknown", 0.03), ("yard", 0)]),
        ("tag:nobody", [(None, 2.43), ("unknown", 0.03)]),
    ],
)
def test_groups(last: Kvsops, by: str, groups: list[tuple[str | None, float]]) -> None:
    """The dearest group first; the tags are read only where they are grouped by."""
    report = told(last("--group-by", by, "-o", "json"))
    assert report["groups"]["by"] == by
    found = [(row["group"], row["month_to_date_usd"]) for row in report["groups"]["rows"]]
    assert sorted(found, key=lambda pair: (-pair[1], str(pair[0]))) == sorted(
        groups, key=lambda pair: (-pair[1], str(pair[0]))
    )
    assert [usd for _, usd in found] == sorted((usd for _, usd in groups), reverse=True)


@pytest.mark.usefixtures("last_months_fleet")
def test_tags_are_not_read_for_nothing(last: Kvsops, emulator: LocalServer) -> None:
    """Names and regions are known without."""
    last("--group-by", "region")
    assert not {"GetResources", "ListTagsForResource"} & emulator.calls.keys()
    last("--group-by", "owner")
    assert emulator.calls["GetResources"] == 1


@pytest.mark.usefixtures("last_months_fleet")
def test_tags_denied(last: Kvsops, emulator: LocalServer) -> None:
    """Groups are then unknown, and the totals are what they were."""
    emulator.settings.faults = (
        Fault("GetResources", "AccessDeniedException"),
        Fault("ListTagsForResource", "AccessDeniedException"),
    )
    ended = last("--group-by", "tag:team", "-o", "json")
    report = told(ended)
    assert [row["group"] for row in report["groups"]["rows"]] == ["unknown"]
    assert any(problem.startswith("GetResources denied") for problem in report["problems"])
    assert report["total"]["month_to_date_usd"] == 2.46
    assert "warning: GetResources denied" in ended.err


@pytest.mark.parametrize("by", ["size", "", "tag:", "Prefix", f"tag:{'k' * 129}"])
def test_bad_groups(kvsops: Kvsops, emulator: LocalServer, by: str) -> None:
    """What cannot be grouped by is refused, before anything is asked."""
    ended = kvsops("cost", "--group-by", by)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("\n") == 1
    assert emulator.calls == {}


# Months


@pytest.mark.parametrize(
    ("month", "said"),
    [
        ("october", "not a month: 'october': write it like 2026-10"),
        ("2026-13", "not a month: '2026-13'"),
        ("", "not a month: ''"),
        ("9999-12", "--month 9999-12 has not begun"),
        ("2019-05", "--month 2019-05 is too long ago: CloudWatch keeps 455 days"),
    ],
)
def test_bad_months(kvsops: Kvsops, emulator: LocalServer, month: str, said: str) -> None:
    """No month, one to come, and one that CloudWatch has forgotten."""
    ended = kvsops("cost", "--month", month)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert emulator.calls == {}


def test_months_within_reach(kvsops: Kvsops) -> None:
    """From the first month that is kept whole to the running one; the next has not begun."""
    kept = Month.of(datetime.now(UTC) - timedelta(days=455))
    first = kept if kept.start >= datetime.now(UTC) - timedelta(days=455) else Month.of(kept.end)
    for month in (first, this_month()):
        assert kvsops("cost", "--month", str(month)).code == 0
    assert kvsops("cost", "--month", str(Month.of(this_month().end))).code == 2
    assert kvsops("cost", "--month", str(Month.of(first.start - DAY))).code == 2


# Narrowed


@pytest.mark.usefixtures("last_months_fleet")
@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--prefix", "c"), ["cam-door", "ci-1", "cam-yard"]),
        (("--prefix", "old"), ["old-1"]),
        (("--match", "*-1"), ["ci-1", "old-1"]),
        (("--prefix", "nothing"), []),
    ],
)
def test_narrowed(last: Kvsops, options: tuple[str, ...], names: list[str]) -> None:
    """Ghosts are narrowed down to as channels are; the quota is the whole region's."""
    report = told(last(*options, "-o", "json"))
    assert [row["channel_name"] for row in report["channels"]] == names
    assert report["quota"]["channels"] == 3


def test_a_channel_that_is_left_out_is_no_ghost(
    last: Kvsops, last_months_fleet: LocalServer
) -> None:
    """What is listed but not meant was not deleted."""
    use(last_months_fleet, "ci-1", just_now(), masters=1)
    report = told(last("--match", "cam-*", "-o", "json"))
    assert [row["channel_name"] for row in report["channels"]] == ["cam-door", "cam-yard"]


def test_tags_that_could_not_be_read(last: Kvsops, last_months_fleet: LocalServer) -> None:
    """Groups by a tag that could not be read are no answer: it is told, and the exit code is 1."""
    last_months_fleet.settings.faults = (
        Fault("GetResources", "AccessDeniedException"),
        Fault("ListTagsForResource", "AccessDeniedException"),
    )
    ended = last("--group-by", "owner")
    assert ended.code == 1
    assert "error: tags could not be read: cam-door, cam-yard, ci-1: " in ended.err
