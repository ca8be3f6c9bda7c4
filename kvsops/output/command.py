"""A command as it is to be typed: quoted for a shell, broken where the terminal ends."""

import shlex
from collections.abc import Iterator, Sequence
from typing import Final

from kvsops.output.fit import cells_of

_CONTINUED: Final = " \\"


def command_lines(words: Sequence[str], width: int | None, indent: str = "") -> list[str]:
    r"""Return the lines of a command; those but the last end in `\`, so that they can be pasted.

    An option stays with its value where both fit. A word that is itself wider than the terminal
    stays whole. None: no terminal, one line.
    """
    lines = [indent]
    for word in _together(
        words, None if width is None else width - len(f"{indent}    {_CONTINUED}")
    ):
        line = lines[-1]
        begun = bool(line.strip())
        longer = f"{line} {word}" if begun else line + word
        if width is not None and begun and cells_of(longer + _CONTINUED) > width:
            lines[-1] += _CONTINUED
            lines.append(f"{indent}    {word}")
        else:
            lines[-1] = longer
    return lines


def _together(words: Sequence[str], most: int | None) -> Iterator[str]:
    """Yield the words, quoted, each option with the word after it, up to so many cells."""
    waiting = ""
    for word in map(shlex.quote, words):
        both = f"{waiting} {word}"
        if waiting and not word.startswith("-") and (most is None or cells_of(both) <= most):
            yield both
            waiting = ""
            continue
        if waiting:
            yield waiting
        waiting = word if word.startswith("--") else ""
        if not waiting:
            yield word
    if waiting:
        yield waiting
