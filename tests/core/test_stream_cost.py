"""What a stream costs: by hand for each price, and parts that add up."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kvsops.core.cost import Basis, Month, Prices, Projection
from kvsops.core.intake import Intake, seconds
from kvsops.core.stream import Settings, Tier
from kvsops.core.stream_caveats import Caveat
from kvsops.core.stream_cost import StreamCost, estimate_stream, spent_by_day
from kvsops.core.stream_price import GB, gb
from kvsops.core.stream_usage import Item, StreamUsage

D = Decimal
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MB = 2**20
CHANNELS_ONLY = Prices("us-east-1", D("0.03"), D("2.25"), D("0.12"), "undated", "")
PRICES = Prices(
    *("us-east-1", D("0.03"), D("2.25"), D("0.12"), "undated", ""),
    gb_ingested=D("0.0085"),
    gb_consumed=D("0.0085"),
    gb_consumed_by_hls=D("0.0119"),
    gb_month_stored=D("0.023"),
)
APRIL = Month(2026, 4)  # 30 days
OVER = datetime(2026, 9, 1, tzinfo=UTC)
FLOWS = (Item.CONSUMED, Item.CONSUMED_BY_HLS, Item.CLIPS)


def intake(start: datetime, end: datetime, an_hour: int) -> Intake:
    """Answer so many bytes an hour from one midnight to another moment."""
    hours, rest = divmod(end - start, HOUR)
    counts = [an_hour] * hours + ([an_hour * rest // HOUR] if rest else [])
    return Intake(seconds(start), 3_600, counts, seconds(end))


def usage(came: Intake | None = None, **out: dict[date, int] | None) -> StreamUsage:
    """Answer a use with these bytes by day; nothing of what is not given."""
    outgoing = {item: out.get(item.value, {}) for item in FLOWS}
    return StreamUsage(came or Intake(0, 3_600, (), 0), outgoing)


def hot(hours: int | None) -> Settings:
    """Answer the settings of a stream that keeps what it takes in for so many hours."""
    return Settings(None if hours is None else timedelta(hours=hours), Tier.HOT)


def cost(
    use: StreamUsage,
    settings: Settings | None = None,
    month: Month = APRIL,
    now: datetime = OVER,
    prices: Prices = PRICES,
) -> StreamCost:
    """Price a month, by default one that is over."""
    return estimate_stream(use, settings or hot(0), prices, month, now)


# Each price by hand


def test_aws_own_example() -> None:
    """A hundred users stream 70 MB a day each, two watch each by HLS, a day is kept.

    30 days * (7,000/1,024) * $0.0085 = $1.74, 30 days * (14,000/1,024) * $0.0119 = $4.88,
    1 day * (7,000/1,024) * $0.023 = $0.16.
    Source: https://aws.amazon.com/kinesis/video-streams/pricing/
    """
    days = [APRIL.start + number * DAY for number in range(-1, 30)]
    came = Intake(seconds(days[0]), 86_400, [7_000 * MB] * 31, seconds(APRIL.end))
    watched = {day.date(): 14_000 * MB for day in days[1:]}
    found = cost(usage(came, consumed_by_hls=watched), hot(24))
    cents = {item: round(spent, 2) for item, spent in found.spent.items() if spent}
    assert cents == {
        Item.INGESTED: D("1.74"),
        Item.CONSUMED_BY_HLS: D("4.88"),
        Item.STORED: D("0.16"),
    }
    assert found.month_to_date == found.estimated_month == sum(found.spent.values())  # type: ignore[arg-type]  # all are known
    assert (found.basis, found.projection, found.lower_bound) == (Basis.MEASURED, None, False)


@pytest.mark.parametrize(
    ("item", "dollars"),
    [(Item.CONSUMED, "0.0255"), (Item.CONSUMED_BY_HLS, "0.0357"), (Item.CLIPS, None)],
)
def test_each_way_out(item: Item, dollars: str | None) -> None:
    """3 GB, by the price of each; that of clips is not known, and is not nothing."""
    found = cost(usage(None, **{item.value: {date(2026, 4, 9): 3 * GB}}))
    assert found.quantities[item] == 3 * GB
    assert found.spent[item] == (dollars and D(dollars))
    assert found.caveats == {Caveat.UNCOUNTED, *([Caveat.CLIPS] if dollars is None else [])}
    assert found.lower_bound is (dollars is None)


def test_ingested() -> None:
    """4 GB that came in in the month; 5 of the month before do not count."""
    came = Intake(seconds(APRIL.start - DAY), 86_400, [5 * GB, 4 * GB], seconds(APRIL.start + DAY))
    assert cost(usage(came)).spent[Item.INGESTED] == D("0.034")


@pytest.mark.parametrize(
    ("month", "hours"), [(Month(2026, 2), 672), (APRIL, 720), (Month(2026, 5), 744)]
)
@pytest.mark.parametrize("retention", [0, 1, 24, 720, 87_600])
def test_stored_in_months_of_28_30_and_31_days(month: Month, hours: int, retention: int) -> None:
    """A GB each hour since long before: as many GB are kept all month as the retention has hours.

    Of ten years only what is known of: here the 1,000 hours before the month, and the month.
    """
    came = intake(month.start - 1_000 * HOUR, month.end, GB)
    found = cost(usage(came), hot(retention), month)
    kept = D(retention) if retention < 1_000 else 1_000 + D(hours) / 2
    assert gb(found.quantities[Item.STORED] or 0, month) == kept
    assert found.spent[Item.STORED] == D("0.023") * kept


def test_the_first_and_the_last_day() -> None:
    """What comes on the last day is kept in the next month, and paid for there."""
    first = Intake(seconds(APRIL.start), 86_400, [30 * GB], seconds(APRIL.start + DAY))
    last = Intake(seconds(APRIL.end - DAY), 86_400, [30 * GB], seconds(APRIL.end))
    assert cost(usage(first), hot(24)).spent[Item.STORED] == D("0.023")  # 30 GB for 1/30
    assert cost(usage(last), hot(24)).spent[Item.STORED] == D("0.0115")  # for half a day
    assert cost(usage(last), hot(24), Month(2026, 5)).spent[Item.STORED] == D("0.345") / 31


# The rest of the month


def test_projected_by_the_share_that_has_passed() -> None:
    """After 10 of 30 days the flows are a third; storage is what comes in, once it is full."""
    now = APRIL.start + 10 * DAY
    came = intake(APRIL.start - 3 * DAY, now, GB)
    read = {date(2026, 4, day): GB for day in range(1, 11)}
    found = cost(usage(came, consumed=read), hot(24), now=now)
    assert (found.basis, found.projection) == (Basis.PROJECTED, Projection.ELAPSED)
    assert (found.spent[Item.INGESTED], found.estimated[Item.INGESTED]) == (D("2.04"), D("6.12"))
    assert (found.spent[Item.CONSUMED], found.estimated[Item.CONSUMED]) == (D("0.085"), D("0.255"))
    # 24 GB all along: for 10 of 30 days, and for the month
    assert found.spent[Item.STORED] == D("0.184")
    assert found.estimated[Item.STORED] == D("0.552")


def test_storage_that_only_ages() -> None:
    """What nobody adds to becomes less by itself: the month is not three times its first third."""
    now = APRIL.start + 10 * DAY
    came = Intake(seconds(APRIL.start - DAY), 86_400, [30 * GB, *[0] * 10], seconds(now))
    found = cost(usage(came), hot(15 * 24), now=now)
    assert found.spent[Item.STORED] == D("0.23")  # 30 GB for 10 days
    assert found.estimated[Item.STORED] == D("0.3335")  # … for 14.5 on average
    assert found.estimated[Item.INGESTED] == 0


def test_storage_that_grows() -> None:
    """A stream begun with the month keeps more each day: its second half costs three times more."""
    now = APRIL.start + 15 * DAY
    found = cost(usage(intake(APRIL.start, now, GB)), hot(720), now=now)
    assert found.spent[Item.STORED] == D("2.07")  # 180 GB on average, for half a month
    assert found.estimated[Item.STORED] == D("8.28")  # 360 GB


def test_a_young_month_is_projected_by_the_days_before() -> None:
    """On its second day the month goes by the 30 days before today."""
    now = APRIL.start + DAY + 12 * HOUR
    came = intake(APRIL.start - 40 * DAY, now, GB)
    found = cost(usage(came), hot(24), now=now)
    assert found.projection is Projection.TRAILING
    assert found.estimated[Item.INGESTED] == D("6.12")
    assert found.estimated[Item.STORED] == D("0.552")


# What is not known


@pytest.mark.parametrize(
    ("settings", "caveat", "unknown"),
    [
        (hot(None), Caveat.RETENTION, {Item.STORED}),
        (Settings(DAY, Tier.WARM), Caveat.WARM, {Item.STORED, Item.INGESTED}),
        (Settings(DAY, None), Caveat.TIER, {Item.STORED, Item.INGESTED}),
        (Settings(None, None, gone=True), Caveat.GONE, {Item.STORED}),
    ],
)
def test_settings_that_are_not_known(
    settings: Settings, caveat: Caveat, unknown: set[Item]
) -> None:
    """What rests on them is not known, and said; the rest is priced."""
    came = intake(APRIL.start, APRIL.end, GB)
    found = cost(usage(came, consumed={date(2026, 4, 2): GB}), settings)
    assert {item for item, each in found.spent.items() if each is None} == unknown
    assert caveat in found.caveats
    assert found.lower_bound
    assert (found.month_to_date or 0) >= D("0.0085")


@pytest.mark.parametrize("item", [Item.INGESTED, *FLOWS])
def test_a_metric_that_is_not_known(item: Item) -> None:
    """Its part is not known, and what it took in neither stored; it is never nothing."""
    out = {each.value: None if each is item else {date(2026, 4, 2): GB} for each in FLOWS[:2]}
    use = usage(intake(APRIL.start, APRIL.end, GB), **out)
    if item is Item.CLIPS:
        use = usage(use.intake, **out, clips=None)
    if item is Item.INGESTED:
        use = StreamUsage(None, use.outgoing)
    found = cost(use, hot(24))
    expected = {Item.INGESTED, Item.STORED} if item is Item.INGESTED else {item}
    assert {each for each, spent in found.spent.items() if spent is None} == expected
    assert Caveat.METRICS in found.caveats
    assert found.basis is Basis.MEASURED


def test_nothing_is_known() -> None:
    """Where no metric was told there is no cost to tell, though nothing be stored."""
    found = cost(StreamUsage(None, dict.fromkeys(FLOWS)))
    assert (found.basis, found.month_to_date, found.estimated_month) == (Basis.UNKNOWN, None, None)
    assert found.lower_bound


def test_without_prices_of_streams() -> None:
    """Quantities stand; nothing costs nothing, and what costs something is not known."""
    found = cost(usage(intake(APRIL.start, APRIL.end, GB)), hot(24), prices=CHANNELS_ONLY)
    assert found.quantities[Item.INGESTED] == 720 * GB
    assert found.spent == {
        Item.INGESTED: None,
        Item.CONSUMED: 0,
        Item.CONSUMED_BY_HLS: 0,
        Item.CLIPS: 0,
        Item.STORED: None,
    }
    assert Caveat.PRICES in found.caveats
    assert cost(usage(), prices=CHANNELS_ONLY).caveats == set()


@pytest.mark.parametrize(
    ("retention", "created", "too_far"),
    [
        (87_600, None, True),
        (87_600, APRIL.start - 500 * DAY, True),
        (87_600, APRIL.start - 100 * DAY, False),
        (24, APRIL.start - 500 * DAY, False),
        (0, None, False),
    ],
)
def test_what_came_before_all_that_is_known(
    retention: int, created: datetime | None, *, too_far: bool
) -> None:
    """Where older bytes may be kept than CloudWatch remembers, the cost is a lower bound."""
    reach = APRIL.start - 400 * DAY
    use = StreamUsage(intake(APRIL.start, APRIL.end, GB), usage().outgoing, reach)
    settings = Settings(timedelta(hours=retention), Tier.HOT, created)
    assert (Caveat.REACH in cost(use, settings).caveats) is too_far


def test_storage_rests_on_the_present_settings() -> None:
    """That is told where anything is stored, and hides no cost."""
    found = cost(usage(intake(APRIL.start, APRIL.end, GB)), hot(24))
    assert found.caveats == {Caveat.PRESENT_SETTINGS, Caveat.UNCOUNTED}
    assert not found.lower_bound


# Parts


COUNTS = st.lists(st.integers(0, 2**42), min_size=24, max_size=24 * 40)
DAYS = st.dictionaries(st.dates(date(2026, 3, 1), date(2026, 5, 30)), st.integers(0, 2**45))
RETENTIONS = st.sampled_from([0, 1, 24, 720, 87_600])


@given(COUNTS, DAYS, DAYS, RETENTIONS, st.integers(1, 40 * 86_400))
@example([0] * 121 + [1], {}, {}, 0, 1)  # what came later in the day than now
def test_days_add_up(
    counts: list[int],
    consumed: dict[date, int],
    by_hls: dict[date, int],
    retention: int,
    passed: int,
) -> None:
    """The days of a month cost what the month costs, whenever it is looked at once it began."""
    start = seconds(APRIL.start - 5 * DAY)
    came = Intake(start, 3_600, counts, start + 3_600 * len(counts))
    use, now = usage(came, consumed=consumed, consumed_by_hls=by_hls), APRIL.start
    now += timedelta(seconds=passed)
    found = estimate_stream(use, hot(retention), PRICES, APRIL, now)
    days = spent_by_day([(use, hot(retention))], PRICES, APRIL, now)
    for item in Item:
        apart = sum((day[item] for day in days.values()), D(0)) - (found.spent[item] or 0)
        assert abs(apart) < D("1e-15")
        assert (found.estimated[item] or 0) >= (found.spent[item] or 0)


@given(DAYS, st.datetimes(datetime(2026, 3, 1), datetime(2026, 5, 30), timezones=st.just(UTC)))  # noqa: DTZ001 - the strategy's own
def test_a_name_used_again_parts_in_two(days: dict[date, int], created: datetime) -> None:
    """What was before a stream was made and its own are all there was, and nothing is in both."""
    start = seconds(datetime(2026, 3, 1, tzinfo=UTC))
    came = Intake(start, 86_400, [7] * 100, start + 100 * 86_400)
    before, own = usage(came, consumed=days).split(created)
    span = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
    for item in (Item.INGESTED, Item.CONSUMED):
        parts = [each.on(item, *span) or 0 for each in (before, own)]
        assert sum(parts) == usage(came, consumed=days).on(item, *span)
    assert Fraction(own.on(Item.INGESTED, *span) or 0) % 7 == 0
