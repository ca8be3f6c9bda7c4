"""Standard output and error, whatever they are: closed, full, or of few letters.

`guard()` puts a stream before each that takes any letter, and tells what it cannot write. It is
the last to see what strangers wrote: no line of it is a command to a CI's runner.
"""

import os
import sys
from typing import Any, Final, TextIO

from kvsops.errors import KvsopsError
from kvsops.output.text import inert

_PLAIN: Final = str.maketrans(
    {
        **dict(zip("▁▂▃▄▅▆▇█", "12345678", strict=True)),
        "·": ".",
        "…": "...",
        "━": "-",
        "╸": "-",
        "╺": "-",
    }
)
"""What our own letters become where they cannot be encoded."""


class OutputError(KvsopsError):
    """Standard output takes no more."""


class Guarded:
    """A text stream; None stands for one that is closed.

    What cannot be encoded becomes ASCII. Where it cannot be written to, `told` raises
    `OutputError` once, else it is passed over: there is nobody to tell. A reader that went away
    stays a `BrokenPipeError`.
    """

    def __init__(self, stream: TextIO | None, name: str, *, told: bool) -> None:
        self._stream, self._name, self._told = stream, name, told
        self.encoding: str = getattr(stream, "encoding", None) or "utf-8"
        self.errors = "strict"
        self._begun = False  # whether the line has more than space already

    def write(self, text: str) -> int:
        """Write the text, and say how long it is."""
        if not isinstance(text, str):  # so click finds out which streams take bytes
            raise TypeError(text)
        if text:
            self._put(self._inert(text))
        return len(text)

    def _put(self, text: str) -> None:
        if self._stream is None:
            self._fail("it is closed")
            return
        try:
            self._stream.write(self._fitting(text))
        except OSError as error:
            self._fail(error.strerror, error)

    def write_command(self, line: str) -> None:
        """Write a whole line that is a command of ours to a CI's runner."""
        if self._begun:
            self.write("\n")
        self._put(line)

    def flush(self) -> None:
        """Hand on what was written."""
        try:
            if self._stream is not None:
                self._stream.flush()
        except OSError as error:
            self._fail(error.strerror, error)

    def isatty(self) -> bool:
        """Whether a person looks on."""
        return self._stream is not None and self._stream.isatty()

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":  # click would write past this stream
            raise AttributeError(name)
        return getattr(self._stream, name)

    def _inert(self, text: str) -> str:
        """Let nothing be taken for a CI's command, also where a line is written bit by bit."""
        before = "-" if self._begun else ""
        ended = max(text.rfind("\n"), text.rfind("\r"))
        within = self._begun and ended < 0
        self._begun = within or bool(text[ended + 1 :].strip())
        return inert(before + text)[len(before) :]

    def _fitting(self, text: str) -> str:
        try:
            text.encode(self.encoding)
        except UnicodeEncodeError:
            return "".join(map(self._letter, text))
        return text

    def _letter(self, letter: str) -> str:
        for each in (letter, letter.translate(_PLAIN)):
            try:
                each.encode(self.encoding)
            except UnicodeEncodeError:
                continue
            return each
        return letter.encode("ascii", "backslashreplace").decode("ascii")

    def _fail(self, why: str | None, error: OSError | None = None) -> None:
        if isinstance(error, BrokenPipeError):
            raise error
        told, self._told = self._told, False
        if told:
            raise OutputError(f"{self._name} cannot be written to: {why}") from error


def guard() -> None:
    """Put the guards before the process's standard output and error."""
    if not isinstance(sys.stdout, Guarded):
        sys.stdout = Guarded(sys.stdout, "standard output", told=True)
    if not isinstance(sys.stderr, Guarded):
        sys.stderr = Guarded(sys.stderr, "standard error", told=False)


def occupy() -> None:
    """Take the numbers of closed standard streams, lest a file that is opened get one of them."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
