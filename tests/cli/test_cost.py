"""`kvsops cost`: the month's bill, what could be spared of it, and how it ends."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kvsops.core.channel import Channel, StorageLink
from kvsops.core.cost import Month
from kvsops.core.text import moment
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from kvsops.sweep.journal import Journal
from tests.aws.first_calls import FirstCalls
from tests.cli.conftest import Kvsops
from tests.cli.costs import (
    days_ago,
    free_use,
    just_now,
    last_month,
    of_last_month,
    sow_last_month,
    sow_today,
    this_month,
    told,
    written,
)
from tests.fleet import DAY, put, put_many
from tests.usage import use

OWN = "own cost: 21 metrics in 5 calls, $0.0002 at most\n"
LOWER_BOUND = (
    "A lower bound: channels deleted more than two weeks ago are seen only in journals (--journal) "
    "and in an earlier output of this month (--baseline).\n"
)
ROW_KEYS = [
    "channel_name",
    "ghost",
    "creation_time",
    "channel_arn",
    "tags",
    "last_activity",
    "active_this_month",
    "connections",
    "messages",
    "turn_minutes",
    "month_to_date_usd",
    "estimated_monthly_usd",
    "basis",
    "daily_connections",
    "prices_assumed_from",
]


@pytest.fixture
def fleet(emulator: LocalServer) -> LocalServer:
    """Return the emulator with a fleet used last month."""
    sow_last_month(emulator)
    return emulator


@pytest.fixture
def last(kvsops: Kvsops) -> Kvsops:
    """Return what runs `kvsops cost` for last month, which is over."""
    return lambda *argv: kvsops("cost", "--month", str(last_month()), *argv)


# cam-door: 5 connections; 0.03 + 1,000,000 messages at 2.25 + 1,000 TURN minutes at 0.12 = 2.40.
# ci-1 and old-1, which is no more: one connection each, 0.03. Together 2.46, of which fees 0.09.


@pytest.mark.usefixtures("fleet")
def test_table(last: Kvsops) -> None:
    """The total, its parts, the groups, the dearest, and what could be spared."""
    ended = last()
    ten, eleven, today = days_ago(10), days_ago(11), "today".ljust(13)
    last_used = f"LAST IN {last_month()}"
    assert ended.out == (
        f"us-east-1: 4 channels, 3 used in {last_month()}: $2.46 to date, $2.46 for the month "
        "(measured).\n"
        "\n"
        "To date: fees $0.09, messages $2.25, TURN $0.12.\n"
        "\n"
        "PREFIX      CHANNELS    USED    TO DATE    MONTH\n"
        "cam                2       1      $2.40    $2.40\n"
        "ci                 1       1      $0.03    $0.03\n"
        "old                1       1      $0.03    $0.03\n"
        "\n"
        f"CHANNEL    DELETED    {last_used}    ACTIVE      CONNECTS    MESSAGES    TURN MIN    "
        "TO DATE    MONTH  BASIS\n"
        f"cam-door   no         {ten}      yes                5   1,000,000       1,000      "
        "$2.40    $2.40  measured\n"
        f"ci-1       no         {eleven}      yes                1           0           0      "
        "$0.03    $0.03  measured\n"
        f"old-1      yes        {eleven}      yes                1           0           0      "
        "$0.03    $0.03  measured\n"
        f"cam-yard   no         {'-':13}      no                 0           0           0      "
        "$0.00    $0.00  measured\n"
        "\n"
        "- Quota: 3 of 10,000 channels (0%), unless AWS raised it.\n"
        f"- The 1 channel not used in {last_month()} took quota and cost $0.00: a channel that "
        "nobody connects to costs nothing.\n"
        "- Ghosts: 1 deleted channel cost $0.03 all the same.\n"
        "- Churn: 3 of 3 channels were used on one day only, at most 2 of them on the same; "
        "reusing so many for all would save $0.03.\n"
        f"- {LOWER_BOUND}"
    )
    assert (ended.code, ended.err) == (0, OWN)
    assert today not in ended.out  # what was used since is not of that month


@pytest.mark.usefixtures("fleet")
def test_json(last: Kvsops, emulator: LocalServer) -> None:
    """The keys are an interface."""
    ended = last("-o", "json")
    report = told(ended)
    days = {row["day"]: row["usd"] for row in report.pop("days") if row["usd"]}
    assert days == {f"{last_month()}-10": 2.4, f"{last_month()}-11": 0.06}
    channels = report.pop("channels")
    assert report.pop("dearest") == channels
    assert [list(row) for row in channels] == [ROW_KEYS] * 4
    door = channels[0]
    assert door.pop("daily_connections") is None  # of the days since nothing was asked
    assert door == {
        "channel_name": "cam-door",
        "ghost": False,
        "creation_time": door["creation_time"],
        "channel_arn": emulator.backend().channels["cam-door"].arn,
        "tags": None,  # not read: nothing is grouped by them
        "last_activity": moment(of_last_month(10).replace(hour=0)),
        "active_this_month": True,
        "connections": 5,
        "messages": 1_000_000,
        "turn_minutes": 1_000,
        "month_to_date_usd": 2.4,
        "estimated_monthly_usd": 2.4,
        "basis": "measured",
        "prices_assumed_from": None,
    }
    assert [channels[2][key] for key in ROW_KEYS[:5]] == ["old-1", True, None, None, None]
    report.pop("as_of")
    prices = report.pop("prices")
    assert list(prices) == [
        "region",
        "channel_month",
        "million_messages",
        "thousand_turn_minutes",
        "as_of",
        "source",
        "assumed_from",
    ]
    assert report == {
        "month": str(last_month()),
        "region": "us-east-1",
        "narrowing": {"prefix": None, "match": None},
        "total": {
            "channels": 4,
            "used": 3,
            "unknown": 0,
            "fee_usd": 0.09,
            "messages_usd": 2.25,
            "turn_usd": 0.12,
            "month_to_date_usd": 2.46,
            "estimated_monthly_usd": 2.46,
            "basis": "measured",
            "projection": None,
            "lower_bound": True,
        },
        "quota": {"channels": 3, "limit": 10_000, "share": 0.0003},
        "groups": {
            "by": "prefix",
            "rows": [
                {
                    "group": group,
                    "channels": number,
                    "used": 1,
                    "month_to_date_usd": usd,
                    "estimated_monthly_usd": usd,
                }
                for group, number, usd in (("cam", 2, 2.4), ("ci", 1, 0.03), ("old", 1, 0.03))
            ],
        },
        "ghosts": {"channels": 1, "month_to_date_usd": 0.03},
        "churn": {"used": 3, "used_on_one_day": 3, "busiest_day": 2, "saving_usd": 0.03},
        "sweep": {"unused": 1, "saving_usd": 0},
        "own_cost": {
            "metrics": 21,
            "calls": {"GetMetricData": 2, "ListMetrics": 3},
            "usd": 0.00024,  # (21 + 3) x 0.00001
        },
        "problems": [],
    }
    assert (ended.code, ended.err) == (0, OWN)


@pytest.mark.usefixtures("fleet")
def test_query(last: Kvsops) -> None:
    """A figure can be had by itself."""
    assert last("-o", "json", "--query", "total.month_to_date_usd").out == "2.46\n"


@pytest.mark.usefixtures("fleet")
def test_csv(last: Kvsops) -> None:
    """CSV has a line for each channel, the ghosts' too."""
    rows = [*csv.reader(io.StringIO(last("-o", "csv").out))]
    assert rows[0] == ROW_KEYS
    assert [(row[0], row[1], row[10]) for row in rows[1:]] == [
        ("cam-door", "false", "2.4"),
        ("ci-1", "false", "0.03"),
        ("old-1", "true", "0.03"),
        ("cam-yard", "false", "0"),
    ]


