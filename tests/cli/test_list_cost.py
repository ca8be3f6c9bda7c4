"""`kvsops list --cost`: what each channel costs, and how it ends."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from kvsops.core.cost import YOUNG, Projection
from kvsops.local.server import LocalServer
from kvsops.reports.bill_said import PROJECTED
from tests.cli.conftest import Kvsops
from tests.cli.costs import (
    COST,
    FIGURES,
    SIX,
    bounded,
    free_use,
    just_now,
    this_month,
    told,
)
from tests.fleet import DAY, HOUR, put, put_many
from tests.goldens import Golden
from tests.usage import use


def projection() -> str:
    """Say how today's month is projected."""
    young = datetime.now(UTC) - this_month().start < YOUNG
    return PROJECTED[Projection.TRAILING if young else Projection.ELAPSED]


# What is shown


@pytest.mark.usefixtures("todays_fleet")
def test_table(kvsops: Kvsops, tmp_path: Path, golden: Golden) -> None:
    """The dearest first, then by name; a bar of the last days; the total; what asking cost."""
    ended = kvsops(*COST, "--prices", free_use(tmp_path))
    golden(bounded(ended.out), month=this_month(), projection=projection())
    assert (ended.code, ended.err) == (0, SIX)


@pytest.mark.usefixtures("todays_fleet")
def test_json(kvsops: Kvsops, golden: Golden) -> None:
    """The keys are an interface; the figures are numbers, exact as far as JSON can be."""
    ended = kvsops(*COST, "-o", "json")
    rows = told(ended)
    (keys,) = {"".join(f"{key}\n" for key in row) for row in rows}
    golden(keys)
    door = rows[0]
    # 0.03 + 1,500 messages at 2.25 a million = 0.003375
    assert (door["channel_name"], door["month_to_date_usd"]) == ("cam-door", 0.033375)
    assert (door["connections"], door["messages"], door["turn_minutes"]) == (5, 1_500, 0)
    assert door["active_this_month"] is True
    assert door["basis"] == "projected"
    assert door["last_activity"] == f"{just_now():%Y-%m-%d}T00:00:00Z"
    assert door["daily_connections"] == [0] * 13 + [5]
    assert door["tags"] == {"team": "door", "kvsops:owner": "ops"}
    assert door["estimated_monthly_usd"] >= 0.033375
    idle = rows[2]
    assert [idle[key] for key in FIGURES] == [None, False, 0, 0, 0, 0, 0, "projected"]
    assert (ended.code, ended.err) == (0, SIX)


@pytest.mark.usefixtures("todays_fleet")
def test_csv(kvsops: Kvsops, golden: Golden) -> None:
    """CSV has the same columns, and no total line."""
    text = kvsops(*COST, "-o", "csv").out
    golden(text.partition("\n")[0])
    rows = [*csv.DictReader(io.StringIO(text))]
    assert [row["channel_name"] for row in rows] == ["cam-door", "ci-1", "cam-yard"]
    assert [rows[0][key] for key in FIGURES[1:6]] == ["true", "5", "1500", "0", "0.033375"]


@pytest.mark.usefixtures("todays_fleet")
def test_markdown(kvsops: Kvsops, tmp_path: Path, golden: Golden) -> None:
    """Markdown has what the table has, the total too; no dollar begins a formula."""
    ended = kvsops(*COST, "--prices", free_use(tmp_path), "-o", "markdown", "--prefix", "ci")
    golden(bounded(ended.out), month=this_month(), projection=projection())


@pytest.mark.usefixtures("todays_fleet")
def test_the_month_is_that_of_cost(kvsops: Kvsops, tmp_path: Path) -> None:
    """A channel deleted since is in the total, which says so, and in what is held to a budget."""
    budget = ("--prices", free_use(tmp_path), "--fail-over", "0.08")
    listed, told_of = kvsops(*COST, *budget), kvsops("cost", *budget)
    assert (listed.code, told_of.code) == (3, 3)
    said = "error: the month will come to $0.09, over --fail-over $0.08\n"
    assert listed.err.endswith(said)
    assert told_of.err.endswith(said)
    assert "\nus-east-1: 4 channels, 3 used in " in listed.out
    assert "\n$0.03 of that is for 1 channel deleted since, which is not listed.\n" in listed.out
    assert "old-1" not in listed.out


