"""What a channel costs in a month: worked by hand, and what must hold of any use."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsops.core.cost import (
    TRAILING,
    Basis,
    Cost,
    Day,
    Month,
    Prices,
    Projection,
    Usage,
    assumed,
    estimate,
    midnight,
    total,
    unknown,
)
from kvsops.errors import UsageError

D = Decimal
PRICES = Prices("us-east-1", D("0.03"), D("2.25"), D("0.12"), "2026-05-01", "a test")
APRIL, MAY = Month(2026, 4), Month(2026, 5)
MICROSECOND = timedelta(microseconds=1)

# 2 connections, 1,000 messages and 50 TURN minutes cost
#   fee       0.03
#   messages  1,000 / 1,000,000 x 2.25 = 0.00225
#   TURN      50 / 1,000 x 0.12        = 0.006
#   together                             0.03825
SOME = Day(2, 1_000, 50)


def at(month: int, day: int, hour: int = 0, year: int = 2026) -> datetime:
    """Answer a moment in UTC."""
    return datetime(year, month, day, hour, tzinfo=UTC)


def parts(cost: Cost) -> tuple[Decimal | None, ...]:
    """Answer fee, messages, TURN, their sum, and the estimated month."""
    return cost.fee, cost.messages, cost.turn, cost.month_to_date, cost.estimated_month


# Worked examples


def test_measured() -> None:
    """A month that is over costs what was used in it, and nothing is projected."""
    usage = Usage({date(2026, 3, 31): SOME, date(2026, 4, 10): SOME, date(2026, 5, 1): SOME})
    cost = estimate(usage, PRICES, APRIL, at(5, 3))
    assert (cost.basis, cost.projection, cost.active, cost.used) == (
        Basis.MEASURED,
        None,
        True,
        SOME,
    )
    assert parts(cost) == (D("0.03"), D("0.00225"), D("0.006"), D("0.03825"), D("0.03825"))


def test_projected_by_what_has_passed() -> None:
    """From the 8th on the month's own use is scaled to all of it; the fee is not."""
    usage = Usage({date(2026, 3, 20): SOME, date(2026, 4, 10): SOME})
    cost = estimate(usage, PRICES, APRIL, at(4, 11))
    assert (cost.basis, cost.projection) == (Basis.PROJECTED, Projection.ELAPSED)
    # 10 of 30 days have passed: 0.03 + (0.00225 + 0.006) x 3 = 0.03 + 0.02475
    assert parts(cost) == (D("0.03"), D("0.00225"), D("0.006"), D("0.03825"), D("0.05475"))


def test_projected_by_the_trailing_days() -> None:
    """A young month is projected by the 30 days before today: neither today nor what is older."""
    usage = Usage(
        {
            date(2026, 4, 2): SOME,  # too long ago: the 30 days are 3 April to 2 May
            date(2026, 4, 3): Day(1, 1_000, 50),
            date(2026, 5, 2): Day(1, 200, 10),
            date(2026, 5, 3): Day(1, 100, 0),
        }
    )
    cost = estimate(usage, PRICES, MAY, at(5, 3, 12))
    assert (cost.basis, cost.projection) == (Basis.PROJECTED, Projection.TRAILING)
    assert cost.used == Day(2, 300, 10)
    # To date: 300 messages = 0.000675, 10 TURN minutes = 0.0012; with the fee 0.031875.
    # The month: 1,200 messages = 0.0027 and 60 TURN minutes = 0.0072 in 30 days, so in 31 days
    # 0.0099 x 31 / 30 = 0.01023; with the fee 0.04023.
    assert parts(cost) == (D("0.03"), D("0.000675"), D("0.0012"), D("0.031875"), D("0.04023"))


def test_a_young_month_without_use_yet() -> None:
    """What was used in the trailing days is expected again, its fee too; so far it is nothing."""
    cost = estimate(Usage({date(2026, 4, 20): SOME}), PRICES, MAY, at(5, 1))
    # 0.03 + (0.00225 + 0.006) x 31 / 30 = 0.03 + 0.008525
    assert parts(cost) == (D(0), D(0), D(0), D(0), D("0.038525"))
    assert cost.active is False


