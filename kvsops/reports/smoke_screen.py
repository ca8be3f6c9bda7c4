"""A smoke test on a terminal: each step in a line as it ends, then what flowed, then the verdict.

What was said of a step is not said again: there is no table of them, unless asked for.
"""

import re
from typing import Final

from kvsops.output.fit import cells_of, shortened, wrapped
from kvsops.output.rows import screen_table
from kvsops.output.screen import Outcome, Screen
from kvsops.output.text import safe
from kvsops.reports.smoke import (
    MARKS,
    picture_columns,
    pictures,
    remarks,
    took,
    trip_columns,
    verdict_of,
    waterfall,
)
from kvsops.smoke.report import SmokeReport
from kvsops.smoke.steps import TITLES, Step

_OUTCOMES: Final = {"ok": Outcome.GOOD, "failed": Outcome.BAD}
_MARK: Final = max(len(mark) for mark in (MARKS["ok"], MARKS["failed"], MARKS["skipped"]))
_TITLE: Final = max(map(len, TITLES.values()))
_TOOK: Final = 7
_GAP: Final = "  "
_BEFORE: Final = _MARK + _TITLE + _TOOK + 3 * len(_GAP)
"""The cells before what is said of a step."""
_LEAST: Final = 16


def step_lines(step: Step, screen: Screen) -> str:
    """Say a step in a line as it ends, and under it the reason where that has no room beside.

    Of the step that ended the test the verdict says why, and of the first nothing but that.
    """
    ended = step.status == "failed" and step.key != "probe"
    if ended and step.key == "describe":
        return ""
    mark = f"{MARKS[step.status]:<{_MARK}}"
    head = _GAP.join((f"{step.title:<{_TITLE}}", f"{took(step.seconds):>{_TOOK}}"))
    marked = screen.mark(mark, _OUTCOMES.get(step.status)) + _GAP + head
    reason = "" if ended else step.reason or ""
    beside, under = _said(safe(step.detail or ""), safe(reason), screen)
    return f"{marked}{_GAP}{beside}".rstrip() + "\n" + under


def _said(detail: str, reason: str, screen: Screen) -> tuple[str, str]:
    """Return what stands beside a step, and the lines under it, where its reason has no room."""
    both = ": ".join(filter(None, (detail, reason)))
    room = max((screen.width or 0) - _BEFORE, _LEAST)
    if screen.width is None or cells_of(both) <= room:
        return both, ""
    indent = " " * (_MARK + len(_GAP))
    return shortened(detail, room), wrapped(indent + reason, screen, indent) if reason else ""


def ending(report: SmokeReport, screen: Screen, *, verbose: bool = False) -> str:
    """Tell the rest once the test has ended: what flowed, where, and the verdict, which is last.

    `verbose` adds when each step ran, and the figures over time.
    """
    parts = [waterfall(report, screen)] if verbose and _began(report) else []
    rows = pictures(report)
    if rows:
        parts.append(screen_table(rows, picture_columns(), screen))
        if verbose:
            parts.append(screen_table(rows, picture_columns(over_time=True), screen))
    if report.media.round_trips:
        parts.append(screen_table(report.media.round_trips, trip_columns(), screen))
    if told := "".join(wrapped(safe(line), screen) for line in remarks(report)):
        parts.append(told)
    parts.append(_verdict(report, screen))
    return ("\n" if _began(report) else "") + "\n".join(parts)


def _began(report: SmokeReport) -> bool:
    """Whether it came further than to look for the channel."""
    return report.steps[0].status == "ok"


def _verdict(report: SmokeReport, screen: Screen) -> str:
    """Say the verdict, its beginning in the colour of the outcome."""
    found = verdict_of(report)
    text = wrapped(safe(str(found)), screen)
    head = r"\s".join(re.escape(word) for word in safe(found.head).split())  # it may be wrapped
    return re.sub(head, lambda part: _marked(part[0], found.outcome, screen), text, count=1)


def _marked(text: str, outcome: Outcome, screen: Screen) -> str:
    return "\n".join(screen.mark(line, outcome) for line in text.split("\n"))