@pytest.mark.usefixtures("fleet")
def test_markdown_and_step_summary(
    last: Kvsops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Markdown says goes to the step's summary too, whatever the output."""
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    last("-o", "json")
    appended = summary.read_text()
    ended = last("-o", "markdown")
    assert appended == "\n### kvsops cost\n\n" + ended.out
    assert ended.out.startswith(
        f"us-east-1: 4 channels, 3 used in {last_month()}: \\$2.46 to date, \\$2.46 for the month "
        "(measured).\n\nTo date: fees \\$0.09, messages \\$2.25, TURN \\$0.12.\n\n"
        "| PREFIX | CHANNELS | USED | TO DATE | MONTH |\n"
        "| --- | ---: | ---: | ---: | ---: |\n"
        "| cam | 2 | 1 | \\$2.40 | \\$2.40 |\n"
    )
    assert "\n- Ghosts: 1 deleted channel cost \\$0.03 all the same.\n" in ended.out
    assert (ended.code, ended.err) == (0, OWN)


@pytest.mark.usefixtures("fleet")
def test_a_summary_that_cannot_be_written(
    last: Kvsops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bill is told all the same."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    ended = last()
    assert ended.code == 0
    assert "warning: the summary cannot be written" in ended.err


def test_nothing(kvsops: Kvsops) -> None:
    """An empty account has a bill without tables."""
    ended = kvsops("cost")
    assert ended.out.startswith(
        f"us-east-1: 0 channels, 0 used in {this_month()}: $0.00 to date, $0.00 for the month "
        "(measured).\n\nTo date: fees $0.00, messages $0.00, TURN $0.00.\n\n- Quota: 0 of 10,000 "
    )
    assert ended.code == 0


def test_this_month(kvsops: Kvsops, emulator: LocalServer, tmp_path: Path) -> None:
    """The running month is projected, but for what is no more."""
    sow_today(emulator)
    report = told(kvsops("cost", "--prices", free_use(tmp_path), "-o", "json"))
    assert report["month"] == str(this_month())
    assert report["total"]["month_to_date_usd"] == 0.09
    assert report["total"]["estimated_monthly_usd"] == 0.09
    assert {row["channel_name"]: row["basis"] for row in report["channels"]} == {
        "cam-door": "projected",
        "ci-1": "projected",
        "old-1": "measured",
        "cam-yard": "projected",
    }
    assert report["days"][-1]["connections"] == 5 + 1 + 1
    early = this_month().start < datetime.now(UTC) - timedelta(days=14)
    assert report["total"]["lower_bound"] is early


# Groups


@pytest.mark.usefixtures("fleet")
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


@pytest.mark.usefixtures("fleet")
def test_tags_are_not_read_for_nothing(last: Kvsops, emulator: LocalServer) -> None:
    """Names and regions are known without."""
    last("--group-by", "region")
    assert not {"GetResources", "ListTagsForResource"} & emulator.calls.keys()
    last("--group-by", "owner")
    assert emulator.calls["GetResources"] == 1


@pytest.mark.usefixtures("fleet")
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


@pytest.mark.usefixtures("fleet")
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


def test_a_channel_that_is_left_out_is_no_ghost(last: Kvsops, fleet: LocalServer) -> None:
    """What is listed but not meant was not deleted."""
    use(fleet, "ci-1", just_now(), masters=1)
    report = told(last("--match", "cam-*", "-o", "json"))
    assert [row["channel_name"] for row in report["channels"]] == ["cam-door", "cam-yard"]


# Older ghosts


def journal(path: Path, emulator: LocalServer, name: str, at: datetime | None = None) -> None:
    """Write into a journal that a channel of this name was deleted."""
    arn = put(emulator, name, 100 * DAY).arn
    backend = emulator.backend()
    now = datetime.now(UTC)
    backend.remove_channel(backend.channels[name], now)
    channel = Channel(name, arn, "ACTIVE", now - 100 * DAY, "v", "SINGLE_MASTER", 60)
    with Journal(path, "run") as written_to:
        written_to.deleting(at or now, channel, {}, StorageLink("DISABLED", None), "100d old")
        written_to.write("deleted", at or now, arn)


def test_journals_tell_of_older_ghosts(last: Kvsops, fleet: LocalServer, tmp_path: Path) -> None:
    """Those given and those in the state directory; not what was deleted before the month."""
    kept = tmp_path / "state" / "kvsops" / "journals"
    journal(kept / "one.jsonl", fleet, "kept-1")
    journal(tmp_path / "given.jsonl", fleet, "given-1")
    journal(tmp_path / "given.jsonl", fleet, "long-ago", last_month().start - timedelta(seconds=1))
    for name in ("kept-1", "given-1", "long-ago"):
        use(fleet, name, of_last_month(1), masters=1)
    assert "kept-1" in last().out
    report = told(last("--journal", str(tmp_path / "given.jsonl"), "-o", "json"))
    ghosts = [row["channel_name"] for row in report["channels"] if row["ghost"]]
    assert ghosts == ["given-1", "kept-1", "old-1"]
    assert report["total"]["month_to_date_usd"] == 2.52  # 2.46 + 2 x 0.03
    assert report["ghosts"] == {"channels": 3, "month_to_date_usd": 0.09}
    assert report["total"]["lower_bound"] is True


def test_nothing_is_asked_of_another_accounts_journals(
    last: Kvsops, fleet: LocalServer, tmp_path: Path
) -> None:
    """The state directory has those of every account, the emulator's too."""
    before = told(last("-o", "json"))["own_cost"]
    kept = tmp_path / "state" / "kvsops" / "journals"
    journal(kept / "one.jsonl", fleet, "kept-1")
    own = fleet.backend().account_id
    text = (kept / "one.jsonl").read_text()
    (kept / "one.jsonl").write_text(text.replace(own, "210987654321"))
    assert told(last("-o", "json"))["own_cost"] == before


@pytest.mark.usefixtures("fleet")
def test_a_journal_that_cannot_be_read(last: Kvsops, tmp_path: Path) -> None:
    """One that was given is wrong usage; one that lay around is said."""
    given = tmp_path / "given.jsonl"
    given.write_text("no journal\n")
    ended = last("--journal", str(given))
    assert (ended.code, ended.out) == (2, "")
    kept = tmp_path / "state" / "kvsops" / "journals"
    kept.mkdir(parents=True)
    given.rename(kept / "x.jsonl")
    ended = last()
    assert ended.code == 0
    assert "warning: the journal" in ended.err


def baseline(month: Month, as_of: datetime, names: list[str], **total: Any) -> dict[str, Any]:
    """Make an earlier output of cost."""
    return {
        "month": str(month),
        "region": "us-east-1",
        "as_of": moment(as_of),
        "total": {"estimated_monthly_usd": 2.46, "lower_bound": False, **total},
        "channels": [{"channel_name": name} for name in names],
    }


@pytest.mark.parametrize(
    ("day", "complete", "lower_bound"),
    [(40, True, False), (40, False, True), (10, True, True)],  # the 10th is 2 weeks ago
)
def test_a_baseline_tells_of_older_ghosts(
    last: Kvsops,
    fleet: LocalServer,
    tmp_path: Path,
    day: int,
    *,
    complete: bool,
    lower_bound: bool,
) -> None:
    """Its names are looked for; a complete one made after the month's end completes the bill."""
    use(fleet, "early-1", of_last_month(1), masters=1)
    assert "early-1" not in last().out
    as_of = of_last_month(1) + (day - 1) * DAY
    made = baseline(last_month(), as_of, ["early-1", "ci-1"], lower_bound=not complete)
    file = written(tmp_path, "earlier.json", made)
    report = told(last("--baseline", file, "-o", "json"))
    assert [row["channel_name"] for row in report["channels"] if row["ghost"]] == [
        "early-1",
        "old-1",
    ]
    assert report["total"]["lower_bound"] is lower_bound
    assert (LOWER_BOUND in last("--baseline", file).out) is lower_bound


@pytest.mark.usefixtures("fleet")
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


@pytest.mark.usefixtures("fleet")
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


@pytest.mark.usefixtures("fleet")
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


def test_growth_over_what_was_not_known(last: Kvsops, fleet: LocalServer, tmp_path: Path) -> None:
    """Whether it grew cannot be told, so it has not: an error, and never a budget passed."""
    faults, fleet.settings.faults = fleet.settings.faults, (Fault("GetMetricData", "AccessDenied"),)
    earlier = tmp_path / "earlier.json"
    earlier.write_text(last("-o", "json").out)
    fleet.settings.faults = faults
    ended = last("--baseline", str(earlier), "--max-growth", "10%")
    assert ended.code == 1
    assert ended.err.endswith(
        f"the month will come to $2.46, where {earlier} had at least $0.00\n"
        "error: whether it grew by more than --max-growth 10% is not known\n"
    )
    assert last("--baseline", str(earlier), "--max-growth", "5").code == 0


def test_growth_where_nothing_is_known(last: Kvsops, fleet: LocalServer, tmp_path: Path) -> None:
    """What could not be read is no fall to nothing."""
    made = baseline(last_month(), of_last_month(20), [])
    file = written(tmp_path, "earlier.json", made)
    fleet.settings.faults = (Fault("GetMetricData", "AccessDenied"),)
    ended = last("--baseline", file, "--max-growth", "10%")
    assert ended.code == 1
    assert f"the month will come to at least $0.00, where {file} had $2.46\n" in ended.err


# Budgets


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--fail-over", "2.46"), 0, ""),
        (
            ("--fail-over", "2.45"),
            3,
            "error: the month will come to $2.46, over --fail-over $2.45\n",
        ),
        (
            ("--fail-over", "0.001"),
            3,
            "error: the month will come to $2.46, over --fail-over $0.001\n",
        ),
        (("--warn-over", "2.45"), 0, "warning: the month will come to $2.46, over $2.45\n"),
    ],
)
def test_budget(last: Kvsops, options: tuple[str, ...], code: int, said: str) -> None:
    """A budget that is passed ends with 3, after the report."""
    ended = last(*options)
    assert (ended.code, ended.err) == (code, OWN + said)
    assert ended.out.startswith("us-east-1: ")


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize("options", [(), ("--fail-over", "100"), ("--fail-over", "0.01")])
def test_metrics_denied(last: Kvsops, emulator: LocalServer, options: tuple[str, ...]) -> None:
    """Nothing is known: not zero, not within the budget, and not beyond."""
    emulator.settings.faults = (Fault("GetMetricData", "AccessDenied"),)
    ended = last(*options)
    assert ended.code == 1
    assert ended.out.startswith(
        f"us-east-1: 4 channels, ? used in {last_month()}: ? to date, ? for the month (unknown).\n"
        "\nTo date: fees ?, messages ?, TURN ?.\n"
    )
    assert "Sweeping" not in ended.out
    assert "Ghosts: what 1 deleted channel cost is not known." in ended.out
    assert 'credentials need cloudwatch:GetMetricData on "*"' in ended.err
    report = told(last(*options, "-o", "json"))
    assert [report["total"][key] for key in ("month_to_date_usd", "estimated_monthly_usd")] == [
        None,
        None,
    ]
    assert report["total"]["unknown"] == 4
    assert (report["total"]["used"], report["sweep"]["unused"]) == (None, None)
    assert (report["ghosts"]["channels"], report["groups"]["rows"][0]["used"]) == (None, None)
    assert set(report["churn"].values()) == {None}
    assert [*report["days"][0].values()][1:] == [None] * 4
    assert {row["basis"] for row in report["channels"]} == {"unknown"}
    assert len(report["problems"]) == 1


