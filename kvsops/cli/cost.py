"""`kvsops cost`."""

from datetime import datetime
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from kvsops.cli.money import (
    Budget,
    metered,
    narrowing,
    price_options,
    tell_own_cost,
    verdict,
)
from kvsops.cli.options import Text, Where, output_options, rule_options, scope_options
from kvsops.core.channel import checked_tag_key
from kvsops.core.rules import RULES
from kvsops.errors import KvsopsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kvsops.aws.scope import Scope
    from kvsops.bill.usage import Metered
    from kvsops.core.cost import Month
    from kvsops.core.facts import Facts
    from kvsops.output.console import Console
    from kvsops.output.rows import Output
    from kvsops.reports.bill import BillReport

GROUPS: Final = ("owner", "prefix", "region")
_FILE: Final = click.Path(dir_okay=False, path_type=Path)


def _group(text: str) -> str:
    """Read owner, prefix, region or tag:KEY; raises `UsageError`."""
    if text in GROUPS:
        return text
    if text.startswith("tag:"):
        return f"tag:{checked_tag_key(text.removeprefix('tag:'))}"
    raise UsageError(f"cannot group by {text!r}: write tag:KEY, {', '.join(GROUPS)}")


def _month(text: str) -> "Month":
    from kvsops.core.cost import Month

    return Month.parse(text)


@click.command(
    epilog="CloudWatch knows channels by name and day. ListMetrics tells of deleted channels for "
    "two weeks back; older ones come from journals and the --baseline, and where these are "
    "missing the total is called a lower bound. Reading metrics costs $0.01 per 1,000."
)
@rule_options(*(rule for rule in RULES if rule.name in ("prefix", "match")))
@click.option("--month", type=Text("month", _month), metavar="YYYY-MM", help="An earlier month.")
@click.option(
    "--group-by",
    type=Text("group", _group),
    metavar="tag:KEY|owner|prefix|region",
    default="prefix",
    show_default=True,
    help="What to sum by.",
)
@price_options
@click.option(
    "--journal",
    "journals",
    type=_FILE,
    multiple=True,
    metavar="FILE",
    help="A sweep's journal, to find deleted channels by; those in the state directory are read.",
)
@click.option("--html", type=_FILE, metavar="FILE", help="Write one page to send around, too.")
@click.option("--open-metrics", type=_FILE, metavar="FILE", help="Write for Prometheus, too.")
@output_options()
@scope_options
def cost(
    *,
    where: Where,
    given: dict[str, Any],
    month: "Month | None",
    group_by: str,
    budget: Budget,
    journals: tuple[Path, ...],
    html: Path | None,
    open_metrics: Path | None,
    output: "Output",
    query: str | None,
) -> None:
    """Tell what the channels cost this month, and which parts of it could be spared.

    \b
    Examples:
      kvsops cost
      kvsops cost --group-by owner --fail-over 25
      kvsops cost --month 2026-10 -o json > october.json
      kvsops cost --baseline last-week.json --max-growth 20%
      kvsops cost --html bill.html
    """
    from kvsops.aws.activity import LISTED_FOR
    from kvsops.bill import usage as metering
    from kvsops.bill.bill import Bill, lines_of
    from kvsops.core.cost import Month
    from kvsops.output.console import Console
    from kvsops.reports.bill import BillReport, tell

    _check_extras(html, open_metrics)
    scope = where.open(read_only=True, max_own_cost=budget.max_own_cost)
    now, console = scope.now(), Console()
    month = _within_reach(month or Month.of(now), now)
    prices, baseline = budget.load_prices(scope), budget.load_baseline(scope.region, given)
    found = metering.Metered()
    with_tags = group_by not in ("prefix", "region")
    facts, listed = _listed(scope, given, console, found, with_tags=with_tags)
    metering.see(scope, found)
    known = _deleted(scope, journals, month, found, of=facts) | (
        baseline.names if baseline else set()
    )
    ghosts = sorted(name for name in (found.seen | known) - listed if _meant(name, given))
    names = [each.channel.channel_name for each in facts]
    metered(scope, found, [*names, *ghosts], month=month, console=console)
    lines = lines_of(facts, ghosts, found, prices=prices, month=month, now=now)
    told = month.start >= now - LISTED_FOR or (
        baseline is not None and baseline.covers(month, now - LISTED_FOR)
    )
    bill = Bill(month, now, prices, lines, lower_bound=not (told and found.seen_all))
    report = BillReport(bill, found, scope, group_by, len(listed), narrowing(given))
    tell(report, console, output, query)
    written = _write(report, html, open_metrics, console)
    tell_own_cost(scope, console)
    code = verdict(bill, budget, baseline, console)
    # A look for deleted channels that failed is never one that found none.
    click.get_current_context().exit(code if found.seen_all and written else 1)