@pytest.mark.usefixtures("todays_fleet")
def test_a_filter_leaves_the_deleted_out(kvsops: Kvsops) -> None:
    """Of deleted channels nothing but the name is known: that they are not counted is said."""
    out = kvsops(*COST, "--older-than", "1d").out
    assert "\nus-east-1: 3 channels, 2 used in " in out
    assert out.endswith(
        "\nNot counted: channels deleted since; kvsops cost tells what these add.\n"
    )


def test_no_channels(kvsops: Kvsops) -> None:
    """An account without channels costs nothing, which is measured."""
    ended = kvsops(*COST)
    assert bounded(ended.out) == (
        "No channels in us-east-1, account 123456789012.\n\n"
        f"us-east-1: 0 channels, 0 used in {this_month()}: $0.00 to date, $0.00 for the month "
        "(measured).\n"
    )
    assert (ended.code, ended.err) == (0, "own cost: 0 metrics in 3 calls, $0.0000 at most\n")


def test_a_name_made_again(kvsops: Kvsops, emulator: LocalServer) -> None:
    """What a forerunner used is not the channel's."""
    put(emulator, "cam", HOUR)
    use(emulator, "cam", datetime.now(UTC) - 2 * DAY, masters=9)
    (row,) = told(kvsops(*COST, "-o", "json"))
    assert (row["active_this_month"], row["connections"], row["last_activity"]) == (False, 0, None)


def test_last_activity_before_the_month(kvsops: Kvsops, emulator: LocalServer) -> None:
    """The last activity is of the last 30 days, also where it was last month."""
    put(emulator, "cam", 100 * DAY)
    at = max(this_month().start - DAY, datetime.now(UTC) - 30 * DAY)
    use(emulator, "cam", at, masters=1)
    (row,) = told(kvsops(*COST, "-o", "json"))
    assert row["last_activity"] == f"{at:%Y-%m-%d}T00:00:00Z"
    assert row["active_this_month"] is (at >= this_month().start)


# In which order, and how many


@pytest.mark.usefixtures("todays_fleet")
@pytest.mark.parametrize(
    ("options", "names"),
    [
        ((), ["cam-door", "ci-1", "cam-yard"]),
        (("--reverse",), ["cam-yard", "ci-1", "cam-door"]),
        (("--limit", "1"), ["cam-door"]),
        (("--limit", "1", "--reverse"), ["cam-yard"]),
        (("--sort", "name"), ["cam-door", "cam-yard", "ci-1"]),
        (("--sort", "name", "--reverse", "--limit", "2"), ["ci-1", "cam-yard"]),
        (("--prefix", "cam"), ["cam-door", "cam-yard"]),
        (("--tag", "team=yard"), ["cam-yard"]),
    ],
)
def test_order(kvsops: Kvsops, options: tuple[str, ...], names: list[str]) -> None:
    """Dearest first unless told otherwise."""
    assert [row["channel_name"] for row in told(kvsops(*COST, *options, "-o", "json"))] == names


@pytest.mark.parametrize(
    ("options", "metrics", "cost"),
    [
        ((), 30, "0.0003"),  # 10 x 3
        (("--limit", "2"), 30, "0.0003"),  # which are dearest is not known before
        (("--sort", "name", "--limit", "2"), 6, "0.0001"),
        (("--prefix", "cam-0001"), 3, "0.0001"),  # with 3 of ListMetrics 0.00006
        (("--match", "*-0002"), 3, "0.0001"),
    ],
)
def test_nothing_is_asked_of_what_is_left_out(
    kvsops: Kvsops, emulator: LocalServer, options: tuple[str, ...], metrics: int, cost: str
) -> None:
    """What a filter or a limit leaves out costs nothing."""
    put_many(emulator, [f"cam-{number:04}" for number in range(10)])
    ended = kvsops(*COST, *options)
    assert ended.err == f"own cost: {metrics} metrics in 4 calls, ${cost} at most\n"


