"""A QR code on a terminal is the code, module by module."""

import segno

from kvsops.output.qr import qr_code
from kvsops.output.screen import NO_SCREEN, Screen

URL = f"https://meet.example.com/#{'x' * 43}"
BORDER = 2
HALVES = {"█": (0, 0), "▀": (0, 1), "▄": (1, 0), " ": (1, 1)}
"""What a cell shows: two modules, one above the other, 1 being dark."""


def test_every_module() -> None:
    """Light is drawn in the foreground, so that a dark terminal shows dark on light."""
    lines = qr_code(URL, Screen(80, 24)).splitlines()
    rows = [[HALVES[cell][half] for cell in line] for line in lines for half in (0, 1)]
    code = segno.make(URL, error="l", micro=False)
    width, height = map(int, code.symbol_size(border=BORDER))
    assert [row[:width] for row in rows[:height]] == [
        [*row] for row in code.matrix_iter(border=BORDER)
    ]


def test_colours() -> None:
    """Where there is colour, it is white on black whatever the terminal's own colours are."""
    for line in qr_code(URL, Screen(80, 24, colour=True)).splitlines():
        assert line.startswith("\x1b[97;40m")
        assert line.endswith("\x1b[0m")


def test_no_room() -> None:
    """None is drawn that would be broken by the terminal's edge, nor off a terminal."""
    assert qr_code(URL, Screen(36, 24)) == ""
    assert qr_code(URL, NO_SCREEN) == ""
