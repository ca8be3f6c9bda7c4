"""A month of streams: to the cent what was sown, for as few metrics as will do, and never less."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from kvsops.aws import streams
from kvsops.aws.activity import own_cost
from kvsops.aws.metrics import MetricBudget
from kvsops.aws.prices import load
from kvsops.aws.scope import Scope
from kvsops.bill.streams import StreamBill, StreamLine, read_streams
from kvsops.core.cost import Basis, Month
from kvsops.core.stream_caveats import Caveat
from kvsops.core.stream_price import GB
from kvsops.core.stream_usage import Item
from kvsops.errors import CheckFailedError
from kvsops.local.demo.streams import ALONE, Moved, StreamUse, record, sow_streams
from kvsops.local.faults import PARTIAL, Fault
from kvsops.local.kinesisvideo.streams import Stream
from kvsops.local.server import LocalServer
from tests.fleet import DAY, HOUR, Time, put
from tests.retries import retries_at_once

D = Decimal
PRICES = load(None, None)["us-east-1"][0]
ITEMS = {
    Item.INGESTED: ("0.0085", ("ingested",)),
    Item.CONSUMED: ("0.0085", ("consumed", "listed")),
    Item.CONSUMED_BY_HLS: ("0.0119", ("by_hls",)),
}

_retry_at_once = retries_at_once(20)


@pytest.fixture
def scope(environment: dict[str, str], time: Time) -> Scope:
    """Return a scope and an emulator at noon; only sleeping moves their time."""
    return time.scope(environment, quota_share=1)


def stream(
    emulator: LocalServer,
    name: str,
    hours: int,
    *,
    age: timedelta = 100 * DAY,
    moved: Iterable[Moved] = (),
    tier: str = "HOT",
) -> StreamUse:
    """Put a stream of that age there, used so; return the truth about it."""
    backend, created = emulator.backend(), emulator.settings.clock() - age
    made = Stream(
        *(backend.account_id, backend.region_name, name, created),
        data_retention_in_hours=hours,
        tags={},
    )
    made.default_storage_tier = tier
    backend.put_stream(made)
    use = StreamUse(name, created, hours, [*moved])
    record(emulator.metrics(), [use])
    return use


def every_hour(start: datetime, end: datetime, count: int, **out: int) -> list[Moved]:
    """Answer so many bytes in the middle of every hour."""
    first = start.replace(minute=30, second=0, microsecond=0)
    number = max((end - first) // HOUR + 1, 0)
    return [Moved(first + each * HOUR, count, **out) for each in range(number)]


def bill(scope: Scope, month: Month | None = None) -> StreamBill:
    """Read the month's bill."""
    return read_streams(
        scope, [*streams.each_listed(scope)], month or Month.of(scope.now()), PRICES
    )


def line(found: StreamBill, name: str) -> StreamLine:
    """Answer a stream's only line."""
    (one,) = (each for each in found.lines if each.stream_name == name)
    return one


def truth(use: StreamUse, month: Month, now: datetime) -> dict[Item, Decimal]:
    """Answer what a stream cost by its points alone, each kept from then until its time is over."""
    end = min(now, month.end)
    within = [each for each in use.moved if month.start <= each.at < end]
    found = {
        item: D(price) * sum(getattr(each, field) for each in within for field in fields) / GB
        for item, (price, fields) in ITEMS.items()
    }
    hold, kept = timedelta(hours=use.data_retention_hours), 0
    for each in use.moved:
        span = min(each.at + hold, end) - max(each.at, month.start)
        kept += each.ingested * max(int(span.total_seconds()), 0)
    length = int((month.end - month.start).total_seconds())
    found[Item.STORED] = D("0.023") * kept / GB / length
    return found


def cents(amounts: dict[Item, Decimal]) -> dict[Item, Decimal]:
    """Round to what is shown."""
    return {item: amount.quantize(D("0.01")) for item, amount in amounts.items()}


