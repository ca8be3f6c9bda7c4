"""A smoke test shown as it runs: each step as it ends, and which is under way."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click

from kvsops.output.fit import wrapped
from kvsops.output.rows import dumps
from kvsops.output.screen import Screen
from kvsops.output.text import safe
from kvsops.reports.smoke import text
from kvsops.reports.smoke_screen import ending, step_lines
from kvsops.smoke.report import SmokeReport
from kvsops.smoke.steps import Step

if TYPE_CHECKING:
    from rich.status import Status

    from kvsops.output.console import Console

SHORT_SECONDS: Final = 2.0
"""Of what takes no longer than that, no time left is shown."""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """The step under way, and how long it may yet take; rich asks for it again and again."""

    step: Step
    began: float
    clock: Callable[[], float]

    def __str__(self) -> str:
        spent = self.clock() - self.began
        if self.step.lasts is not None and self.step.lasts > SHORT_SECONDS:
            left = max(0.0, self.step.lasts - spent)
            return f"{self.step.title} · {left:.0f} s left"
        if self.step.limit is not None and spent > SHORT_SECONDS:
            left = max(0.0, self.step.limit - spent)
            return f"{self.step.title} · at most {left:.0f} s left"
        return self.step.title

    def __rich__(self) -> str:
        return str(self)


@dataclass(slots=True)
class Page:
    """What goes to standard output: on a terminal line by line, else when the test has ended.

    `screen` is None where JSON is wanted.
    """

    screen: Screen | None
    heading: str
    begun: bool = False

    @property
    def lines(self) -> Callable[[Step], str] | None:
        """Makes the lines of a step, as it ends; None where they are not shown then."""
        live = self.screen is not None and self.screen.width is not None
        return self._lines if live else None

    def _lines(self, step: Step) -> str:
        if self.screen is None or not (lines := step_lines(step, self.screen)):
            return ""
        above = "" if self.begun else wrapped(safe(self.heading), self.screen) + "\n"
        self.begun = True
        return above + lines

    def rest(self, report: SmokeReport, query: str | None, *, verbose: bool) -> str:
        """Make what is left to be said of a test that has ended."""
        if self.screen is None:
            return dumps(report.to_json(), query)
        if self.lines is None:
            return text(report, self.heading)
        return ending(report, self.screen, verbose=verbose)


@contextmanager
def shown(
    console: "Console",
    lines: Callable[[Step], str] | None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Callable[[Step], None]]:
    """Yield what hears of each step that begins or ends.

    `lines` makes the lines of one that has ended, for standard output; None: nothing goes there.
    The one under way is shown on the console, where that is a terminal, until the block ends.
    """
    with _status(console) as status:

        def tell(step: Step) -> None:
            if step.status == "not-reached":
                if status is not None:
                    status.update(UnderWay(step, clock(), clock))
            elif lines is not None:
                _above(status, lines(step))

        yield tell


@contextmanager
def _status(console: "Console") -> "Iterator[Status | None]":
    if not console.terminal:
        yield None
        return
    with console.rich.status("…") as status:
        yield status


def _above(status: "Status | None", text: str) -> None:
    """Print whole lines where the status was, and show that again below them."""
    if not text:
        return
    if status is not None:
        status.stop()
    click.echo(text, nl=False)
    if status is not None:
        status.start()
