"""`kvsops list --cost` held to a budget and a baseline, also where metrics cannot be read."""

from pathlib import Path

import pytest

from kvsops.local.faults import PARTIAL, Fault
from kvsops.local.server import LocalServer
from tests.aws.first_calls import FirstCalls
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
    written,
)
from tests.fleet import DAY, put_many
from tests.goldens import Golden
from tests.usage import use

DENIED = (Fault("GetMetricData", "AccessDenied"),)


# Budgets


@pytest.mark.usefixtures("todays_fleet")
@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--fail-over", "0.09"), 0, ""),
        (("--fail-over", "$1"), 0, ""),
        (
            ("--fail-over", "0.08"),
            3,
            "error: the month will come to $0.09, over --fail-over $0.08\n",
        ),
        (("--fail-over", "0"), 3, "error: the month will come to $0.09, over --fail-over $0.00\n"),
        (
            ("--sort", "name", "--limit", "1", "--fail-over", "0.08"),
            3,
            "error: the month will come to $0.09, over --fail-over $0.08\n",
        ),
        (("--warn-over", "0.09"), 0, ""),
        (("--warn-over", "0.08"), 0, "warning: the month will come to $0.09, over $0.08\n"),
        (
            ("--warn-over", "0.01", "--fail-over", "0.08"),
            3,
            "warning: the month will come to $0.09, over $0.01\n"
            "error: the month will come to $0.09, over --fail-over $0.08\n",
        ),
    ],
)
def test_budget(
    kvsops: Kvsops, tmp_path: Path, options: tuple[str, ...], code: int, said: str
) -> None:
    """A budget that is passed ends with 3, after the table; one that is just met holds."""
    ended = kvsops(*COST, "--prices", free_use(tmp_path), *options)
    assert (ended.code, ended.err) == (code, SIX + said)
    assert "cam-door" in ended.out


@pytest.mark.parametrize(("options", "code"), [((), 1), (("--fail-over", "25"), 1)])
def test_metrics_denied(
    kvsops: Kvsops,
    todays_fleet: LocalServer,
    golden: Golden,
    *,
    options: tuple[str, ...],
    code: int,
) -> None:
    """What is not known is shown as such, and never passes for cheap."""
    todays_fleet.settings.faults = DENIED
    ended = kvsops(*COST, *options, "--prefix", "cam")
    golden(bounded(ended.out), month=this_month())
    assert ended.code == code
    assert ended.err.startswith("own cost: 0 metrics in 4 calls, $0.0000 at most\n")
    assert ended.err.endswith(
        "error: the cost of 2 channels is not known: the total is without them\n"
    )


def test_why_metrics_were_not_read(kvsops: Kvsops, todays_fleet: LocalServer) -> None:
    """Which permission is missing is said, once."""
    todays_fleet.settings.faults = DENIED
    needs = 'GetMetricData denied: the credentials need cloudwatch:GetMetricData on "*"'
    assert kvsops(*COST).err.count(needs) == 1
    (row, *_) = told(kvsops(*COST, "-o", "json"))
    assert [row[key] for key in FIGURES] == [None] * 7 + ["unknown"]
    assert row["daily_connections"] is None


@pytest.mark.parametrize(("budget", "code"), [("1", 3), ("100", 1)])
def test_a_part_is_known(kvsops: Kvsops, emulator: LocalServer, budget: str, code: int) -> None:
    """Where the known part alone passes the budget it is passed; else it could not be told."""
    for name in put_many(emulator, [f"cam-{number:03}" for number in range(200)], 100 * DAY):
        use(emulator, name, just_now(), masters=1)
    emulator.settings.faults = (FirstCalls("GetMetricData", "AccessDenied", 1),)
    ended = kvsops(*COST, "--fail-over", budget)
    assert ended.code == code
    # 200 x 6 queries in batches of 500, 500, 200: 84 or 34 names are in the one that failed.
    assert ": at least $" in ended.out


@pytest.mark.parametrize(("budget", "code"), [("0.01", 3), ("100", 1)])
def test_a_batch_answered_in_part(
    kvsops: Kvsops, todays_fleet: LocalServer, budget: str, code: int
) -> None:
    """A channel of which one query failed is not known, the others are; no budget is kept so."""
    todays_fleet.settings.faults = (FirstCalls("GetMetricData", PARTIAL, 2),)
    ended = kvsops(*COST, "-o", "json", "--fail-over", budget)
    bases = {row["channel_name"]: row["basis"] for row in told(ended)}
    assert sorted(bases.values()) == ["projected", "projected", "unknown"]
    assert "warning: CloudWatch answered InternalError\n" in ended.err
    assert ended.code == code


