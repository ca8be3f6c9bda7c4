"""`kvsops sweep`."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from kvsops.cli.options import (
    DURATION,
    TARGET,
    Text,
    Where,
    in_region,
    journal_option,
    output_options,
    refuse,
    rule_options,
    scope_options,
)
from kvsops.core.rule import Role
from kvsops.core.rules import RULES, rules_of
from kvsops.errors import CheckFailedError, KvsopsError, UsageError
from kvsops.sweep.parameters import Fuse

if TYPE_CHECKING:
    from kvsops.aws.scope import Scope
    from kvsops.core.judge import Rules
    from kvsops.output.console import Console
    from kvsops.output.rows import Output
    from kvsops.reports.sweep import Report
    from kvsops.sweep.plan import Plan


FUSE: Final = Text("n|n%", Fuse.parse)


def _report_file(text: str) -> Path:
    """Read the name of a report's file; raises `UsageError` where none can be written there."""
    from kvsops.reports.sweep_files import REPORT

    return REPORT.check(Path(text))


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
@click.option(
    "--grace",
    type=DURATION,
    metavar="DURATION",
    help="Two steps: mark what is condemned, and delete what is still so after this long.",
)
@click.option(
    "--policy",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Run the policies of this file.  [default: kvsops.toml, where no condition is given]",
)
@click.option("--explain", type=TARGET, metavar="NAME|ARN", help="Only say why, of one channel.")
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
    help="Fuse: if more would be deleted, delete none and exit 3.  [default: 100]",
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
@click.option(
    "--report",
    "reports",
    type=Text("file", _report_file),
    multiple=True,
    metavar="FILE",
    help="Write FILE.json, .xml (JUnit), .md or .prom (OpenMetrics), too.",
)
@journal_option
@output_options()
@scope_options
def sweep(
    *,
    where: Where,
    given: dict[str, Any],
    grace: timedelta | None,
    policy: Path | None,
    explain: str | None,
    yes: bool,
    dry_run: bool,
    any_channel: bool,
    check: bool,
    max_deletes: Fuse | None,
    limit: int | None,
    deadline: timedelta | None,
    expect_account: str | None,
    direct: bool,
    everything: bool,
    reports: tuple[Path, ...],
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
      kvsops sweep --idle-for 7d --prefix meeting- --grace 24h --yes
      kvsops sweep --yes                                  # the policies in kvsops.toml
      kvsops sweep --older-than 2h --explain cam-door

    Spared whatever the conditions: channels tagged kvsops:keep or with a --protect-tag, held
    (kvsops:expires-at is ahead or unreadable), made by CloudFormation, linked to storage, used in
    the last 2 hours, not ACTIVE, without a creation time, and those of which one of these could
    not be read.
    """
    from kvsops.cli.deed import carry_out
    from kvsops.output.console import Console
    from kvsops.output.text import count
    from kvsops.reports.explanation import tell_why
    from kvsops.reports.sweep import Report, tell

    given |= {"yes": yes, "any-channel": any_channel}
    refuse(_contradiction(yes, dry_run, check))
    if explain and output == "csv":
        refuse("--explain tells two tables, which CSV cannot hold: use -o json")
    rules, fuse = _rules(given, grace, policy, max_deletes)
    scope, console = where.open(read_only=not yes), Console()
    began = scope.clock()
    _expect(scope, expect_account)
    if explain:
        in_region(scope, (explain,))
        click.get_current_context().exit(0 if tell_why(scope, explain, rules, output, query) else 1)
    end = None if deadline is None else began + deadline.total_seconds()
    with scope.reading_until(end):
        planned = _planned(scope, rules, given["prefix"], console, direct=direct)
    report = Report(planned, rules, scope, began, everything)
    if limit:
        report.plan.limit(limit)
    blown = _blown(report, fuse)
    report.check_query(output, query)
    if yes:
        meant = report.plan.stale if blown else report.plan.to_write
        carry_out(report, meant, console, path=journal, deadline=end)
    no = None
    if blown and yes:
        no = f"the fuse blew: {blown}, so nothing was deleted; {_HOW_ON}"
    if check and report.plan.doomed:
        no = f"--check: {count(len(report.plan.doomed), 'channel')} to delete"
    code = CheckFailedError.exit_code if no else report.exit_code
    try:
        tell(report, console, output, query)
    finally:  # also where standard output takes no more
        code = _write(reports, report, code, console)
    if blown and not yes:
        console.warn(f"the fuse would blow: {blown}; {_HOW_ON}")
    if no:
        raise CheckFailedError(no)
    click.get_current_context().exit(code)


def _write(paths: tuple[Path, ...], report: "Report", code: int, console: "Console") -> int:
    """Write the reports that were asked for; return the exit code, not 0 where one failed."""
    if not paths:
        return code
    from kvsops.reports.sweep_files import REPORT

    run = report.run(code)
    for path in paths:
        try:
            REPORT.write(run, path)
        except KvsopsError as error:
            console.error(str(error))
            code = code or error.exit_code
    return code


_HOW_ON: Final = "raise --max-deletes, or take the oldest first with --limit N"


def _rules(
    given: dict[str, Any], grace: timedelta | None, policy: Path | None, fuse: Fuse | None
) -> "tuple[Rules, list[Fuse]]":
    """Return the rules to sweep by, and the fuses of which the smallest holds.

    Without a condition the policy file's policies run, and what was given can only narrow them;
    with one, the file's protection and fuse hold all the same.
    """
    from kvsops.core.judge import Rules, no_condition, objection, sweep_rules
    from kvsops.core.mark import UNNAMED
    from kvsops.sweep import policy as policies

    loaded = policies.found(policy)
    fuses = [each for each in (fuse, loaded and loaded.fuse) if each] or [Fuse.parse("100")]
    missing = no_condition(given)
    if loaded and missing:
        refuse(_widening(given, grace) or objection(given))
        kept = rules_of(Role.NARROWING) + tuple(r for r in RULES if r.name == "protected")
        return loaded.rules.within(Rules.of(given, kept)), fuses
    if policy:
        refuse("--policy runs the file's own conditions: drop it, or the conditions given")
    refuse(missing or objection(given))
    if loaded:
        given = given | {"protect-tag": (*given["protect-tag"], *loaded.protect_tags)}
    rules = sweep_rules(given)
    return (replace(rules, policy=UNNAMED, grace=grace) if grace else rules), fuses


def _widening(given: dict[str, Any], grace: timedelta | None) -> str | None:
    """Say which option would let the file's policies take more than they do."""
    widening = ("unlink-storage", "even-if-active", "trust-silence")
    wrong = next((f"--{name}" for name in widening if given[name]), "--grace" if grace else None)
    return f"{wrong} is a policy's own to say: options may only narrow policies" if wrong else None


def _contradiction(yes: bool, dry_run: bool, check: bool) -> str | None:  # noqa: FBT001 - options
    if yes and (dry_run or check):
        return f"--yes deletes and {'--dry-run' if dry_run else '--check'} does not: drop one"
    return None


def _expect(scope: "Scope", account: str | None) -> None:
    if account is not None and scope.account_id != account:
        msg = f"these credentials are of account {scope.account_id}, not {account}"
        raise UsageError(msg)


def _planned(
    scope: "Scope", rules: "Rules", prefix: str | None, console: "Console", *, direct: bool
) -> "Plan":
    from kvsops.aws import channels
    from kvsops.output.console import progress
    from kvsops.sweep.marks import find_stale
    from kvsops.sweep.plan import plan

    with progress("reading", None, console=console) as shown:
        listed = channels.each_listed(scope, prefix)
        planned = plan(scope, listed, rules, directly=direct, advance=shown.advance)
        find_stale(scope, planned, rules)
    return planned


def _blown(report: "Report", fuses: list[Fuse]) -> str | None:
    doomed, listed = len(report.plan.doomed), len(report.plan.items)
    fuse = min(fuses, key=lambda each: each.most(listed))
    if doomed <= fuse.most(listed):
        return None
    return f"{doomed:,} of {listed:,} channels are more than --max-deletes {fuse.text}"