NOWS = [
    datetime(2026, 2, 28, 23, tzinfo=UTC),
    datetime(2026, 3, 1, 6, tzinfo=UTC),
    datetime(2026, 4, 17, 12, tzinfo=UTC),
    datetime(2026, 5, 31, 18, tzinfo=UTC),
]


@pytest.mark.parametrize("now", NOWS)
def test_to_the_cent(environment: dict[str, str], emulator: LocalServer, now: datetime) -> None:
    """What was sown is what is billed: each retention, in months of each length, on any day."""
    time = Time(now)
    emulator.settings.clock = time.now
    scope = time.scope(environment, quota_share=1)
    uses = [
        stream(emulator, f"s-{hours}", hours, moved=every_hour(now - 80 * DAY, now - HOUR, GB // 8))
        for hours in (0, 1, 24, 720, 87_600)
    ]
    read = every_hour(now - 40 * DAY, now - HOUR, 50_000_000, consumed=7, listed=9, by_hls=10**8)
    uses.append(stream(emulator, "read", 24, moved=read))
    found = bill(scope)
    for use in uses:
        told = line(found, use.stream_name).cost
        spent = {item: told.spent[item] or D(0) for item in (*ITEMS, Item.STORED)}
        assert cents(spent) == cents(truth(use, Month.of(now), now)), use.stream_name
    assert (found.problems, found.unknown) == ((), [])
    # … and the days and the items of all streams add up to the whole
    days = sum((sum(day.values(), D(0)) for day in found.days().values()), D(0))
    items = sum((spent for spent, _ in found.items().values()), D(0))
    assert abs(days - (found.month_to_date or 0)) < D("1e-9")
    assert abs(items - (found.month_to_date or 0)) < D("1e-9")


def test_a_month_that_is_over(scope: Scope, emulator: LocalServer, time: Time) -> None:
    """It is measured, also what was stored then; what came in since has no part in it."""
    use = stream(emulator, "s", 48, moved=every_hour(time.now() - 70 * DAY, time.now() - HOUR, GB))
    month = Month(2026, 4)
    cost = line(bill(scope, month), "s").cost
    assert cost.basis is Basis.MEASURED
    assert cents({item: cost.spent[item] or D(0) for item in (*ITEMS, Item.STORED)}) == cents(
        truth(use, month, time.now())
    )
    assert cost.estimated_month == cost.month_to_date


def test_the_fleet(scope: Scope, emulator: LocalServer, time: Time) -> None:
    """The demonstration's streams, linked and not, are billed as they were used."""
    put(emulator, "cam", 20 * DAY, stored=True)
    uses = sow_streams(emulator.backend(), 12, Random(7), time.now(), ("dock",))  # noqa: S311
    month = Month(2026, 4)
    found = bill(scope, month)
    assert {each.stream_name for each in found.lines if not each.ghost} == {
        each.stream_name for each in uses if each.creation_time
    }
    assert "cam-media" in {each.stream_name for each in found.lines}
    for each in uses:
        cost, expected = line(found, each.stream_name).cost, truth(each, month, time.now())
        known = {item: spent for item in expected if (spent := cost.spent[item]) is not None}
        assert cents(known) == cents({item: expected[item] for item in known})
        hidden = {Item.INGESTED, Item.STORED} if "vault" in each.stream_name else set()
        assert expected.keys() - known == hidden | (
            {Item.STORED} if not each.creation_time else set()
        )
    assert {Caveat.WARM, Caveat.GONE, Caveat.CLIPS} <= {*found.caveats}
    assert found.lower_bound
    assert len([life for life in ALONE if life.tier == "WARM"]) == 1


# Streams that are no more


def test_ghosts(scope: Scope, emulator: LocalServer, time: Time) -> None:
    """One deleted since is priced by what its metrics tell; what it had stored is not known."""
    now = time.now()
    gone = StreamUse("gone", None, 24, every_hour(now - 12 * HOUR, now - 6 * HOUR, GB))
    record(emulator.metrics(), [gone])
    (ghost,) = bill(scope).lines
    assert (ghost.stream_name, ghost.ghost) == ("gone", True)
    assert ghost.cost.spent[Item.INGESTED] == D("0.0085") * len(gone.moved)
    assert ghost.cost.spent[Item.STORED] is None
    assert ghost.cost.lower_bound


def test_a_name_used_again(scope: Scope, emulator: LocalServer, time: Time) -> None:
    """What came in before a stream was made was another's: it is in the bill, but not stored."""
    now = time.now()
    moved = every_hour(now - 12 * HOUR, now - HOUR, GB)
    stream(emulator, "s", 87_600, age=5 * HOUR, moved=moved)
    own, before = bill(scope).lines
    assert (own.ghost, before.ghost) == (False, True)
    amounts = [each.cost.quantities[Item.INGESTED] for each in (own, before)]
    assert sum(amounts) == GB * len(moved)  # type: ignore[arg-type]  # both are known
    assert amounts[0] == 5 * GB
    assert own.cost.spent[Item.STORED] is not None
    assert before.cost.spent[Item.STORED] is None


# What is not told


def test_denied_metrics(scope: Scope, emulator: LocalServer, time: Time) -> None:
    """Nothing is known then, and why; it is no bill of nothing."""
    stream(emulator, "s", 0, moved=every_hour(time.now() - DAY, time.now() - HOUR, GB))
    emulator.settings.faults = (Fault("GetMetricData", "AccessDeniedException"),)
    found = bill(scope)
    assert line(found, "s").cost.month_to_date is None
    assert [each.stream_name for each in found.unknown] == ["s"]
    assert "GetMetricData denied" in found.problems[0]
    assert found.lower_bound


def test_metrics_told_in_part(scope: Scope, emulator: LocalServer, time: Time) -> None:
    """An answer that says itself that it is not whole leaves its part unknown."""
    stream(emulator, "s", 24, moved=every_hour(time.now() - DAY, time.now() - HOUR, GB))
    emulator.settings.faults = (Fault("GetMetricData", PARTIAL),)
    found = bill(scope)
    assert line(found, "s").cost.basis is Basis.UNKNOWN
    assert found.problems[0].startswith("CloudWatch answered ")


def test_denied_tiers(scope: Scope, emulator: LocalServer, time: Time) -> None:
    """What is priced by the tier is not known; what is read is."""
    moved = every_hour(time.now() - DAY, time.now() - HOUR, GB, consumed=GB)
    stream(emulator, "s", 24, moved=moved)
    emulator.settings.faults = (
        Fault("DescribeStreamStorageConfiguration", "AccessDeniedException"),
    )
    found = bill(scope)
    spent = line(found, "s").cost.spent
    assert {item for item, each in spent.items() if each is None} == {Item.INGESTED, Item.STORED}
    assert (spent[Item.CONSUMED] or 0) > 0
    assert "DescribeStreamStorageConfiguration denied" in found.problems[0]
    assert Caveat.TIER in found.caveats


def test_denied_listing_of_metrics(scope: Scope, emulator: LocalServer, time: Time) -> None:
    """Then everything is asked of every stream; that ghosts may be missing makes a lower bound."""
    use = stream(emulator, "s", 24, moved=every_hour(time.now() - DAY, time.now() - HOUR, GB))
    emulator.settings.faults = (Fault("ListMetrics", "AccessDeniedException"),)
    found = bill(scope)
    spent = line(found, "s").cost.spent[Item.INGESTED] or D(0)
    assert spent == truth(use, found.month, time.now())[Item.INGESTED]
    assert (found.missing, found.lower_bound, scope.metric_budget.asked) == (True, True, 6)


def test_a_stream_deleted_in_between(scope: Scope, emulator: LocalServer, time: Time) -> None:
    """It is a ghost: priced by its metrics, while what it had stored is not known; no failure."""
    stream(emulator, "s", 24, moved=every_hour(time.now() - DAY, time.now() - HOUR, GB))
    listed = [*streams.each_listed(scope)]
    emulator.backend().delete_stream(listed[0].stream_arn)
    found = read_streams(scope, listed, Month.of(time.now()), PRICES)
    ghost = line(found, "s")
    assert (ghost.ghost, ghost.cost.spent[Item.STORED]) == (True, None)
    assert ghost.cost.spent[Item.INGESTED] == D("0.0085") * 11  # this month's hours
    assert (found.problems, found.caveats) == ((), [Caveat.GONE, Caveat.UNCOUNTED])
    assert emulator.calls["DescribeStreamStorageConfiguration"] == 1


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a"], "ListStreams told no retention of a: what is stored is not known"),
        (["a", "b", "c"], "ListStreams told no retention of a and 2 more: what is stored is"),
    ],
)
def test_a_retention_that_is_not_told(
    scope: Scope, emulator: LocalServer, time: Time, names: list[str], said: str
) -> None:
    """What is stored is not known then, which is a failed look; what came in is."""
    for name in names:
        stream(emulator, name, 24, moved=every_hour(time.now() - DAY, time.now() - HOUR, GB))
    listed = [replace(each, data_retention_hours=None) for each in streams.each_listed(scope)]
    found = read_streams(scope, listed, Month.of(time.now()), PRICES)
    spent = line(found, "a").cost.spent
    assert (spent[Item.STORED], spent[Item.INGESTED]) == (None, D("0.0085") * 11)
    assert (found.lower_bound, len(found.problems)) == (True, 1)
    assert found.problems[0].startswith(said)
    assert Caveat.RETENTION in found.caveats


