"""What goes to standard error: errors, warnings, notes, and progress on a terminal."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, TextIO

from kvsops.output.text import safe, without_userinfo

if TYPE_CHECKING:
    from rich.console import Console as RichConsole


class Console:
    """Standard error, a line for each message; colour on a terminal only, and not if NO_COLOR.

    `stream` is standard error as it is when the console is made; `terminal` overrules what the
    stream says of itself; `environ` is read for NO_COLOR and TERM.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        terminal: bool | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.stream = sys.stderr if stream is None else stream
        self._environ = os.environ if environ is None else environ
        self.terminal = self._is_terminal() if terminal is None else terminal

    def _is_terminal(self) -> bool:
        return self.stream.isatty() and self._environ.get("TERM") != "dumb"

    @property
    def _coloured(self) -> bool:
        """Whether there is colour: as --color has it, which click keeps, else as NO_COLOR has it.

        Source: https://no-color.org
        """
        import click

        context = click.get_current_context(silent=True)
        if context is not None and context.color is not None:
            return context.color
        return self.terminal and not self._environ.get("NO_COLOR")

    @cached_property
    def rich(self) -> "RichConsole":
        """The console of rich beneath, made when it is first needed: rich is slow to import."""
        from rich.console import Console as RichConsole

        return RichConsole(
            file=self.stream,
            # Not left to rich: FORCE_COLOR, common in CI, would make it draw progress in a log.
            force_terminal=self.terminal,
            color_system="standard" if self._coloured else None,  # the terminal's own colours
            no_color=not self._coloured,
            highlight=False,
            markup=False,
            emoji=False,
            soft_wrap=True,
        )

    def error(self, message: str) -> None:
        """Say what failed, where, and what to do."""
        self._say("error: ", "red", message)

    def warn(self, message: str) -> None:
        """Say what should be known though the work goes on."""
        self._say("warning: ", "yellow", message)

    def note(self, message: str) -> None:
        """Say what is good to know."""
        self._say("", "", message)

    def _say(self, prefix: str, style: str, message: str) -> None:
        from rich.text import Text

        self.rich.print(Text.assemble((prefix, style), safe(without_userinfo(message))))


class Counter(Protocol):
    """What counts the work done."""

    def advance(self, n: int = 1) -> None:
        """Count `n` more as done; any thread may."""


class _Unseen:
    def advance(self, n: int = 1) -> None:
        """Count nothing: nobody looks."""


@contextmanager
def progress(
    what: str,
    total: int | None,
    *,
    enabled: bool | None = None,
    console: Console | None = None,
) -> Iterator[Counter]:
    """Show on a terminal how many of `total` are done, how fast, and the time left; else nothing.

    It is gone without a trace when the block ends. `enabled=False` keeps it away from a terminal
    too. Messages said meanwhile belong on the same `console`, which puts them above it.
    """
    console = Console() if console is None else console
    if enabled is False or not console.terminal:
        yield _Unseen()
        return
    from kvsops.output.bar import bar

    with bar(console.rich, safe(what), total) as shown:
        yield shown
