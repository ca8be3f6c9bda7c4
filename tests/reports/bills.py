"""A report on a bill, for what is made of it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from kvsops.bill.bill import Bill, Churn, Line
from kvsops.bill.narrowing import Narrowing
from kvsops.bill.streams import StreamBill
from kvsops.core.channel import Channel
from kvsops.core.cost import Basis, Cost, Day, Month, Prices, Projection, Usage
from kvsops.core.facts import Fact, Facts, Source
from kvsops.reports.bill import BillDay, BillReport, Ghosts, Group, OwnCost, Quota, Total
from kvsops.reports.bill_streams import StreamPart

D = Decimal
NOW: Final = datetime(2026, 11, 22, 10, tzinfo=UTC)
USED: Final = Day(3, 1200, 4)
ESTIMATED: Final = D("0.0345")
TAGS: Final = {"team": "media"}


def line(
    name: str,
    *,
    ghost: bool = False,
    tags: Mapping[str, str] | None = TAGS,
    used: Day | None = USED,
    fee: str | None = "0.03",
    estimated: Decimal | None = ESTIMATED,
) -> Line:
    """Return a channel that was used a little, and cost 0.0332."""
    known = None if tags is None else Fact(dict(tags), Source.DIRECT, NOW)
    created = datetime(2026, 11, 3, 10, tzinfo=UTC)
    channel = Channel(name, "arn:", "ACTIVE", created, "v", "SINGLE_MASTER", 60)
    cost = Cost(
        Basis.PROJECTED,
        active=True,
        used=used,
        fee=None if fee is None else D(fee),
        messages=D("0.0027"),
        turn=D("0.0005"),
        estimated_month=estimated,
    )
    usage = Usage({date(2026, 11, 20): USED})
    return Line(name, usage, cost, None if ghost else Facts(channel, known))


def group(name: str | None, estimate: float | str | None, to_date: str | None = "same") -> Group:
    """Return a group of a dozen; it is all spent, if nothing else is said."""
    value = None if estimate is None else D(str(estimate))
    spent = None if to_date is None else value if to_date == "same" else D(to_date)
    return Group(name, 12, 7, spent, value)


PRICES: Final = Prices(
    "us-east-1",
    D("0.030"),
    D("2.25"),
    D("0.12"),
    "2026-09-14",
    "https://aws.amazon.com/kinesis/video-streams/pricing/",
)
REPORT: Final = BillReport(
    bill=Bill(
        Month(2026, 11),
        NOW,
        PRICES,
        [line("ci-run-1"), line("ci-run-2", ghost=True)],
    ),
    region="us-east-1",
    narrowing=Narrowing(),
    total=Total(
        channels=9321,
        used=3012,
        unknown=0,
        fee=D("90.36"),
        messages=D("1234.5"),
        turn=D("0.002"),
        month_to_date=D("1324.862"),
        estimated_month=D("1806.63"),
        basis=Basis.PROJECTED,
        projection=Projection.ELAPSED,
        lower_bound=False,
    ),
    quota=Quota(9300, 10000),
    by="owner",
    groups=[group("github:org/repo/1", 1500.5), group(None, 0.25)],
    days=[
        BillDay(date(2026, 11, 1), Day(10, 1000, 5), D("1.23")),
        BillDay(date(2026, 11, 2), Day(9, 90, 0), D("0.31")),
    ],
    ghosts=Ghosts(120, D("3.6")),
    churn=Churn(3012, 1400, 70, D("39.9")),
    unused=6288,
    own_cost=OwnCost(30000, {"GetMetricData": 60, "ListMetrics": 18}, D("0.3002")),
    problems=[],
    streams=StreamPart(StreamBill(Month(2026, 11), NOW, PRICES)),
)


def changed(**parts: Any) -> BillReport:
    """Return the report with some of its parts, or fields of its parts, changed.

    `prices`, `month` and `lines` are the bill's.
    """
    bill = REPORT.bill
    if prices := parts.pop("prices", None):
        bill = replace(bill, prices=replace(bill.prices, **prices))
    bill = replace(bill, **{name: parts.pop(name) for name in ("month", "lines") if name in parts})
    for name, part in parts.items():
        if isinstance(part, dict):
            parts[name] = replace(getattr(REPORT, name), **part)
    return replace(REPORT, bill=bill, **parts)
