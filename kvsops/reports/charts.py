"""Charts of bars: where each stands, and what it says; `charts.html.j2` draws them as SVG.

Lengths along the width are percentages, so that one drawing fits every screen.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import ROUND_CEILING, Decimal
from typing import Final, NamedTuple

from kvsops.core.cost import ZERO, Month, total
from kvsops.output.figures import NOT_KNOWN, usd
from kvsops.output.text import xml_safe

BARS: Final = 12
"""At most 12 groups have a bar of their own."""
PLOT_HEIGHT: Final = 200  # pixels, of a chart by day
_NAME_CELLS: Final = 32  # beside the value on a narrow screen
_TEN_CENTS: Final = Decimal("0.10")
_PERCENT: Final = Decimal("0.01")


class Bar(NamedTuple):
    """One bar: its name, and its value in dollars or None."""

    name: str
    value: Decimal | None


class Drawn(NamedTuple):
    """A bar that is drawn: `name` and `value` as they are shown, `share` in percent of the room."""

    name: str
    value: str
    share: Decimal
    place: Decimal  # its beginning along the width, in percent
    rest: bool = False


class Line(NamedTuple):
    """A line across a chart, at its height in pixels from the top."""

    value: str
    y: Decimal


class Chart(NamedTuple):
    """A chart, its title, and `text`, which says all that it shows."""

    title: str
    text: str
    bars: Sequence[Drawn]
    lines: Sequence[Line] = ()
    labels: Sequence[tuple[str, Decimal]] = ()
    """What stands below, and where along the width, in percent."""
    width: Decimal = Decimal(100)
    """Of a bar, in percent."""
    height: int = PLOT_HEIGHT


def by_group(groups: Sequence[Bar], by: str) -> Chart | None:
    """Draw the first groups, and the others in one bar; None where all are nothing."""
    bars = [*groups[:BARS]]
    if others := groups[BARS:]:
        bars.append(Bar(f"{len(others)} others", total(bar.value for bar in others)))
    highest = _highest(bars)
    if not highest:
        return None
    places = _places(highest)
    drawn = [
        Drawn(
            short(bar.name, _NAME_CELLS),
            usd(bar.value, places, unknown=NOT_KNOWN),
            _percent(bar.value or ZERO, highest),
            ZERO,
            rest=at >= BARS,
        )
        for at, bar in enumerate(bars)
    ]
    return Chart(f"US dollars by {by}, dearest first", _text(bars, places), drawn)


def by_day(known: Mapping[date, Decimal], month: Month) -> Chart | None:
    """Draw the days of a month, also those not known or to come; None where all are nothing."""
    days = month.days_until(month.end)
    bars = [Bar(day.isoformat(), known[day]) for day in days if day in known]
    highest = _highest(bars)
    if not highest:
        return None
    places, step = _places(highest), _step(highest)
    top = step * (highest / step).to_integral_value(ROUND_CEILING)
    drawn = [
        Drawn(
            day.isoformat(),
            usd(known[day], places),
            _percent(known[day], top),
            _percent(at + Decimal("0.1"), Decimal(len(days))),
        )
        for at, day in enumerate(days)
        if day in known
    ]
    lines = [_line(step * at, top, step) for at in range(int(top / step) + 1)]
    middles = [_percent(at + Decimal("0.5"), Decimal(len(days))) for at in range(len(days))]
    labels = [(str(day.day), middle) for day, middle in zip(days, middles, strict=True)]
    width = _percent(Decimal("0.8"), Decimal(len(days)))
    return Chart("US dollars by day", _text(bars, places), drawn, lines, labels, width)


def _highest(bars: Iterable[Bar]) -> Decimal:
    return max((bar.value for bar in bars if bar.value is not None), default=ZERO)


def _places(highest: Decimal) -> int:
    return 2 if highest >= _TEN_CENTS else 4


def _percent(part: Decimal, whole: Decimal) -> Decimal:
    return (100 * part / whole).quantize(_PERCENT)


def _text(bars: Iterable[Bar], places: int) -> str:
    known = [bar for bar in bars if bar.value is not None]
    return "; ".join(f"{short(bar.name, 100)}: {usd(bar.value, places)}" for bar in known)


def _step(highest: Decimal) -> Decimal:
    """Return a round number of which two to four make up the highest value."""
    power = Decimal(1).scaleb(highest.adjusted())
    factors = {2: Decimal("0.5"), 4: Decimal(1), 10: Decimal("2.5")}
    return next(power * factor for most, factor in factors.items() if highest <= power * most)


def _line(value: Decimal, top: Decimal, step: Decimal) -> Line:
    places = max(2, -int(step.normalize().as_tuple().exponent))
    y = (PLOT_HEIGHT * (1 - value / top)).quantize(_PERCENT)
    return Line(usd(value, places), y)


def short(name: str, cells: int) -> str:
    """Leave out a long name's middle: its beginning and its end tell it from others."""
    from rich.cells import cell_len, set_cell_size

    name = xml_safe(name)
    if cell_len(name) <= cells:
        return name
    head = (cells - 1) // 2
    tail = set_cell_size(name[::-1], cells - 1 - head)[::-1]
    return f"{set_cell_size(name, head).rstrip()}…{tail}"
