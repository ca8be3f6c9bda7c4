"""`kvsops list`."""

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from kvsops.cli.choice import Choice
from kvsops.cli.help import Command, section
from kvsops.cli.money import Money, price_options
from kvsops.cli.options import Where, output_options, refuse, rule_options, scope_options
from kvsops.core.rule import Role
from kvsops.core.rules import rules_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future
    from contextlib import AbstractContextManager

    from kvsops.aws.scope import Scope
    from kvsops.bill.baseline import Baseline
    from kvsops.bill.bill import Bill
    from kvsops.bill.usage import Metered
    from kvsops.core.cost import Prices
    from kvsops.core.facts import Facts
    from kvsops.output.console import Console
    from kvsops.output.rows import Column, Output
    from kvsops.sweep.plan import Plan

Result = TypeVar("Result")
Row = TypeVar("Row")

_ORDERS: Final[dict[str, "Callable[[Facts], Any]"]] = {
    "name": lambda facts: facts.channel.channel_name,
    "age": lambda facts: (str(facts.channel.creation_time), facts.channel.channel_name),
    "status": lambda facts: (str(facts.channel.status), facts.channel.channel_name),
}


@click.command(
    cls=Command,
    epilog="Tags come from AWS's tag index, which omits channels that were never tagged and lags "
    "by minutes: ? and null mean not known. Up to 100 such channels are read one by one.",
)
@section("Which channels")
@rule_options(*rules_of(Role.NARROWING, Role.CONDITION, Role.FILTER))
@section("Output")
@click.option("--tags", is_flag=True, help="Show the tags.")
@click.option("--direct", is_flag=True, help="Read each channel's tags directly, 40 a second.")
@click.option(
    "--sort",
    type=Choice(list(_ORDERS)),
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
@scope_options
def list_(
    *,
    where: Where,
    given: dict[str, Any],
    tags: bool,
    direct: bool,
    sort: str | None,
    reverse: bool,
    limit: int | None,
    cost: bool,
    no_metrics: bool,
    money: Money,
    output: "Output",
    query: str | None,
) -> None:
    """List signaling channels.

    \b
    Examples:
      kvsops list
      kvsops list --older-than 7d --sort age --tags
      kvsops list --tag kvsops:owner --without-tag kvsops:keep
      kvsops list --prefix ci- -o json --query '[].channel_name'
      kvsops list --cost --fail-over 25
    """
    from kvsops.core.judge import objection

    refuse(objection(given | {"listing": True}) or _contradiction(cost, no_metrics, money))
    tags = tags or bool(given["tag"] or given["without-tag"])
    listing = Listing(given, direct, sort, reverse, limit, output, query, tags)
    scope = where.open(read_only=True, max_own_cost=money.max_own_cost)
    code = _costs(scope, listing, money, no_metrics) if cost else _plain(scope, listing)
    click.get_current_context().exit(code)


@dataclass(frozen=True, slots=True)
class Listing:
    """What is listed, in which order, and how it is shown."""

    given: dict[str, Any]
    direct: bool
    sort: str | None
    reverse: bool
    limit: int | None
    output: "Output"
    query: str | None
    shows_tags: bool

    @property
    def reads_tags(self) -> bool:
        """Whether the tags are told: JSON and CSV always have them."""
        return self.shows_tags or self.output in ("json", "csv")

    def render(
        self, rows: "Sequence[Row]", columns: "Sequence[Column[Row]]", place: "Callable[[], object]"
    ) -> str:
        """Make the text for standard output; `place` is where was looked."""
        from kvsops.output.rows import render

        nothing = "" if rows else f"No channels in {place()}."
        return render(rows, columns, self.output, self.query, nothing)


def _plain(scope: "Scope", listing: Listing) -> int:
    """List the channels; return the exit code."""
    from kvsops.output.console import Console
    from kvsops.reports.columns import channel_columns
    from kvsops.reports.own_cost import tell_own_cost

    console = Console()
    planned, chosen = _chosen(
        scope, listing, console, order=listing.sort or "name", limit=listing.limit
    )
    columns = channel_columns(scope.now(), tags=listing.shows_tags)
    click.echo(listing.render(chosen, columns, scope.place), nl=False)
    if scope.metric_budget.asked:
        tell_own_cost(scope, console)
    return _tell_beside(planned, chosen, console)


def _costs(scope: "Scope", listing: Listing, money: Money, no_metrics: bool) -> int:  # noqa: FBT001 - an option
    """List the channels with what they cost; return the exit code."""
    from kvsops.bill.narrowing import Narrowing
    from kvsops.bill.usage import Metered
    from kvsops.output.console import Console
    from kvsops.reports.bill_columns import listing_columns, listing_total
    from kvsops.reports.own_cost import tell_own_cost

    console, prices = Console(), money.load_prices(scope)
    baseline = money.load_baseline(scope.region, Narrowing.of(listing.given))
    found = None if no_metrics else Metered()
    limit = None if money.judges else listing.limit  # a budget is of all of them
    planned, chosen = _chosen(scope, listing, console, order=listing.sort, limit=limit, found=found)
    bill = _bill(
        scope, listing, planned, chosen, console=console, prices=prices, found=found, base=baseline
    )
    lines = bill.lines if listing.sort else bill.dearest_first[:: -1 if listing.reverse else 1]
    shown = [line for line in lines if not line.ghost]
    columns = listing_columns(bill, tags=listing.shows_tags)
    text = listing.render(shown[: listing.limit], columns, scope.place)
    click.echo(text + listing_total(bill, listing.output), nl=False)
    tell_own_cost(scope, console)
    bad = _tell_beside(planned, [line.facts for line in shown if line.facts], console)
    unseen = bill.with_deleted and found is not None and not found.seen_all
    code = money.judge(bill, baseline, console)
    return 1 if bad or unseen else code


def _chosen(
    scope: "Scope",
    listing: Listing,
    console: "Console",
    *,
    order: str | None,
    limit: int | None,
    found: "Metered | None" = None,
) -> "tuple[Plan, Sequence[Facts]]":
    """Read and judge the channels; return all, and those chosen: if in an order, the first.

    Where their use will be read, it is learnt meanwhile which names have any, and their tags are
    left for then.
    """
    from kvsops.aws import channels
    from kvsops.core.facts import Need
    from kvsops.core.judge import listing_rules
    from kvsops.facts import gather
    from kvsops.output.console import progress
    from kvsops.sweep.plan import plan

    given, direct = listing.given, listing.direct
    with (
        progress("reading tags", None, console=console) as done,
        nullcontext() if found is None else _seeing(scope, found),
    ):
        listed = channels.each_listed(scope, given["prefix"])
        planned = plan(scope, listed, listing_rules(given), directly=direct, advance=done.advance)
        chosen = planned.chosen
        if order:
            chosen = sorted(chosen, key=_ORDERS[order], reverse=listing.reverse)[:limit]
        if listing.reads_tags and found is None:
            read = gather.fetch(scope, Need.TAGS, chosen, directly=direct, advance=done.advance)
            chosen, planned.problems = read.facts, planned.problems + read.problems
    return planned, chosen


def _bill(
    scope: "Scope",
    listing: Listing,
    planned: "Plan",
    chosen: "Sequence[Facts]",
    *,
    console: "Console",
    prices: "Prices",
    found: "Metered | None",
    base: "Baseline | None",
) -> "Bill":
    """Price the channels by their use, which is read beside their tags; or without it."""
    from kvsops.bill.narrowing import Narrowing
    from kvsops.bill.reading import names_gone, priced, read_use
    from kvsops.core.cost import Month
    from kvsops.core.facts import Need
    from kvsops.facts import gather
    from kvsops.output.console import progress
    from kvsops.sweep.deleted import names_deleted

    month, ghosts = Month.of(scope.now()), None
    if found is not None:
        if Narrowing.suffices(listing.given) and len(chosen) == len(planned.chosen):
            listed = [item.facts for item in planned.items]
            told = partial(names_deleted, (), scope.region, month.start)
            ghosts = names_gone(listed, Narrowing.of(listing.given), found, told, base)
        tagged = chosen if listing.reads_tags else []
        tags = partial(gather.fetch, scope, Need.TAGS, tagged, directly=listing.direct)
        names = [*(each.channel.channel_name for each in chosen), *(ghosts or ())]
        with _meanwhile(scope, tags) as reading:
            read_use(scope, found, names, month, partial(progress, console=console))
            read = reading.result()
        chosen = read.facts or chosen
        planned.problems += read.problems + found.problems
    return priced(chosen, ghosts, found, base, prices=prices, now=scope.now())


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


def _seeing(scope: "Scope", found: "Metered") -> "AbstractContextManager[Future[None]]":
    """Learn while the block runs which names have points at all."""
    from kvsops.bill import usage

    return _meanwhile(scope, partial(usage.see, scope, found))


@contextmanager
def _meanwhile(scope: "Scope", read: "Callable[[], Result]") -> "Iterator[Future[Result]]":
    """Read in a thread of its own while the block runs: each has another pace to keep to.

    What the reading raises is raised at the block's end. Where the block ends with an error or
    Ctrl-C the reading is waited for no longer.
    """
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as aside:
        try:
            reading = aside.submit(read)
            yield reading
            reading.result()
        except BaseException:
            scope.patience.interrupt()
            raise


def _contradiction(cost: bool, no_metrics: bool, money: Money) -> str | None:  # noqa: FBT001 - options
    """Say which options are about costs where costs were not asked for."""
    if not cost and (no_metrics or money.given):
        return "these options are about costs: add --cost"
    return None
