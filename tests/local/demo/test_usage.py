"""The fleet's usage: the same for the same seed, like life, and in the metrics as returned."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from kvsops.local.demo.fleet import sow
from tests.local.conftest import NOON, Clock, Emulator

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kvsops.local.demo.channel_usage import ChannelUsage, Used
    from kvsops.local.server import LocalServer

DAY = timedelta(days=1)
NAMESPACE = "AWS/KinesisVideo"
MONTHS = [
    datetime(2026, 2, 28, 23, 30, tzinfo=UTC),
    datetime(2026, 3, 1, 0, 30, tzinfo=UTC),
    datetime(2026, 4, 30, 12, tzinfo=UTC),
    datetime(2026, 5, 31, 23, 59, 59, tzinfo=UTC),
    datetime(2027, 1, 1, 0, 0, 1, tzinfo=UTC),
    datetime(2027, 1, 20, 8, tzinfo=UTC),
]
LATE_IN_A_MONTH = datetime(2026, 5, 28, 12, tzinfo=UTC)


def at(now: datetime, local: LocalServer, clock: Clock, count: int = 600) -> list[ChannelUsage]:
    """Sow a fleet when it is that time, and answer how it was used."""
    clock.now = now
    return sow(local.backend(), count)


def of_month(usage: ChannelUsage, now: datetime) -> list[Used]:
    """Answer the days in the month of `now`."""
    return [used for used in usage.days if (used.at.year, used.at.month) == (now.year, now.month)]


def active(usages: Iterable[ChannelUsage], now: datetime) -> list[ChannelUsage]:
    """Answer those that something connected to this month."""
    return [each for each in usages if any(used.connections for used in of_month(each, now))]


def test_the_same_seed_makes_the_same_usage(local: LocalServer) -> None:
    """Usage follows from seed and time, and another seed makes another."""
    one, two, three = (local.backend(region) for region in ("us-east-1", "eu-west-1", "us-west-2"))
    first, second = sow(one, 200, seed=1, now=NOON), sow(two, 200, seed=1, now=NOON)
    assert first == second != sow(three, 200, seed=2, now=NOON)
    assert sum(len(each.days) for each in first) > 500


@pytest.mark.parametrize("hours", [5, 11.5, 12.1, 23.9, 24 * 17])
def test_use_does_not_depend_on_the_time_of_day(
    local: LocalServer, clock: Clock, hours: float
) -> None:
    """At any time the same seed makes channels of the same ages, used as long ago."""

    def ago(region: str) -> list[tuple[str, timedelta | None, list[tuple[timedelta, Used]]]]:
        now = clock.now
        return [
            (
                each.channel_name,
                now - each.creation_time if each.creation_time else None,
                [(now - used.at, used._replace(at=NOON)) for used in each.days],
            )
            for each in sow(local.backend(region), 300, seed=3)
        ]

    at_noon = ago("us-east-1")
    clock.forward(hours=hours)
    assert ago("eu-west-1") == at_noon


@pytest.mark.parametrize("now", MONTHS)
def test_truth(local: LocalServer, clock: Clock, now: datetime) -> None:
    """Each living channel is there once; nothing is before its creation, or after now."""
    usages = at(now, local, clock)
    living = {each.channel_name: each for each in usages if each.creation_time}
    channels = local.backend().channels
    assert living.keys() == channels.keys()
    for name, each in living.items():
        assert each.creation_time == channels[name].creation_time
    for each in usages:
        times = [used.at for used in each.days]
        assert times == sorted(times)
        assert len({used.day for used in each.days}) == len(times)
        assert all(now - 61 * DAY <= time <= now for time in times)
        if each.creation_time and times:
            assert each.creation_time < times[0]


def test_like_life(local: LocalServer, clock: Clock) -> None:
    """About 30 % are active: cameras day by day, the others once; most were never used."""
    now = LATE_IN_A_MONTH
    living = [each for each in at(now, local, clock, 3_000) if each.creation_time]
    assert 0.24 < len(active(living, now)) / 3_000 < 0.36
    days: dict[str, list[int]] = defaultdict(list)
    for each in living:
        days[each.channel_name.partition("-")[0]].append(len(each.days))
    assert max(days["ci"]) == max(days["meeting"]) == 1
    assert 45 < max(days["cam"]) <= 61
    assert all(0.4 < sum(not each for each in found) / len(found) < 0.8 for found in days.values())


def test_failures(local: LocalServer, clock: Clock) -> None:
    """Some connects failed; to some channels every connect failed, so that they cost nothing."""
    used = [used for each in at(LATE_IN_A_MONTH, local, clock) for used in each.days]
    assert 0.05 < sum(each.failed > 0 for each in used) / len(used) < 0.2
    only_failed = [each for each in used if not each.connections]
    assert only_failed
    assert {(each.messages, each.turn_minutes) for each in only_failed} == {(0, 0)}


def test_deleted_since(local: LocalServer, clock: Clock) -> None:
    """Half of the ghosts were used within two weeks, the others not; none is near that bound."""
    now = LATE_IN_A_MONTH
    usages = at(now, local, clock)
    names = local.backend().channels.keys()
    ghosts = [each for each in usages if each.channel_name not in names]
    assert len(ghosts) == 32
    assert {each.creation_time for each in ghosts} == {None}
    ages = [now - each.days[-1].at for each in ghosts]
    assert sum(age <= 13 * DAY for age in ages) == 16
    assert sum(age >= 15 * DAY for age in ages) == 16
    older = [each for each in active(ghosts, now) if now - each.days[-1].at > 14 * DAY]
    assert older


def test_made_again(local: LocalServer, clock: Clock) -> None:
    """A forerunner's last use is on a day before the channel's creation."""
    usages = at(LATE_IN_A_MONTH, local, clock, 2_000)
    created = {each.channel_name: each.creation_time for each in usages if each.creation_time}
    before = [each for each in usages if not each.creation_time and each.channel_name in created]
    assert len(before) > 10
    for each in before:
        creation_time = created[each.channel_name]
        assert creation_time
        assert each.days[-1].day < creation_time.date()


def test_a_small_fleet_has_ghosts(local: LocalServer) -> None:
    """From one of each kind on there are two, the one recent and the other not."""
    usages = sow(local.backend(), 16, now=NOON)
    names = local.backend().channels.keys()
    ghosts = [each for each in usages if each.channel_name not in names]
    assert [NOON - each.days[-1].at < 14 * DAY for each in ghosts] == [True, False]


def test_no_fleet(local: LocalServer) -> None:
    """No channels have no usage."""
    assert sow(local.backend(), 0) == []


QUERIES = {
    "attempts": ("Failure", "ConnectAsMaster", "SampleCount"),
    "failures": ("Failure", "ConnectAsMaster", "Sum"),
    "viewers": ("Failure", "ConnectAsViewer", "SampleCount"),
    "messages": ("MessagesTransferred.Count", None, "Sum"),
    "turn": ("TURNConnectedMinutes", None, "Sum"),
}


def read(cloudwatch: Any, names: list[str], now: datetime) -> dict[str, dict[str, dict[str, int]]]:
    """Answer each name's daily values of each query, as a client reads them."""
    asked = [(name, key) for name in names for key in QUERIES]
    queries = []
    for number, (name, key) in enumerate(asked):
        metric, operation, stat = QUERIES[key]
        dimensions = [{"Name": "SignalingChannelName", "Value": name}]
        dimensions += [{"Name": "Operation", "Value": operation}] if operation else []
        of_metric = {"Namespace": NAMESPACE, "MetricName": metric, "Dimensions": dimensions}
        stated = {"Metric": of_metric, "Period": 86400, "Stat": stat}
        queries.append({"Id": f"q{number}", "MetricStat": stated})
    end = now.replace(hour=0, minute=0, second=0) + DAY
    found: dict[str, dict[str, dict[str, int]]] = {name: {} for name in names}
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=queries, StartTime=end - 70 * DAY, EndTime=end
    )
    for (name, key), result in zip(asked, answer["MetricDataResults"], strict=True):
        days = [f"{time:%Y-%m-%d}" for time in result["Timestamps"]]
        found[name][key] = dict(zip(days, map(int, result["Values"]), strict=True))
    return found


