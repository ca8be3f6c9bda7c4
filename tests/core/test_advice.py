"""What could be spared on a stream: each advice by hand, and when there is none."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from kvsops.core.advice import Advice, Certainty, Kind, Limit, Seen, advice, parsed_retention
from kvsops.core.cost import Month
from kvsops.core.intake import Intake, seconds
from kvsops.core.stream import Settings, Tier
from kvsops.core.stream_cost import estimate_stream
from kvsops.core.stream_price import GB
from kvsops.core.stream_usage import Item, StreamUsage
from tests.core.test_stream_cost import CHANNELS_ONLY, PRICES

D = Decimal
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime(2026, 4, 16, tzinfo=UTC)
SINCE = NOW - 40 * DAY
READ_TODAY = {date(2026, 4, 15): 1}


def seen(
    hours: int | None,
    *,
    until: datetime = NOW,
    read: dict[date, int] | None = None,
    unknown: Item | None = None,
    tier: Tier | None = Tier.HOT,
    created: datetime | None = NOW - 90 * DAY,
    prices: object = PRICES,
) -> Seen:
    """Answer a stream that took in a GB an hour for 40 days, until then."""
    count = (NOW - SINCE) // HOUR
    came = [GB if SINCE + at * HOUR < until else 0 for at in range(count)]
    out: dict[Item, dict[date, int]] = {
        each: {} for each in (Item.CONSUMED, Item.CONSUMED_BY_HLS, Item.CLIPS)
    }
    out[Item.CONSUMED] = read or {}
    outgoing = {item: None if item is unknown else days for item, days in out.items()}
    usage = StreamUsage(Intake(seconds(SINCE), 3_600, came, seconds(NOW)), outgoing, SINCE)
    settings = Settings(None if hours is None else timedelta(hours=hours), tier, created)
    known = PRICES if prices is PRICES else CHANNELS_ONLY
    cost = estimate_stream(usage, settings, known, Month(2026, 4), NOW)
    return Seen(usage, settings, cost, known, SINCE, NOW)


def advised(
    stream: Seen, limit: Limit | None = None, *, recorded: bool = False
) -> list[tuple[Kind, timedelta | None, Decimal | None]]:
    """Answer the kind of each advice, how long to keep, and what it spares a month."""
    return [
        (each.kind, each.keep, each.saving) for each in advice(stream, limit, recorded=recorded)
    ]


def test_unread() -> None:
    """720 GB are kept; a day's are 24: the other 696 at $0.023."""
    (found,) = advice(seen(720), None, recorded=False)
    assert found == Advice(Kind.UNREAD, DAY, D("16.008"), 40 * DAY)
    assert found.certainty is Certainty.UNCERTAIN


def test_unwritten() -> None:
    """Nothing came in for 10 of the 30 days: 480 GB only age, though somebody read."""
    stopped = seen(720, until=NOW - 10 * DAY, read=READ_TODAY)
    (found,) = advice(stopped, None, recorded=False)
    assert found == Advice(Kind.UNWRITTEN, None, D("11.04"), 10 * DAY + HOUR)
    assert found.certainty is Certainty.LIKELY


def test_recorded_and_unread() -> None:
    """Without the channel neither the month's 720 GB come in ($6.12), nor are 24 kept ($0.552)."""
    assert advised(seen(24), recorded=True) == [(Kind.RECORDED_UNREAD, None, D("6.672"))]
    assert advised(seen(24)) == []


@pytest.mark.parametrize("read", [{}, {date(2026, 3, 31): 1}])
def test_recorded_and_not_kept(read: dict[date, int]) -> None:
    """What is not even kept comes in all the same: 720 GB at $0.0085, for nobody in two weeks."""
    assert advised(seen(0, read=read), recorded=True) == [(Kind.RECORDED_UNREAD, None, D("6.12"))]
    assert advised(seen(0, read=READ_TODAY), recorded=True) == []


def test_kept_longer_than_it_should_be() -> None:
    """It is sure, whoever reads: 720 GB are kept, and 168 would be."""
    limit = Limit(7 * DAY, "kvsops:retention")
    (found,) = advice(seen(720, read=READ_TODAY), limit, recorded=False)
    assert found == Advice(Kind.OVER_LIMIT, 7 * DAY, D("12.696"), limit=limit)
    assert found.certainty is Certainty.SURE
    assert advised(seen(168, read=READ_TODAY), limit) == []


def test_each_reason_is_told() -> None:
    """A stream that nobody reads and that is kept for too long has both."""
    kinds = [kind for kind, *_ in advised(seen(720), Limit(7 * DAY, "--max-retention"))]
    assert kinds == [Kind.UNREAD, Kind.OVER_LIMIT]


@pytest.mark.parametrize(
    "stream",
    [
        seen(720, read=READ_TODAY),
        seen(720, read={date(2026, 4, 1): 1}),  # 15 days ago, and 30 are kept
        seen(720, unknown=Item.CLIPS),  # whether clips were made is not known
        seen(720, created=NOW - 6 * DAY),  # it is young
        seen(24),  # kept for no longer than is advised
        seen(0),
        seen(None),
        seen(720, until=SINCE),  # nothing came in at all
    ],
)
def test_no_advice(stream: Seen) -> None:
    """Where somebody reads, or may, or nothing would be spared, there is none."""
    assert advised(stream) == []


def test_read_before_all_that_is_kept() -> None:
    """What was last read 15 days ago is not what is kept for 10."""
    assert advised(seen(240, read={date(2026, 3, 31): 1})) == [(Kind.UNREAD, DAY, D("4.968"))]


@pytest.mark.parametrize(
    "stream", [seen(720, tier=Tier.WARM), seen(720, tier=None), seen(720, prices=CHANNELS_ONLY)]
)
def test_a_price_that_is_not_known(stream: Seen) -> None:
    """What it would spare is not known then, and never nothing."""
    assert advised(stream) == [(Kind.UNREAD, DAY, None)]
    assert advised(stream, recorded=True) == [(Kind.RECORDED_UNREAD, None, None)]


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("24h", 24),
        ("30d", 720),
        (" 0h ", 0),
        ("87600h", 87_600),
        ("87601h", None),
        ("30", None),
        ("30 days", None),
        ("-1d", None),
        ("1.5d", None),
        ("", None),
    ],
)
def test_a_retention_that_is_written(text: str, hours: int | None) -> None:
    """Whole hours or days that a stream can have."""
    assert parsed_retention(text) == (None if hours is None else timedelta(hours=hours))
