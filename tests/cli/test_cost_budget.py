"""`kvsops cost`: budgets, what cannot be told, and what is refused."""

import pytest

from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.aws.first_calls import FirstCalls
from tests.cli.conftest import Kvsops
from tests.cli.costs import (
    OWN,
    just_now,
    last_month,
    told,
)
from tests.fleet import DAY, put_many
from tests.usage import use


@pytest.mark.usefixtures("last_months_fleet")
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


@pytest.mark.usefixtures("last_months_fleet")
@pytest.mark.parametrize("options", [(), ("--fail-over", "100"), ("--fail-over", "0.01")])
def test_metrics_denied(last: Kvsops, emulator: LocalServer, options: tuple[str, ...]) -> None:
    """Nothing is known: not zero, not within the budget, and not beyond."""
    emulator.settings.faults = (Fault("GetMetricData", "AccessDenied"),)
    ended = last(*options)
    assert ended.code == 1
    assert ended.out.startswith(
        f"us-east-1: 4 channels, ? used in {last_month()}: ? to date, ? for the month (unknown).\n"
        "To date: fees ?, messages ?, TURN ?.\n"
    )
    assert "Sweeping" not in ended.out
    assert "What 1 channel deleted since cost is not known." in ended.out
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
    assert [*report["days"][0].values()][1:] == [None] * 4 + [0]  # the last is of no streams
    assert report["in_all"]["month_to_date_usd"] is None
    assert {row["basis"] for row in report["channels"]} == {"unknown"}
    assert len(report["problems"]) == 1


@pytest.mark.parametrize(("budget", "code"), [("1", 3), ("100", 1)])
def test_a_part_is_known(kvsops: Kvsops, emulator: LocalServer, budget: str, code: int) -> None:
    """Where the known part alone passes the budget it is passed; else it could not be told."""
    for name in put_many(emulator, [f"cam-{number:03}" for number in range(200)], 100 * DAY):
        use(emulator, name, just_now(), masters=1)
    emulator.settings.faults = (FirstCalls("GetMetricData", "AccessDenied", 1),)
    assert kvsops("cost", "--fail-over", budget).code == code


@pytest.mark.usefixtures("last_months_fleet")
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


@pytest.mark.usefixtures("last_months_fleet")
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
        (("--region", "cn-north-1"), "no prices are known for cn-north-1"),  # priced in yuan
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