def test_a_young_month_is_never_less_than_what_is_spent() -> None:
    """Heavy use on the first day counts in full, whatever the trailing days were."""
    cost = estimate(Usage({date(2026, 5, 1): SOME}), PRICES, MAY, at(5, 1, 12))
    assert (cost.month_to_date, cost.estimated_month) == (D("0.03825"), D("0.03825"))


def test_no_use() -> None:
    """A channel that nobody connects to costs nothing."""
    cost = estimate(Usage(), PRICES, APRIL, at(4, 20))
    assert (cost.active, cost.used, parts(cost)) == (False, Day(), (D(0),) * 5)


def test_assumed() -> None:
    """Without metrics each channel is taken to be used; what was spent is not known."""
    cost = assumed(PRICES)
    assert (cost.basis, cost.active, cost.used) == (Basis.ASSUMED, None, None)
    assert parts(cost) == (None, None, None, None, D("0.03"))


def test_unknown() -> None:
    """Of a channel that could not be read nothing is said."""
    cost = unknown()
    assert (cost.basis, cost.active, cost.used) == (Basis.UNKNOWN, None, None)
    assert parts(cost) == (None, None, None, None, None)


def test_exact() -> None:
    """No binary fraction comes near the money: a third of a cent's parts stay what they are."""
    prices = Prices("ap-southeast-2", D("0.0473"), D("3.547"), D("0.1892"), "2026-09-14", "")
    usage = Usage({date(2026, 4, 2): Day(1, 1_234_567, 89)})
    cost = estimate(usage, prices, APRIL, at(5, 1))
    # 1.234567 x 3.547 = 4.379009149; 0.089 x 0.1892 = 0.0168388; with the fee 4.4431479490
    assert parts(cost)[:4] == (D("0.0473"), D("4.379009149"), D("0.0168388"), D("4.443147949"))
    assert str(total([D("0.1"), None, D("0.2")])) == "0.3"


# The calendar


@pytest.mark.parametrize(
    ("month", "days"),
    [
        (Month(2026, 2), 28),
        (Month(2028, 2), 29),
        (Month(2026, 4), 30),
        (Month(2026, 12), 31),
        (Month(2100, 2), 28),
    ],
)
def test_months_of_any_length(month: Month, days: int) -> None:
    """A month's use on day 10 of N is scaled by N / 10; each has as many days as it has."""
    usage = Usage({date(month.year, month.month, 1): Day(1, 10_000_000, 0)})
    cost = estimate(usage, PRICES, month, month.start + timedelta(days=10))
    # 10 million messages cost 22.5, so 2.25 for each of the month's days
    assert cost.estimated_month == D("0.03") + D("2.25") * days
    assert len(month.days_until(month.end)) == days
    assert month.end - month.start == timedelta(days=days)


@pytest.mark.parametrize(
    ("now", "to_date", "basis"),
    [
        (at(4, 1), "0", Basis.PROJECTED),  # the first moment: of today nothing can be known yet
        (at(4, 1) + timedelta(seconds=1), "0.03", Basis.PROJECTED),
        (at(4, 30, 23) + timedelta(minutes=59, seconds=59), "0.03", Basis.PROJECTED),
        (at(5, 1) - MICROSECOND, "0.03", Basis.PROJECTED),
        (at(5, 1), "0.03", Basis.MEASURED),
        (at(7, 9), "0.03", Basis.MEASURED),
    ],
)
def test_from_the_first_second_to_the_last(now: datetime, to_date: str, basis: Basis) -> None:
    """The month begins and ends at midnight, UTC."""
    usage = Usage({date(2026, 4, 1): Day(1), date(2026, 5, 1): Day(1, 1_000)})
    cost = estimate(usage, PRICES, APRIL, now)
    assert (cost.month_to_date, cost.basis) == (D(to_date), basis)


