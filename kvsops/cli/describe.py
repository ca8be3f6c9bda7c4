"""`kvsops describe`."""

from typing import TYPE_CHECKING

import click

from kvsops.cli.help import Command, section
from kvsops.cli.main import told
from kvsops.cli.money import USD
from kvsops.cli.options import TARGET, in_region, output_options, scope_options, screen
from kvsops.cli.where import Where
from kvsops.errors import UsageError

if TYPE_CHECKING:
    from decimal import Decimal

    from kvsops.aws.scope import Scope
    from kvsops.bill.closeup import Closeup
    from kvsops.core.cost import Prices
    from kvsops.core.facts import Facts
    from kvsops.errors import AwsError
    from kvsops.output.console import Console
    from kvsops.output.rows import Output


@click.command(
    cls=Command,
    epilog="The table asks CloudWatch for up to ten metrics of each channel, for $0.0001; the "
    "other outputs ask nothing. Metrics show when a connection began, some minutes late, but not "
    "when it ended: it may last for up to an hour.",
)
@click.argument("targets", nargs=-1, required=True, type=TARGET, metavar="NAME|ARN...")
@section("Costs")
@click.option("--no-metrics", is_flag=True, help="Do not ask CloudWatch for use and cost.")
@click.option(
    "--max-own-cost", type=USD, metavar="USD", help="Do not read metrics if that may cost more."
)
@section("Output")
@click.option("-v", "--verbose", is_flag=True, help="Also show the version and the ARN.")
@output_options()
@scope_options
def describe(
    *,
    where: Where,
    targets: tuple[str, ...],
    no_metrics: bool,
    max_own_cost: "Decimal | None",
    verbose: bool,
    output: "Output",
    query: str | None,
) -> None:
    """Show all there is to some channels: state, use, cost, tags and storage link.

    \b
    Examples:
      kvsops describe cam-door
      kvsops describe cam-door -o json --query '[0].tags'
    """
    from kvsops.core.facts import Unknown
    from kvsops.errors import AwsError
    from kvsops.output.console import Console
    from kvsops.output.rows import render
    from kvsops.reports.columns import channel_columns

    scope, console = where.open(read_only=True, max_own_cost=max_own_cost), Console()
    in_region(scope, targets)
    rows = [*scope.in_parallel(lambda each: _read(scope, each), dict.fromkeys(targets))]
    found = [row for row in rows if not isinstance(row, AwsError)]
    ctx = click.get_current_context()
    problems = [told(row, ctx) for row in rows if isinstance(row, AwsError)]
    for facts in found:
        for fact in (facts.tags, facts.storage):
            problems += [fact.why] if isinstance(fact, Unknown) else []
    if output == "table":
        problems += _show_each(scope, found, console, metrics=not no_metrics, verbose=verbose)
    else:
        columns = channel_columns(scope.now(), tags=True, storage=True, verbose=True)
        click.echo(render(found, columns, output, query), nl=False)
    for problem in problems:
        console.error(problem)
    ctx.exit(1 if problems else 0)


def _read(scope: "Scope", target: str) -> "Facts | AwsError":
    """Read all there is of one channel; what is denied is an Unknown among its facts."""
    from kvsops.aws import channels
    from kvsops.core.facts import Facts, Need
    from kvsops.errors import AwsError
    from kvsops.facts import gather

    try:
        facts = Facts(channels.named(scope, target))
        for need in (Need.TAGS, Need.STORAGE):
            facts = gather.direct(scope, facts, need)
    except AwsError as error:
        return error
    return facts


def _show_each(
    scope: "Scope", found: "list[Facts]", console: "Console", *, metrics: bool, verbose: bool
) -> list[str]:
    """Show a card of each channel, off a terminal with everything; return what went wrong."""
    from kvsops.bill.closeup import NOT_ASKED
    from kvsops.reports.description import card
    from kvsops.reports.own_cost import tell_own_cost

    closeups = _closeups(scope, found) if found and metrics else {}
    shown_on = screen()
    cards = [
        card(
            facts,
            closeups.get(facts.channel.channel_name, NOT_ASKED),
            place=f"{scope.region}, account {scope.account_of(facts.channel.channel_arn)}",
            now=scope.now(),
            verbose=verbose or shown_on.width is None,
        )
        for facts in found
    ]
    click.echo("\n".join(each.text(shown_on) for each in cards), nl=False)
    if closeups:
        tell_own_cost(scope, console)
    return [*dict.fromkeys(each.why for each in closeups.values() if each.why)]


def _closeups(scope: "Scope", found: "list[Facts]") -> "dict[str, Closeup]":
    """Read the channels' metrics, and price what they tell where the prices are known."""
    from kvsops.aws import prices as price_tables
    from kvsops.bill import closeup

    known = price_tables.load(None, price_tables.cache_path(emulated=scope.emulated))
    prices: Prices | UsageError
    try:
        prices = price_tables.prices_of(known, scope.region)
    except UsageError as error:
        prices = error
    return closeup.read(scope, [facts.channel for facts in found], prices)
