"""What a command came to, as a CI shows it: the summary of a step, a pull request's comment."""

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from kvsops.errors import KvsopsError
from kvsops.output.console import Console
from kvsops.output.screen import Outcome
from kvsops.output.summary import LIMIT_BYTES, VARIABLE, append_step_summary
from kvsops.output.text import count, markdown_safe, without_secrets

DIGESTED: Final = "kvsops.digested"
BRIEF_BYTES: Final = 59_000
"""GitHub takes 65,536 characters in a comment; so there is room for what others add."""

_MARKS: Final = {Outcome.GOOD: "✅", Outcome.DOUBTFUL: "⚠️", Outcome.BAD: "❌"}
_UNFOLDED: Final = 20
"""A table of up to so many lines is not folded away."""
SAID: Final = 10
"""At most so many lines say why."""
_SPARE: Final = 200
"""Bytes for what is around a section, and what says that it was cut."""


@dataclass(frozen=True, slots=True)
class Section:
    """A table or the like in Markdown, which may be cut at a line's end; folded if it is long."""

    title: str
    markdown: str
    folded: bool | None = None

    @property
    def lines(self) -> list[str]:
        """Its lines, each ended."""
        return self.markdown.splitlines(keepends=True)


@dataclass(frozen=True, slots=True)
class Digest:
    """What a command came to; nothing in it is safe for Markdown yet, but its sections.

    `typed` is the command in words, `happened` a line, `why` what failed or should be known,
    `notes` what else is good to know; `commands` are to be copied, each after what it is.
    """

    outcome: Outcome
    typed: Sequence[str]
    happened: str
    why: Sequence[str] = ()
    notes: Sequence[str] = ()
    commands: Sequence[tuple[str, str]] = ()
    sections: Sequence[Section] = field(default=())

    def markdown(self, limit_bytes: int = LIMIT_BYTES) -> str:
        """Make the Markdown, of at most so many bytes in UTF-8."""
        text = self._head()
        for section in self.sections:
            room = limit_bytes - len(text.encode("utf-8", "backslashreplace"))
            text += "".join(_fitted(section, room - _SPARE))
        return text

    def _head(self) -> str:
        first = f"{_MARKS[self.outcome]} {_code(shlex.join(self.typed))}: {_plain(self.happened)}\n"
        why = [f"- **{_plain(line)}**\n" for line in self.why[:SAID]]
        if self.why[SAID:]:
            why.append(f"- and {len(self.why) - SAID:,} more\n")
        notes = [f"- {_plain(line)}\n" for line in self.notes[:SAID]]
        commands = [f"- {_plain(what)}: {_code(text)}\n" for what, text in self.commands]
        lines = "".join([*why, *notes, *commands])
        return first + (f"\n{lines}" if lines else "")


def _plain(text: str) -> str:
    """Show a text as it is, but for secrets that others' errors may quote."""
    return markdown_safe(without_secrets(text))


def _code(text: str) -> str:
    """Show a text as code, in letters that mean nothing else to Markdown."""
    return f"<code>{_plain(text)}</code>"


def _fitted(section: Section, room: int) -> Iterator[str]:
    """Yield the section with as many of its lines as there is room for."""
    lines, taken = section.lines, 0
    for number, line in enumerate(lines):
        taken += len(line.encode("utf-8", "backslashreplace"))
        if taken > room - len(section.title.encode()):
            shown, left_out = lines[:number], len(lines) - number
            break
    else:
        shown, left_out = lines, 0
    more = f"\n_{count(left_out, 'line')} left out._\n" if left_out else ""
    folded = len(lines) > _UNFOLDED if section.folded is None else section.folded
    if folded:
        yield f"\n<details><summary>{markdown_safe(section.title)}</summary>\n\n"
        yield from shown
        yield f"{more}\n</details>\n"
    elif lines:
        yield from ("\n", *shown, more)


def append(make: Callable[[], Digest], console: Console) -> None:
    """Append what is made to a CI's step summary, if there is one; else nothing is made.

    A warning where that cannot be done. The command line that is under way is told that it was.
    """
    import click

    if context := click.get_current_context(silent=True):
        context.meta[DIGESTED] = True
    if not os.environ.get(VARIABLE):
        return
    try:
        append_step_summary(make().markdown(), os.environ)
    except KvsopsError as error:
        console.warn(str(error))