def test_the_last_second_projects_next_to_nothing() -> None:
    """With a second to go the month is what was spent, but for a share of 1 in 2,591,999."""
    last = at(5, 1) - timedelta(seconds=1)
    cost = estimate(Usage({date(2026, 4, 30): Day(1, 1_000_000)}), PRICES, APRIL, last)
    assert cost.month_to_date == D("2.28")
    # 2.25 x 2,592,000 / 2,591,999 = 2.250000868...
    assert cost.estimated_month is not None
    assert D("0.00000086") < cost.estimated_month - D("2.28") < D("0.00000087")


def test_across_the_year() -> None:
    """December ends with the year; January is projected by December's days."""
    usage = Usage({date(2026, 12, 31): Day(1, 1_000_000), date(2027, 1, 1): Day(1, 100_000)})
    december, january = Month(2026, 12), Month(2027, 1)
    now = at(1, 2, year=2027)
    assert december.end == january.start == at(1, 1, year=2027)
    assert estimate(usage, PRICES, december, now).month_to_date == D("2.28")
    cost = estimate(usage, PRICES, january, now)
    # 1,100,000 messages in the 30 days to 1 January: 2.475 x 31 / 30 = 2.5575
    assert (cost.month_to_date, cost.estimated_month) == (D("0.255"), D("2.5875"))
    assert january.days_until(now) == [date(2027, 1, 1), date(2027, 1, 2)]


@pytest.mark.parametrize(
    ("now", "projection"),
    [
        (at(4, 8) - MICROSECOND, Projection.TRAILING),
        (at(4, 8), Projection.ELAPSED),
    ],
)
def test_young_up_to_seven_days(now: datetime, projection: Projection) -> None:
    """A month is projected by itself once seven days have passed, not a moment before."""
    assert estimate(Usage(), PRICES, APRIL, now).projection is projection


@pytest.mark.parametrize(
    ("text", "month"),
    [("2026-10", Month(2026, 10)), ("2026-1", Month(2026, 1)), ("0001-01", Month(1, 1))],
)
def test_month_read(text: str, month: Month) -> None:
    """A month is a year and a month's number, and is written with leading zeros."""
    assert Month.parse(text) == month
    assert Month.parse(str(month)) == month


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-13", "2026-00", "26-10", "10-2026", "2026-10-01", "october", "-1-1"]
)
def test_no_month(text: str) -> None:
    """Anything else is refused, with an example."""
    with pytest.raises(UsageError) as caught:
        Month.parse(text)
    assert str(caught.value) == f"not a month: {text!r}: write it like 2026-10"


def test_month_of_a_moment_elsewhere() -> None:
    """A moment late on the last day in New York is the next month in UTC."""
    new_york = timezone(timedelta(hours=-4))
    assert Month.of(datetime(2026, 4, 30, 21, tzinfo=new_york)) == MAY


@pytest.mark.parametrize(
    ("now", "elapsed"),
    [
        (at(3, 31), timedelta()),
        (at(4, 1), timedelta()),
        (at(4, 2, 6), timedelta(days=1, hours=6)),
        (at(5, 1), timedelta(days=30)),
        (at(9, 9), timedelta(days=30)),
    ],
)
def test_elapsed(now: datetime, elapsed: timedelta) -> None:
    """Before a month none of it has passed, after it all of it."""
    assert APRIL.elapsed(now) == elapsed


@pytest.mark.parametrize(
    ("now", "number"),
    [
        (at(3, 31), 0),
        (at(4, 1), 1),
        (at(4, 2) - MICROSECOND, 1),
        (at(4, 2), 2),
        (at(4, 30, 23), 30),
        (at(5, 1), 30),
        (at(6, 1), 30),
    ],
)
def test_days_until(now: datetime, number: int) -> None:
    """The month's days so far have today among them, from its first moment on."""
    days = APRIL.days_until(now)
    assert days == [date(2026, 4, 1) + timedelta(days=each) for each in range(number)]


