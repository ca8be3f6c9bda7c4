"""One thing from top to bottom: a title, then a line or more for each of its fields."""

from collections.abc import Sequence
from dataclasses import dataclass

from kvsops.output.fit import cells_of
from kvsops.output.screen import Outcome, Screen
from kvsops.output.text import safe


@dataclass(frozen=True, slots=True)
class Field:
    """What a card says under a label: whole lines, not yet made safe for a terminal."""

    label: str
    lines: Sequence[str]
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """A title and its fields."""

    title: str
    fields: Sequence[Field]

    def text(self, screen: Screen) -> str:
        """Make whole lines, as wide as the screen at most."""
        lines = _broken(safe(self.title), screen.width)
        room = max((len(each.label) for each in self.fields), default=0) + 4
        for each in self.fields:
            label = f"  {each.label}".ljust(room)
            for line in each.lines:
                for part in _broken(safe(line), screen.width and max(screen.width - room, 1)):
                    lines.append(label + screen.mark(part, each.outcome))
                    label = " " * room
        return "".join(f"{line}\n" for line in lines)


def _broken(text: str, width: int | None) -> list[str]:
    """Break a text into lines of so many cells, between words where it can be."""
    if width is None or cells_of(text) <= width:
        return [text]
    if text.isascii():
        import textwrap

        return textwrap.wrap(text, width, break_on_hyphens=False)
    from rich.cells import chop_cells

    return chop_cells(text, width)
