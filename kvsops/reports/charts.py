"""Charts as SVG within an HTML page: drawn by pygal, styled by the page."""

import sys
from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from kvsops.output.figures import CENT, ZERO, usd
from kvsops.output.text import safe

if TYPE_CHECKING:
    from markupsafe import Markup

BARS: Final = 12
"""So many groups have a bar of their own."""


class Charts(NamedTuple):
    """The same chart for a wide and a narrow screen: one that is only scaled cannot be read."""

    wide: "Markup"
    narrow: "Markup"


class Bar(NamedTuple):
    """One bar: its name, and its value in dollars or None."""

    name: str
    value: Decimal | None


def by_group(groups: Sequence[Bar], by: str) -> Charts | None:
    """Draw the first groups, and the others in one bar; None where all are nothing."""
    bars = [*groups[:BARS]]
    if len(groups) > BARS:
        rest = (group.value or ZERO for group in groups[BARS:])
        bars.append(Bar(f"{len(groups) - BARS} others", sum(rest, ZERO)))
    highest = _highest(bars)
    if not highest:
        return None
    from rich.cells import cell_len

    def draw(size: Size, cells: int) -> "Markup":
        labels = [short(bar.name, cells) for bar in reversed(bars)]
        names = _CELL * max(map(cell_len, labels))
        values = _CELL * len(usd(float(highest), 4))
        plot = 0.95 * (size.width - names - 20)
        return _drawn(
            "HorizontalBar",
            bars[::-1],  # the first one is drawn lowest
            labels,
            title=f"US dollars by {by}, dearest first",
            name=f"groups-{size.name}",
            classes=[size.name, "groups", *["rest"] * (len(groups) > BARS)],
            width=size.width,
            height=28 * len(bars) + 4,
            margin=2,
            margin_left=2 + names - _CELL * max(map(len, labels)),  # pygal knows no wide letters
            range=(0, float(highest) * plot / (plot - values - 10)),  # room for the value behind
            print_values=True,
            print_values_position="top",
            show_x_labels=False,
            spacing=8,
        )

    return Charts(draw(WIDE, 32), draw(NARROW, 16))


def by_day(known: Mapping[str, Decimal], month: str) -> Charts | None:
    """Draw the days of a month, also those not known or to come; None where all are nothing."""
    last = monthrange(int(month[:4]), int(month[5:]))[1]
    days = [f"{month}-{day:02}" for day in range(1, last + 1)]
    bars = [Bar(day, known.get(day)) for day in days]
    if not _highest(bars):
        return None
    labels = [str(day) for day in range(1, last + 1)]

    def draw(size: Size, height: int, every: int) -> "Markup":
        return _drawn(
            "Bar",
            bars,
            labels,
            title="US dollars by day",
            name=f"days-{size.name}",
            classes=[size.name],
            width=size.width,
            height=height,
            margin=6,
            x_labels_major=labels[::every],
            show_minor_x_labels=False,
            truncate_label=-1,
            max_scale=5,
            spacing=8,
        )

    return Charts(draw(WIDE, 240, 1), draw(NARROW, 200, 5))


class Size(NamedTuple):
    """How wide a chart is drawn, in pixels, and the class its style goes by."""

    name: str
    width: int


WIDE: Final = Size("wide", 760)
NARROW: Final = Size("narrow", 340)
_FONT: Final = 12  # pixels, as in the page's style
_CELL: Final = 0.6 * _FONT  # the width of a letter in a font of fixed width


def _highest(bars: Iterable[Bar]) -> Decimal:
    return max((bar.value for bar in bars if bar.value is not None), default=ZERO)


def short(name: str, cells: int) -> str:
    """Leave out a long name's middle: its beginning and its end tell it from others."""
    from rich.cells import cell_len, set_cell_size

    name = _drawable(name)
    if cell_len(name) <= cells:
        return name
    head = (cells - 1) // 2
    tail = set_cell_size(name[::-1], cells - 1 - head)[::-1]
    return f"{set_cell_size(name, head).rstrip()}…{tail}"


def _drawable(name: str) -> str:
    """Make a name fit for XML, which has no controls and not these two."""
    return safe(name).translate({0xFFFE: "\ufffd", 0xFFFF: "\ufffd"})


def _drawn(
    kind: str,
    bars: Sequence[Bar],
    labels: Sequence[str],
    *,
    title: str,
    name: str,
    **settings: Any,
) -> "Markup":
    """Draw bars with pygal, without its own style, scripts and tooltips."""
    from markupsafe import Markup

    pygal = load()
    places = 2 if _highest(bars) >= 10 * CENT else 4
    told = [f"{short(bar.name, 100)}: {usd(_float(bar.value), places)}" for bar in bars]
    known = [text for bar, text in zip(bars, told, strict=True) if bar.value is not None]
    chart = getattr(pygal, kind)(
        css=[],
        js=[],
        no_prefix=True,
        show_legend=False,
        style=pygal.style.Style(
            label_font_size=_FONT, major_label_font_size=_FONT, value_font_size=_FONT
        ),
        value_formatter=lambda value: usd(value, places),
        **settings,
    )
    chart.x_labels = labels
    chart.add(
        "",
        [{"value": _float(bar.value), "label": text} for bar, text in zip(bars, told, strict=True)],
    )
    drawing = chart.render_tree()
    return Markup(
        '<svg class="{classes}" viewBox="{box}" role="img" aria-labelledby="{name}-t {name}-d">'
        '<title id="{name}-t">{title}</title><desc id="{name}-d">{told}</desc>{inner}</svg>'
    ).format(
        classes=drawing.get("class"),
        box=drawing.get("viewBox"),
        name=name,
        title=title,
        told="; ".join(known if kind == "Bar" else reversed(known)),
        inner=Markup().join(map(_markup, drawing)),
    )


def load() -> Any:
    """Import pygal, without the finder that it adds to the imports of the whole process.

    The finder is for plugins that draw maps, and of a form that Python 3.12 has dropped: in 3.11
    each import that misses would warn of it.
    """
    import pygal.style

    sys.meta_path[:] = [
        finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)
    ]
    return pygal


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


# All else that pygal writes is left out: scripts, styles, comments with links, and the tooltips
# that its script would show.
_ELEMENTS: Final = frozenset({"g", "rect", "path", "text"})
_ATTRIBUTES: Final = ("class", "transform", "x", "y", "width", "height", "d")


def _markup(node: Any) -> "Markup":
    """Write the elements and attributes that draw; a bar's label becomes its title."""
    from markupsafe import Markup

    if node.tag not in _ELEMENTS or node.get("class") in {"titles", "plot tooltip-overlay"}:
        return Markup()
    attributes = Markup().join(
        Markup(' {}="{}"').format(name, node.get(name)) for name in _ATTRIBUTES if node.get(name)
    )
    label = next((child.text for child in node if child.get("class") == "label"), None)
    return Markup("<{tag}{attributes}>{title}{text}{inner}</{tag}>").format(
        tag=node.tag,
        attributes=attributes,
        title=Markup("<title>{}</title>").format(label) if label else "",
        text=node.text or "",
        inner=Markup().join(map(_markup, node)),
    )
