"""`kvsops streams`."""

from typing import TYPE_CHECKING, Any, Final

import click

from kvsops.cli.choice import Choice
from kvsops.cli.help import Command, section
from kvsops.cli.money import Money, asking_options
from kvsops.cli.options import output_options, refuse, rule_options, scope_options, screen
from kvsops.cli.where import Where
from kvsops.core.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable

    from kvsops.aws.scope import Scope
    from kvsops.bill.stream_listing import Chosen
    from kvsops.bill.streams import StreamBill, StreamLine
    from kvsops.output.console import Console
    from kvsops.output.rows import Output

FILTERS: Final = ("prefix", "match", "tag", "without-tag", "status", "younger-than", "older-than")
"""The rules of listings that a stream has the facts for."""

ORDERS: Final[dict[str, "Callable[[StreamLine], Any]"]] = {
    "name": lambda line: line.stream_name,
    "age": lambda line: (str(line.stream and line.stream.creation_time), line.stream_name),
    "written": lambda line: (str(line.usage.last_written or ""), line.stream_name),
}


@click.command(
    cls=Command,
    epilog="AWS has no metric of what a stream stores: it is reckoned from what came in within the "
    "retention that the stream has now. A + says that something is not known, so that it may cost "
    "more. Reading metrics costs $0.01 per 1,000. Tags come from AWS's tag index; up to 100 "
    "streams that are not in it are read one by one, of more ? and null mean not known.",
)
@section("Which streams")
@rule_options(*(rule for rule in RULES if rule.name in FILTERS))
@section("Output")
@click.option("--tags", is_flag=True, help="Show the tags.")
@click.option("-v", "--verbose", is_flag=True, help="Also show age, tier, and each item's cost.")
@click.option(
    "--sort",
    type=Choice(list(ORDERS)),
    help="Sort by this; age: oldest first; written: longest unwritten first.  "
    "[default: dearest first]",
)
@click.option("--reverse", is_flag=True, help="Reverse the order.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Show only the first N.")
@section("Costs")
@asking_options
@output_options()
@scope_options
def streams(
    *,
    where: Where,
    given: dict[str, Any],
    tags: bool,
    verbose: bool,
    sort: str | None,
    reverse: bool,
    limit: int | None,
    money: Money,
    output: "Output",
    query: str | None,
) -> None:
    """List streams with what they cost this month, dearest first.

    \b
    Examples:
      kvsops streams
      kvsops streams --sort written --limit 20
      kvsops streams --prefix cam- --tags
      kvsops streams -o json --query '[?data_retention_hours > `720`].stream_name'

    A channel that is linked to a stream records its media there. KEPT is the stream's retention,
    CHANNEL the channel that records to it, WRITTEN and READ when that was last.
    """
    from kvsops.core.policies import objection
    from kvsops.output.console import Console
    from kvsops.reports.own_cost import tell_own_cost
    from kvsops.reports.stream_columns import stream_columns
    from kvsops.reports.stream_said import listing_total

    refuse(objection(given | {"listing": True}))
    scope, console = where.open(read_only=True, max_own_cost=money.max_own_cost), Console()
    chosen, bill = _read(scope, given, money, console, tags=tags or output in _WITH_TAGS)
    lines = sorted(bill.lines, key=ORDERS[sort]) if sort else bill.dearest_first
    rows = [line for line in lines[:: -1 if reverse else 1] if not line.ghost][:limit]
    rows, failed = _linked(scope, bill, rows, console)
    text = _text(rows, stream_columns(bill, tags=tags, verbose=verbose), output, query, scope)
    whole = _by_names_alone(given)
    text += listing_total(bill, scope.region, output, screen(), with_deleted=whole)
    click.echo(text, nl=False)
    tell_own_cost(scope, console)
    for problem in chosen.problems:
        console.warn(problem)
    failures = [*bill.problems, *chosen.failed, *failed]
    for failure in failures:
        console.error(failure)
    click.get_current_context().exit(1 if failures else 0)


_WITH_TAGS: Final = ("json", "csv", "text")


def _by_names_alone(given: dict[str, Any]) -> bool:
    """Whether it can be told which deleted streams are meant, too."""
    from kvsops.bill.narrowing import Narrowing

    return Narrowing.suffices(given)


def _read(
    scope: "Scope",
    given: dict[str, Any],
    money: Money,
    console: "Console",
    *,
    tags: bool,
) -> "tuple[Chosen, StreamBill]":
    """Read the streams that are meant, and price them."""
    from kvsops.bill.narrowing import Narrowing
    from kvsops.bill.stream_listing import choose, priced
    from kvsops.core.policies import listing_rules
    from kvsops.output.console import progress

    prices = money.load_prices(scope)
    narrowing = Narrowing.of(given) if _by_names_alone(given) else None
    with progress("listing streams", None, console=console) as seen:
        chosen = choose(scope, given, listing_rules(given), seen, tags=tags)
        return chosen, priced(scope, chosen, narrowing, prices, seen)


def _linked(
    scope: "Scope", bill: "StreamBill", rows: "list[StreamLine]", console: "Console"
) -> "tuple[list[StreamLine], list[str]]":
    """Read the links of the streams that are shown; return what could not be read, too."""
    from dataclasses import replace

    from kvsops.bill.stream_listing import linked
    from kvsops.output.console import progress

    with progress("links", len(rows), console=console) as seen:
        found, problems = linked(scope, replace(bill, lines=rows), seen)
    return [*found.lines], problems


def _text(
    rows: "list[StreamLine]", columns: Any, output: "Output", query: str | None, scope: "Scope"
) -> str:
    from kvsops.output.rows import render

    nothing = "" if rows else f"No streams in {scope.place()}."
    return render(rows, columns, output, query, nothing, screen=screen(), noun="stream")