def test_what_is_denied_alike_is_said_once(scope: Scope, emulator: LocalServer, time: Time) -> None:
    """A missing permission is one line, however many streams it is missing for."""
    for number in range(3):
        moved = every_hour(time.now() - DAY, time.now() - HOUR, GB)
        stream(emulator, f"s-{number}", 24, moved=moved)
    emulator.settings.faults = (
        Fault("DescribeStreamStorageConfiguration", "AccessDeniedException"),
    )
    (said,) = bill(scope).problems
    assert "stream/s-0/" in said
    assert said.endswith("; so, too, for 2 more streams")


def test_what_is_not_priced_is_not_nothing(scope: Scope, emulator: LocalServer, time: Time) -> None:
    """A warm stream that nobody reads costs what is not known, not $0.00; an unused one nothing."""
    moved = every_hour(time.now() - DAY, time.now() - HOUR, GB)
    stream(emulator, "vault", 24, moved=moved, tier="WARM")
    assert bill(scope).month_to_date is None
    assert line(bill(scope), "vault").cost.estimated_month is None
    stream(emulator, "unused", 24)
    assert line(bill(scope), "unused").cost.month_to_date == 0
    assert bill(scope).estimated_month is None


def test_the_moment_of_the_bill(scope: Scope, emulator: LocalServer, time: Time) -> None:
    """A look that takes its time, here past the month's end, is of the moment it is told for."""
    time.sleep((datetime(2026, 5, 31, 23, tzinfo=UTC) - time.now()).total_seconds())
    now, month = time.now(), Month(2026, 5)
    use = stream(emulator, "s", 24, moved=every_hour(now - 5 * DAY, now - HOUR, GB))
    time.sleep(2 * HOUR.total_seconds())
    listed = [*streams.each_listed(scope)]
    cost = line(read_streams(scope, listed, month, PRICES, now=now), "s").cost
    spent = {item: cost.spent[item] or D(0) for item in (*ITEMS, Item.STORED)}
    assert cents(spent) == cents(truth(use, month, now))
    assert cost.basis is Basis.PROJECTED


