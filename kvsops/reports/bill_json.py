"""A month's bill as JSON. Every key is an interface, and null is what is not known."""

from typing import Final

from kvsops.bill.advice import StreamAdvice
from kvsops.bill.bill import Churn
from kvsops.core.cost import Prices
from kvsops.output.rows import records
from kvsops.output.values import json_ready
from kvsops.reports.advice import advice_columns
from kvsops.reports.bill import SWEEPING_SAVES, BillDay, BillReport, Total
from kvsops.reports.bill_columns import bill_columns, group_columns
from kvsops.reports.bill_streams import StreamPart
from kvsops.reports.stream_columns import bill_stream_columns
from kvsops.reports.stream_said import Part, stream_parts_of

DEAREST: Final = 10


def as_json(report: BillReport) -> object:
    """Return the JSON of `kvsops cost`."""
    bill, quota, cost = report.bill, report.quota, report.own_cost
    channels = records(bill.dearest_first, bill_columns(bill))
    groups = records(report.groups, group_columns())
    return json_ready(
        {
            "month": str(bill.month),
            "region": report.region,
            "as_of": bill.now,
            "narrowing": report.narrowing.as_json(),
            "prices": _prices(bill.prices),
            "total": _total(report.total),
            "streams": _streams(report.streams),
            "in_all": {
                "month_to_date_usd": report.in_all.month_to_date,
                "estimated_monthly_usd": report.in_all.estimated_month,
                "lower_bound": report.in_all.lower_bound,
            },
            "quota": {"channels": quota.channels, "limit": quota.limit, "share": quota.share},
            "groups": {"by": report.by, "rows": groups},
            "days": [_day(each) for each in report.days],
            "dearest": channels[:DEAREST],
            "channels": channels,
            "ghosts": {
                "channels": report.ghosts.channels,
                "month_to_date_usd": report.ghosts.month_to_date,
            },
            "churn": _churn(report.churn),
            "sweep": {"unused": report.unused, "saving_usd": SWEEPING_SAVES},
            "advice": _advice(report.advice),
            "own_cost": {"metrics": cost.metrics, "calls": cost.calls, "usd": cost.spent},
            "problems": report.problems,
        }
    )


def _prices(prices: Prices) -> dict[str, object]:
    return {
        "region": prices.region,
        "channel_month": prices.channel_month,
        "million_messages": prices.million_messages,
        "thousand_turn_minutes": prices.thousand_turn_minutes,
        "as_of": prices.as_of,
        "source": prices.source,
        "assumed_from": prices.assumed_from,
    }


def _total(total: Total) -> dict[str, object]:
    return {
        "channels": total.channels,
        "used": total.used,
        "unknown": total.unknown,
        "fee_usd": total.fee,
        "messages_usd": total.messages,
        "turn_usd": total.turn,
        "month_to_date_usd": total.month_to_date,
        "estimated_monthly_usd": total.estimated_month,
        "basis": total.basis.value,
        "projection": total.projection and total.projection.value,
        "lower_bound": total.lower_bound,
    }


def _streams(part: StreamPart) -> dict[str, object] | None:
    """Return what there is to tell of streams; null where they could not be listed."""
    bill = part.bill
    if bill is None:
        return None
    return {
        "total": {
            "streams": len(bill.lines),
            "unknown": len(bill.unknown),
            "month_to_date_usd": part.month_to_date,
            "estimated_monthly_usd": part.estimated_month,
            "basis": bill.basis.value,
            "projection": bill.projection and bill.projection.value,
            "lower_bound": part.lower_bound,
        },
        "parts": [_part(each) for each in stream_parts_of(bill)],
        "caveats": [caveat.value for caveat in bill.caveats],
        "streams": records(bill.dearest_first, bill_stream_columns(bill)),
    }


def _part(part: Part) -> dict[str, object]:
    return {
        "item": part.item.value,
        "gb": part.quantity,
        "month_to_date_usd": part.spent,
        "estimated_monthly_usd": part.estimated,
        "lower_bound": part.lower_bound,
    }


def _advice(advice: StreamAdvice | None) -> dict[str, object] | None:
    """Return what streams could spare; null where nobody asked."""
    if advice is None:
        return None
    rows = records(advice.rows, advice_columns())
    return {"streams": advice.streams, "saving_usd": advice.saving, "rows": rows}


def _day(each: BillDay) -> dict[str, object]:
    used = each.used
    return {
        "day": each.day.isoformat(),
        "connections": used and used.connections,
        "messages": used and used.messages,
        "turn_minutes": used and used.turn_minutes,
        "usd": each.spent,
        "streams_usd": each.streams,
    }


def _churn(churn: Churn | None) -> dict[str, object]:
    return {
        "used": churn and churn.used,
        "used_on_one_day": churn and churn.used_on_one_day,
        "busiest_day": churn and churn.busiest_day,
        "saving_usd": churn and churn.saving,
    }
