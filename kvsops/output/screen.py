"""What a text is shown on: how wide it is, and whether it takes colour."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

_USUAL: Final = (80, 24)
"""A terminal that does not tell its size."""


class Stream(Protocol):
    """As much of a text stream as tells what is behind it."""

    def isatty(self) -> bool:
        """Whether it is a terminal."""

    def fileno(self) -> int:
        """Its number; raises OSError where it has none."""


class Outcome(Enum):
    """What colour marks, and it marks nothing else. The value is click's name of the colour."""

    GOOD = "green"
    DOUBTFUL = "yellow"
    BAD = "red"


@dataclass(frozen=True, slots=True)
class Screen:
    """A terminal of `width` by `height` cells; None: no terminal, where nothing is cut."""

    width: int | None = None
    height: int | None = None
    colour: bool = False

    @classmethod
    def of(
        cls, stream: Stream, environ: Mapping[str, str], *, colour: bool | None = None
    ) -> "Screen":
        """Return what is behind the stream; `colour` overrules NO_COLOR and the stream.

        A terminal that calls itself dumb is none: what reads there is often a program.
        Source of NO_COLOR: https://no-color.org
        """
        terminal = stream.isatty() and environ.get("TERM") != "dumb"
        coloured = terminal and not environ.get("NO_COLOR") if colour is None else colour
        if not terminal:
            return cls(colour=coloured)
        columns, lines = _size(stream)
        named = environ.get("COLUMNS", "")
        width = int(named) if named.isdecimal() and int(named) else columns
        return cls(width, lines, colour=coloured)

    def mark(self, text: str, outcome: Outcome | None) -> str:
        """Colour a text by its outcome, where there is colour."""
        if outcome is None or not self.colour:
            return text
        import click

        return click.style(text, fg=outcome.value)


NO_SCREEN: Final = Screen()
"""A file or a pipe."""


def _size(stream: Stream) -> tuple[int, int]:
    """Return the columns and lines; the usual ones where the terminal answers nothing or 0."""
    try:
        told = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return _USUAL
    return told.columns or _USUAL[0], told.lines or _USUAL[1]
