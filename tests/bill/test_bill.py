"""A month's bill: its lines, ghosts among them, and what follows from them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsops.bill.bill import Bill, Churn, Line, by_prefix, by_tag, groupings, lines_of, window
from kvsops.bill.usage import Metered
from kvsops.core.channel import Channel
from kvsops.core.cost import Basis, Day, Month, Prices, Projection, Usage, assumed
from kvsops.core.facts import Fact, Facts, Source, Unknown

D = Decimal
PRICES = Prices("us-east-1", D("0.03"), D("2.25"), D("0.12"), "2026-05-01", "a test")
OCTOBER = Month(2026, 10)
NOW = datetime(2026, 10, 16, 12, tzinfo=UTC)  # half of the month's 31 days
OLD = datetime(2026, 1, 1, tzinfo=UTC)
TAGS = Fact[dict[str, str]]


def on(*numbers: int, day: Day = Day(1)) -> Usage:  # noqa: B008 - frozen
    """Answer the same use on these days of October."""
    return Usage({date(2026, 10, number): day for number in numbers})


def facts(name: str, created: datetime | None = OLD, tags: TAGS | Unknown | None = None) -> Facts:
    """Answer what is known of a channel."""
    return Facts(Channel(name, f"arn:{name}", "ACTIVE", created, "v", "SINGLE_MASTER", 60), tags)


def bill(
    used: Mapping[str, Usage | None],
    *,
    ghosts: Iterable[str] = (),
    channels: Iterable[Facts] = (),
    now: datetime = NOW,
    month: Month = OCTOBER,
) -> Bill:
    """Make the bill of what was used; None could not be read. What is no ghost is a channel."""
    found = Metered(
        usage={name: usage for name, usage in used.items() if usage is not None},
        unknown={name: "denied" for name, usage in used.items() if usage is None},
    )
    gone = list(ghosts)
    given = list(channels) or [facts(name) for name in used if name not in gone]
    lines = lines_of(given, gone, found, prices=PRICES, month=month, now=now)
    return Bill(month, now, PRICES, lines)


def rows(told: Bill) -> list[tuple[str, bool, Decimal | None]]:
    """Answer each line's name, whether it is a ghost's, and what it cost to date."""
    return [(line.channel_name, line.ghost, line.cost.month_to_date) for line in told.lines]


# Ghosts


def test_a_name_that_is_gone() -> None:
    """It is on the bill with what it used in the month, and with nothing to come."""
    told = bill({"gone": on(3, day=Day(2, 1_000_000))}, ghosts=["gone"])
    # 0.03 + 1,000,000 messages at 2.25 a million
    assert rows(told) == [("gone", True, D("2.28"))]
    cost = told.lines[0].cost
    assert (cost.basis, cost.estimated_month, cost.projection) == (
        Basis.MEASURED,
        D("2.28"),
        None,
    )
    assert told.lines[0].facts is None


@pytest.mark.parametrize("usage", [Usage(), Usage({date(2026, 9, 30): Day(1)}), on(3, day=Day())])
def test_a_name_that_is_gone_and_cost_nothing(usage: Usage) -> None:
    """Not used this month, or never with success: it is not on the bill."""
    assert rows(bill({"gone": usage}, ghosts=["gone"])) == []


def test_a_name_made_again() -> None:
    """The days before the creation are a ghost's, which had a fee of its own."""
    created = datetime(2026, 10, 10, 18, tzinfo=UTC)
    told = bill({"cam": on(2, 9, 10, 11)}, channels=[facts("cam", created)])
    assert rows(told) == [("cam", False, D("0.03")), ("cam", True, D("0.03"))]
    own, ghost = (line.usage for line in told.lines)
    assert (own, ghost) == (on(10, 11), on(2, 9))
    assert told.month_to_date == D("0.06")


def test_a_name_made_again_whose_forerunner_is_of_last_month() -> None:
    """What was used before the month is on no bill."""
    created = datetime(2026, 10, 1, tzinfo=UTC)
    usage = Usage({date(2026, 9, 30): Day(5), date(2026, 10, 1): Day(1)})
    assert rows(bill({"cam": usage}, channels=[facts("cam", created)])) == [
        ("cam", False, D("0.03"))
    ]


def test_made_after_the_month() -> None:
    """It is not on the bill of a month before it was there; a forerunner of its name is."""
    november = datetime(2026, 11, 1, tzinfo=UTC)
    made = [facts("cam", november), facts("door", november)]
    told = bill({"cam": on(2), "door": Usage()}, channels=made, now=november + timedelta(days=1))
    assert rows(told) == [("cam", True, D("0.03"))]


def test_a_creation_time_that_is_not_known() -> None:
    """Nothing is laid to a forerunner whose existence is not known."""
    told = bill({"cam": on(2, 9)}, channels=[facts("cam", None)])
    assert rows(told) == [("cam", False, D("0.03"))]


