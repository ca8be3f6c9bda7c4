"""`kvsops list`."""

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from kvsops.cli.money import Budget, metered, price_options, tell_own_cost, verdict
from kvsops.cli.options import Where, output_options, refuse, rule_options, scope_options
from kvsops.core.rule import Role
from kvsops.core.rules import rules_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future
    from datetime import datetime

    from kvsops.aws.scope import Scope
    from kvsops.bill.bill import Bill
    from kvsops.bill.usage import Metered
    from kvsops.core.cost import Prices
    from kvsops.core.facts import Facts
    from kvsops.output.console import Console
    from kvsops.output.rows import Output
    from kvsops.sweep.plan import Plan

Result = TypeVar("Result")

_ORDERS: Final[dict[str, "Callable[[Facts], Any]"]] = {
    "name": lambda facts: facts.channel.channel_name,
    "age": lambda facts: (str(facts.channel.creation_time), facts.channel.channel_name),
    "status": lambda facts: (str(facts.channel.status), facts.channel.channel_name),
}


@click.command(
    epilog="Tags come from AWS's tag index, which leaves out what was never tagged and lags by "
    "minutes: ? and null stand for not known. Up to 100 such channels are read one by one."
)
@rule_options(*rules_of(Role.NARROWING, Role.CONDITION, Role.FILTER))
@click.option("--tags", is_flag=True, help="Show the tags.")
@click.option("--direct", is_flag=True, help="Read every channel's tags directly: 40 a second.")
@click.option(
    "--sort",
    type=click.Choice(list(_ORDERS)),
    help="In this order; by age: oldest first.  [default: name; with --cost: dearest first]",
)
@click.option("--reverse", is_flag=True, help="In the opposite order.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N of them.")
@click.option("--cost", is_flag=True, help="Show what each costs, dearest first.")
@click.option("--no-metrics", is_flag=True, help="With --cost: ask nothing, assume each is used.")
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
    budget: Budget,
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
    from kvsops.aws import channels
    from kvsops.bill.usage import Metered
    from kvsops.core.facts import Need
    from kvsops.core.judge import listing_rules, objection
    from kvsops.facts import gather
    from kvsops.output.console import Console, progress
    from kvsops.output.rows import render
    from kvsops.reports.bill_columns import listing_columns
    from kvsops.reports.columns import channel_columns
    from kvsops.sweep.plan import plan

    refuse(objection(given | {"listing": True}) or _contradiction(cost, no_metrics, budget))
    scope = where.open(read_only=True, max_own_cost=budget.max_own_cost)
    console, prices = Console(), budget.load_prices(scope) if cost else None
    baseline = budget.load_baseline(scope.region, given)
    shown = tags or bool(given["tag"] or given["without-tag"])
    told = shown or output in ("json", "csv")
    metrics = Metered() if cost and not no_metrics else None
    with (
        _meanwhile(partial(_see, scope, metrics)) as seeing,
        progress("reading tags", None, console=console) as done,
    ):
        listed = channels.each_listed(scope, given["prefix"])
        planned = plan(scope, listed, listing_rules(given), directly=direct, advance=done.advance)
        chosen = planned.chosen
        if sort or not cost:
            chosen = sorted(chosen, key=_ORDERS[sort or "name"], reverse=reverse)
            chosen = chosen if budget.judges else chosen[:limit]  # a budget is of all of them
        if told and metrics is None:
            read = gather.fetch(scope, Need.TAGS, chosen, directly=direct, advance=done.advance)
            chosen, planned.problems = read.facts, planned.problems + read.problems
        seeing.result()
    if prices:
        if metrics is not None:
            tagged = partial(
                gather.fetch, scope, Need.TAGS, chosen if told else [], directly=direct
            )
            names = [each.channel.channel_name for each in chosen]
            with _meanwhile(tagged) as reading:
                _read_month(scope, metrics, names, console)
                read = reading.result()
            chosen = read.facts or chosen
            planned.problems += read.problems + metrics.problems
        bill = _priced(chosen, prices, metrics, scope.now())
        lines = bill.lines if sort else bill.dearest_first[:: -1 if reverse else 1]
        text = render(
            lines[:limit], listing_columns(bill, tags=shown), output, query, "No channels."
        )
        click.echo(text + _total(bill, output), nl=False)
    else:
        columns = channel_columns(scope.now(), tags=shown)
        click.echo(render(chosen, columns, output, query, "No channels."), nl=False)
    if prices or scope.metric_budget.asked:
        tell_own_cost(scope, console)
    _tell_beside(planned, console)
    code = verdict(bill, budget, baseline, console) if prices else 0
    click.get_current_context().exit(1 if planned.undecided else code)


def _tell_beside(planned: "Plan", console: "Console") -> None:
    for problem in (*planned.problems, *planned.undecided):
        console.warn(problem)
    for presumption in planned.presumed:
        console.note(presumption)


def _total(bill: "Bill", output: "Output") -> str:
    """Make the line under a table for people; JSON and CSV have none."""
    from kvsops.output.text import markdown_safe
    from kvsops.reports.bill_columns import totals

    if output == "table":
        return f"\n{totals(bill)}.\n"
    return f"\n{markdown_safe(totals(bill))}.\n" if output == "markdown" else ""


def _see(scope: "Scope", metrics: "Metered | None", **_: object) -> None:
    """Learn which names have points at all, where metrics are to be read."""
    from kvsops.bill import usage as metering

    if metrics is not None:
        metering.see(scope, metrics)


def _read_month(scope: "Scope", metrics: "Metered", names: list[str], console: "Console") -> None:
    from kvsops.core.cost import Month

    metered(scope, metrics, names, month=Month.of(scope.now()), console=console)


@contextmanager
def _meanwhile(read: "Callable[..., Result]") -> "Iterator[Future[Result]]":
    """Read in a thread of its own while the block runs: each has another pace to keep to.

    Where the block ends with an error the reading ends too, the next time that it calls the
    `advance` it is given.
    """
    from concurrent.futures import ThreadPoolExecutor
    from threading import Event

    stopped = Event()

    def advance(_: int) -> None:
        if stopped.is_set():
            raise InterruptedError

    with ThreadPoolExecutor(1) as aside:
        try:
            yield aside.submit(read, advance=advance)
        except BaseException:
            stopped.set()
            raise


def _priced(
    chosen: "Sequence[Facts]", prices: "Prices", metrics: "Metered | None", now: "datetime"
) -> "Bill":
    """Price the channels this month; without metrics, as if each were used."""
    from kvsops.bill.bill import Bill, Line, lines_of
    from kvsops.core.cost import Month, assumed

    month = Month.of(now)
    if metrics is None:
        each_assumed = assumed(prices)
        lines = [Line(each.channel.channel_name, None, each_assumed, each) for each in chosen]
    else:
        lines = lines_of(chosen, (), metrics, prices=prices, month=month, now=now)
    return Bill(month, now, prices, [line for line in lines if line.facts])


def _contradiction(cost: bool, no_metrics: bool, budget: Budget) -> str | None:  # noqa: FBT001 - options
    """Say which options are about costs where costs were not asked for."""
    if not cost and (no_metrics or budget.given):
        return "these options are about costs: add --cost"
    return None
