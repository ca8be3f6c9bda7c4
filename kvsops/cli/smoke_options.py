"""The options of `kvsops smoke` that have a type of their own, and what contradicts itself."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kvsops.cli.options import Text
from kvsops.errors import UsageError

if TYPE_CHECKING:
    from kvsops.smoke.plan import Mode

_UNITS: Final = {"ms": 1.0, "s": 1000.0, "m": 60_000.0}
_PERCENT_MAXIMUM: Final = 100


def milliseconds(text: str) -> float:
    """Read 150ms, 2s or 1.5s; raises `UsageError`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m)", text)
    if found is None or not float(found[1]):
        raise UsageError(f"not a time: {text!r}: write a number and its unit, like 150ms or 2s")
    return float(found[1]) * _UNITS[found[2]]


def percent(text: str) -> float:
    """Read 2 or 2%; raises `UsageError`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)%?", text)
    if found is None or float(found[1]) > _PERCENT_MAXIMUM:
        raise UsageError(f"not a percentage: {text!r}: write it like 2% or 0.5")
    return float(found[1])


def frames(text: str) -> float:
    """Read 20 or 29.97; raises `UsageError`."""
    if not re.fullmatch(r"\d+(?:\.\d+)?", text):
        raise UsageError(f"not a number of frames a second: {text!r}: write it like 20 or 29.97")
    return float(text)


def report_file(text: str) -> Path:
    """Return the path of a report; raises `UsageError` where none can be written there."""
    from kvsops.reports.smoke_files import REPORT

    return REPORT.check(Path(text))


MILLISECONDS: Final = Text("time", milliseconds)
PERCENT: Final = Text("percent", percent)
FRAMES: Final = Text("number", frames)
REPORT: Final = Text("file", report_file)


def objection(
    target: str | None,
    mode: "Mode | None",
    *,
    take_over: bool,
    ephemeral: bool,
    viewers: int,
) -> str | None:
    """Return what contradicts itself in what was given, if anything."""
    if ephemeral and target is not None:
        return f"--ephemeral makes a channel of its own: leave out {target}"
    if ephemeral and mode is not None:
        return f"nobody else can be on an --ephemeral channel: drop --{mode}"
    if mode == "viewer-only" and take_over:
        return "--viewer-only meets the master that is there: drop --take-over"
    if mode == "master-only" and viewers > 1:
        return "--master-only answers somebody else's viewer: drop --viewers"
    return None


def mode_of(*, master_only: bool, viewer_only: bool) -> "Mode | None":
    """Return the mode that was asked for; raises `UsageError` where two were."""
    if master_only and viewer_only:
        raise UsageError("--master-only and --viewer-only exclude each other: drop one")
    return "master-only" if master_only else "viewer-only" if viewer_only else None