def test_beside_the_tiers(scope: Scope, emulator: LocalServer, time: Time) -> None:
    """What is done while tiers are read hears of all streams as if stored hot; nothing twice."""
    moved = every_hour(time.now() - DAY, time.now() - HOUR, GB)
    stream(emulator, "vault", 24, moved=moved, tier="WARM")
    stream(emulator, "wall", 24, moved=moved)
    heard: list[StreamBill] = []
    listed = [*streams.each_listed(scope)]
    found = read_streams(scope, listed, Month.of(time.now()), PRICES, beside=heard.append)
    guessed = {each.stream_name: each.cost.month_to_date for each in heard[0].lines}
    assert guessed["vault"] == guessed["wall"] == line(found, "wall").cost.month_to_date
    assert line(found, "vault").cost.month_to_date is None
    assert emulator.calls["DescribeStreamStorageConfiguration"] == 2


def test_what_was_read_before_all_that_is_listed(
    scope: Scope, emulator: LocalServer, time: Time
) -> None:
    """A stream that took in something by then is asked every metric, listed or not."""
    time.sleep((29 * DAY).total_seconds())
    now = time.now()
    moved = every_hour(now - 25 * DAY, now - 20 * DAY, 0, consumed=GB)
    stream(emulator, "s", 1, moved=[Moved(now - 26 * DAY, GB), *moved, Moved(now - HOUR, GB)])
    found = line(bill(scope), "s").cost
    assert found.quantities[Item.CONSUMED] == len(moved) * GB
    assert scope.metric_budget.asked == 1 + 5


