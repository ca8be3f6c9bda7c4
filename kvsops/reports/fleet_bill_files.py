"""`--html` and `--open-metrics` of many accounts and regions."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kvsops.bill.advice import Advised
from kvsops.bill.bill import Line
from kvsops.bill.streams import StreamLine
from kvsops.output.files import FOR_ALL
from kvsops.output.gauges import exposition, gauge
from kvsops.output.text import count
from kvsops.reports.bill import BillReport
from kvsops.reports.bill_gauges import gauges_of, groups_of
from kvsops.reports.bill_page import fitting_problems, rendered, view_of
from kvsops.reports.files import ANY, Kind, ReportFiles
from kvsops.reports.fleet_bill import FleetReport
from kvsops.reports.located import on_missed

if TYPE_CHECKING:
    from prometheus_client.core import GaugeMetricFamily

SCOPES: Final = 200
"""At most so many accounts and regions are in the page's table."""


def fleet_page(fleet: FleetReport) -> str:
    """Make the page: that of one, with a table of accounts and regions."""
    whole = fleet.whole
    found = replace(whole.total, lower_bound=whole.bill.lower_bound)  # the rest of it is said below
    view = view_of(replace(whole, total=found))
    places = {id(row): str(each.place) for each in fleet.places for row in _rows(each.report)}

    def place_of(row: Line | StreamLine | Advised) -> str:
        return places[id(row)]

    problems = fitting_problems([*on_missed(fleet.missed)[0], *whole.problems])
    fullest = max(fleet.places, key=lambda each: each.report.quota.share or 0)
    return rendered(
        view
        | {
            "rests": [*_unseen(fleet), *_texts(view["rests"])],
            "total": whole.total,
            "problems": problems,
            "scopes": fleet.places[:SCOPES],
            "more_scopes": len(fleet.places[SCOPES:]),
            "place_of": place_of,
            "fullest": fullest,
        }
    )


def _rows(report: BillReport) -> Iterator[Line | StreamLine | Advised]:
    """Yield all that has a row of its own in the page."""
    yield from report.bill.lines
    yield from report.streams.lines
    yield from report.advice.rows if report.advice else ()


def _texts(rests: object) -> list[str]:
    return list(rests) if isinstance(rests, list) else []


def _unseen(fleet: FleetReport) -> Iterator[str]:
    if fleet.unseen:
        places = count(fleet.unseen, "account or region", "accounts or regions")
        yield f"A lower bound: {places} could not be looked at."


def fleet_gauges(fleet: FleetReport) -> Iterator["GaugeMetricFamily"]:
    """Give each one's gauges by account and region, the groups of all, and what is missing."""
    families: dict[str, GaugeMetricFamily] = {}
    for each in fleet.places:
        here = {"account": each.place.account_id, "region": each.place.region}
        for family in gauges_of(each.report, here, groups=False):
            kept = families.setdefault(family.name, family)
            if kept is not family:
                kept.samples += family.samples
    yield from families.values()
    yield from groups_of(fleet.whole, {"month": str(fleet.whole.bill.month)})
    yield from gauge(
        "kvsops_scopes", "Accounts and regions that were looked at.", [({}, len(fleet.places))]
    )
    yield from gauge(
        "kvsops_scopes_missed",
        "Accounts and regions that could not be looked at.",
        [({}, fleet.unseen)],
    )


FLEET_HTML: Final[ReportFiles[FleetReport]] = ReportFiles(
    "--html", {ANY: Kind(lambda fleet, _: fleet_page(fleet).encode(), "jinja2")}, what="page"
)
FLEET_OPEN_METRICS: Final[ReportFiles[FleetReport]] = ReportFiles(
    "--open-metrics",
    {
        ANY: Kind(
            lambda fleet, _: exposition(lambda: fleet_gauges(fleet)), "prometheus_client", FOR_ALL
        )
    },
    what="metrics",
)
