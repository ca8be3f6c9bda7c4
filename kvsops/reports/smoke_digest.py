"""What a smoke test came to, as a CI shows it."""

from collections.abc import Sequence

from kvsops.output.digest import Digest, Section
from kvsops.output.screen import Outcome
from kvsops.reports.smoke import markdown_text, verdict
from kvsops.smoke.report import SmokeReport


def digest_of(report: SmokeReport, typed: Sequence[str]) -> Digest:
    """Tell whether the channel works, and if not, why not; the steps are folded away."""
    slow = report.passed and bool(report.slow)
    return Digest(
        Outcome.DOUBTFUL if slow else Outcome.GOOD if report.passed else Outcome.BAD,
        typed,
        str(verdict(report)),
        sections=[Section("Steps and figures", markdown_text(report), folded=report.passed)],
    )