def test_unknown() -> None:
    """What could not be read has a line without figures, channel or ghost; totals leave it out."""
    told = bill({"cam": None, "gone": None, "door": on(3)}, ghosts=["gone"])
    assert rows(told) == [("cam", False, None), ("door", False, D("0.03")), ("gone", True, None)]
    assert [line.channel_name for line in told.unknown] == ["cam", "gone"]
    assert (told.month_to_date, told.estimated_month) == (D("0.03"), D("0.03"))
    assert told.basis is Basis.UNKNOWN
    assert told.lines[0].usage is None
    assert bill({"gone": None, "door": on(3)}, ghosts=["gone"]).basis is Basis.UNKNOWN


# Totals


def test_totals() -> None:
    """Sums of the lines; the estimate of half a month is twice its messages."""
    told = bill(
        {
            "cam": on(3, 4, day=Day(1, 500_000)),
            "door": on(5),
            "idle": Usage(),
            "gone": on(2, day=Day(1, 0, 1_000)),
        },
        ghosts=["gone"],
    )
    # cam 0.03 + 2.25 = 2.28, door 0.03, gone 0.03 + 0.12 = 0.15
    assert told.month_to_date == D("2.46")
    # 15.5 of 31 days: cam 0.03 + 2.25 x 2 = 4.53, door 0.03, gone as before 0.15
    assert told.estimated_month == D("4.71")
    assert [line.channel_name for line in told.used] == ["cam", "door", "gone"]
    assert (told.basis, told.projection) == (Basis.PROJECTED, Projection.ELAPSED)


def test_nothing() -> None:
    """A bill without lines comes to nothing, which is measured."""
    told = bill({})
    assert (told.month_to_date, told.estimated_month, told.basis) == (D(0), D(0), Basis.MEASURED)
    assert (told.projection, told.churn()) == (None, Churn(0, 0, 0, D(0)))


@pytest.mark.parametrize(
    ("now", "basis", "projection"),
    [
        (datetime(2026, 10, 3, tzinfo=UTC), Basis.PROJECTED, Projection.TRAILING),
        (NOW, Basis.PROJECTED, Projection.ELAPSED),
        (datetime(2026, 11, 1, tzinfo=UTC), Basis.MEASURED, None),
    ],
)
def test_what_it_rests_on(now: datetime, basis: Basis, projection: Projection | None) -> None:
    """The bill rests on what its channels' lines do; a ghost's is always measured."""
    told = bill({"cam": on(1), "gone": on(2)}, ghosts=["gone"], now=now)
    assert (told.basis, told.projection) == (basis, projection)


def test_assumed() -> None:
    """Lines without metrics make the whole assumed."""
    lines = [Line("cam", None, assumed(PRICES), facts("cam"))] * 3
    told = Bill(OCTOBER, NOW, PRICES, lines)
    assert (told.basis, told.month_to_date, told.estimated_month) == (
        Basis.ASSUMED,
        D(0),
        D("0.09"),
    )


def test_dearest_first() -> None:
    """By the estimated month, then by name; what is not known before what costs nothing."""
    told = bill(
        {
            "b-idle": Usage(),
            "a-idle": Usage(),
            "unknown": None,
            "b": on(3),
            "a": on(4),
            "dear": on(3, day=Day(1, 1_000)),
        }
    )
    assert [line.channel_name for line in told.dearest_first] == [
        "dear",
        "a",
        "b",
        "unknown",
        "a-idle",
        "b-idle",
    ]


# Days


def test_days() -> None:
    """Each day so far, today too; a channel's fee falls on the first day of its use."""
    told = bill(
        {
            "cam": on(2, 4, day=Day(1, 1_000_000, 1_000)),
            "door": on(4),
            "failed": on(1, 4, day=Day()),
            "unknown": None,
            "before": Usage({date(2026, 9, 30): Day(9, 9, 9)}),
        },
        now=datetime(2026, 10, 4, 12, tzinfo=UTC),
    )
    assert told.days() == {
        date(2026, 10, 1): (Day(), 0),
        # 0.03 + 2.25 + 0.12
        date(2026, 10, 2): (Day(1, 1_000_000, 1_000), D("2.40")),
        date(2026, 10, 3): (Day(), 0),
        # 2.25 + 0.12, and the other's 0.03
        date(2026, 10, 4): (Day(2, 1_000_000, 1_000), D("2.40")),
    }


NUMBERS = st.integers(0, 10**7)
USAGES = st.dictionaries(
    st.integers(-40, 40).map(lambda days: OCTOBER.start.date() + timedelta(days=days)),
    st.builds(Day, st.integers(0, 99), NUMBERS, NUMBERS),
    max_size=6,
).map(Usage)


@given(
    st.dictionaries(st.sampled_from(["a", "b", "c", "d", "e"]), st.none() | USAGES),
    st.sets(st.sampled_from(["a", "b", "c", "d", "e"])),
    st.integers(0, 45 * 86_400),
    st.integers(-50 * 86_400, 40 * 86_400),
)
def test_days_sum_to_the_total(
    used: dict[str, Usage | None], gone: set[str], seconds: int, created: int
) -> None:
    """Whatever was used and when it was made: the days are together what the lines are."""
    now = OCTOBER.start + timedelta(seconds=seconds)
    made = OCTOBER.start + timedelta(seconds=created)
    # CloudWatch tells nothing of times to come.
    past = {
        name: usage and Usage({at: day for at, day in usage.days.items() if at < now.date()})
        for name, usage in used.items()
    }
    told = bill(
        past,
        ghosts=gone & used.keys(),
        channels=[facts(name, made) for name in used.keys() - gone],
        now=now,
    )
    assert sum(spent for _, spent in told.days().values()) == told.month_to_date
    assert told.month_to_date <= told.estimated_month
    ghosts = [line.cost for line in told.lines if line.ghost and line.usage is not None]
    assert all(cost.month_to_date == cost.estimated_month for cost in ghosts)
    grouped = told.groups(by_prefix).values()
    assert sum(len(lines) for lines in grouped) == len(told.lines)