@pytest.mark.parametrize("now", MONTHS)
def test_the_metrics_say_what_is_true(over_http: Emulator, now: datetime) -> None:
    """Day by day the metrics are what was returned, of a forerunner and its successor together."""
    over_http.clock.now = now
    by_name: dict[str, list[Used]] = defaultdict(list)
    for each in sow(over_http.backend(), 90):
        by_name[each.channel_name] += each.days
    names = sorted(by_name, key=lambda name: -len(by_name[name]))[:95]
    found = read(over_http.client("cloudwatch"), names, now)
    for name in names:
        days = {f"{used.day}": used for used in by_name[name]}
        assert found[name] == {
            "attempts": {d: u.masters + u.failed for d, u in days.items() if u.masters + u.failed},
            "failures": {d: u.failed for d, u in days.items() if u.masters + u.failed},
            "viewers": {d: u.viewers for d, u in days.items() if u.viewers},
            "messages": {d: u.messages for d, u in days.items() if u.messages},
            "turn": {d: u.turn_minutes for d, u in days.items() if u.turn_minutes},
        }


def test_listed_are_those_used_within_two_weeks(over_http: Emulator) -> None:
    """ListMetrics names the recent ghosts, and not the older ones."""
    usages = sow(over_http.backend(), 300)
    paginator = over_http.client("cloudwatch").get_paginator("list_metrics")
    pages = paginator.paginate(Namespace=NAMESPACE, MetricName="MessagesTransferred.Count")
    listed = {each["Dimensions"][0]["Value"] for page in pages for each in page["Metrics"]}
    spoke = [(each.channel_name, used) for each in usages for used in each.days if used.messages]
    assert listed == {name for name, used in spoke if NOON - used.at < 14 * DAY}


def test_expiry_is_after_creation(local: LocalServer) -> None:
    """No channel has expired before it was made; some have expired since."""
    sow(local.backend(), 2_000, now=NOON)
    expired = 0
    for channel in local.backend().channels.values():
        expiry = channel.tags.get("kvsops:expires-at", "")
        if expiry.startswith("2026-0") and not expiry.startswith("2026-02-30"):
            assert f"{channel.creation_time:%Y-%m-%dT%H:%M:%SZ}" < expiry
            expired += expiry < "2026-05-01T12:00:00Z"
    assert expired > 150
