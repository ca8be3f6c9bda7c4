"""A month's bill as JSON. Every key is an interface, and null is what is not known."""

from typing import Final

from kvsops.bill.advice import StreamAdvice
from kvsops.bill.bill import Churn
from kvsops.bill.streams import StreamBill
from kvsops.core.cost import Prices, known_sum
from kvsops.output.rows import records
from kvsops.output.values import json_ready
from kvsops.reports.advice import advice_columns
from kvsops.reports.bill import SWEEPING_SAVES, BillDay, BillReport, Ghosts, OwnCost, Total
from kvsops.reports.bill_columns import bill_columns, group_columns
from kvsops.reports.bill_streams import InAll, StreamPart
from kvsops.reports.stream_columns import bill_stream_columns
from kvsops.reports.stream_said import Part, stream_parts_of

DEAREST: Final = 10


def as_json(report: BillReport) -> dict[str, object]:
    """Return the JSON of `kvsops cost`."""
    bill, quota = report.bill, report.quota
    channels = records(bill.dearest_first, bill_columns(bill))
    groups = records(report.groups, group_columns())
    told: dict[str, object] = {
        "month": str(bill.month),
        "region": report.region,
        "as_of": bill.now,
        "narrowing": report.narrowing.as_json(),
        "prices": _prices(bill.prices),
        "total": total_json(report.total),
        "streams": _streams(report.streams),
        "in_all": in_all_json(report.in_all),
        "quota": {"channels": quota.channels, "limit": quota.limit, "share": quota.share},
        "groups": {"by": report.by, "rows": groups},
        "days": [day_json(each) for each in report.days],
        "dearest": channels[:DEAREST],
        "channels": channels,
        "ghosts": ghosts_json(report.ghosts),
        "churn": churn_json(report.churn),
        "sweep": {"unused": report.unused, "saving_usd": SWEEPING_SAVES},
        "advice": _advice(report.advice),
        "own_cost": own_cost_json(report.own_cost),
        "problems": report.problems,
    }
    return {key: json_ready(value) for key, value in told.items()}


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


def in_all_json(whole: InAll) -> dict[str, object]:
    """Return what channels and streams come to."""
    return {
        "month_to_date_usd": whole.month_to_date,
        "estimated_monthly_usd": whole.estimated_month,
        "lower_bound": whole.lower_bound,
    }


def ghosts_json(ghosts: Ghosts) -> dict[str, object]:
    """Return what deleted channels cost."""
    return {"channels": ghosts.channels, "month_to_date_usd": ghosts.month_to_date}


def own_cost_json(cost: OwnCost) -> dict[str, object]:
    """Return what the report itself cost."""
    return {"metrics": cost.metrics, "calls": cost.calls, "usd": cost.spent}


def total_json(total: Total) -> dict[str, object]:
    """Return what the channels come to."""
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
        "total": streams_total_json(part, bill),
        "parts": [_part(each) for each in stream_parts_of(bill)],
        "caveats": [caveat.value for caveat in bill.caveats],
        "streams": records(bill.dearest_first, bill_stream_columns(bill)),
    }


def streams_total_json(part: StreamPart, bill: StreamBill) -> dict[str, object]:
    """Return what the streams come to."""
    return {
        "streams": len(bill.lines),
        "unknown": len(bill.unknown),
        "month_to_date_usd": part.month_to_date,
        "estimated_monthly_usd": part.estimated_month,
        "basis": bill.basis.value,
        "projection": bill.projection and bill.projection.value,
        "lower_bound": part.lower_bound,
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
    savings = advice.savings
    return {"streams": len(savings), "saving_usd": known_sum(savings), "rows": rows}


def day_json(each: BillDay) -> dict[str, object]:
    """Return what was used on a day."""
    used = each.used
    return {
        "day": each.day.isoformat(),
        "connections": used and used.connections,
        "messages": used and used.messages,
        "turn_minutes": used and used.turn_minutes,
        "usd": each.spent,
        "streams_usd": each.streams,
    }


def churn_json(churn: Churn | None) -> dict[str, object]:
    """Return what reusing channels would save."""
    return {
        "used": churn and churn.used,
        "used_on_one_day": churn and churn.used_on_one_day,
        "busiest_day": churn and churn.busiest_day,
        "saving_usd": churn and churn.saving,
    }
