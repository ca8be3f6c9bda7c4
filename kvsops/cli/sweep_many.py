"""`kvsops sweep` in many accounts and regions: one plan, one summary, a journal for each."""

import os
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from kvsops.cli.options import screen, typed
from kvsops.errors import AwsError, CheckFailedError

if TYPE_CHECKING:
    from kvsops.cli.notify import Notice
    from kvsops.cli.places import Wherever
    from kvsops.core.policies import Rules
    from kvsops.output.console import Console
    from kvsops.output.rows import Output
    from kvsops.reports.fleet_sweep import FleetReport
    from kvsops.sweep.fuse import Bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How a sweep was asked for, beside its rules and bounds: the options of `kvsops sweep`."""

    yes: bool
    check: bool
    direct: bool
    prefix: str | None
    deadline: timedelta | None
    journal: Path | None
    everything: bool
    tags: bool
    verbose: bool
    brief: bool
    output: "Output"
    query: str | None
    reports: tuple[Path, ...]


def sweep_many(
    where: "Wherever", rules: "Rules", bounds: "Bounds", asked: Asked, notice: "Notice"
) -> NoReturn:
    """Plan everywhere, weigh, delete everywhere if that is asked for, and tell; then exit."""
    from kvsops.aws.clock import machine_now
    from kvsops.fleet.sweep import FleetSweep, Terms
    from kvsops.output.console import Console, progress
    from kvsops.reports.fleet_sweep import Clocks, FleetReport
    from kvsops.reports.fleet_sweep_told import digest_of
    from kvsops.reports.sweep_screen import View

    context, console, began = click.get_current_context(), Console(), time.monotonic()
    clocks = Clocks(time.monotonic, context.obj or machine_now)
    terms = Terms(
        rules=rules,
        bounds=bounds,
        prefix=asked.prefix,
        deadline=began + asked.deadline.total_seconds() if asked.deadline else None,
        directly=asked.direct,
        check=asked.check,
        read_only=not asked.yes,
    )
    try:
        with progress("planning", None, console=console) as seen:
            fleet = FleetSweep.planned(where.finding(), terms, clocks.now(), seen)
    except (AwsError, KeyboardInterrupt) as error:
        early = isinstance(error, KeyboardInterrupt)
        why = "it was still planning" if early else "not all accounts could be found"
        if asked.yes:
            console.note(f"Nothing was deleted: {why}.")
        raise
    view = View(screen(), asked.everything, asked.tags)
    report = FleetReport(fleet, began, clocks, view, typed=typed(), options=where.again_everywhere)
    report.check_query(asked.output, asked.query)
    notice.about = partial(digest_of, report)
    if asked.yes:
        _delete(report, asked.journal, console)
    report.answer = _no(report, asked)
    report.propose()
    code = _tell(report, asked, console)
    if defect := next((each.sweep.defect for each in fleet.swept if each.sweep.defect), None):
        raise defect
    if report.answer and code == CheckFailedError.exit_code:
        raise CheckFailedError(report.answer)
    context.exit(code)


def _delete(report: "FleetReport", journal: Path | None, console: "Console") -> None:
    from kvsops.output.console import progress
    from kvsops.reports.fleet_sweep_told import told_once
    from kvsops.sweep.journal import default_path, opener

    fleet = report.fleet
    if not report.plan.to_write:
        return
    began = told_once(console, journal or default_path(os.environ, fleet.total.names))
    with progress("deleting", None, console=console) as seen:
        fleet.run(opener(journal, os.environ, began), seen)


def _no(report: "FleetReport", asked: Asked) -> str:
    """Say why the answer is no, if it is."""
    from kvsops.output.text import count
    from kvsops.reports.sweep import how_on

    doomed = report.plan.doomed
    if asked.check and (confirmed := sum(item.confirmed for item in doomed)):
        least = "" if confirmed == len(doomed) else "at least "
        return f"--check: {least}{count(confirmed, 'channel')} to delete"
    if asked.yes and (blown := report.fleet.total.blown):
        return f"the fuse blew: {blown}, so nothing was deleted; {how_on(blown)}"
    if asked.yes and report.blown:
        first, *more = report.blown
        others = f" (and in {count(len(more), 'other place')})" if more else ""
        return f"the fuse blew: {first}{others}, so nothing was deleted there; {how_on(first)}"
    return ""


def _tell(report: "FleetReport", asked: Asked, console: "Console") -> int:
    """Print the report and write its files; return the exit code."""
    from kvsops.reports.fleet_sweep_told import tell
    from kvsops.reports.sweep_told import Telling

    code = report.exit_code
    if report.answer and not report.interrupted:
        code = CheckFailedError.exit_code
    report.answer = report.answer or next(iter(report.warnings), "")
    try:
        telling = Telling(code, asked.verbose, asked.brief)
        tell(report, console, asked.output, asked.query, telling)
    finally:  # also where standard output takes no more
        if asked.reports:
            from kvsops.reports.files import all_written
            from kvsops.reports.fleet_sweep_files import REPORT, FleetRun

            files = [(REPORT, path) for path in asked.reports]
            code = code if all_written(FleetRun(report, code), files, console) else code or 1
    return code
