"""A smoke test shown as it runs: each step as it ends, and which is under way."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import click

from kvsops.output.fit import wrapped
from kvsops.output.rows import dumps
from kvsops.output.screen import Screen
from kvsops.output.stage import TOLD_FROM_SECONDS, rounded
from kvsops.output.text import safe
from kvsops.peers.waits import end_all
from kvsops.reports.smoke import text
from kvsops.reports.smoke_screen import ending, step_lines
from kvsops.smoke.report import SmokeReport
from kvsops.smoke.steps import Step

if TYPE_CHECKING:
    from rich.status import Status

    from kvsops.output.console import Console


@dataclass(frozen=True, slots=True)
class UnderWay:
    """The step under way, and how long it may yet take; rich asks for it again and again."""

    step: Step
    began: float
    clock: Callable[[], float]

    def __str__(self) -> str:
        spent = self.clock() - self.began
        if self.step.lasts is not None and self.step.lasts > TOLD_FROM_SECONDS:
            left = max(0.0, self.step.lasts - spent)
            return f"{self.step.title} · {rounded(left)} left"
        if self.step.limit is not None and spent > TOLD_FROM_SECONDS:
            left = max(0.0, self.step.limit - spent)
            return f"{self.step.title} · at most {rounded(left)} left"
        return self.step.title

    def __rich__(self) -> str:
        return str(self)


@dataclass(slots=True)
class Page:
    """What goes to standard output: on a terminal line by line, else when the test has ended.

    `screen` is None where JSON is wanted, or a part of it; `place` is where the channel is.
    """

    screen: Screen | None
    place: str
    begun: bool = False

    @property
    def live(self) -> bool:
        """Whether the steps are shown as they end."""
        return self.screen is not None and self.screen.width is not None

    def lines_of(self, channel_name: str) -> Callable[[Step], str] | None:
        """Return what makes the lines of a step, as it ends; None where they are not shown then."""
        return partial(self._lines, self._heading(channel_name)) if self.live else None

    def rest(self, report: SmokeReport, output: str, query: str | None, *, verbose: bool) -> str:
        """Make what is left to be said of a test that has ended."""
        if self.screen is None:
            return dumps(report.to_json(), query, output)
        if self.live:
            return ending(report, self.screen, verbose=verbose)
        return text(report, self._heading(report.channel_name))

    def _heading(self, channel_name: str) -> str:
        return safe(f"Testing {channel_name} in {self.place}")

    def _lines(self, heading: str, step: Step) -> str:
        if self.screen is None or not (lines := step_lines(step, self.screen)):
            return ""
        above = "" if self.begun else wrapped(heading, self.screen) + "\n"
        self.begun = True
        return above + lines


@asynccontextmanager
async def shown(
    console: "Console",
    lines: Callable[[Step], str] | None,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Callable[[Step], None]]:
    """Yield what hears of each step that begins or ends.

    `lines` makes the lines of one that has ended, for standard output; None: nothing goes there.
    The one under way is shown on the console until the block ends; where that is no terminal, it
    is a line a minute, so that a log shows life.
    """
    under_way: list[UnderWay] = []
    with _status(console) as status:

        def tell(step: Step) -> None:
            if step.status == "not-reached":
                under_way[:] = [UnderWay(step, clock(), clock)]
                if status is not None:
                    status.update(under_way[0])
            elif lines is not None:
                _above(status, lines(step))

        async def log() -> None:
            while status is None:
                await asyncio.sleep(console.every_seconds)
                for each in under_way:
                    console.note(str(each))

        logging = asyncio.ensure_future(log())
        try:
            yield tell
        finally:
            await end_all([logging])


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
