"""The progress bar on a terminal. Imported where it is shown: rich is slow to import."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from kvsops.output.stage import Stage

_WIDTH: Final = 20


@contextmanager
def bar(console: Console, stage: Stage) -> Iterator[None]:
    """Show how far the stage is while the block runs; a bar without a total pulses."""

    def shown() -> Table:
        line = Table.grid(padding=(0, 1))
        line.add_row(
            ProgressBar(stage.total, stage.done, width=_WIDTH, pulse=stage.total is None),
            Text(str(stage), no_wrap=True, overflow="ellipsis"),
        )
        return line

    with Live(
        get_renderable=shown,
        console=console,
        transient=True,
        refresh_per_second=10,
        # Data stays on standard output: rich would move it to this console.
        redirect_stdout=False,
        redirect_stderr=False,
    ):
        yield
