"""`kvsops list`."""

from typing import TYPE_CHECKING, Any, Final

import click

from kvsops.cli.options import Where, output_options, refuse, rule_options, scope_options
from kvsops.core.rule import Role
from kvsops.core.rules import rules_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from kvsops.core.facts import Facts
    from kvsops.output.rows import Output

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
    default="name",
    show_default=True,
    help="In this order; by age: oldest first.",
)
@click.option("--reverse", is_flag=True, help="In the opposite order.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N of them.")
@output_options()
@scope_options
def list_(
    *,
    where: Where,
    given: dict[str, Any],
    tags: bool,
    direct: bool,
    sort: str,
    reverse: bool,
    limit: int | None,
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
    """
    from kvsops import gather
    from kvsops.aws import channels
    from kvsops.cli.columns import channel_columns
    from kvsops.core.facts import Need
    from kvsops.core.judge import listing_rules, objection
    from kvsops.output.console import Console, progress
    from kvsops.output.rows import render
    from kvsops.plan import plan

    refuse(objection(given))
    scope, console = where.open(read_only=True), Console()
    shown = tags or bool(given["tag"] or given["without-tag"])
    with progress("reading tags", None, console=console) as done:
        listed = channels.each_listed(scope, given["prefix"])
        planned = plan(scope, listed, listing_rules(given), directly=direct, advance=done.advance)
        chosen = sorted(planned.chosen, key=_ORDERS[sort], reverse=reverse)[:limit]
        if shown or output in ("json", "csv"):
            read = gather.fetch(scope, Need.TAGS, chosen, directly=direct, advance=done.advance)
            chosen, planned.problems = read.facts, planned.problems + read.problems
    columns = channel_columns(scope.now(), tags=shown)
    click.echo(render(chosen, columns, output, query, nothing="No channels."), nl=False)
    for problem in (*planned.problems, *planned.undecided):
        console.warn(problem)
    click.get_current_context().exit(1 if planned.undecided else 0)
