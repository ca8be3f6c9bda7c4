"""The bill of a fleet whose use is known: to the cent, wherever and whenever it is looked at."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from kvsops.aws import channels, prices
from kvsops.aws.scope import Scope
from kvsops.bill import usage as metering
from kvsops.bill.bill import Bill, lines_of, window
from kvsops.bill.usage import Metered
from kvsops.core.cost import Month
from kvsops.core.facts import Facts
from kvsops.local.demo.channel_usage import ChannelUsage, Used
from kvsops.local.demo.fleet import sow
from kvsops.local.environment import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings

REACH = timedelta(days=14)
PER = {  # known from elsewhere than the table; dollars: a channel's month, a message, a TURN minute
    "us-east-1": ("0.03", "0.00000225", "0.00012"),
    "ap-southeast-2": ("0.0473", "0.000003547", "0.0001892"),
}
WHEN = [
    "2026-02-01T00:30",  # the first day of a month of 28 days
    "2026-02-14T12:00",
    "2026-02-28T23:59",
    "2026-04-01T18:00",  # of 30 days
    "2026-04-07T23:59",  # the last moment of a young month
    "2026-04-08T00:01",
    "2026-04-30T23:59",
    "2026-10-02T09:00",  # of 31 days
    "2026-10-31T23:59",
    "2026-12-31T23:59",  # across a change of year
    "2027-01-01T00:30",
    "2027-01-10T12:00",
    "2028-02-29T12:00",
]


def true_total(truth: Sequence[ChannelUsage], region: str, now: datetime) -> Fraction:
    """Price what was sown of the month, by plain arithmetic on the records alone.

    Ghosts beyond ListMetrics' reach are not on the bill; a forerunner shares its name with a
    channel that is there, so it is asked for with it.
    """
    fee, message, minute = map(Fraction, PER[region])
    there = {each.channel_name for each in truth if each.creation_time is not None}
    whole = Fraction(0)
    for each in truth:
        if each.channel_name not in there and max(day.at for day in each.days) < now - REACH:
            continue
        days = [day for day in each.days if (day.at.year, day.at.month) == (now.year, now.month)]
        whole += sum(day.messages for day in days) * message
        whole += sum(day.turn_minutes for day in days) * minute
        whole += fee if any(map(_used, days)) else 0
    return whole


def true_estimate(truth: Sequence[ChannelUsage], region: str, now: datetime) -> Fraction:
    """Price the whole month, as the issue has it: by its own use, or by the 30 days before today.

    What is gone will not be used again.
    """
    fee, message, minute = map(Fraction, PER[region])
    first = datetime(now.year, now.month, 1, tzinfo=UTC)
    after = datetime(now.year + now.month // 12, now.month % 12 + 1, 1, tzinfo=UTC)
    today = now.replace(hour=0, minute=0)
    if now - first < timedelta(days=7):
        since, until, span = today - timedelta(days=30), today, timedelta(days=30)
    else:
        since, until, span = first, now, now - first
    gone = [each for each in truth if each.creation_time is None]
    whole = true_total([*gone, *_empty(truth)], region, now)
    for each in truth:
        if each.creation_time is None:
            continue
        spent = true_total([each], region, now)
        days = [day for day in each.days if since <= day.at < until]
        use = sum(day.messages for day in days) * message
        use += sum(day.turn_minutes for day in days) * minute
        expected = use * Fraction((after - first) / span) if days else Fraction(0)
        whole += max(spent, expected + (fee if any(map(_used, days)) else 0))
    return whole


def _used(day: Used) -> bool:
    return bool(day.connections or day.messages or day.turn_minutes)


def _empty(truth: Sequence[ChannelUsage]) -> Iterator[ChannelUsage]:
    """Yield the channels that are there without their use, so that their names are known."""
    return (
        ChannelUsage(each.channel_name, each.creation_time)
        for each in truth
        if each.creation_time is not None
    )


def billed(scope: Scope) -> Bill:
    """Make this month's bill, as `kvsops cost` does."""
    now, found = scope.now(), Metered()
    month = Month.of(now)
    facts = [Facts(channel) for channel in channels.each_listed(scope)]
    names = {each.channel.channel_name for each in facts}
    metering.see(scope, found)
    metering.read(scope, found, sorted(names | found.seen), *window(month, now))
    table = prices.prices_of(prices.load(None, Path("none")), scope.region)
    lines = lines_of(facts, found.seen - names, found, prices=table, month=month, now=now)
    return Bill(month, now, table, lines)


def test_the_regions_below_are_priced() -> None:
    """Their prices are shipped, and so are found without a file."""
    assert prices.load(None, Path("none")).keys() >= PER.keys()