def test_a_retention_that_is_longer_than_metrics_are_kept(
    scope: Scope, emulator: LocalServer, time: Time
) -> None:
    """Of an old stream that keeps ten years the storage is a lower bound; of a young one not."""
    moved = every_hour(time.now() - DAY, time.now() - HOUR, GB)
    stream(emulator, "old", 87_600, age=600 * DAY, moved=moved)
    stream(emulator, "young", 87_600, age=300 * DAY, moved=moved)
    found = bill(scope)
    reaches = {each.stream_name: Caveat.REACH in each.cost.caveats for each in found.lines}
    assert reaches == {"old": True, "young": False}


# What asking costs


def test_only_what_may_have_points_is_asked(
    scope: Scope, emulator: LocalServer, time: Time
) -> None:
    """In a month that ListMetrics reaches back to, metrics that it does not name are not asked."""
    time.sleep((12 * DAY).total_seconds())  # a month of 12 days is projected by itself
    now = time.now()
    for number in range(20):
        stream(emulator, f"idle-{number}", 1)
    stream(emulator, "used", 1, moved=every_hour(now - 2 * DAY, now - HOUR, GB, by_hls=5))
    month = Month.of(now)
    found = bill(scope, month)
    # The window begins 30 days ago: what came in is asked of all 21; HLS of the one it is listed
    # of, and no other metric: before the two weeks that are listed there was nothing to read.
    assert scope.metric_budget.asked == 21 + 1
    assert emulator.calls["ListMetrics"] == 6
    assert emulator.calls["GetMetricData"] == 2
    assert emulator.calls["DescribeStreamStorageConfiguration"] == 1
    assert own_cost(scope) == D("0.00001") * (22 + 6)
    assert found.problems == ()


def test_the_budget(environment: dict[str, str], emulator: LocalServer, time: Time) -> None:
    """Where it may cost more than --max-own-cost nothing is asked."""
    for number in range(10):
        stream(emulator, f"s-{number}", 1)
    scope = time.scope(environment, metric_budget=MetricBudget(D("0.0005")))
    with pytest.raises(CheckFailedError, match=r"metrics of 10 streams may cost \$0.0006, more"):
        bill(scope)
    assert "GetMetricData" not in emulator.calls