def test_without_metrics(kvsops: Kvsops, todays_fleet: LocalServer, golden: Golden) -> None:
    """Nothing is asked of CloudWatch: each is taken to be used, and said to be."""
    ended = kvsops(*COST, "--no-metrics", "--sort", "name")
    golden(bounded(ended.out), month=this_month())
    assert (ended.code, ended.err) == (0, "own cost: 0 metrics in 0 calls, $0.0000 at most\n")
    assert not {"GetMetricData", "ListMetrics"} & todays_fleet.calls.keys()
    (first, *_) = told(kvsops(*COST, "--no-metrics", "-o", "json"))
    assert [first[key] for key in FIGURES] == [None] * 6 + [0.03, "assumed"]
    assert first["daily_connections"] is None
    assert kvsops(*COST, "--no-metrics", "--fail-over", "0.08").code == 3
    ended = kvsops(*COST, "--no-metrics", "--fail-over", "0.09")
    assert ended.code == 1
    assert "error: whether the month stays within the budget is not known: " in ended.err


# What is refused


@pytest.mark.parametrize(
    "options",
    [
        ("--no-metrics",),
        ("--fail-over", "1"),
        ("--warn-over", "1"),
        ("--max-own-cost", "1"),
        ("--prices", "x.toml"),
        ("--assume-prices-of", "us-east-1"),
        ("--baseline", "x.json"),
    ],
)
def test_options_about_costs_without_costs(
    kvsops: Kvsops, emulator: LocalServer, options: tuple[str, ...]
) -> None:
    """They are refused rather than passed over, before anything is asked."""
    ended = kvsops("list", *options)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "error: these options are about costs: add --cost\n"
    assert emulator.calls == {}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--fail-over", "much"), "not an amount in dollars: 'much': write it like 25 or 0.50"),
        (("--fail-over", "-1"), "not an amount in dollars: '-1'"),
        (("--warn-over", "nan"), "not an amount in dollars: 'nan'"),
        (("--max-own-cost", "inf"), "not an amount in dollars: 'inf'"),
        (("--max-growth", "5"), "--max-growth compares with an earlier output: give --baseline"),
        (("--max-growth", "x%"), "not a growth: 'x%'"),
        (("--baseline", "missing.json"), "the baseline missing.json cannot be used: No such file"),
        (("--prices", "missing.toml"), "the price file missing.toml cannot be read: No such file"),
        (("--assume-prices-of", "eu-nowhere-1"), "no prices are known for eu-nowhere-1"),
        # Where prices are in yuan: none can be in the table, which is in dollars.
        (("--region", "cn-north-1"), "no prices are known for cn-north-1: read them with kvsops"),
    ],
)
def test_bad_input(
    kvsops: Kvsops, emulator: LocalServer, options: tuple[str, ...], said: str
) -> None:
    """One line, wrong usage, and nothing was asked."""
    ended = kvsops(*COST, *options)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert ended.err.count("\n") == 1
    assert emulator.calls == {}


def test_assumed_prices(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Another region's prices are taken only when told to, and it is said."""
    now = datetime.now(UTC)
    emulator.backend("eu-west-1").put_channel("cam", now - DAY, now - DAY)
    ended = kvsops(*COST, "--region", "eu-west-1", "--assume-prices-of", "ap-southeast-2")
    assert ended.code == 0
    assert "; at ap-southeast-2's prices).\n" in ended.out
    options = ("--no-metrics", "--region", "eu-west-1", "--assume-prices-of", "ap-southeast-2")
    (row,) = told(kvsops(*COST, *options, "-o", "json"))
    assert Decimal(str(row["estimated_monthly_usd"])) == Decimal("0.0473")
    assert row["prices_assumed_from"] == "ap-southeast-2"
    (row,) = csv.DictReader(io.StringIO(kvsops(*COST, *options, "-o", "csv").out))
    assert row["prices_assumed_from"] == "ap-southeast-2"
