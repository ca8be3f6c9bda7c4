"""What happens while something is played, shown: lines, a live table, or JSON."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final

import click

from kvsops.output.rows import json_line
from kvsops.output.text import safe
from kvsops.reports import play as report
from kvsops.stay.audience import Joined
from kvsops.stay.play import Event, Measured
from kvsops.stay.presence import Connected

if TYPE_CHECKING:
    import asyncio

    from rich.live import Live
    from rich.table import Table

    from kvsops.output.console import Console

REPORT_SECONDS: Final = 60.0
_LEFT: Final = (0, 2, 8)
"""The columns whose cells begin at the left."""


class Show:
    """Shows events. With `json` they are objects on standard output, a line each.

    Otherwise they are lines on the console, and on a terminal a table below them shows who is
    there. `where` is the channel and its place, `watch` the command that sees what is played.
    `every_seconds` is how often figures are written where no table is.
    """

    def __init__(
        self,
        console: "Console",
        source: str,
        where: str,
        watch: Sequence[str],
        *,
        json: bool,
        now: Callable[[], datetime],
        every_seconds: float = REPORT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.served = 0
        self._console, self._source, self._json = console, source, json
        self._where, self._watch = where, watch
        self._now, self._clock, self._every = now, clock, every_seconds
        self._began = clock()
        self._due = self._began + every_seconds
        self._live: Live | None = None

    @contextmanager
    def table(self) -> Iterator[None]:
        """Show the table, on a terminal, until the block ends."""
        if self._json or not self._console.terminal:
            yield
            return
        from rich.live import Live

        with Live(
            console=self._console.rich,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        ) as live:
            self._live = live
            try:
                yield
            finally:
                self._live = None

    async def show_all(self, events: "asyncio.Queue[Event]") -> None:
        """Show events as they come."""
        while True:
            self.show(await events.get())

    def show(self, event: Event) -> None:
        """Show an event."""
        self.served += isinstance(event, Joined)
        if event == Connected(again=False):
            self._begin()
        if isinstance(event, Measured):
            self._measured(event)
        elif self._json:
            click.echo(json_line(report.to_json(event, self._now())))
        elif (said := report.line(event, self._source)) is not None:
            (self._console.warn if report.warns(event) else self._console.note)(said)

    def _begin(self) -> None:
        self._began = self._clock()
        if self._console.terminal and not self._json:
            self._console.note(f"Playing {self._source} to {self._where}; Ctrl-C ends it")
            self._console.propose("To see it, in another terminal", self._watch)

    def end(self, why: str) -> None:
        """Show why it ended, and what came of it."""
        seconds = self._clock() - self._began
        if self._json:
            click.echo(json_line(report.ended_json(why, self.served, seconds, self._now())))
        else:
            self._console.note(report.ended(why, self._source, self.served, seconds))

    def fail(self, why: str) -> None:
        """Show in JSON, too, why it did not end in order: the console has it anyhow."""
        if self._json:
            self.end(why)

    def _measured(self, event: Measured) -> None:
        if self._live is not None:
            self._live.update(_table(event), refresh=True)
            return
        if not event.viewers or self._clock() < self._due:
            return
        self._due = self._clock() + self._every
        if self._json:
            click.echo(json_line(report.to_json(event, self._now())))
        else:
            self._console.note(report.summary(event.viewers))


def _table(event: Measured) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    for number, name in enumerate(report.COLUMNS):
        table.add_column(
            name,
            justify="left" if number in _LEFT else "right",
            overflow="ellipsis" if number == 0 else "fold",
            no_wrap=True,
        )
    for viewer in event.viewers:
        table.add_row(*report.cells(viewer))
    if not event.viewers:
        table.add_row(safe("nobody is there yet"))
    return table
