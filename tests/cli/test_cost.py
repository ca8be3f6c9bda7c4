"""`kvsops cost`: what it tells, in each form."""

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kvsops.core.text import moment
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.cli.costs import (
    OWN,
    days_ago,
    free_use,
    last_month,
    of_last_month,
    sow_today,
    this_month,
    told,
)
from tests.goldens import Golden

# cam-door: 5 connections; 0.03 + 1,000,000 messages at 2.25 + 1,000 TURN minutes at 0.12 = 2.40.
# ci-1 and old-1, which is no more: one connection each, 0.03. Together 2.46, of which fees 0.09.


@pytest.mark.usefixtures("last_months_fleet")
def test_table(last: Kvsops, golden: Golden) -> None:
    """The total, its parts, the groups, the dearest, and what could be spared."""
    ended = last()
    ten, eleven, today = days_ago(10), days_ago(11), "today".ljust(13)
    golden(ended.out, month=last_month(), on_the_10th=ten, on_the_11th=eleven)
    assert (ended.code, ended.err) == (0, OWN)
    assert today not in ended.out  # what was used since is not of that month


@pytest.mark.usefixtures("last_months_fleet")
def test_json(last: Kvsops, emulator: LocalServer, golden: Golden) -> None:
    """The keys are an interface."""
    ended = last("-o", "json")
    report = told(ended)
    days = {row["day"]: row["usd"] for row in report.pop("days") if row["usd"]}
    assert days == {f"{last_month()}-10": 2.4, f"{last_month()}-11": 0.06}
    channels = report.pop("channels")
    assert report.pop("dearest") == channels
    (keys,) = {"".join(f"{key}\n" for key in row) for row in channels}
    golden(keys)
    door = channels[0]
    assert door["daily_connections"] is None  # of the days since nothing was asked
    assert door == door | {
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
    ghost = {"channel_name": "old-1", "ghost": True, "creation_time": None, "channel_arn": None}
    assert channels[2] == channels[2] | ghost | {"tags": None}
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
        "streams": {
            "total": {
                "streams": 0,
                "unknown": 0,
                "month_to_date_usd": 0,
                "estimated_monthly_usd": 0,
                "basis": "measured",
                "projection": None,
                "lower_bound": False,
            },
            "parts": [
                {
                    "item": item,
                    "gb": 0,
                    "month_to_date_usd": 0,
                    "estimated_monthly_usd": 0,
                    "lower_bound": False,
                }
                for item in ("ingested", "consumed", "consumed_by_hls", "clips", "stored")
            ],
            "caveats": [],
            "streams": [],
        },
        "in_all": {"month_to_date_usd": 2.46, "estimated_monthly_usd": 2.46, "lower_bound": True},
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
                    "streams": 0,
                    "streams_month_to_date_usd": 0,
                    "streams_estimated_monthly_usd": 0,
                    "lower_bound": False,
                }
                for group, number, usd in (("cam", 2, 2.4), ("ci", 1, 0.03), ("old", 1, 0.03))
            ],
        },
        "ghosts": {"channels": 1, "month_to_date_usd": 0.03},
        "churn": {"used": 3, "used_on_one_day": 3, "busiest_day": 2, "saving_usd": 0.03},
        "sweep": {"unused": 1, "saving_usd": 0},
        "advice": None,
        "own_cost": {
            "metrics": 21,
            "calls": {"GetMetricData": 2, "ListMetrics": 9},
            "usd": 0.0003,  # (21 + 9) x 0.00001
        },
        "problems": [],
    }
    assert (ended.code, ended.err) == (0, OWN)


@pytest.mark.usefixtures("last_months_fleet")
def test_query(last: Kvsops) -> None:
    """A figure can be had by itself."""
    assert last("-o", "json", "--query", "total.month_to_date_usd").out == "2.46\n"


@pytest.mark.usefixtures("last_months_fleet")
def test_csv(last: Kvsops, golden: Golden) -> None:
    """CSV has a line for each channel, the ghosts' too."""
    text = last("-o", "csv").out
    golden(text.partition("\n")[0])
    rows = [*csv.DictReader(io.StringIO(text))]
    assert [(row["channel_name"], row["ghost"], row["month_to_date_usd"]) for row in rows] == [
        ("cam-door", "false", "2.4"),
        ("ci-1", "false", "0.03"),
        ("old-1", "true", "0.03"),
        ("cam-yard", "false", "0"),
    ]


@pytest.mark.usefixtures("last_months_fleet")
def test_markdown_and_step_summary(
    last: Kvsops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Markdown says is in the step's summary too, whatever the output."""
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    last("-o", "json")
    appended = summary.read_text()
    ended = last("-o", "markdown")
    tables = [line for line in ended.out.splitlines() if line.startswith("|")]
    assert [line for line in appended.splitlines() if line.startswith("|")] == tables
    assert appended.startswith(f"✅ <code>kvsops cost --month {last_month()} -o json</code>: ")
    assert ended.out.startswith(
        f"us-east-1: 4 channels, 3 used in {last_month()}: \\$2.46 to date, \\$2.46 for the month "
        "(measured).\n\nTo date: fees \\$0.09, messages \\$2.25, TURN \\$0.12.\n\n"
        "| PREFIX | CHANNELS | USED | TO DATE | MONTH |\n"
        "| --- | ---: | ---: | ---: | ---: |\n"
        "| cam | 2 | 1 | \\$2.40 | \\$2.40 |\n"
    )
    assert "\n- 1 channel deleted since cost \\$0.03 all the same.\n" in ended.out
    assert (ended.code, ended.err) == (0, OWN)


@pytest.mark.usefixtures("last_months_fleet")
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
        "(measured).\nTo date: fees $0.00, messages $0.00, TURN $0.00.\n\n- Quota: 0 of 10,000 "
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