# Groups


def tagged(name: str, **tags: str) -> Facts:
    """Answer a channel with tags, `owner` being that of kvsops."""
    named = {"kvsops:owner" if key == "owner" else key: value for key, value in tags.items()}
    return facts(name, OLD, Fact(named, Source.INDEX, NOW))


def test_by_tag() -> None:
    """By value, the dearest first; without the tag apart from not known; ghosts are not known."""
    not_indexed: TAGS = Fact({}, Source.NOT_INDEXED, NOW)
    channels = [
        tagged("a", team="door"),
        tagged("b", team="door"),
        tagged("c", team=""),
        tagged("d", site="x"),
        facts("e", OLD, not_indexed),
        facts("f", OLD, Unknown("denied", NOW)),
        facts("g"),
    ]
    used = {each.channel.channel_name: on(3) for each in channels} | {"gone": on(3)}
    told = bill(used, ghosts=["gone"], channels=channels)
    assert {
        group: [line.channel_name for line in lines]
        for group, lines in told.groups(by_tag("team")).items()
    } == {"unknown": ["e", "f", "g", "gone"], "door": ["a", "b"], "": ["c"], None: ["d"]}


def test_the_dearest_group_first() -> None:
    """Groups are in the order of what they will come to, not of their size."""
    channels = [tagged("a", team="many"), tagged("b", team="many"), tagged("c", team="dear")]
    used = {"a": on(3), "b": on(3), "c": on(3, day=Day(1, 1_000_000))}
    told = bill(used, channels=channels)
    assert list(told.groups(by_tag("team"))) == ["dear", "many"]


def test_by_owner_and_region() -> None:
    """The owner is kvsops's tag; all are in one region."""
    told = bill({"a": on(3), "b": on(3)}, channels=[tagged("a", owner="ci"), tagged("b")])
    groups = groupings("eu-west-1")
    assert list(told.groups(groups["owner"])) == ["ci", None]
    assert {group: len(lines) for group, lines in told.groups(groups["region"]).items()} == {
        "eu-west-1": 2
    }
    assert groups["prefix"] is by_prefix


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("ci-77-smoke", "ci"),
        ("cam_door-1", "cam"),
        ("site.cam_1", "site"),
        ("plain", "plain"),
        ("-leading", "-leading"),
        ("_a-b", "_a"),
        ("trailing-", "trailing"),
    ],
)
def test_by_prefix(name: str, prefix: str) -> None:
    """A name's first part, up to a dash, a dot or an underscore; never an empty one."""
    told = bill({name: on(3)})
    assert by_prefix(told.lines[0]) == prefix


# Churn


def test_churn() -> None:
    """Five channels were used on one day only, two of them on the same: three fees too many."""
    told = bill(
        {
            "cam": on(1, 2, 3),
            "ci-1": on(5),
            "ci-2": on(5),
            "ci-3": on(6),
            "ci-4": on(7, day=Day(20, 100)),
            "ci-5": on(8),
            "idle": Usage(),
            "failed": on(9, day=Day()),
            "last-month": Usage({date(2026, 9, 9): Day(1)}),
        },
        ghosts=["ci-1", "ci-5"],
    )
    # 5 used once, at most 2 on one day: (5 - 2) x 0.03
    assert told.churn() == Churn(6, 5, 2, D("0.09"))


def test_churn_counts_the_months_days_only() -> None:
    """A channel of last month that was used once this month was used once."""
    usage = Usage({date(2026, 9, 30): Day(1), date(2026, 10, 2): Day(1), date(2026, 10, 3): Day()})
    assert bill({"cam": usage}).churn() == Churn(1, 1, 1, D(0))


# What must be read


@pytest.mark.parametrize(
    ("now", "start", "end"),
    [
        # The 30 days before today reach back further than the month …
        ("2026-10-01T00:00", "2026-09-01", "2026-10-01T00:00"),
        ("2026-10-16T12:00", "2026-09-16", "2026-10-16T12:00"),
        # … but on its 31st day.
        ("2026-10-31T23:59", "2026-10-01", "2026-10-31T23:59"),
        ("2026-11-01T00:00", "2026-10-01", "2026-11-01"),
        ("2027-03-09T10:00", "2026-10-01", "2026-11-01"),
    ],
)
def test_window(now: str, start: str, end: str) -> None:
    """The month, and before it as much as it is projected by; a past month alone."""
    moments = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (now, start, end)]
    assert window(OCTOBER, moments[0]) == (moments[1], moments[2])