@pytest.mark.parametrize(("budget", "code"), [("1", 3), ("100", 1)])
def test_a_part_is_known(kvsops: Kvsops, emulator: LocalServer, budget: str, code: int) -> None:
    """Where the known part alone passes the budget it is passed; else it could not be told."""
    for name in put_many(emulator, [f"cam-{number:03}" for number in range(200)], 100 * DAY):
        use(emulator, name, just_now(), masters=1)
    emulator.settings.faults = (FirstCalls("GetMetricData", "AccessDenied", 1),)
    assert kvsops("cost", "--fail-over", budget).code == code


@pytest.mark.usefixtures("fleet")
def test_list_metrics_denied(last: Kvsops, emulator: LocalServer) -> None:
    """The channels are told; that no ghost could be looked for is a failure, and said."""
    emulator.settings.faults = (Fault("ListMetrics", "AccessDenied"),)
    ended = last("-o", "json", "--fail-over", "100")
    report = told(ended)
    assert ended.code == 1
    assert report["total"]["month_to_date_usd"] == 2.43  # without the ghost's 0.03
    assert report["total"]["lower_bound"] is True
    assert "deleted channels could not be looked for" in ended.err
    assert report["own_cost"]["metrics"] == 3 * 3 + 2 * 3


def test_a_listing_that_fails(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A failed listing is no empty account."""
    emulator.settings.faults = (Fault("ListSignalingChannels", "AccessDeniedException"),)
    ended = kvsops("cost", "--fail-over", "1")
    assert (ended.code, ended.out) == (1, "")
    assert "ListSignalingChannels denied" in ended.err


@pytest.mark.usefixtures("fleet")
def test_max_own_cost(last: Kvsops, emulator: LocalServer) -> None:
    """4 names, the ghost too, cost at most 4 x 6 x 0.00001 = 0.00024."""
    assert last("--max-own-cost", "0.00024").code == 0
    asked = emulator.calls["GetMetricData"]
    ended = last("--max-own-cost", "0.00023")
    assert (ended.code, ended.out) == (3, "")
    assert emulator.calls["GetMetricData"] == asked


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--fail-over", "much"), "not an amount in dollars: 'much'"),
        (("--max-growth", "5"), "give --baseline FILE"),
        (("--prices", "missing.toml"), "the price file missing.toml cannot be read"),
        (("--region", "xx-nowhere-1"), "no prices are known for xx-nowhere-1"),
        (("--query", "total"), "--query"),
    ],
)
def test_bad_input(
    kvsops: Kvsops, emulator: LocalServer, options: tuple[str, ...], said: str
) -> None:
    """One line, wrong usage, and nothing was asked."""
    ended = kvsops("cost", *options)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert ended.err.count("\n") == 1
    assert emulator.calls == {}


def test_assumed_prices(kvsops: Kvsops) -> None:
    """Another region's prices are marked, in the text and in the JSON."""
    options = ("--region", "eu-west-1", "--assume-prices-of", "us-east-1")
    assert "; at us-east-1's prices)." in kvsops("cost", *options).out
    prices = told(kvsops("cost", *options, "-o", "json"))["prices"]
    assert (prices["region"], prices["assumed_from"]) == ("eu-west-1", "us-east-1")


# Files


class Links(HTMLParser):
    """Collects what a page would load, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note each address."""
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href")]
        self.loaded += [tag] if tag in ("script", "link", "iframe") else []

    def handle_data(self, data: str) -> None:
        """Note the text."""
        self.text += data


@pytest.mark.usefixtures("fleet")
def test_html(last: Kvsops, tmp_path: Path) -> None:
    """One page that loads nothing, with the totals and the channels."""
    page = tmp_path / "bill.html"
    ended = last("--html", str(page))
    assert (ended.code, ended.err) == (0, OWN)
    links = Links()
    links.feed(page.read_text(encoding="utf-8"))
    assert not [each for each in links.loaded if not each.startswith(("#", "data:"))]
    for text in ("$2.46", "cam-door", "old-1", "$2.40"):
        assert text in links.text


@pytest.mark.usefixtures("fleet")
def test_open_metrics(last: Kvsops, tmp_path: Path) -> None:
    """A file that Prometheus reads, with the totals."""
    file = tmp_path / "kvsops.prom"
    assert last("--open-metrics", str(file)).code == 0
    text = re.sub(r"# EOF\n$", "", file.read_text())
    samples = {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["kvsops_cost_month_to_date_dollars"] == 2.46
    assert samples["kvsops_cost_lower_bound"] == 1
    assert samples["kvsops_ghosts"] == 1


@pytest.mark.usefixtures("fleet")
def test_files_when_nothing_is_known(last: Kvsops, emulator: LocalServer, tmp_path: Path) -> None:
    """A page and metrics are written all the same, and no zero in them."""
    emulator.settings.faults = (Fault("GetMetricData", "AccessDenied"),)
    page, file = tmp_path / "bill.html", tmp_path / "kvsops.prom"
    assert last("--html", str(page), "--open-metrics", str(file)).code == 1
    text = page.read_text(encoding="utf-8")
    assert "How many channels are unused could not be told." in text
    assert "No deleted channel was found" not in text
    for name in ("cost_month_to_date_dollars", "channels_used", "ghosts"):
        assert f"kvsops_{name}" not in file.read_text()


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize("option", ["--html", "--open-metrics"])
def test_a_file_that_cannot_be_written(last: Kvsops, tmp_path: Path, option: str) -> None:
    """The report is told, then the failure, and all else that could be."""
    metrics = tmp_path / "kvsops.prom"
    ended = last(option, str(tmp_path / "no" / "directory"))
    assert ended.code == 1
    assert ended.out.startswith("us-east-1: ")
    assert "cannot be written" in ended.err
    assert ended.err.endswith(OWN)
    page = str(tmp_path / "no" / "bill.html")
    ended = last("--html", page, "--open-metrics", str(metrics), "--fail-over", "0.01")
    assert ended.code == 3
    assert metrics.exists()