def test_list_metrics_denied(kvsops: Kvsops, todays_fleet: LocalServer, tmp_path: Path) -> None:
    """Every metric is asked instead; that the deleted could not be looked for is a failure."""
    options = (*COST, "--prices", free_use(tmp_path))
    before = kvsops(*options)
    todays_fleet.settings.faults = (Fault("ListMetrics", "AccessDenied"),)
    ended = kvsops(*options)
    table, _, _ = before.out.partition("\n\n")
    assert (ended.code, ended.out.partition("\n\n")[0]) == (1, table)
    assert bounded(ended.out) != ended.out
    assert 'the credentials need cloudwatch:ListMetrics on "*"' in ended.err


@pytest.mark.parametrize("error", ["Throttling", "InternalFailure"])
def test_throttled(kvsops: Kvsops, todays_fleet: LocalServer, tmp_path: Path, error: str) -> None:
    """What passes is waited out."""
    options = (*COST, "--prices", free_use(tmp_path))
    before = kvsops(*options)
    todays_fleet.settings.faults = (FirstCalls("GetMetricData", error, 2),)
    ended = kvsops(*options)
    assert (ended.code, ended.out) == (0, before.out)


def test_max_own_cost(kvsops: Kvsops, todays_fleet: LocalServer) -> None:
    """Where asking may cost more than allowed nothing is asked."""
    ended = kvsops(*COST, "--max-own-cost", "0.0001")
    assert (ended.code, ended.out) == (3, "")
    assert ended.err == (
        "error: reading the metrics of 4 channels may cost $0.0002, more than --max-own-cost "
        "0.0001: nothing was asked; narrow with --prefix or --match\n"
    )
    assert todays_fleet.calls["GetMetricData"] == 0
    assert kvsops(*COST, "--max-own-cost", "0.00024").code == 0  # 4 x 6 x 0.00001


def test_max_own_cost_is_of_what_rules_ask_too(kvsops: Kvsops, todays_fleet: LocalServer) -> None:
    """To know which are idle costs as much as what they cost."""
    ended = kvsops(*COST, "--idle-for", "7d", "--max-own-cost", "0.0001")
    assert (ended.code, ended.out) == (3, "")
    assert "nothing was asked" in ended.err
    assert todays_fleet.calls["GetMetricData"] == 0
    # 4 x 6 for the rule, a witness among them, then 6 for the only one that is idle.
    ended = kvsops(*COST, "--idle-for", "7d", "--max-own-cost", "0.00029")
    assert ended.err == (
        "error: reading the metrics of 1 channel, with 24 metrics asked already, may cost $0.0003, "
        "more than --max-own-cost 0.00029: nothing more was asked; narrow with --prefix or --match"
        "\n"
    )
    assert kvsops(*COST, "--idle-for", "7d", "--max-own-cost", "0.0003").code == 0


# An earlier output


@pytest.mark.usefixtures("todays_fleet")
@pytest.mark.parametrize(
    ("growth", "code"),
    [("100%", 0), ("99%", 3), ("0.03", 0), ("0.02", 3), ("0", 3), ("1000", 0)],
)
def test_growth(kvsops: Kvsops, tmp_path: Path, growth: str, code: int) -> None:
    """It came to $0.03, it comes to $0.06: a growth of $0.03, or of 100 %."""
    rows = [{"channel_name": "cam-door", "estimated_monthly_usd": 0.03}]
    baseline = written(tmp_path, "earlier.json", rows)
    options = ("--prices", free_use(tmp_path), "--baseline", baseline)
    ended = kvsops(*COST, *options, "--max-growth", growth)
    said = f"$0.06, where {baseline} had $0.03"
    assert ended.code == code
    assert ended.err == SIX + (
        f"error: {said}: more than --max-growth {growth}\n"
        if code
        else f"the month will come to {said}\n"
    )


@pytest.mark.usefixtures("todays_fleet")
def test_its_own_output_is_a_baseline(kvsops: Kvsops, tmp_path: Path) -> None:
    """What it wrote it can read, and nothing has grown."""
    free = free_use(tmp_path)
    earlier = tmp_path / "earlier.json"
    earlier.write_text(kvsops(*COST, "--prices", free, "-o", "json").out)
    options = ("--prices", free, "--baseline", str(earlier), "--max-growth", "0")
    assert kvsops(*COST, *options).code == 0
