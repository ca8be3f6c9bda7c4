"""`kvsops list` over many accounts and regions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Generic

import click

from kvsops.cli.list_reading import ORDERS, Listing, read_bill, read_chosen
from kvsops.cli.many import Looked, Spent, look, priced, refuse_unpriced, tell_spent
from kvsops.cli.money import Money
from kvsops.cli.options import screen, typed
from kvsops.output.rows import Row

if TYPE_CHECKING:
    from kvsops.aws.scope import Scope
    from kvsops.bill.baselines import Baselines
    from kvsops.bill.bill import Bill
    from kvsops.bill.budget import StreamsTotal, Verdict
    from kvsops.cli.places import Wherever
    from kvsops.core.facts import Facts
    from kvsops.fleet.place import Place
    from kvsops.output.console import Console
    from kvsops.output.rows import Column
    from kvsops.reports.located import At
    from kvsops.sweep.plan import Plan


@dataclass(frozen=True)  # no slots: with them Python 3.11 fails on Listed[Row](...)
class Listed(Generic[Row]):
    """What was listed in one place, and what there is to say of it."""

    place: "Place"
    number: int
    rows: "list[At[Row]]"
    columns: "Sequence[Column[Row]]"
    spent: Spent
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    whole: bool = True
    bill: "Bill | None" = None
    streams: "StreamsTotal | None" = None


def list_many(where: "Wherever", listing: Listing, money: Money) -> int:
    """List the channels; return the exit code."""
    from kvsops.output.console import Console

    console = Console()
    read = partial(_plain, listing)
    looked = look(where.finding(), read, money.max_own_cost, console)
    order = ORDERS[listing.sort or "name"]
    rows = [row for each in looked.results for row in each.rows]
    rows.sort(key=lambda at: (order(at.row), at.account_id, at.region), reverse=listing.reverse)
    number = sum(each.number for each in looked.results)
    happened = f"{_of(len(rows[: listing.limit]), number)} in {_extent(looked)}"
    below = [f"{happened}."] if rows else []
    if listing.output == "table" and screen().width is None:  # a script takes each line for a row
        for line in below:
            console.note(line)
    _show(looked, listing, rows[: listing.limit], happened, below if screen().width else ())
    return _tell(looked, console)


def costs_many(where: "Wherever", listing: Listing, money: Money, *, no_metrics: bool) -> int:
    """List the channels with what they cost; return the exit code."""
    from kvsops.bill.budget import CHANNELS_ALONE
    from kvsops.bill.narrowing import Narrowing
    from kvsops.output.console import Console
    from kvsops.reports.fleet_said import list_totals, merged, verdict_of

    console, baselines = Console(), money.load_baselines(Narrowing.of(listing.given))
    read = partial(_priced, listing, money, baselines, no_metrics=no_metrics)
    looked = look(where.finding(), read, money.max_own_cost, console)
    bills = [each.bill for each in looked.results if each.bill]
    bill = merged(bills)
    rows = _in_order(listing, [row for each in looked.results for row in each.rows])
    streams = sum((each.streams for each in looked.results if each.streams), CHANNELS_ALONE)
    said = list_totals(_extent(looked), bill, None if no_metrics else streams)
    shown = rows[: listing.limit]
    base = baselines.whole if baselines else None
    verdict = verdict_of(money.budget, bill, base, looked.missed, streams)
    _show(looked, listing, shown, said[0], said, verdict=verdict)
    code = _tell(looked, console)
    return money.tell(verdict, console) or code


def _plain(listing: Listing, place: "Place", scope: "Scope") -> "Listed[Facts]":
    """List the channels of a place."""
    from kvsops.reports.columns import channel_columns
    from kvsops.reports.located import located

    planned, chosen = read_chosen(
        scope, listing, None, order=listing.sort or "name", limit=listing.limit
    )
    columns = channel_columns(
        scope.now(), tags=listing.shows_tags, verbose=listing.verbose, about=listing.about
    )
    return Listed(
        place,
        len(planned.items),
        located(place.account_id, place.region, chosen, columns),
        columns,
        Spent.of(scope),
        **_beside(planned, chosen),
    )


def _priced(
    listing: Listing,
    money: Money,
    baselines: "Baselines | None",
    place: "Place",
    scope: "Scope",
    *,
    no_metrics: bool,
) -> "Listed[Any]":
    """List the channels of a place with what they cost, at its own prices."""
    from kvsops.bill.budget import StreamsTotal
    from kvsops.bill.usage import Metered
    from kvsops.reports.bill_columns import listing_columns
    from kvsops.reports.located import located
    from kvsops.reports.recorded import recorded_columns

    prices, unpriced = priced(money, scope)
    found = None if no_metrics else Metered()
    limit = None if money.judges else listing.limit
    planned, chosen = read_chosen(
        scope, listing, None, order=listing.sort, limit=limit, found=found
    )
    bill, recorded = read_bill(
        scope,
        listing,
        planned,
        chosen,
        console=None,
        prices=prices,
        found=found,
        base=baselines.of(place.account_id, place.region) if baselines else None,
    )
    refuse_unpriced(bill, unpriced)
    shown = [line for line in bill.lines if not line.ghost]
    columns = listing_columns(
        bill,
        recorded_columns(bill, recorded),
        tags=listing.shows_tags,
        verbose=listing.verbose,
        about=listing.about,
    )
    unseen = bill.with_deleted and found is not None and not found.seen_all
    unseen = unseen or bool(recorded and recorded.problems)
    beside = _beside(planned, [line.facts for line in shown if line.facts])
    return Listed(
        place,
        len(planned.items),
        located(place.account_id, place.region, shown, columns),
        columns,
        Spent.of(scope),
        **(beside | {"whole": beside["whole"] and not unseen}),
        bill=bill,
        streams=StreamsTotal.of_recorded(recorded, shown) if recorded else None,
    )


def _beside(planned: "Plan", listed: "Sequence[Facts]") -> dict[str, Any]:
    """Return what could not be read, what else there is to say, and whether nothing failed."""
    from kvsops.core.facts import Need
    from kvsops.facts.unread import unindexed, unread

    failed = unread(listed, Need.TAGS)
    return {
        "warnings": [*planned.problems, *planned.undecided, *planned.mistaken],
        "notes": [*(planned.presumed or unindexed(listed))],
        "errors": failed,
        "whole": not (failed or planned.undecided),
    }


def _in_order(listing: Listing, rows: "list[At[Any]]") -> "list[At[Any]]":
    """Put the rows in the order asked for, or the dearest first."""

    def key(at: "At[Any]") -> tuple[Any, ...]:
        own = ORDERS[listing.sort](at.row.facts) if listing.sort else _dearness(at)
        return (own, at.account_id, at.region)

    return sorted(rows, key=key, reverse=listing.reverse)


def _dearness(at: "At[Any]") -> tuple[Any, ...]:
    """Return by what to sort: a channel and what it records to together."""
    from kvsops.bill.bill import dearness
    from kvsops.core.cost import known_sum

    stream: Any = at.columns["stream_estimated_monthly_usd"].value(at.row)
    return dearness(known_sum([at.row.cost.estimated_month, stream]), at.row.channel_name)


def _show(
    looked: "Looked[Listed[Any]]",
    listing: Listing,
    rows: "Sequence[At[Any]]",
    happened: str,
    below: Sequence[str],
    *,
    verdict: "Verdict | None" = None,
) -> None:
    """Print the rows, and below a table what they come to."""
    from kvsops.output.digest import BRIEF_BYTES
    from kvsops.reports.bill_digest import list_digest, listed
    from kvsops.reports.bill_said import below_list
    from kvsops.reports.located import located_columns, on_missed, told_once

    most = max(looked.results, key=lambda each: sum(column.shown for column in each.columns))
    columns = located_columns(most.columns)
    if not listing.brief:
        click.echo(listing.render(rows, columns, lambda: _extent(looked)), nl=False)
        if below:
            click.echo(below_list(below, listing.output, screen()), nl=False)
        return
    problems = told_once(_said(looked, "warnings"))
    why = [*on_missed(looked.missed)[0], *problems]
    digest = list_digest(listed(rows, columns), happened, why, typed(), verdict)
    click.echo(digest.markdown(BRIEF_BYTES), nl=False)


def _tell(looked: "Looked[Listed[Any]]", console: "Console") -> int:
    """Say what could not be read, what else there is to say, and what it cost."""
    from kvsops.reports.located import told_once

    spent = sum((each.spent for each in looked.results), Spent())
    if spent.metrics:
        tell_spent(spent, console)
    says = (("warnings", console.warn), ("notes", console.note), ("errors", console.error))
    for kind, say in says:
        for line in told_once(_said(looked, kind)):
            say(line)
    whole = all(each.whole for each in looked.results)
    return 0 if looked.tell_missed(console) and whole else 1


def _said(looked: "Looked[Listed[Any]]", kind: str) -> "list[tuple[str, str]]":
    return [(str(each.place), line) for each in looked.results for line in getattr(each, kind)]


def _extent(looked: "Looked[Listed[Any]]") -> str:
    from kvsops.reports.located import extent

    return extent((each.place.account_id, each.place.region) for each in looked.results)


def _of(shown: int, number: int) -> str:
    from kvsops.output.text import count

    channels = count(number, "channel")
    return channels if shown == number else f"{shown:,} of {channels}"
