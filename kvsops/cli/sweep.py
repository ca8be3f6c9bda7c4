"""`kvsops sweep`."""

import os
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from kvsops.cli.brief import brief_option
from kvsops.cli.help import Command, section
from kvsops.cli.notify import Notice, notify_options
from kvsops.cli.options import (
    DURATION,
    TARGET,
    Text,
    in_region,
    journal_option,
    output_options,
    refuse,
    rule_options,
    screen,
    typed,
    verbose_option,
)
from kvsops.cli.places import Wherever, places_options
from kvsops.cli.sweep_many import Asked, sweep_many
from kvsops.cli.values import ACCOUNT
from kvsops.core.rule import Role
from kvsops.core.rules import rules_of
from kvsops.errors import CheckFailedError
from kvsops.sweep.fuse import Fuse

if TYPE_CHECKING:
    from kvsops.output.console import Console
    from kvsops.output.rows import Output
    from kvsops.reports.sweep import Report


FUSE: Final = Text("n|n%", Fuse.parse)
_TOTAL: Final = Text("n|n%", lambda text: Fuse.parse(text, "--max-deletes-total"))


def _report_file(text: str) -> Path:
    """Read the name of a report's file; raises `UsageError` where none can be written there."""
    from kvsops.reports.sweep_files import REPORT

    return REPORT.check(Path(text))


@click.command(
    cls=Command,
    epilog="With more than 500 candidates, what is shown may come from AWS's tag index, and the "
    "screen says so. Before each deletion, the channel's tags and storage link are read "
    "directly and it is judged again. Every deletion is recorded in a journal, from which kvsops "
    "restore recreates the channels.",
)
@section("What to delete")
@rule_options(*rules_of(Role.CONDITION), *rules_of(Role.NARROWING))
@click.option(
    "--policy",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Run the policies in this file.  [default: kvsops.toml, if no condition is given]",
)
@section("What to spare")
@rule_options(*(rule for rule in rules_of(Role.PROTECTION) if rule.options))
@click.option(
    "--grace",
    type=DURATION,
    metavar="DURATION",
    help="Tag the candidates first; delete those that still qualify after this long.",
)
@section("Safety")
@click.option("--yes", is_flag=True, help="Delete. Without it, only show what would be deleted.")
@click.option("--dry-run", is_flag=True, help="Only show what would be deleted (the default).")
@click.option("--check", is_flag=True, help="Dry run that exits 3 if any would be deleted.")
@click.option(
    "--any-channel", is_flag=True, help="With --yes: age alone is enough, whatever the name."
)
@click.option(
    "--max-deletes",
    type=FUSE,
    metavar="N|N%",
    help="Fuse: if more would be deleted, delete none and exit 3; of many accounts and regions "
    "each has its own.  [default: 100]",
)
@click.option(
    "--max-deletes-total",
    type=_TOTAL,
    metavar="N|N%",
    help="Fuse of all accounts and regions: if more would be deleted, delete none anywhere.",
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    help="Delete the N oldest at most, wherever they are.",
)
@click.option("--deadline", type=DURATION, metavar="DURATION", help="Stop cleanly after this long.")
@click.option(
    "--expect-account",
    "expect_accounts",
    type=ACCOUNT,
    multiple=True,
    metavar="ID",
    help="Refuse to run in any other account; repeatable.",
)
@section("Output")
@click.option(
    "--explain",
    type=TARGET,
    metavar="NAME|ARN",
    help="Only explain what would happen to one channel, and why.",
)
@click.option(
    "--direct", is_flag=True, help="Confirm all that is shown by direct reads, 40 a second."
)
@click.option("--all", "everything", is_flag=True, help="Show all candidates, and what is kept.")
@click.option("--tags", is_flag=True, help="Also show the tags.")
@verbose_option
@click.option(
    "--report",
    "reports",
    type=Text("file", _report_file),
    multiple=True,
    metavar="FILE",
    help="Also write a report: .json, .xml (JUnit), .md or .prom (OpenMetrics).",
)
@journal_option
@output_options()
@brief_option
@places_options
@notify_options
# Over 40 lines for its signature, an argument for each option, and its docstring, the help.
def sweep(
    *,
    where: Wherever,
    notice: Notice,
    given: dict[str, Any],
    grace: timedelta | None,
    policy: Path | None,
    explain: str | None,
    yes: bool,
    dry_run: bool,
    any_channel: bool,
    check: bool,
    max_deletes: Fuse | None,
    max_deletes_total: Fuse | None,
    limit: int | None,
    deadline: timedelta | None,
    expect_accounts: tuple[str, ...],
    direct: bool,
    everything: bool,
    tags: bool,
    verbose: bool,
    reports: tuple[Path, ...],
    journal: Path | None,
    output: "Output",
    query: str | None,
    brief: bool,
) -> None:
    """Delete the channels nobody needs: those that meet every condition given.

    \b
    Examples:
      kvsops sweep --older-than 2h             # shows what would be deleted
      kvsops sweep --older-than 2h --prefix ci- --yes
      kvsops sweep --expired --yes
      kvsops sweep --orphaned --older-than 1d --yes --max-deletes 10%
      kvsops sweep --idle-for 7d --prefix meeting- --grace 24h --yes
      kvsops sweep --yes                       # the policies in kvsops.toml
      kvsops sweep --older-than 2h --explain cam-door
      kvsops sweep --older-than 2h --organization-role kvsops-sweep --all-regions

    Always spared: channels that are tagged kvsops:keep or with a --protect-tag, leased
    (kvsops:expires-at is in the future or unreadable), made by CloudFormation, linked to storage,
    used in the last 2 hours, not ACTIVE, or without a creation time, and channels for which any
    of this could not be read.
    """
    from kvsops.facts.look import Look
    from kvsops.output.console import Console, progress
    from kvsops.reports.explanation import tell_why
    from kvsops.reports.sweep import Report
    from kvsops.reports.sweep_digest import digest_of
    from kvsops.reports.sweep_screen import View
    from kvsops.reports.sweep_told import told_on
    from kvsops.sweep.journal import opener
    from kvsops.sweep.run import Sweep, site
    from kvsops.sweep.terms import combined

    given |= {"yes": yes, "any-channel": any_channel}
    refuse(_contradiction(yes, dry_run, check))
    if explain and output == "csv":
        refuse("--explain tells two tables, which CSV cannot hold: use -o json")
    rules, bounds = combined(
        given,
        grace,
        policy,
        max_deletes,
        total=max_deletes_total,
        limit=limit,
        account_ids=expect_accounts,
    )
    if where.many:
        refuse("--explain looks in one account and region: give one --region" if explain else None)
        asked = Asked(
            yes=yes,
            check=check,
            direct=direct,
            prefix=given["prefix"],
            deadline=deadline,
            journal=journal,
            everything=everything,
            tags=tags,
            verbose=verbose,
            brief=brief,
            output=output,
            query=query,
            reports=reports,
        )
        sweep_many(where, rules, bounds, asked, notice)
    scope, console = where.open(read_only=not yes), Console()
    began = scope.clock()
    end = None if deadline is None else began + deadline.total_seconds()
    if explain:
        bounds.check_account(scope)
        in_region(scope, (explain,))
        here = rules.at(site(scope, rules))
        known = tell_why(scope, explain, here, output, query, screen=screen())
        click.get_current_context().exit(0 if known else 1)
    with progress("listing channels", None, console=console) as seen:
        look = Look(directly=direct, counter=seen)
        planned = Sweep.of_all(scope, rules, bounds, look, given["prefix"], deadline=end)
        planned.confirm(check=check, counter=seen)
    view = View(screen(), everything, tags)
    report = Report(planned, began, view, typed=typed(), options=where.again(scope))
    report.check_query(output, query)
    notice.about = partial(digest_of, report)
    if yes:
        with progress("deleting", None, console=console) as seen:
            planned.run(opener(journal, os.environ, told_on(console)), seen)
    report.answer = _no(report, yes=yes, check=check)
    report.propose()
    code = _tell(report, reports, console, output, query, verbose=verbose, brief=brief)
    if planned.defect:
        raise planned.defect
    if report.answer and code == CheckFailedError.exit_code:
        raise CheckFailedError(report.answer)
    click.get_current_context().exit(code)


