"""Where the result of a smoke test goes beside standard output: files, and a CI."""

from kvsops.cli.options import typed
from kvsops.cli.smoke_options import Given
from kvsops.output.console import Console
from kvsops.output.digest import append
from kvsops.reports import files
from kvsops.reports.smoke import verdict
from kvsops.reports.smoke_digest import digest_of
from kvsops.reports.smoke_files import REPORT
from kvsops.smoke.report import SmokeReport
from kvsops.smoke.snapshot import Snapshot


def tell_ci(report: SmokeReport, console: Console) -> None:
    """Append what came of it to a CI's step summary; where it failed, annotate the job."""
    append(lambda: digest_of(report, typed()), console)
    if not report.passed:
        console.annotate("error", str(verdict(report)))


def all_written(report: SmokeReport, console: Console, given: Given, snapshot: Snapshot) -> bool:
    """Write the result to each file; return whether all of them, the picture too, were written."""
    written = files.all_written(report, [(REPORT, path) for path in given["reports"]], console)
    if snapshot.trouble is not None:
        console.error(snapshot.trouble)
    elif given["snapshot"]:
        console.note(f"picture written: {given['snapshot']}")
    return written and snapshot.trouble is None
