"""`kvsops cost`."""

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from kvsops.cli.brief import brief_option, show
from kvsops.cli.help import Command, section
from kvsops.cli.money import Money, price_options
from kvsops.cli.options import (
    DURATION,
    Text,
    output_options,
    rule_options,
    screen,
    typed,
)
from kvsops.cli.places import Wherever, places_options
from kvsops.core.channel import checked_tag_key
from kvsops.core.likeness import suggestion
from kvsops.core.rules import RULES
from kvsops.errors import UsageError

if TYPE_CHECKING:
    from kvsops.aws.scope import Scope
    from kvsops.bill.reading import Reading, Wanted
    from kvsops.core.cost import Month
    from kvsops.output.console import Console
    from kvsops.output.rows import Output
    from kvsops.reports.bill import BillReport
    from kvsops.reports.files import ReportFiles

    Files = list[tuple[ReportFiles[BillReport], Path]]

GROUPS: Final = ("owner", "prefix", "region", "account")
_FILE: Final = click.Path(dir_okay=False, path_type=Path)


def _group(text: str) -> str:
    """Read owner, prefix, region, account or tag:KEY; raises `UsageError`."""
    if text in GROUPS:
        return text
    if text.startswith("tag:"):
        return f"tag:{checked_tag_key(text.removeprefix('tag:'))}"
    near = suggestion(text, GROUPS, f"write tag:KEY, {', '.join(GROUPS)}")
    raise UsageError(f"cannot group by {text!r}: {near}")


def _month(text: str) -> "Month":
    from kvsops.core.cost import Month

    return Month.parse(text)


@click.command(
    cls=Command,
    epilog="CloudWatch knows channels by name and day. ListMetrics still names channels deleted "
    "in the last two weeks; older ones come from journals and the --baseline, and where these are "
    "missing the total is called a lower bound. Reading metrics costs $0.01 per 1,000.",
)
@section("Which channels")
@rule_options(*(rule for rule in RULES if rule.name in ("prefix", "match")))
@click.option("--month", type=Text("month", _month), metavar="YYYY-MM", help="An earlier month.")
@section("Output")
@click.option(
    "--group-by",
    type=Text("group", _group),
    metavar="tag:KEY|owner|prefix|region|account",
    help="Subtotals by this.  [default: prefix; over many accounts: account]",
)
@click.option("--html", type=_FILE, metavar="FILE", help="Also write a page to share.")
@click.option(
    "--open-metrics", type=_FILE, metavar="FILE", help="Also write metrics for Prometheus."
)
@section("Costs")
@click.option(
    "--max-retention",
    type=DURATION,
    metavar="DURATION",
    help="Advise on streams that are kept longer, unless their kvsops:retention says so.",
)
@price_options
@click.option(
    "--journal",
    "journals",
    type=_FILE,
    multiple=True,
    metavar="FILE",
    help="Find deleted channels in this journal of a sweep, besides those in the state directory.",
)
@output_options()
@brief_option
@places_options
# Over 40 lines for its signature, an argument for each option, and its docstring, the help.
def cost(
    *,
    where: Wherever,
    given: dict[str, Any],
    month: "Month | None",
    group_by: str | None,
    max_retention: timedelta | None,
    money: Money,
    journals: tuple[Path, ...],
    html: Path | None,
    open_metrics: Path | None,
    output: "Output",
    query: str | None,
    brief: bool,
) -> None:
    """Show what channels and streams cost this month, and what could be saved.

    \b
    Examples:
      kvsops cost
      kvsops cost --group-by owner --fail-over 25
      kvsops cost --month 2026-10 -o json > october.json
      kvsops cost --baseline last-week.json --max-growth 20%
      kvsops cost --html bill.html
      kvsops cost --organization-role kvsops --all-regions --group-by account
    """
    from kvsops.bill.budget import StreamsTotal
    from kvsops.core.facts import Need
    from kvsops.facts.unread import unread
    from kvsops.output.console import Console
    from kvsops.reports.bill import report_of
    from kvsops.reports.bill_digest import bill_digest
    from kvsops.reports.bill_text import tell
    from kvsops.reports.files import all_written
    from kvsops.reports.own_cost import tell_own_cost

    if where.many:
        from kvsops.bill.narrowing import Narrowing
        from kvsops.cli.cost_many import checked, cost_many, wished

        written_to = checked(html, open_metrics)
        wish = wished(
            month,
            Narrowing.of(given),
            money,
            by=group_by or "account",
            journals=journals,
            max_retention=max_retention,
        )
        code = cost_many(where, wish, written_to, output, query, brief=brief)
        click.get_current_context().exit(code)
    group_by = group_by or "prefix"
    files = _checked(html, open_metrics)
    scope = where.open(read_only=True, max_own_cost=money.max_own_cost)
    console = Console()
    wanted = _wanted(scope, month, given, money, group_by, max_retention=max_retention)
    reading = _read(scope, wanted, journals, console)
    report = report_of(reading, scope, wanted.narrowing, group_by)
    failed = unread((line.facts for line in reading.bill.lines if line.facts), Need.TAGS)
    streams = StreamsTotal.of(reading.streams)
    verdict = money.verdict(reading.bill, wanted.baseline, streams)
    digest = partial(bill_digest, report, verdict, failed, typed())
    show(lambda: tell(report, console, output, query, screen()), digest, console, brief=brief)
    written = all_written(report, files, console)
    tell_own_cost(scope, console)
    for failure in failed:
        console.error(failure)
    code = money.tell(verdict, console)
    # A look for deleted channels that failed is never one that found none.
    whole = reading.metered.seen_all and reading.streams.complete and written and not failed
    click.get_current_context().exit(code if whole else 1)


def _checked(html: Path | None, open_metrics: Path | None) -> "Files":
    """Return the files to write; raises `UsageError` for one that could not be."""
    files: Files = []
    if html:
        from kvsops.reports.bill_page import HTML

        files.append((HTML, HTML.check(html)))
    if open_metrics:
        from kvsops.reports.bill_gauges import OPEN_METRICS

        files.append((OPEN_METRICS, OPEN_METRICS.check(open_metrics)))
    return files


def _wanted(
    scope: "Scope",
    month: "Month | None",
    given: dict[str, Any],
    money: Money,
    group_by: str,
    *,
    max_retention: timedelta | None,
) -> "Wanted":
    """Return what is asked for; raises `UsageError` for what there is not."""
    from kvsops.bill.bill import tag_key
    from kvsops.bill.narrowing import Narrowing
    from kvsops.bill.reading import Wanted, within_reach

    now, narrowing = scope.now(), Narrowing.of(given)
    return Wanted(
        within_reach(month, now),
        now,
        money.load_prices(scope),
        narrowing,
        money.load_baseline(scope.region, narrowing),
        tag_key(group_by),
        max_retention=max_retention,
    )


def _read(
    scope: "Scope", wanted: "Wanted", journals: tuple[Path, ...], console: "Console"
) -> "Reading":
    """Read the bill, with the deleted channels that journals tell of."""
    from kvsops.bill.reading import read_bill
    from kvsops.output.console import progress
    from kvsops.sweep.deleted import names_deleted

    deleted = partial(names_deleted, journals, scope.region, wanted.month.start)
    with progress("listing channels", None, console=console) as seen:
        return read_bill(scope, wanted, deleted, seen)
