"""`kvsops list`."""

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from kvsops.cli.brief import brief_option
from kvsops.cli.choice import Choice
from kvsops.cli.help import Command, section
from kvsops.cli.list_reading import ORDERS, Listing, read_bill, read_chosen
from kvsops.cli.money import Money, price_options
from kvsops.cli.options import (
    output_options,
    refuse,
    rule_options,
    screen,
    typed,
)
from kvsops.cli.places import Wherever, places_options
from kvsops.core.rule import Role
from kvsops.core.rules import rules_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kvsops.aws.scope import Scope
    from kvsops.core.facts import Facts
    from kvsops.output.console import Console
    from kvsops.output.rows import Output
    from kvsops.sweep.plan import Plan


@click.command(
    cls=Command,
    epilog="Tags come from AWS's tag index, which omits channels that were never tagged and lags "
    "by minutes: ? and null mean not known. Up to 100 such channels are read one by one. "
    "--cost adds what the streams cost that the channels record to, and holds both to the budget; "
    "kvsops cost tells of all streams.",
)
@section("Which channels")
@rule_options(*rules_of(Role.NARROWING, Role.CONDITION, Role.FILTER))
@section("Output")
@click.option("--tags", is_flag=True, help="Show the tags.")
@click.option("-v", "--verbose", is_flag=True, help="Also show when each was created.")
@click.option("--direct", is_flag=True, help="Read each channel's tags directly, 40 a second.")
@click.option(
    "--sort",
    type=Choice(list(ORDERS)),
    help="Sort by this; age: oldest first.  [default: name; with --cost, dearest first]",
)
@click.option("--reverse", is_flag=True, help="Reverse the order.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Show only the first N.")
@section("Costs")
@click.option("--cost", is_flag=True, help="Show what each costs, dearest first.")
@click.option(
    "--no-metrics", is_flag=True, help="With --cost: read no metrics; assume that all are used."
)
@price_options
@output_options()
@brief_option
@places_options
def list_(
    *,
    where: Wherever,
    given: dict[str, Any],
    tags: bool,
    direct: bool,
    sort: str | None,
    reverse: bool,
    limit: int | None,
    cost: bool,
    verbose: bool,
    no_metrics: bool,
    money: Money,
    output: "Output",
    query: str | None,
    brief: bool,
) -> None:
    """List signaling channels.

    \b
    Examples:
      kvsops list
      kvsops list --older-than 7d --sort age --tags
      kvsops list --tag kvsops:owner --without-tag kvsops:keep
      kvsops list --prefix ci- -o json --query '[].channel_name'
      kvsops list --cost --fail-over 25
      kvsops list --organization-role kvsops --all-regions
    """
    from kvsops.core.policies import objection

    refuse(objection(given | {"listing": True}) or _contradiction(cost, no_metrics, money))
    tags = tags or bool(given["tag"] or given["without-tag"])
    listing = Listing(given, direct, sort, reverse, limit, output, query, tags, verbose, brief)
    if where.many:
        from kvsops.cli.list_many import costs_many, list_many

        told = partial(costs_many, no_metrics=no_metrics) if cost else list_many
        click.get_current_context().exit(told(where, listing, money))
    scope = where.open(read_only=True, max_own_cost=money.max_own_cost)
    code = _costs(scope, listing, money, no_metrics) if cost else _plain(scope, listing)
    click.get_current_context().exit(code)


def _plain(scope: "Scope", listing: Listing) -> int:
    """List the channels; return the exit code."""
    from kvsops.output.console import Console
    from kvsops.reports.columns import channel_columns

    console = Console()
    planned, chosen = read_chosen(
        scope, listing, console, order=listing.sort or "name", limit=listing.limit
    )
    columns = channel_columns(
        scope.now(), tags=listing.shows_tags, verbose=listing.verbose, about=listing.about
    )
    if listing.brief:
        from kvsops.output.digest import BRIEF_BYTES
        from kvsops.output.text import count
        from kvsops.reports.bill_digest import list_digest, listed

        of = count(len(planned.items), "channel")
        happened = f"{len(chosen):,} of {of} in {scope.region}"
        digest = list_digest(listed(chosen, columns), happened, planned.problems, typed())
        click.echo(digest.markdown(BRIEF_BYTES), nl=False)
    else:
        click.echo(listing.render(chosen, columns, scope.place), nl=False)
    if listing.output == "table" and chosen:
        _tell_number(scope, planned, chosen, console)
    if scope.metric_budget.asked:
        from kvsops.reports.own_cost import tell_own_cost

        tell_own_cost(scope, console)
    return _tell_beside(planned, chosen, console)