# Usage


@pytest.mark.parametrize(
    ("start", "end", "connections"),
    [
        (at(4, 10), at(4, 11), 1),
        (at(4, 10, 23), at(4, 11), 1),  # the day that holds the start counts whole
        (at(4, 10), at(4, 11) + MICROSECOND, 3),  # and so does the one that holds the end
        (at(4, 11) - MICROSECOND, at(4, 11), 1),
        (at(4, 11), at(4, 12), 2),
        (at(4, 11), at(4, 11), 0),
        (at(4, 9), at(4, 10), 0),
        (at(4, 12), at(4, 9), 0),
    ],
)
def test_between(start: datetime, end: datetime, connections: int) -> None:
    """A span takes whole days: an end at midnight is the last moment of the day before."""
    usage = Usage({date(2026, 4, 10): Day(1), date(2026, 4, 11): Day(2)})
    assert usage.between(start, end).connections == connections


def test_between_moments_of_another_zone() -> None:
    """Days are UTC's, wherever the moments were written."""
    new_york = timezone(timedelta(hours=-4))
    usage = Usage({date(2026, 4, 10): Day(1), date(2026, 4, 11): Day(2)})
    midnights = [datetime(2026, 4, day, 20, tzinfo=new_york) for day in (9, 10)]
    assert usage.between(*midnights) == Day(1)


def test_created_in_the_month() -> None:
    """The day that holds the creation is the channel's own, whole; the days before a forerunner's.

    CloudWatch knows the name alone: on that day the two cannot be told apart.
    """
    days = {date(2026, 4, 9): Day(1, 100), date(2026, 4, 10): Day(2), date(2026, 4, 11): Day(3)}
    before, own = Usage(days).split(at(4, 10, 23))
    assert before.days == {date(2026, 4, 9): Day(1, 100)}
    assert own.days == {date(2026, 4, 10): Day(2), date(2026, 4, 11): Day(3)}
    cost = estimate(own, PRICES, APRIL, at(5, 1))
    assert (cost.used, cost.month_to_date) == (Day(5), D("0.03"))


@pytest.mark.parametrize(
    ("created", "own"),
    [
        (at(4, 10), 5),
        (at(4, 10, 23), 5),
        (at(4, 11) - MICROSECOND, 5),
        (at(4, 11), 3),
        (at(3, 1), 6),
        (at(4, 12), 0),
        (datetime(2026, 4, 11, 8, tzinfo=timezone(timedelta(hours=9))), 5),  # 10 April in UTC
        (None, 6),  # not known: nothing is taken away
    ],
)
def test_split(created: datetime | None, own: int) -> None:
    """A use is parted at the midnight before the creation."""
    days = {date(2026, 4, 9): Day(1), date(2026, 4, 10): Day(2), date(2026, 4, 11): Day(3)}
    parted = Usage(days).split(created)
    assert [sum(day.connections for day in each.days.values()) for each in parted] == [6 - own, own]


@pytest.mark.parametrize(
    ("day", "used"),
    [
        (Day(), False),
        (Day(connections=1), True),
        (Day(messages=1), True),
        (Day(turn_minutes=1), True),
    ],
)
def test_used(day: Day, used: bool) -> None:  # noqa: FBT001 - a row's expectation
    """Whatever came through says that the channel was used; a day that only failed does not."""
    assert day.used is used
    assert (Usage({date(2026, 4, 9): day}).last_used == date(2026, 4, 9)) is used


def test_last_used() -> None:
    """The last day with any use, whatever the order, and not one that only failed."""
    days = {date(2026, 4, 11): Day(), date(2026, 4, 9): Day(1), date(2026, 4, 2): Day(1)}
    assert Usage(days).last_used == date(2026, 4, 9)
    assert Usage().last_used is None