@pytest.mark.parametrize("region", PER)
@pytest.mark.parametrize("when", WHEN)
def test_totals(region: str, when: str) -> None:
    """The bill is what was sown: month to date, by day, and the whole month."""
    now = datetime.fromisoformat(when).replace(tzinfo=UTC)
    with LocalServer(Settings(quotas=False, clock=lambda: now), region=region) as local:
        truth = sow(local.backend(), 120, seed=now.month)
        scope = Scope(
            region=region,
            endpoint_url=local.endpoint_url,
            environ={},
            quota_share=1,
            now=lambda: now,
        )
        told = billed(scope)
    expected = true_total(truth, region, now)
    assert Fraction(told.month_to_date) == expected
    assert sum(spent for _, spent in told.days().values()) == told.month_to_date
    off = Fraction(told.estimated_month) - true_estimate(truth, region, now)
    assert abs(off) < Fraction(1, 10**9)
    assert told.unknown == []
    if now.day > 7:
        assert expected > 0
        assert any(line.ghost for line in told.lines)


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the scopes the emulator's credentials."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)


# As a process, at the time that it is


def kvsops(emulator: LocalServer, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a process."""
    return subprocess.run(
        [sys.executable, "-m", "kvsops", *argv],
        env=emulator.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def money(told: Any) -> Decimal:
    """Answer a JSON number as it is written."""
    return Decimal(str(told))


@pytest.fixture
def truth(emulator: LocalServer) -> list[ChannelUsage]:
    """Sow a fleet at the real time; return how it was used."""
    return sow(emulator.backend(), 200)


def test_cost(emulator: LocalServer, truth: list[ChannelUsage]) -> None:
    """The command's total is the sown one, ghosts included; its parts and groups sum up to it."""
    ended = kvsops(emulator, "cost", "-o", "json")
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    now = datetime.fromisoformat(told["as_of"])
    expected = true_total(truth, "us-east-1", now)
    total = told["total"]
    assert abs(Fraction(money(total["month_to_date_usd"])) - expected) < Fraction(1, 10**9)
    assert abs(
        sum(money(row["usd"]) for row in told["days"]) - money(total["month_to_date_usd"])
    ) < (Decimal("1e-9"))
    groups = told["groups"]["rows"]  # of some nothing is known but zeros
    assert all(row["lower_bound"] for row in groups if row["month_to_date_usd"] is None)
    for parts in (
        [total[f"{part}_usd"] for part in ("fee", "messages", "turn")],
        [
            money(row["month_to_date_usd"] or 0) - money(row["streams_month_to_date_usd"] or 0)
            for row in groups
        ],
        [row["month_to_date_usd"] for row in told["channels"]],
    ):
        assert abs(sum(map(money, parts)) - money(total["month_to_date_usd"])) < Decimal("1e-9")
    assert told["quota"]["channels"] == 200
    assert told["ghosts"]["channels"] == sum(row["ghost"] for row in told["channels"])
    assert told["problems"] == []


def test_list_cost(emulator: LocalServer, truth: list[ChannelUsage]) -> None:
    """Each channel's own figures are what was sown of it."""
    ended = kvsops(emulator, "list", "--cost", "-o", "json")
    assert ended.returncode == 0, ended.stderr
    month = Month.of(datetime.now(UTC))
    sown = {}
    for each in truth:
        if each.creation_time is not None:
            days = [day for day in each.days if Month.of(day.at) == month]
            sown[each.channel_name] = (
                sum(day.connections for day in days),
                sum(day.messages for day in days),
                sum(day.turn_minutes for day in days),
            )
    rows = json.loads(ended.stdout)
    assert {
        row["channel_name"]: (row["connections"], row["messages"], row["turn_minutes"])
        for row in rows
    } == sown


@pytest.mark.usefixtures("truth")
@pytest.mark.parametrize(("budget", "code"), [("0.01", 3), ("1000", 0)])
def test_a_budget_in_a_job(emulator: LocalServer, budget: str, code: int) -> None:
    """The exit code is the process's; the report is written all the same."""
    for command in (("cost",), ("list", "--cost")):
        ended = kvsops(emulator, *command, "--fail-over", budget)
        assert ended.returncode == code
        assert "for the month" in ended.stdout


def test_in_the_emulators_own_shell() -> None:
    """Whoever has no account sees a bill with one command."""
    ended = subprocess.run(
        [sys.executable, "-m", "kvsops", "local", "--fleet", "40", "--", "kvsops", "cost"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "us-east-1: " in ended.stdout
    assert "Quota: 40 of 10,000 channels" in ended.stdout
