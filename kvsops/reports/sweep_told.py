"""What is said of a sweep or a deletion: its report on standard output, the rest beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final

import click

from kvsops.aws.activity import own_cost
from kvsops.output.console import Console
from kvsops.output.digest import BRIEF_BYTES, append
from kvsops.output.rows import Output
from kvsops.reports.own_cost import tell_own_cost
from kvsops.reports.sweep import Report
from kvsops.reports.sweep_digest import digest_of, failed, undoing
from kvsops.sweep.proposal import Proposal, Step

WORTH_TELLING: Final = Decimal("0.01")
"""US dollars: what a run itself cost is told from here on, or where it is asked for."""


def told_on(console: Console) -> Callable[[Path], object]:
    """Return what says where the journal is, as soon as there is one."""
    return lambda journal: console.note(f"journal: {journal}")


@dataclass(frozen=True, slots=True)
class Telling:
    """How much is told of a run that ended with an exit code.

    `verbose` tells of the calls made, and of what they cost, however little; `brief` is a comment's
    size.
    """

    code: int
    verbose: bool = False
    brief: bool = False


def tell(
    report: Report, console: Console, output: Output, query: str | None, telling: Telling
) -> None:
    """Print the report, append it to a CI's step summary, and say what there is to say of it."""
    digest = partial(digest_of, report, telling.code)
    try:
        brief = telling.brief
        text = (
            digest().markdown(BRIEF_BYTES) if brief else report.render(output, query, telling.code)
        )
        click.echo(text, nl=False, color=report.view.screen.colour)
    finally:  # also where standard output takes no more
        append(digest, console)
        _tell_beside(report, console, verbose=telling.verbose)


def _tell_beside(report: Report, console: Console, *, verbose: bool) -> None:
    plan = report.plan
    for problem in (*plan.problems, *plan.undecided, *plan.uncertain, *plan.mistaken):
        console.warn(problem)
    for presumption in report.plan.presumed:
        console.note(presumption)
    _tell_calls(report, console, verbose=verbose)
    if failures := failed(report):
        console.annotate("error", failures)
    if report.sweep.why_stopped:
        console.error(f"stopped: {report.sweep.why_stopped}")
    for warning in report.warnings:
        console.warn(warning)
    if report.proposal:
        propose(report.proposal, report.typed, console)
    if words := undoing(report):
        console.commanded("to undo: ", words)


def _tell_calls(report: Report, console: Console, *, verbose: bool) -> None:
    """Say which calls were made, and what they cost, where it is asked for or worth telling."""
    scope = report.scope
    if verbose:
        calls = ", ".join(f"{name} {number:,}" for name, number in sorted(scope.calls.items()))
        console.note(f"calls: {calls}")
    cost = own_cost(scope)
    if scope.metric_budget.asked and (verbose or cost is None or cost >= WORTH_TELLING):
        tell_own_cost(scope, console)


def propose(proposal: Proposal, typed: Sequence[str], console: Console) -> None:
    """Say what to do next, and the command for it."""
    if proposal.why:
        console.note(proposal.why)
    console.propose(_aim(proposal), proposal.words(typed))


def _aim(proposal: Proposal) -> str:
    """Say what the command is for."""
    number, value = proposal.number, proposal.value
    match proposal.step, proposal.option:
        case Step.DELETE, _:
            done = (("delete", number or 0), ("mark", proposal.marks))
            return f"To {' and '.join(f'{verb} {_these(each)}' for verb, each in done if each)}"
        case Step.OLDEST, _:
            return f"To look at the {number:,} oldest alone (still a dry run)"
        case Step.OLDER, _:
            return f"To look at those older than {value} alone (still a dry run)"
        case _, "prefix":
            return f"To look at the {number:,} named {value}… alone (still a dry run)"
        case _, "tag":
            return f"To look at the {number:,} tagged {value} alone (still a dry run)"
    return "To look at the oldest alone (still a dry run)"


def _these(number: int) -> str:
    return "this one" if number == 1 else f"these {number:,}"
