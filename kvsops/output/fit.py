"""A table that fits its terminal.

What all rows share is said once above it. Where it is still too wide, free text is cut, then names
are shortened in their middle, then columns are left out in the order declared, which is said.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from kvsops.output.screen import Outcome, Screen
from kvsops.output.text import safe

if TYPE_CHECKING:
    from kvsops.output.rows import Column

Cut = Literal["middle", "end"]

_GAP: Final = "  "
_LEAST: Final[dict[Cut, int]] = {"end": 16, "middle": 24}
"""A text is cut to no fewer cells, unless nothing else is left to give way."""
_LONG: Final = 40
"""A name of more cells that is also twice as long as the others pads no row but its own."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A column with the text of each row."""

    column: "Column[Any]"
    cells: Sequence[str]
    widths: Sequence[int]

    @classmethod
    def of(cls, column: "Column[Any]", rows: Sequence[Any]) -> "_Drawn":
        cells = [safe(column.cell(row)) for row in rows]
        return cls(column, cells, [cells_of(cell) for cell in cells])

    @property
    def header(self) -> str:
        return self.column.header

    @property
    def wanted(self) -> int:
        """How wide it is where there is room: a few names of unusual length do not count."""
        widest = max(self.widths, default=0)
        usual = sorted(self.widths)[(len(self.widths) - 1) * 19 // 20] if self.widths else 0
        if self.column.cut == "middle" and widest > max(_LONG, 2 * usual):
            widest = max(_LEAST["middle"], usual)
        return max(widest, len(self.header))

    @property
    def least(self) -> int:
        if self.column.cut is None:
            return self.wanted
        return min(self.wanted, max(_LEAST[self.column.cut], len(self.header)))


@dataclass(frozen=True, slots=True)
class Fitted:
    """A table laid out for a terminal: each cell as wide as its column, with its outcome.

    `shared` is what all rows have, in words; `left_out` are the headings there was no room for.
    """

    shared: Sequence[str]
    headers: Sequence[str]
    lines: Sequence[Sequence[tuple[str, Outcome | None]]]
    left_out: Sequence[str]

    def text(self, screen: Screen, noun: str) -> str:
        """Make the lines, the last one ended too."""
        above = wrapped(f"Every {noun}: {', '.join(self.shared)}", screen) if self.shared else ""
        lines = [_GAP.join(self.headers).rstrip()]
        for cells in self.lines:
            marked = [screen.mark(text, outcome) for text, outcome in cells]
            lines.append(_GAP.join(marked).rstrip())
        said = f"Too narrow for {', '.join(self.left_out)}: widen the terminal, or use -o json"
        below = wrapped(said, screen) if self.left_out else ""
        return above + "".join(f"{line}\n" for line in lines) + below


def fit(rows: Sequence[Any], columns: "Sequence[Column[Any]]", width: int) -> Fitted:
    """Lay the rows out in `width` cells; a column that may be shared is none where all agree."""
    drawn = [_Drawn.of(column, rows) for column in columns if column.shown]
    alike = [each for each in drawn if each.column.shared and _agree(each.cells)]
    varying = [each for each in drawn if each not in alike]
    kept = _kept(varying, width)
    widths = _widths(kept, width)
    outcomes = [each.column.outcome for each in kept]
    padded = [
        [_padded(cell, size, each.column) for cell in each.cells]
        for each, size in zip(kept, widths, strict=True)
    ]
    return Fitted(
        shared=[said for each in alike if (said := _said(each))],
        headers=[
            _padded(each.header, size, each.column) for each, size in zip(kept, widths, strict=True)
        ],
        lines=[
            [
                (cells[at], outcome and outcome(row))
                for cells, outcome in zip(padded, outcomes, strict=True)
            ]
            for at, row in enumerate(rows)
        ],
        left_out=[each.header for each in varying if each not in kept],
    )


def _said(alike: _Drawn) -> str:
    return "" if alike.column.shared is None else alike.column.shared(alike.cells[0])


def _agree(cells: Sequence[str]) -> bool:
    """Whether there are several, and all the same."""
    return len(cells) > 1 and len(set(cells)) == 1


def _kept(drawn: Sequence[_Drawn], width: int) -> list[_Drawn]:
    """Return the columns there is room for; the first always is."""
    kept = list(drawn)
    leaving = sorted(
        (each for each in drawn[1:] if each.column.leaves), key=lambda each: -each.column.leaves
    )
    leaving += [each for each in reversed(drawn[1:]) if not each.column.leaves]
    for each in leaving:
        if sum(one.least for one in kept) + len(_GAP) * (len(kept) - 1) <= width:
            break
        kept.remove(each)
    return kept


def _widths(drawn: Sequence[_Drawn], width: int) -> list[int]:
    """Return how wide each is: free text gives way first, then names, the widest of each first."""
    widths = [each.wanted for each in drawn]
    over = sum(widths) + len(_GAP) * (len(drawn) - 1) - width
    for cut in _LEAST:
        yielding = [at for at, each in enumerate(drawn) if each.column.cut == cut]
        for at in sorted(yielding, key=lambda at: -widths[at]):
            given = max(0, min(over, widths[at] - drawn[at].least))
            widths[at] -= given
            over -= given
    widths[0] -= max(0, over)  # nothing is left beside it
    return widths


def _padded(text: str, width: int, column: "Column[Any]") -> str:
    fitting = shortened(text, width, column.cut or "end")
    room = " " * (width - cells_of(fitting))
    return room + fitting if column.align == "right" else fitting + room


def shortened(text: str, width: int, cut: Cut = "middle") -> str:
    """Shorten a text to so many cells, `…` in place of its middle or its end."""
    from rich.cells import set_cell_size

    if cells_of(text) <= width:
        return text
    if cut == "end" or width < 3:  # noqa: PLR2004 - no room for two ends
        return set_cell_size(text, max(width - 1, 0)).rstrip() + "…"
    tail = (width - 1) // 2
    head = set_cell_size(text, width - 1 - tail)
    return f"{head}…{set_cell_size(text[::-1], tail)[::-1]}"


def cells_of(text: str) -> int:
    """Return how many cells of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def wrapped(text: str, screen: Screen, indent: str = "") -> str:
    """Make whole lines of a sentence, as wide as the terminal at most."""
    import textwrap

    if screen.width is None:
        return text + "\n"
    # Each letter as long as it is wide; no text to be shown has a NUL.
    cells = text if text.isascii() else "".join(f"{each:\0<{cells_of(each)}}" for each in text)
    lines = textwrap.wrap(cells, screen.width, subsequent_indent=indent, break_on_hyphens=False)
    return "".join(line.replace("\0", "") + "\n" for line in lines)
