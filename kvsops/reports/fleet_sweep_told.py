"""What is said of a sweep of many places: its report on standard output, the rest beside it."""

import shlex
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path

import click

from kvsops.aws.activity import own_cost
from kvsops.output.console import Console
from kvsops.output.digest import BRIEF_BYTES, Digest, Section, append
from kvsops.output.rows import Output, markdown
from kvsops.output.screen import Outcome as Colour
from kvsops.output.text import count
from kvsops.reports import located
from kvsops.reports.fleet_columns import ITEM_PLACE
from kvsops.reports.fleet_sweep import FleetReport
from kvsops.reports.fleet_sweep_screen import by_what_they_hold, on_quiet, scope_columns
from kvsops.reports.sweep import order
from kvsops.reports.sweep_columns import Shown
from kvsops.reports.sweep_digest import may_be_gone
from kvsops.reports.sweep_told import WORTH_TELLING, Telling, propose
from kvsops.sweep.item import Outcome

_TOLD = 10
"""At most so many warnings of one kind are said one by one."""


def told_once(console: Console, path: Path) -> Callable[[Path], object]:
    """Return what says, when the first journal begins, where all are: `path` may hold a `*`."""
    said: list[Path] = []

    def began(_: Path) -> None:
        if not said:
            said.append(path)
            console.note(f"{'journals' if '*' in path.name else 'journal'}: {path}")

    return began


def tell(
    report: FleetReport, console: Console, output: Output, query: str | None, telling: Telling
) -> None:
    """Print the report, append it to a CI's step summary, and say what there is to say of it."""
    digest = partial(digest_of, report, telling.code)
    try:
        text = (
            digest().markdown(BRIEF_BYTES)
            if telling.brief
            else report.render(output, query, telling.code)
        )
        click.echo(text, nl=False, color=report.view.screen.colour)
    finally:  # also where standard output takes no more
        append(digest, console)
        seen = output == "table" and not telling.brief and report.view.screen.width is not None
        _tell_beside(report, console, verbose=telling.verbose, failures_seen=seen)


def _tell_beside(
    report: FleetReport, console: Console, *, verbose: bool, failures_seen: bool
) -> None:
    for warning in _first(doubts(report)):
        console.warn(warning)
    for presumption in _first(report.said(lambda plan: plan.presumed)):
        console.note(presumption)
    _tell_calls(report, console, verbose=verbose)
    _tell_failures(report, console, seen=failures_seen)
    if report.interrupted:
        console.error("stopped: interrupted")
    for warning in _first(report.warnings):
        console.warn(warning)
    if report.proposal:
        propose(report.proposal, report.typed, console)
    if words := undoing(report):
        console.commanded("to undo: ", words)


def _tell_failures(report: FleetReport, console: Console, *, seen: bool) -> None:
    """Say what failed where; of what the screen shows only how much it is."""
    if seen and report.wrong:
        number = count(len(report.wrong), "account or region", "accounts or regions")
        console.error(f"{number} failed: see above")
        return
    told = located.told_once(report.wrong)
    for line in told[:_TOLD]:
        console.error(line)
    if told[_TOLD:]:
        console.error(f"and {len(told) - _TOLD:,} more: -o json has them")


def doubts(report: FleetReport) -> list[str]:
    """Return what could not be read or told, each line once, with its place."""
    return report.said(
        lambda plan: [*plan.problems, *plan.undecided, *plan.uncertain, *plan.mistaken]
    )


def _first(lines: list[str]) -> list[str]:
    more = [f"and {count(len(lines) - _TOLD, 'more such line')}"] if lines[_TOLD:] else []
    return [*lines[:_TOLD], *more]


def _tell_calls(report: FleetReport, console: Console, *, verbose: bool) -> None:
    """Say which calls were made, and what they cost, where it is asked for or worth telling."""
    scopes = [each.sweep.scope for each in report.fleet.swept]
    if verbose:
        calls: Counter[str] = sum((scope.calls for scope in scopes), Counter())
        said = ", ".join(f"{name} {number:,}" for name, number in sorted(calls.items()))
        console.note(f"calls: {said}")
    asked = sum(scope.metric_budget.asked for scope in scopes)
    cost = sum((own_cost(scope) for scope in scopes), Decimal())
    if asked and (verbose or cost >= WORTH_TELLING):
        console.note(f"own cost: {asked:,} metrics, ${cost:.4f} at most")


def undoing(report: FleetReport) -> list[str]:
    """Return the command that makes again what was deleted, in words; none where nothing was."""
    if not report.journals or not any(map(may_be_gone, report.plan.items)):
        return []
    one = report.journals[0] if len(report.journals) == 1 else report.fleet.total.run
    path = f"./{one}" if one.startswith("-") else one
    return ["kvsops", "restore", path, "--yes", *report.options]


def digest_of(report: FleetReport, code: int) -> Digest:
    """Tell the run that ended with this exit code."""
    why = located.told_once(report.wrong)
    doubtful = [*doubts(report), *report.warnings]
    ended = [report.ended] if report.ended else []
    return Digest(
        Colour.BAD if code else Colour.DOUBTFUL if doubtful else Colour.GOOD,
        report.typed,
        f"{report.place()}: {report.totals()}",
        list(dict.fromkeys([*ended, *why, *doubtful])),
        report.said(lambda plan: plan.presumed),
        list(_commands(report)),
        list(_sections(report)),
    )


def _commands(report: FleetReport) -> Iterator[tuple[str, str]]:
    for journal in report.journals[:_TOLD]:
        yield "Journal", journal
    if words := undoing(report):
        yield "To undo it", shlex.join(words)


def _sections(report: FleetReport) -> Iterator[Section]:
    """Yield the scopes, as a screen has them, then what is or would be done; folded if long."""
    loud, quiet = by_what_they_hold(report.fleet.swept)
    if loud:
        yield Section(report.extent(), markdown(loud, scope_columns(loud)))
    if quiet:
        lines = on_quiet(quiet, others=bool(loud)).splitlines()
        yield Section(report.extent(), "\n\n".join(lines) + "\n")
    items = sorted(
        (item for item in report.plan.items if item.outcome is not Outcome.KEPT), key=order
    )
    if items:
        shown = Shown(items, report.fleet.terms.rules, report.clocks.now()).columns()
        yield Section(count(len(items), "channel"), markdown(items, [*ITEM_PLACE, *shown]))
