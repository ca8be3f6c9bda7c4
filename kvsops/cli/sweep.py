"""`kvsops sweep`."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from kvsops.cli.options import (
    DURATION,
    Text,
    Where,
    journal_option,
    output_options,
    refuse,
    rule_options,
    scope_options,
)
from kvsops.core.rule import Role
from kvsops.core.rules import rules_of
from kvsops.errors import CheckFailedError, UsageError
from kvsops.parameters import Fuse

if TYPE_CHECKING:
    from kvsops.aws.scope import Scope
    from kvsops.cli.report import Report
    from kvsops.output.console import Console
    from kvsops.output.rows import Output


FUSE: Final = Text("n|n%", Fuse.parse)


@click.command(
    epilog="What is shown may rest on AWS's tag index; before each deletion the channel's tags and "
    "storage link are read directly and it is judged again. Every deletion is journalled; "
    "kvsops restore makes the channels again."
)
@rule_options(
    *rules_of(Role.CONDITION),
    *rules_of(Role.NARROWING),
    *(rule for rule in rules_of(Role.PROTECTION) if rule.options),
)
@click.option("--yes", is_flag=True, help="Delete. Without it, only show what would be.")
@click.option("--dry-run", is_flag=True, help="Only show what would be deleted: the default.")
@click.option(
    "--any-channel", is_flag=True, help="With --yes: every channel that is old enough is meant."
)
@click.option("--check", is_flag=True, help="Dry run that exits 3 if any would be deleted.")
@click.option(
    "--max-deletes",
    type=FUSE,
    metavar="N|N%",
    default="100",
    show_default=True,
    help="Fuse: if more would be deleted, delete none and exit 3.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the N oldest of them.")
@click.option(
    "--deadline", type=DURATION, metavar="DURATION", help="Stop in order after this long."
)
@click.option("--expect-account", metavar="ID", help="Refuse to run in another account.")
@click.option("--direct", is_flag=True, help="Show only what direct reads confirm: 40 a second.")
@click.option(
    "--all", "everything", is_flag=True, help="Show the channels no condition meets, too."
)
@journal_option
@output_options()
@scope_options
def sweep(
    *,
    where: Where,
    given: dict[str, Any],
    yes: bool,
    dry_run: bool,
    any_channel: bool,
    check: bool,
    max_deletes: Fuse,
    limit: int | None,
    deadline: timedelta | None,
    expect_account: str | None,
    direct: bool,
    everything: bool,
    journal: Path | None,
    output: "Output",
    query: str | None,
) -> None:
    """Delete the channels nobody needs: those that meet every condition given.

    \b
    Examples:
      kvsops sweep --older-than 2h                        # shows what would be deleted
      kvsops sweep --older-than 2h --prefix ci- --yes
      kvsops sweep --expired --yes
      kvsops sweep --orphaned --older-than 1d --yes --max-deletes 10%

    Spared whatever the conditions: channels tagged kvsops:keep or with a --protect-tag, held
    (kvsops:expires-at is ahead or unreadable), made by CloudFormation, linked to storage, not
    ACTIVE, without a creation time, and those whose tags could not be read.
    """
    from kvsops.cli.deed import carry_out
    from kvsops.cli.report import Report, tell
    from kvsops.core.judge import no_condition, objection, sweep_rules
    from kvsops.output.console import Console
    from kvsops.output.text import count

    given |= {"yes": yes, "any-channel": any_channel}
    refuse(_contradiction(yes, dry_run, check) or no_condition(given) or objection(given))
    scope, console = where.open(read_only=not yes), Console()
    began = scope.clock()
    _expect(scope, expect_account)
    rules = sweep_rules(given)
    report = Report(_planned(scope, rules, console, direct=direct), rules, scope, began, everything)
    if limit:
        report.plan.limit(limit)
    blown = _blown(report, max_deletes)
    if yes and not blown:
        report.check_query(output, query)
        end = None if deadline is None else began + deadline.total_seconds()
        carry_out(report, console, path=journal, deadline=end)
    tell(report, console, output, query)
    if blown and yes:
        raise CheckFailedError(f"the fuse blew: {blown}, so nothing was deleted; {_HOW_ON}")
    if blown:
        console.warn(f"the fuse would blow: {blown}; {_HOW_ON}")
    if check and report.plan.doomed:
        raise CheckFailedError(f"--check: {count(len(report.plan.doomed), 'channel')} to delete")
    click.get_current_context().exit(report.exit_code)


_HOW_ON: Final = "raise --max-deletes, or take the oldest first with --limit N"


def _contradiction(yes: bool, dry_run: bool, check: bool) -> str | None:  # noqa: FBT001 - options
    if yes and (dry_run or check):
        return f"--yes deletes and {'--dry-run' if dry_run else '--check'} does not: drop one"
    return None


def _expect(scope: "Scope", account: str | None) -> None:
    if account is not None and scope.account_id != account:
        msg = f"these credentials are of account {scope.account_id}, not {account}"
        raise UsageError(msg)


def _planned(scope: "Scope", rules: Any, console: "Console", *, direct: bool) -> Any:
    from kvsops.aws import channels
    from kvsops.output.console import progress
    from kvsops.plan import plan

    with progress("reading", None, console=console) as shown:
        listed = channels.each_listed(scope, rules.given["prefix"])
        return plan(scope, listed, rules, directly=direct, advance=shown.advance)


def _blown(report: "Report", fuse: Fuse) -> str | None:
    doomed, listed = len(report.plan.doomed), len(report.plan.items)
    if doomed <= fuse.most(listed):
        return None
    return f"{doomed:,} of {listed:,} channels are more than --max-deletes {fuse.text}"
