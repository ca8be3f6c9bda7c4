"""The bill of many accounts and regions as JSON. Every key is an interface, null is not known."""

from collections.abc import Sequence

from kvsops.fleet.place import Missed
from kvsops.output.rows import records
from kvsops.output.values import json_ready
from kvsops.reports.bill import SWEEPING_SAVES
from kvsops.reports.bill_columns import group_columns
from kvsops.reports.bill_json import (
    DEAREST,
    as_json,
    churn_json,
    day_json,
    ghosts_json,
    in_all_json,
    own_cost_json,
    streams_total_json,
    total_json,
)
from kvsops.reports.fleet_bill import FleetReport, PlaceBill
from kvsops.reports.fleet_bill_rows import channel_rows
from kvsops.reports.located import located_columns


def fleet_json(fleet: FleetReport) -> object:
    """Return the JSON of `kvsops cost` over many: the whole, and in `scopes` what one has."""
    whole, rows = fleet.whole, channel_rows(fleet)
    streams = whole.streams
    return json_ready(
        {
            "month": str(whole.bill.month),
            "as_of": whole.bill.now,
            "narrowing": whole.narrowing.as_json(),
            "total": total_json(whole.total),
            "streams": streams.bill and {"total": streams_total_json(streams, streams.bill)},
            "in_all": in_all_json(whole.in_all),
            "groups": {"by": whole.by, "rows": records(whole.groups, group_columns())},
            "days": [day_json(each) for each in whole.days],
            "dearest": records(rows.rows[:DEAREST], located_columns(rows.columns)),
            "ghosts": ghosts_json(whole.ghosts),
            "churn": churn_json(whole.churn),
            "sweep": {"unused": whole.unused, "saving_usd": SWEEPING_SAVES},
            "own_cost": own_cost_json(whole.own_cost),
            "problems": whole.problems,
            "scopes": [_scope(each) for each in fleet.places],
            "missed": missed_json(fleet.missed),
        }
    )


def _scope(each: PlaceBill) -> dict[str, object]:
    told = {"account_id": each.place.account_id, **as_json(each.report)}
    return told if each.priced else {**told, "prices": None}


def missed_json(missed: Sequence[Missed]) -> list[dict[str, object]]:
    """Return what was not looked at; a null account or region stands for all."""
    return [
        {
            "account_id": each.account_id,
            "region": each.region,
            "why": each.why,
            "excused": each.excused,
        }
        for each in missed
    ]
