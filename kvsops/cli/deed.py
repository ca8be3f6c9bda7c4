"""Carrying a plan out from the command line: journal, progress, interruption, the wait after."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kvsops.aws.scope import Scope
from kvsops.errors import KvsopsError
from kvsops.output.console import Console, progress
from kvsops.reports.sweep import Report
from kvsops.sweep.journal import Journal, default_path
from kvsops.sweep.plan import Item
from kvsops.sweep.run import INTERRUPTED, Sweep, settle

SETTLE_SECONDS: Final = 60.0


def carry_out(
    report: Report,
    doomed: Sequence[Item],
    console: Console,
    *,
    path: Path | None,
    deadline: float | None = None,
) -> None:
    """Do what the report's plan has for these channels, then look until the deleted are gone.

    `deadline` is on the scope's clock. The report learns of the journal and of what stopped it.
    """
    scope = report.scope
    if not doomed:
        return
    run = f"{scope.now():%Y%m%dT%H%M%SZ}-{scope.region}-{os.getpid()}"
    with (
        Journal(path or default_path(os.environ, run), run) as journal,
        progress("deleting", len(doomed), console=console) as shown,
    ):
        report.journal = str(journal.path)
        console.note(f"journal: {journal.path}")
        sweep = Sweep(scope, report.rules, journal, deadline)
        sweep.carry_out(doomed, shown.advance)
    report.stopped = sweep.why_stopped
    if report.stopped == INTERRUPTED:  # who pressed Ctrl-C is waiting
        return
    try:
        settle(scope, doomed, _seconds_left(scope, deadline))
    except KeyboardInterrupt:
        report.stopped = INTERRUPTED
    except KvsopsError as error:
        report.stopped = report.stopped or f"whether the deleted are gone was not seen: {error}"


def _seconds_left(scope: Scope, deadline: float | None) -> float:
    if deadline is None:
        return SETTLE_SECONDS
    return min(SETTLE_SECONDS, max(deadline - scope.clock(), 0))
