"""What goes to standard error: errors, warnings, notes, and progress on a terminal."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol, TextIO

from kvsops.output.annotations import Level, annotated, annotation
from kvsops.output.screen import Screen
from kvsops.output.stage import Stage
from kvsops.output.text import safe, without_secrets

if TYPE_CHECKING:
    from rich.console import Console as RichConsole


class Console:
    """Standard error, a line for each message; colour on a terminal only, and not if NO_COLOR.

    `stream` is standard error as it is when the console is made; `terminal` overrules what the
    stream says of itself; `environ` is read for NO_COLOR, TERM and GITHUB_ACTIONS. Off
    a terminal progress is a line every so many seconds, the next when `line_due`, by the monotonic
    clock.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        terminal: bool | None = None,
        environ: Mapping[str, str] | None = None,
        every_seconds: float = 60.0,
    ) -> None:
        self.stream = sys.stderr if stream is None else stream
        self._environ = os.environ if environ is None else environ
        self.terminal = self._is_terminal() if terminal is None else terminal
        self.every_seconds = every_seconds
        self.line_due = time.monotonic() + every_seconds

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
        if not self.annotate("error", message):
            self._say("error: ", "red", message)

    def warn(self, message: str) -> None:
        """Say what should be known though the work goes on."""
        if not self.annotate("warning", message):
            self._say("warning: ", "yellow", message)

    def annotate(self, level: Level, message: str) -> bool:
        """Let GitHub Actions, where it reads along, show it beside the log, too; return whether."""
        if self.terminal or not annotated(self._environ):
            return False
        import click

        context = click.get_current_context(silent=True)
        title = context.command_path if context else "kvsops"
        line = annotation(level, title, without_secrets(message))
        getattr(self.stream, "write_command", self.stream.write)(line)
        self.stream.flush()
        return True

    def note(self, message: str) -> None:
        """Say what is good to know."""
        self._say("", "", message)

    def propose(self, aim: str, words: Sequence[str]) -> None:
        """Say what may be done next, and on lines of its own the command for it."""
        from kvsops.output.command import command_lines

        if self.terminal:  # below the result
            self._print("", "", "")
        self.note(f"{aim}:")
        for line in command_lines(words, self.width, "  "):
            self._print("", "", line)

    def commanded(self, lead: str, words: Sequence[str]) -> None:
        """Say a command that can be copied, after a word or two."""
        from kvsops.output.command import command_lines

        first, *more = command_lines(words, self.width and self.width - len(lead))
        for line in (lead + first, *more):
            self._print("", "", line)

    @property
    def width(self) -> int | None:
        """How many cells a line has; None off a terminal."""
        return Screen.of(self.stream, self._environ).width if self.terminal else None

    def _say(self, prefix: str, style: str, message: str) -> None:
        """Say it in lines that end between words; a path or an ARN stays whole."""
        first, *more = self._lines(prefix + message)
        self._print(prefix, style, first[len(prefix) :])
        for line in more:
            self._print("", "", line)

    def _lines(self, text: str) -> list[str]:
        import textwrap

        if self.width is None or len(text) <= self.width:
            return [text]
        return textwrap.wrap(text, self.width, break_long_words=False, break_on_hyphens=False)

    def _print(self, prefix: str, style: str, message: str) -> None:
        said = safe(without_secrets(message))
        if not (self.terminal or self._coloured):  # rich is slow to import
            self.stream.write(f"{prefix}{said}\n")
            self.stream.flush()
            return
        from rich.text import Text

        self.rich.print(Text.assemble((prefix, style), said))


class Counter(Protocol):
    """What counts the work done, stage by stage; any thread may."""

    def stage(self, what: str, total: int | None) -> None:
        """Begin the next stage, of so many; None: nobody knows yet."""

    def of(self, total: int) -> None:
        """Say of how many the stage is, now that it is known."""

    def advance(self, n: int = 1) -> None:
        """Count `n` more as done."""

    def beside(self, say: Callable[[], str]) -> None:
        """Let this say, whenever it is looked at, what else is to be known; nothing if empty."""


class _Unseen:
    def stage(self, what: str, total: int | None) -> None:
        """Begin nothing."""

    def of(self, total: int) -> None:
        """Say nothing of it."""

    def advance(self, n: int = 1) -> None:
        """Count nothing: nobody looks."""

    def beside(self, say: Callable[[], str]) -> None:
        """Say nothing."""


UNSEEN: Final[Counter] = _Unseen()
"""For where nobody looks."""


@contextmanager
def progress(
    what: str,
    total: int | None,
    *,
    enabled: bool | None = None,
    console: Console | None = None,
) -> Iterator[Counter]:
    """Show on a terminal how many of `total` are done, and the time left.

    It is gone without a trace when the block ends. Elsewhere it is a line a minute, from the
    console's first minute on, so that a log shows life. `enabled=False` keeps it away from both.
    Messages said meanwhile belong on the same `console`, which puts them above it.
    """
    if enabled is False:
        yield UNSEEN
        return
    console = Console() if console is None else console
    stage = Stage(what, total)
    with _drawn(console, stage) if console.terminal else _written(console, stage):
        yield stage


def _drawn(console: Console, stage: Stage) -> AbstractContextManager[None]:
    from kvsops.output.bar import bar

    return bar(console.rich, stage)


@contextmanager
def _written(console: Console, stage: Stage) -> Iterator[None]:
    """Write how far the stage is whenever that is due, while the block runs."""
    ended = threading.Event()

    def write() -> None:
        with suppress(OSError):  # nobody reads any more
            while not ended.wait(console.line_due - time.monotonic()):
                console.note(str(stage))
                console.line_due = time.monotonic() + console.every_seconds

    writing = threading.Thread(target=write, name="kvsops-progress", daemon=True)
    writing.start()
    try:
        yield
    finally:
        ended.set()
        writing.join()
