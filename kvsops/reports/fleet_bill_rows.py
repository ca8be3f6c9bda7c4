"""The rows of a bill of many accounts and regions: each of these, channels, streams, advice."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic

from kvsops.bill.advice import Advised
from kvsops.bill.bill import Line, dearness
from kvsops.bill.streams import StreamLine
from kvsops.output.figures import usd
from kvsops.output.rows import Column, Row
from kvsops.reports.advice import advice_columns
from kvsops.reports.bill_columns import bill_columns
from kvsops.reports.columns import UNKNOWN
from kvsops.reports.fleet_bill import FleetReport, PlaceBill
from kvsops.reports.located import At, located
from kvsops.reports.stream_columns import bill_stream_columns

_OWN_PLACES = 4


@dataclass(frozen=True)  # no slots: with them Python 3.11 fails on Rows[Row](...)
class Rows(Generic[Row]):
    """Rows of many accounts and regions, and the columns that one of these has."""

    rows: Sequence[At[Row]]
    columns: Sequence[Column[Row]]


def channel_rows(fleet: FleetReport) -> Rows[Line]:
    """Return all channels, the dearest first."""
    rows: list[At[Line]] = []
    columns: list[Column[Line]] = []
    for each in fleet.places:
        columns = bill_columns(each.report.bill)
        place, lines = each.place, each.report.bill.lines
        rows += located(place.account_id, place.region, lines, columns)
    return Rows(sorted(rows, key=_dearness), columns)


def _dearness(at: At[Line]) -> tuple[tuple[int, Decimal, str], str, str]:
    key = dearness(at.row.cost.estimated_month, at.row.channel_name)
    return key, at.account_id, at.region


def stream_rows(fleet: FleetReport) -> Rows[StreamLine]:
    """Return all streams, the dearest first."""
    rows: list[At[StreamLine]] = []
    columns: list[Column[StreamLine]] = []
    for each in fleet.places:
        if bill := each.report.streams.bill:
            columns = bill_stream_columns(bill)
            place = each.place
            rows += located(place.account_id, place.region, bill.lines, columns)
    return Rows(sorted(rows, key=_stream_dearness), columns)


def _stream_dearness(at: At[StreamLine]) -> tuple[tuple[int, Decimal, str], str, str]:
    key = dearness(at.row.cost.estimated_month, at.row.stream_name)
    return key, at.account_id, at.region


def advice_rows(fleet: FleetReport) -> Rows[Advised]:
    """Return all advice, that which spares most first."""
    rows: list[At[Advised]] = []
    columns = advice_columns()
    for each in fleet.places:
        if advice := each.report.advice:
            rows += located(each.place.account_id, each.place.region, advice.rows, columns)
    return Rows(sorted(rows, key=lambda at: (at.row.key, at.account_id, at.region)), columns)


def place_columns() -> list[Column[PlaceBill]]:
    """Return the columns of accounts and regions: what each comes to, and what the look cost."""
    return [
        Column[PlaceBill](
            "account_id", "ACCOUNT", lambda row: row.place.account_id, shared="account {}".format
        ),
        Column[PlaceBill](
            "region", "REGION", lambda row: row.place.region, shared="region {}".format
        ),
        _count("channels", "CHANNELS", lambda row: row.report.quota.channels),
        _count("used", "USED", lambda row: row.report.total.used, leaves=3),
        _count("deleted", "DELETED", lambda row: row.report.ghosts.channels, leaves=2),
        _usd("month_to_date_usd", "TO DATE", lambda row: row.report.in_all.month_to_date),
        _usd("estimated_monthly_usd", "MONTH", lambda row: row.report.in_all.estimated_month),
        Column[PlaceBill](
            "own_cost_usd",
            "OWN COST",
            lambda row: row.report.own_cost.spent,
            lambda row: usd(row.report.own_cost.spent, _OWN_PLACES),
            align="right",
            leaves=1,
        ),
    ]


def _count(
    key: str, header: str, of: Callable[[PlaceBill], int | None], leaves: int = 0
) -> Column[PlaceBill]:
    def text(row: PlaceBill) -> str:
        number = of(row)
        return UNKNOWN if number is None else f"{number:,}"

    return Column[PlaceBill](key, header, of, text, align="right", leaves=leaves)


def _usd(key: str, header: str, of: Callable[[PlaceBill], Decimal | None]) -> Column[PlaceBill]:
    def text(row: PlaceBill) -> str:
        amount = of(row)
        more = "+" if row.partly and amount is not None else ""
        return f"{usd(amount)}{more}"

    return Column[PlaceBill](key, header, of, text, align="right")
