"""The options of `kvsops smoke`: their types, what contradicts itself, and what they ask for."""

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict

from kvsops.cli.options import Text
from kvsops.errors import UsageError

if TYPE_CHECKING:
    from kvsops.core.wire.ice import Transport
    from kvsops.peers.peer import Codec
    from kvsops.smoke.plan import Mode, Wanted
    from kvsops.smoke.report import Measure

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


class Given(TypedDict):
    """The options of smoke, as click hands them over."""

    duration: timedelta
    no_steady: bool
    relay: bool
    transport: "Transport | None"
    no_relay_probe: bool
    viewers: int
    codec: "Codec | None"
    viewer_only: bool
    master_only: bool
    take_over: bool
    ephemeral: bool
    max_connect: float | None
    max_rtt: float | None
    min_fps: float | None
    max_latency: float | None
    max_loss: float | None
    max_freeze: float | None
    reports: tuple[Path, ...]
    snapshot: Path | None


def objection(target: str | None, given: Given) -> str | None:
    """Return what contradicts itself in what was given, if anything."""
    if given["master_only"] and given["viewer_only"]:
        return "--master-only and --viewer-only exclude each other: drop one"
    mode = _mode_of(given)
    if given["ephemeral"] and target is not None:
        return f"--ephemeral makes a channel of its own: leave out {target}"
    if given["ephemeral"] and mode is not None:
        return f"nobody else can be on an --ephemeral channel: drop --{mode}"
    if mode == "viewer-only" and given["take_over"]:
        return "--viewer-only meets the master that is there: drop --take-over"
    if mode == "master-only" and given["viewers"] > 1:
        return "--master-only answers somebody else's viewer: drop --viewers"
    return None


def wanted_of(given: Given) -> "Wanted":
    """Return what to test."""
    from kvsops.smoke.plan import MAX_FREEZE_SECONDS, Wanted

    longest = given["max_freeze"]
    return Wanted(
        mode=_mode_of(given),
        take_over=given["take_over"],
        duration=0.0 if given["no_steady"] else given["duration"].total_seconds(),
        relay=given["relay"] or given["transport"] is not None,
        transport=given["transport"],
        viewers=given["viewers"],
        codec=given["codec"],
        prove_relay=not given["no_relay_probe"],
        max_freeze=MAX_FREEZE_SECONDS if longest is None else longest / 1000,
    )


def limits_of(given: Given) -> "dict[Measure, float]":
    """Return the limits that were set."""
    limits: dict[Measure, float | None] = {
        "connect": given["max_connect"],
        "rtt": given["max_rtt"],
        "fps": given["min_fps"],
        "latency": given["max_latency"],
        "loss": given["max_loss"],
        "freeze": given["max_freeze"],
    }
    return {measure: limit for measure, limit in limits.items() if limit is not None}


def _mode_of(given: Given) -> "Mode | None":
    if given["master_only"]:
        return "master-only"
    return "viewer-only" if given["viewer_only"] else None
