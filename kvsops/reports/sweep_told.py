"""What is said of a sweep or a deletion: its report on standard output, the rest beside it."""

import os
import shlex
from collections.abc import Callable
from pathlib import Path

import click

from kvsops.core.facts import Need
from kvsops.errors import KvsopsError
from kvsops.output.console import Console
from kvsops.output.rows import Output
from kvsops.output.summary import append_step_summary
from kvsops.reports.own_cost import tell_own_cost
from kvsops.reports.sweep import Report
from kvsops.sweep.item import Item, Outcome
from kvsops.sweep.plan import Plan


def told_on(console: Console) -> Callable[[Path], object]:
    """Return what says where the journal is, as soon as there is one."""
    return lambda journal: console.note(f"journal: {journal}")


def tell(report: Report, console: Console, output: Output, query: str | None) -> None:
    """Print the report, append it to a CI's step summary, and say what there is to say of it."""
    try:
        click.echo(report.render(output, query), nl=False)
    finally:  # also where standard output takes no more
        _tell_beside(report, console)


def _tell_beside(report: Report, console: Console) -> None:
    try:
        append_step_summary(report.markdown(), os.environ)
    except KvsopsError as error:
        console.warn(str(error))
    plan = report.plan
    for problem in (*plan.problems, *plan.undecided, *plan.uncertain, *plan.mistaken):
        console.warn(problem)
    for presumption in report.plan.presumed:
        console.note(presumption)
    if report.scope.metric_budget.asked:
        tell_own_cost(report.scope, console)
    if report.sweep.why_stopped:
        console.error(f"stopped: {report.sweep.why_stopped}")
    if report.scope.read_only and report.plan.doomed:
        how = report.how_to_delete + _presumed(report.plan)
        console.note(f"dry run: nothing was deleted; {how}")
    if report.sweep.journal and any(map(_may_be_gone, report.plan.items)):
        console.note(f"to undo: {_undoing(report.sweep.journal, report)}")


def _may_be_gone(item: Item) -> bool:
    return item.outcome is Outcome.DELETED or item.lost


def _undoing(journal: Path, report: Report) -> str:
    """Return the command that makes again what was deleted."""
    path = f"./{journal}" if str(journal).startswith("-") else str(journal)
    return f"kvsops restore {shlex.quote(path)} --yes{report.options}"


def _presumed(plan: Plan) -> str:
    """Say how many of the doomed rest on something that was not read directly."""
    unconfirmed = [item for item in plan.doomed if item.decision.unconfirmed]
    if not unconfirmed:
        return ""
    unread = {need for item in unconfirmed for need in item.decision.unconfirmed}
    *first, last = [need.value for need in Need if need in unread]
    needs = f"{', '.join(first)} and {last}" if first else last
    number = f"{len(unconfirmed):,} unconfirmed"
    return f" ({number}: the {needs} of each will be read directly before it is deleted)"
