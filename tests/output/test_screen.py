"""What a text is shown on."""

import io
import os
from collections.abc import Mapping

import pytest

from kvsops.output.screen import NO_SCREEN, Outcome, Screen
from tests.terminal import SIZES, terminal


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_terminal(width: int, height: int) -> None:
    """It is as large as it says, and takes colour."""
    with terminal(width, height) as (_, stream):
        assert Screen.of(stream, {}) == Screen(width, height, colour=True)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"NO_COLOR": "1"}, Screen(80, 24, colour=False)),
        ({"NO_COLOR": ""}, Screen(80, 24, colour=True)),
        ({"COLUMNS": "132"}, Screen(132, 24, colour=True)),
        ({"COLUMNS": "0"}, Screen(80, 24, colour=True)),
        ({"COLUMNS": "wide"}, Screen(80, 24, colour=True)),
        ({"TERM": "dumb"}, NO_SCREEN),
    ],
)
def test_what_the_environment_says(environ: Mapping[str, str], expected: Screen) -> None:
    """NO_COLOR, COLUMNS and a dumb terminal."""
    with terminal(80, 24) as (_, stream):
        assert Screen.of(stream, environ) == expected


def test_a_terminal_without_a_size() -> None:
    """One that answers 0 is taken for 80 by 24."""
    with terminal(0, 0) as (_, stream):
        assert Screen.of(stream, {}) == Screen(80, 24, colour=True)


@pytest.mark.parametrize("colour", [True, False])
def test_color_overrules(colour: bool) -> None:  # noqa: FBT001 - a parameter
    """--color always and never overrule NO_COLOR and the stream."""
    assert Screen.of(io.StringIO(), {"NO_COLOR": "1"}, colour=colour) == Screen(colour=colour)
    with terminal(80) as (_, stream):
        assert Screen.of(stream, {"NO_COLOR": "1"}, colour=colour).colour is colour


def test_a_file() -> None:
    """Nothing is known of it, and nothing done to what goes there, whatever COLUMNS says."""
    assert Screen.of(io.StringIO(), {"COLUMNS": "80"}) == NO_SCREEN
    with open(os.devnull, "w", encoding="ascii") as stream:  # noqa: PTH123 - no path
        assert Screen.of(stream, {}) == NO_SCREEN


def test_marks() -> None:
    """An outcome has its colour, where there is colour."""
    assert Screen(colour=True).mark("no", Outcome.BAD) == "\x1b[31mno\x1b[0m"
    assert Screen(colour=True).mark("so", None) == "so"
    assert NO_SCREEN.mark("no", Outcome.BAD) == "no"
