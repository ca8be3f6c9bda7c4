"""What is kept of what came in: exact, whatever the retention."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsops.core.intake import Intake, seconds

START = datetime(2026, 4, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NONE = timedelta()


def hourly(*counts: int, last: int = 3_600) -> Intake:
    """Answer what came in hour by hour; the last is of so many seconds."""
    start = seconds(START)
    return Intake(start, 3_600, counts, start + 3_600 * (len(counts) - 1) + last)


def at(hours: float) -> datetime:
    """Answer a moment after the start."""
    return START + hours * HOUR


@pytest.mark.parametrize(
    ("retention", "start", "end", "expected"),
    [
        # 7,200 bytes come evenly in the first hour: 3,600 a second before its end on average.
        (DAY, 0, 1, 7_200 * 1_800),
        (DAY, 0, 2, 7_200 * (1_800 + 3_600)),
        (DAY, 1, 24, 7_200 * 23 * 3_600),
        (DAY, 24, 25, 7_200 * 1_800),  # … and age away as they came
        (DAY, 25, 99, 0),
        (DAY, 0, 99, 7_200 * 86_400),  # each is kept for a day, whenever it came
        (HOUR, 0, 99, 7_200 * 3_600),
        (HOUR, 0, 1, 7_200 * 1_800),
        (HOUR / 2, 0, 1, 7_200 * 1_350),  # 1/2 of an hour each, but for those of its second half
        (NONE, 0, 99, 0),
        (3_650 * DAY, 0, 100, 7_200 * (1_800 + 99 * 3_600)),
    ],
)
def test_kept(retention: timedelta, start: float, end: float, expected: int) -> None:
    """By hand: bytes times the seconds that they are kept between two moments."""
    assert hourly(7_200).kept(retention, [at(start), at(end)]) == [expected]


def test_the_last_period_may_be_a_part() -> None:
    """What came in the last 10 minutes came evenly in these."""
    intake = hourly(0, 600, last=600)
    assert intake.kept(DAY, [at(1), at(1) + timedelta(minutes=10)]) == [600 * 300]
    assert intake.kept_at(DAY, at(1) + timedelta(minutes=5)) == 300
    assert intake.kept_at(DAY, at(25) + timedelta(minutes=5)) == 300


def test_none() -> None:
    """Where nothing came in nothing is kept."""
    intake = Intake(seconds(START), 3_600, (), seconds(START))
    assert intake.kept(DAY, [at(0), at(5)]) == [0]
    assert (intake.between(at(0), at(9)), intake.last, intake.kept_at(DAY, at(1))) == (0, None, 0)


def test_between_and_last() -> None:
    """Periods count where they begin."""
    intake = hourly(1, 2, 4, 0, last=60)
    assert intake.between(at(0), at(4)) == 7
    assert intake.between(at(1), at(2)) == 2
    assert intake.between(at(-9), at(1)) == 1
    assert intake.last == at(2)


@pytest.mark.parametrize(
    ("hours", "own", "foreign"),
    [(-5, 7, 0), (0, 7, 0), (0.5, 7, 0), (1, 6, 1), (1.9, 6, 1), (9, 0, 7)],
)
def test_another_stream_of_the_name(hours: float, own: int, foreign: int) -> None:
    """The period in which a stream was made is its own; what was before is not."""
    intake = hourly(1, 2, 4)
    assert intake.since(at(hours)).between(at(0), at(3)) == own
    assert intake.before(at(hours)).between(at(0), at(3)) == foreign
    assert intake.since(None) is intake


COUNTS = st.lists(st.integers(0, 2**40), min_size=1, max_size=60)
HOURS = st.integers(0, 90)


@given(COUNTS, st.integers(1, 3_600), HOURS, st.lists(HOURS, min_size=1, max_size=8))
def test_parts_add_up(counts: list[int], last: int, retention: int, hours: list[int]) -> None:
    """What is kept between several moments is, exactly, what is kept from the first to the last."""
    intake, moments = hourly(*counts, last=last), [at(-1), *map(at, sorted(hours)), at(200)]
    kept = intake.kept(retention * HOUR, moments)
    assert all(each >= 0 for each in kept)
    assert sum(kept) == intake.kept(retention * HOUR, [at(-1), at(200)])[0]
    assert sum(kept) == sum(counts) * retention * 3_600  # by then all of it has aged away


@given(COUNTS, HOURS, HOURS)
def test_as_period_by_period(counts: list[int], retention: int, end: int) -> None:
    """Another way to the same figure: each period's bytes by how long each of them is kept."""
    hold, stop = retention * 3_600, end * 3_600
    expected = Fraction(0)
    for number, count in enumerate(counts):
        come, gone = number * 3_600, (number + 1) * 3_600

        def clipped(time: int) -> Fraction:
            """Answer the integral of min(max(t, 0), stop) from 0 to a time."""
            return (
                Fraction(time**2, 2)
                if time <= stop
                else Fraction(stop**2, 2) + stop * (time - stop)
            )

        rise = clipped(gone + hold) - clipped(come + hold) - clipped(gone) + clipped(come)
        expected += rise * count / 3_600
    assert hourly(*counts).kept(retention * HOUR, [at(0), at(end)]) == [expected]
