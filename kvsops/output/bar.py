"""The progress bar on a terminal. Imported where it is shown: rich is slow to import."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class RateColumn(ProgressColumn):
    """How many are done in a second."""

    def render(self, task: Task) -> Text:
        """Tell the rate of the last 30 seconds, as rich measures it: `47.3/s`."""
        speed = task.finished_speed or task.speed
        return Text("-/s" if speed is None else f"{speed:.1f}/s")


class Bar:
    """One task of a rich progress display."""

    def __init__(self, display: Progress, task: TaskID) -> None:
        self._display = display
        self._task = task

    def advance(self, n: int = 1) -> None:
        """Count `n` more as done; any thread may: rich holds a lock."""
        self._display.advance(self._task, n)


@contextmanager
def bar(console: Console, what: str, total: int | None) -> Iterator[Bar]:
    """Show a bar that goes when the block ends; without a total it pulses."""
    display = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        # Data stays on standard output: rich would move it to this console.
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with display:
        yield Bar(display, display.add_task(what, total=total))