def _check_extras(html: Path | None, open_metrics: Path | None) -> None:
    """Refuse a file that could not be made, before anything is asked that costs."""
    wanted = (("--html", html, "pygal"), ("--open-metrics", open_metrics, "prometheus_client"))
    for option, path, library in wanted:
        if path and find_spec(library) is None:
            raise UsageError(f"{option} needs pip install 'kvsops[report]'")


def _within_reach(month: "Month", now: datetime) -> "Month":
    """Refuse a month that has not begun, or of which the metrics are no longer kept."""
    from kvsops.aws.activity import REACH

    if month.start > now:
        raise UsageError(f"--month {month} has not begun")
    if month.start < now - REACH:
        raise UsageError(f"--month {month} is too long ago: CloudWatch keeps {REACH.days} days")
    return month


def _listed(
    scope: "Scope",
    given: dict[str, Any],
    console: "Console",
    found: "Metered",
    *,
    with_tags: bool,
) -> "tuple[list[Facts], set[str]]":
    """Return the channels that are meant, and the names of all that were listed."""
    from kvsops.aws import channels
    from kvsops.core.facts import Facts, Need
    from kvsops.facts import gather
    from kvsops.output.console import progress

    # All of them, whatever is meant: the quota is the region's.
    listed = [Facts(channel) for channel in channels.each_listed(scope)]
    facts = [each for each in listed if _meant(each.channel.channel_name, given)]
    if with_tags:
        with progress("reading tags", len(facts), console=console) as shown:
            read = gather.fetch(scope, Need.TAGS, facts, advance=shown.advance)
        facts = read.facts
        found.problems += read.problems
    return facts, {each.channel.channel_name for each in listed}


def _meant(name: str, given: dict[str, Any]) -> bool:
    """Whether the name narrows down to this one: of deleted channels there is nothing else."""
    begins = name.startswith(given["prefix"] or "")
    return begins and fnmatchcase(name, given["match"] or "*")


def _deleted(
    scope: "Scope",
    journals: tuple[Path, ...],
    month: "Month",
    found: "Metered",
    *,
    of: "Sequence[Facts]",
) -> set[str]:
    """Return the names that journals say were deleted in the month or after.

    Of another account than these channels' they are not: each metric asked for is billed.
    """
    from kvsops.core.channel import ChannelArn
    from kvsops.sweep import journal

    accounts = {ChannelArn.parse(each.channel.channel_arn).account_id for each in of[:1]}
    kept = journal.default_path({}, "any").parent
    names: set[str] = set()
    # An empty one is of a run that deleted nothing.
    own = [path for path in sorted(kept.glob("*.jsonl")) if path.stat().st_size]
    for path in (*journals, *own):
        try:
            entries = journal.read(path)
        except UsageError as error:
            if path in journals:
                raise
            found.problems.append(str(error))
            continue
        names |= {
            entry.arn.channel_name
            for entry in entries
            if entry.arn.region == scope.region and entry.time >= month.start
            if not accounts or entry.arn.account_id in accounts
        }
    return names


def _write(
    report: "BillReport", html: Path | None, open_metrics: Path | None, console: "Console"
) -> bool:
    """Write the page and the metrics that were asked for; return whether they could be."""
    written = True
    if html:
        from kvsops.output.files import replace
        from kvsops.reports.bill_page import page

        text = page(report.as_json())
        try:
            replace(html, text.encode())
        except OSError as error:
            console.error(f"{html} cannot be written: {error.strerror}")
            written = False
    if open_metrics:
        from kvsops.reports.bill_gauges import write

        try:
            write(report.as_json(), open_metrics)
        except KvsopsError as error:
            console.error(str(error))
            written = False
    return written
