"""`kvsops delete`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kvsops.cli.help import Command, section
from kvsops.cli.options import (
    TARGET,
    in_region,
    journal_option,
    output_options,
    rule_options,
    scope_options,
    screen,
    typed,
    verbose_option,
)
from kvsops.cli.where import Where
from kvsops.core.rule import Role
from kvsops.core.rules import rules_of

if TYPE_CHECKING:
    from kvsops.output.rows import Output


@click.command(cls=Command)
@click.argument("targets", nargs=-1, required=True, type=TARGET, metavar="NAME|ARN...")
@section("What to spare")
@rule_options(*(rule for rule in rules_of(Role.PROTECTION) if rule.named and rule.options))
@section("Safety")
@click.option("--yes", is_flag=True, help="Delete. Without it, only show what would be deleted.")
@section("Output")
@click.option("--tags", is_flag=True, help="Also show the tags.")
@verbose_option
@journal_option
@output_options()
@scope_options
# Over 40 lines for its signature, an argument for each option, and its docstring, the help.
def delete(
    *,
    where: Where,
    targets: tuple[str, ...],
    given: dict[str, Any],
    yes: bool,
    tags: bool,
    verbose: bool,
    journal: Path | None,
    output: "Output",
    query: str | None,
) -> None:
    """Delete the named channels, and wait until they are gone.

    \b
    Examples:
      kvsops delete cam-door             # shows what would be deleted
      kvsops delete cam-door cam-yard --yes
      kvsops untag cam-roof kvsops:keep && kvsops delete cam-roof --yes

    A channel that is tagged kvsops:keep, made by CloudFormation, linked to storage or not ACTIVE
    is kept, and the exit code is then 1. Every deletion is recorded in a journal, from which
    kvsops restore recreates the channels.
    """
    from kvsops.core.policies import deletion_rules
    from kvsops.output.console import Console, progress
    from kvsops.reports.sweep import Report
    from kvsops.reports.sweep_screen import View
    from kvsops.reports.sweep_told import Telling, tell, told_on
    from kvsops.sweep.item import Outcome
    from kvsops.sweep.journal import opener
    from kvsops.sweep.proposal import named_ones
    from kvsops.sweep.run import Sweep

    scope, console = where.open(read_only=not yes), Console()
    in_region(scope, targets)
    began = scope.clock()
    planned = Sweep.of_named(scope, deletion_rules(given), targets)
    view = View(screen(), everything=True, tags=tags)
    report = Report(planned, began, view, typed=typed(), options=where.again(scope))
    if yes:
        report.check_query(output, query)
        with progress("deleting", None, console=console) as seen:
            planned.run(opener(journal, os.environ, told_on(console)), seen)
    else:
        report.proposal = named_ones(planned.plan)
    refused = any(item.outcome is Outcome.KEPT for item in report.plan.items)
    code = report.exit_code or (1 if refused else 0)
    tell(report, console, output, query, Telling(code, verbose))
    if planned.defect:
        raise planned.defect
    click.get_current_context().exit(code)
