"""The streams' part of a bill: whatever it is grouped by, groups come to the whole."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvsops.bill.bill import by_prefix, by_tag
from kvsops.bill.streams import StreamBill, StreamLine
from kvsops.core.cost import Month, total
from kvsops.core.intake import Intake, seconds
from kvsops.core.stream import ChannelLink, Settings, Stream, Tier
from kvsops.core.stream_cost import estimate_stream
from kvsops.core.stream_usage import Item, StreamUsage
from kvsops.reports.bill_streams import stream_part
from tests.core.test_stream_cost import PRICES
from tests.reports.bills import line as channel

MONTH = Month(2026, 4)
NOW = datetime(2026, 4, 20, 7, tzinfo=UTC)
ARN = "arn:aws:kinesisvideo:us-east-1:123456789012:stream/{}/1"
COUNTS = st.none() | st.lists(st.integers(0, 2**40), min_size=20, max_size=20)
TAGS = st.none() | st.dictionaries(st.sampled_from(["team", "kvsops:owner"]), st.text(max_size=2))
LINKS = st.none() | st.sampled_from([ChannelLink(None), ChannelLink("arn:"), ChannelLink("x/y")])


@st.composite
def lines(draw: st.DrawFn) -> StreamLine:
    """Answer a stream, of which this and that is not known."""
    start = MONTH.start
    counts, hours = draw(COUNTS), draw(st.none() | st.sampled_from([0, 1, 24, 720, 87_600]))
    came = counts and Intake(seconds(start), 86_400, counts, seconds(NOW))
    out = {start.date(): draw(st.integers(0, 2**40))}
    usage = StreamUsage(came or None, {Item.CONSUMED: out, Item.CONSUMED_BY_HLS: {}}, start)
    name, ghost = draw(st.sampled_from(["cam-1", "cam-2", "wall", "-"])), draw(st.booleans())
    tier = draw(st.none() | st.sampled_from([*Tier]))
    retention = None if ghost or hours is None else timedelta(hours=hours)
    settings = Settings(retention, tier, gone=ghost)
    cost = estimate_stream(usage, settings, PRICES, MONTH, NOW)
    stream = None if ghost else Stream(name, ARN.format(name), "ACTIVE", None, hours)
    return StreamLine(name, usage, settings, cost, stream, draw(TAGS), draw(LINKS))


@pytest.mark.parametrize("by", ["prefix", "owner", "tag:team", "tag:none", "region"])
@settings(max_examples=25)
@given(found=st.lists(lines(), max_size=4))
def test_parts_add_up(by: str, found: list[StreamLine]) -> None:
    """Groups, items and days each come to the whole, and no stream is lost or counted twice."""
    group_by = by_prefix if by == "prefix" else by_tag(by.removeprefix("tag:"))
    bill = StreamBill(MONTH, NOW, PRICES, found)
    part = stream_part(bill, [channel("cam-1")], by, group_by)
    grouped = [line for each in part.groups.values() for line in each]
    assert sorted(map(id, grouped)) == sorted(map(id, found))
    sums = [total(line.cost.month_to_date for line in each) for each in part.groups.values()]
    items = [spent for spent, _ in bill.items().values()]
    for parts in (sums, items, [*part.days.values()]):
        assert abs(total(parts) - (bill.month_to_date or 0)) < Decimal("1e-15")