def _tell_number(
    scope: "Scope", planned: "Plan", chosen: "Sequence[Facts]", console: "Console"
) -> None:
    """Say how many there are, of how many, and where: below the table, if a terminal shows it.

    Else beside it: a script that reads the table takes each of its lines for a channel.
    """
    from kvsops.output.text import count

    account = scope.account_of(chosen[0].channel.channel_arn)
    of = len(planned.items)
    number = count(of, "channel")
    shown = number if len(chosen) == of else f"{len(chosen):,} of {number}"
    said = f"{shown} in {scope.region}, account {account}."
    if screen().width is None:
        console.note(said)
    else:
        click.echo(f"\n{said}")


def _costs(scope: "Scope", listing: Listing, money: Money, no_metrics: bool) -> int:  # noqa: FBT001 - an option
    """List the channels with what they cost; return the exit code."""
    from kvsops.bill.budget import CHANNELS_ALONE, StreamsTotal
    from kvsops.bill.narrowing import Narrowing
    from kvsops.bill.usage import Metered
    from kvsops.output.console import Console
    from kvsops.output.digest import BRIEF_BYTES
    from kvsops.reports.bill_columns import listing_columns
    from kvsops.reports.bill_digest import list_digest, listed
    from kvsops.reports.bill_said import below_list, totals
    from kvsops.reports.own_cost import tell_own_cost
    from kvsops.reports.recorded import list_totals, recorded_columns

    console, prices = Console(), money.load_prices(scope)
    baseline = money.load_baseline(scope.region, Narrowing.of(listing.given))
    found = None if no_metrics else Metered()
    limit = None if money.judges else listing.limit  # a budget is of all of them
    planned, chosen = read_chosen(
        scope, listing, console, order=listing.sort, limit=limit, found=found
    )
    bill, recorded = read_bill(
        scope, listing, planned, chosen, console=console, prices=prices, found=found, base=baseline
    )
    dearest = recorded.dearest_first(bill.lines) if recorded else bill.dearest_first
    lines = bill.lines if listing.sort else dearest[:: -1 if listing.reverse else 1]
    shown = [line for line in lines if not line.ghost]
    columns = listing_columns(
        bill,
        recorded_columns(bill, recorded),
        tags=listing.shows_tags,
        verbose=listing.verbose,
        about=listing.about,
    )
    streams = StreamsTotal.of_recorded(recorded, shown) if recorded else CHANNELS_ALONE
    verdict, rows = money.verdict(bill, baseline, streams), shown[: listing.limit]
    said = list_totals(bill, recorded, scope.region)
    if listing.brief:
        happened = f"{scope.region}: {totals(bill)}"
        digest = list_digest(
            listed(rows, columns), happened, planned.problems, typed(), verdict, notes=said[1:]
        )
        text = digest.markdown(BRIEF_BYTES)
    else:
        text = listing.render(rows, columns, scope.place)
        text += below_list(said, listing.output, screen())
    click.echo(text, nl=False)
    tell_own_cost(scope, console)
    bad = _tell_beside(planned, [line.facts for line in shown if line.facts], console)
    unseen = bill.with_deleted and found is not None and not found.seen_all
    unseen = unseen or bool(recorded and recorded.problems)
    code = money.tell(verdict, console)
    return 1 if bad or unseen else code


def _tell_beside(planned: "Plan", listed: "Sequence[Facts]", console: "Console") -> int:
    """Say what could not be read, and what else there is to say; return the exit code."""
    from kvsops.core.facts import Need
    from kvsops.facts.unread import unindexed, unread

    failed = unread(listed, Need.TAGS)
    for problem in (*planned.problems, *planned.undecided, *planned.mistaken):
        console.warn(problem)
    for presumption in planned.presumed or unindexed(listed):
        console.note(presumption)
    for failure in failed:
        console.error(failure)
    return 1 if failed or planned.undecided else 0


def _contradiction(cost: bool, no_metrics: bool, money: Money) -> str | None:  # noqa: FBT001 - options
    """Say which options are about costs where costs were not asked for."""
    if not cost and (no_metrics or money.given):
        return "these options are about costs: add --cost"
    return None