def test_midnight() -> None:
    """The day's first moment, in UTC."""
    assert midnight(at(4, 10)) == midnight(at(4, 11) - MICROSECOND) == at(4, 10)
    tokyo = timezone(timedelta(hours=9))
    assert midnight(datetime(2026, 4, 11, 8, tzinfo=tokyo)) == at(4, 10)


# What holds of any use

MONTHS = st.builds(Month, st.integers(2020, 2035), st.integers(1, 12))
NUMBERS = st.integers(0, 10**9)
DAYS = st.builds(Day, NUMBERS, NUMBERS, NUMBERS)
AMOUNTS = st.decimals(0, 1_000, places=6, allow_nan=False, allow_infinity=False)
PRICED = st.builds(Prices, st.just("x"), AMOUNTS, AMOUNTS, AMOUNTS, st.just(""), st.just(""))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Usage, Month, datetime]:
    """Draw a month, a moment in it or after it, and use around it."""
    month = draw(MONTHS)
    ago = st.integers(-35, 40)
    first = month.start.date()
    days = draw(st.dictionaries(ago.map(lambda n: first + timedelta(days=n)), DAYS, max_size=8))
    seconds = draw(st.integers(0, 40 * 86_400))
    return Usage(days), month, month.start + timedelta(seconds=seconds)


@given(cases(), PRICED)
def test_to_date_is_never_above_the_month(
    case: tuple[Usage, Month, datetime], prices: Prices
) -> None:
    """What is spent already is in the estimate; the parts are never negative."""
    cost = estimate(case[0], prices, *case[1:])
    assert cost.month_to_date is not None
    assert cost.estimated_month is not None
    assert 0 <= cost.month_to_date <= cost.estimated_month


@given(cases(), PRICED, st.data())
def test_more_use_never_costs_less(
    case: tuple[Usage, Month, datetime], prices: Prices, data: st.DataObject
) -> None:
    """To any day of a channel any use may be added: no figure falls."""
    usage, month, now = case
    day = month.start.date() + timedelta(days=data.draw(st.integers(-35, 40)))
    more = Usage({**usage.days, day: usage.days.get(day, Day()) + data.draw(DAYS)})
    less, greater = (parts(estimate(each, prices, month, now)) for each in (usage, more))
    for before, after in zip(less, greater, strict=True):
        assert before is not None
        assert after is not None
        assert before <= after


@given(cases(), st.integers(-35, 40), st.integers(0, 86_399))
def test_a_split_loses_nothing(
    case: tuple[Usage, Month, datetime], days: int, seconds: int
) -> None:
    """Forerunner's and own use are together what was read, and no day is in both."""
    usage, month, _ = case
    created = month.start + timedelta(days=days, seconds=seconds)
    before, own = usage.split(created)
    assert {**before.days, **own.days} == usage.days
    assert not before.days.keys() & own.days.keys()
    assert all(day < created.date() for day in before.days)
    assert all(day >= created.date() for day in own.days)


@given(cases(), AMOUNTS)
def test_the_fee_is_charged_at_most_once(case: tuple[Usage, Month, datetime], fee: Decimal) -> None:
    """However often it was used, and however the rest of the month is told."""
    usage, month, now = case
    cost = estimate(usage, Prices("x", fee, D(0), D(0), "", ""), month, now)
    assert cost.month_to_date == (fee if cost.active else 0)
    assert cost.estimated_month in (0, fee)
    assert cost.active is any(
        day.used and month.start.date() <= when <= now.date() and when < month.end.date()
        for when, day in usage.days.items()
        if when < now.date() or now != midnight(now)
    )


@given(cases())
def test_a_month_is_read_as_far_as_it_is_projected_by(
    case: tuple[Usage, Month, datetime],
) -> None:
    """Use from before the trailing days and the month changes nothing."""
    usage, month, now = case
    since = min(month.start, midnight(now) - TRAILING).date()
    needed = Usage({when: day for when, day in usage.days.items() if when >= since})
    assert estimate(needed, PRICES, month, now) == estimate(usage, PRICES, month, now)
