"""`kvsops cost` over many accounts and regions."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kvsops.cli.brief import show
from kvsops.cli.many import Spent, look, priced, refuse_unpriced, tell_spent
from kvsops.cli.money import Money
from kvsops.cli.options import screen, typed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from kvsops.aws.scope import Scope
    from kvsops.bill.baselines import Baselines
    from kvsops.bill.narrowing import Narrowing
    from kvsops.cli.places import Wherever
    from kvsops.core.cost import Month
    from kvsops.fleet.place import Place
    from kvsops.output.rows import Output
    from kvsops.reports.files import ReportFiles
    from kvsops.reports.fleet_bill import FleetReport, PlaceBill

    Files = Sequence[tuple[ReportFiles[FleetReport], Path]]


@dataclass(frozen=True, slots=True)
class Wish:
    """The bill that is wanted of each account and region."""

    month: "Month"
    narrowing: "Narrowing"
    money: Money
    baselines: "Baselines | None"
    by: str
    journals: tuple[Path, ...]
    max_retention: "timedelta | None" = None


def cost_many(
    where: "Wherever",
    wish: Wish,
    files: "Files",
    output: "Output",
    query: str | None,
    *,
    brief: bool,
) -> int:
    """Show what all of them cost; return the exit code."""
    from kvsops.output.console import Console
    from kvsops.reports.files import all_written
    from kvsops.reports.fleet_bill import fleet_report
    from kvsops.reports.fleet_bill_text import fleet_digest, tell
    from kvsops.reports.fleet_said import verdict_of
    from kvsops.reports.located import told_once

    console, money = Console(), wish.money
    looked = look(where.finding(), partial(_billed, wish), money.max_own_cost, console)
    fleet = fleet_report(looked.results, looked.missed)
    failed = told_once((str(each.place), line) for each in fleet.places for line in each.failed)
    base = wish.baselines.whole if wish.baselines else None
    bill, missed = fleet.whole.bill, fleet.missed
    verdict = verdict_of(money.budget, bill, base, missed, fleet.streams)
    digest = partial(fleet_digest, fleet, verdict, failed, typed())
    show(lambda: tell(fleet, console, output, query, screen()), digest, console, brief=brief)
    written = all_written(fleet, files, console)
    cost = fleet.whole.own_cost
    tell_spent(Spent(cost.metrics, sum(cost.calls.values()), cost.spent), console)
    for line in failed:
        console.error(line)
    seen = looked.tell_missed(console)
    code = money.tell(verdict, console)
    complete = all(each.complete for each in fleet.places)
    return code if complete and written and seen and not failed else 1


def checked(html: Path | None, open_metrics: Path | None) -> "Files":
    """Return the files to write; raises `UsageError` for one that could not be."""
    from kvsops.reports.fleet_bill_files import FLEET_HTML, FLEET_OPEN_METRICS

    asked = ((FLEET_HTML, html), (FLEET_OPEN_METRICS, open_metrics))
    return [(kind, kind.check(path)) for kind, path in asked if path]


def wished(
    month: "Month | None",
    narrowing: "Narrowing",
    money: Money,
    *,
    by: str,
    journals: tuple[Path, ...],
    max_retention: "timedelta | None",
) -> Wish:
    """Return what is wanted; raises `UsageError` for what there is not."""
    from kvsops.aws.clock import machine_now
    from kvsops.bill.reading import within_reach

    now: datetime = (click.get_current_context().obj or machine_now)()
    baselines = money.load_baselines(narrowing)
    return Wish(within_reach(month, now), narrowing, money, baselines, by, journals, max_retention)


def _billed(wish: Wish, place: "Place", scope: "Scope") -> "PlaceBill":
    """Read the bill of a place, at its own region's prices."""
    from kvsops.bill.bill import tag_key
    from kvsops.bill.budget import StreamsTotal
    from kvsops.bill.reading import Wanted, read_bill
    from kvsops.core.facts import Need
    from kvsops.facts.unread import unread
    from kvsops.output.console import UNSEEN
    from kvsops.reports.bill import report_of
    from kvsops.reports.fleet_bill import PlaceBill
    from kvsops.sweep.deleted import names_deleted

    def deleted(_: str | None) -> tuple[set[str], list[str]]:
        return names_deleted(wish.journals, place.region, wish.month.start, place.account_id)

    prices, unpriced = priced(wish.money, scope)
    bases = wish.baselines
    base = bases.of(place.account_id, place.region) if bases else None
    wanted = Wanted(
        wish.month,
        scope.now(),
        prices,
        wish.narrowing,
        base,
        tag_key(wish.by),
        max_retention=wish.max_retention,
    )
    reading = read_bill(scope, wanted, deleted, UNSEEN)
    refuse_unpriced(reading.bill, unpriced)
    if unpriced and reading.streams.bill and reading.streams.bill.lines:
        raise unpriced
    return PlaceBill(
        place,
        report_of(reading, scope, wish.narrowing, wish.by, place.account_id),
        StreamsTotal.of(reading.streams),
        unread((line.facts for line in reading.bill.lines if line.facts), Need.TAGS),
        complete=reading.metered.seen_all and reading.streams.complete,
        priced=unpriced is None,
    )