def _contradiction(yes: bool, dry_run: bool, check: bool) -> str | None:  # noqa: FBT001 - options
    if yes and (dry_run or check):
        return f"--yes deletes and {'--dry-run' if dry_run else '--check'} does not: drop one"
    return None


def _no(report: "Report", *, yes: bool, check: bool) -> str:
    """Say why the answer is no, if it is."""
    from kvsops.output.text import count
    from kvsops.reports.sweep import how_on

    doomed = report.plan.doomed
    if check and (confirmed := sum(item.confirmed for item in doomed)):
        least = "" if confirmed == len(doomed) else "at least "
        return f"--check: {least}{count(confirmed, 'channel')} to delete"
    if yes and (blown := report.sweep.blown):
        return f"the fuse blew: {blown}, so nothing was deleted; {how_on(blown)}"
    return ""


def _tell(
    report: "Report",
    paths: tuple[Path, ...],
    console: "Console",
    output: "Output",
    query: str | None,
    *,
    verbose: bool,
    brief: bool,
) -> int:
    """Print the report and write its files; return the exit code."""
    from kvsops.reports.sweep_told import Telling, tell

    code = CheckFailedError.exit_code if report.answer else report.exit_code
    report.answer = report.answer or next(iter(report.warnings), "")
    try:
        tell(report, console, output, query, Telling(code, verbose, brief))
    finally:  # also where standard output takes no more
        if paths:
            from kvsops.reports.files import all_written
            from kvsops.reports.sweep_files import REPORT

            files = [(REPORT, path) for path in paths]
            code = code if all_written(report.run(code), files, console) else code or 1
    return code
