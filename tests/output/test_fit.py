"""A table that fits its terminal."""

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kvsops.output.fit import cells_of, shortened, wrapped
from kvsops.output.rows import Column, screen_table, table
from kvsops.output.screen import NO_SCREEN, Outcome, Screen
from tests.terminal import uncoloured


@dataclass(frozen=True)
class Camera:
    """What the rows of these tests are."""

    name: str
    status: str = "ACTIVE"
    frames: int = 7
    tags: str = "site=lab team=field"


COLUMNS = (
    Column[Camera]("name", "CAMERA", lambda row: row.name, cut="middle"),
    Column[Camera](
        "status",
        "STATUS",
        lambda row: row.status,
        shared="status {}".format,
        outcome=lambda row: None if row.status == "ACTIVE" else Outcome.BAD,
    ),
    Column[Camera]("frames", "FRAMES", lambda row: row.frames, align="right", leaves=2),
    Column[Camera]("zone", "ZONE", lambda _: "roof", leaves=1),
    Column[Camera]("tags", "TAGS", lambda row: row.tags, cut="end"),
)
TWO = (Camera("cam-door"), Camera("cam-yard", frames=1_234))


def on(width: int, *rows: Camera, colour: bool = False) -> str:
    """Show the rows on a terminal of this width."""
    return screen_table(rows, COLUMNS, Screen(width, 24, colour), "camera")


def test_what_is_the_same_in_all_rows_is_said_once() -> None:
    """Once above the table, and only where it was declared so."""
    assert on(80, *TWO) == (
        "Every camera: status ACTIVE\n"
        "CAMERA    FRAMES  ZONE  TAGS\n"
        "cam-door       7  roof  site=lab team=field\n"
        "cam-yard    1234  roof  site=lab team=field\n"
    )


def test_one_row_keeps_its_columns() -> None:
    """Of one row there is nothing to share."""
    assert on(80, TWO[0]).startswith("CAMERA    STATUS  FRAMES  ZONE  TAGS\n")


def test_what_differs_stays() -> None:
    """A column in which one row differs is shown, its outcome coloured."""
    text = on(80, TWO[0], Camera("cam-roof", status="DELETING"), colour=True)
    assert "cam-door  ACTIVE  " in text
    assert "cam-roof  \x1b[31mDELETING\x1b[0m  " in text
    assert uncoloured(text) == on(80, TWO[0], Camera("cam-roof", status="DELETING"))


def test_one_long_name_pads_no_other_row() -> None:
    """A name of unusual length is shortened though the terminal had room for it."""
    rows = [*TWO, *(Camera(f"cam-{number}") for number in range(20)), Camera("x" * 100 + "-end")]
    lines = on(250, *rows).splitlines()
    assert lines[-1].startswith("x" * 12 + "…" + "x" * 7 + "-end  ")
    assert max(map(len, lines)) < 80


def test_names_that_are_all_long_are_whole_where_there_is_room() -> None:
    """That they are long is no reason to cut them."""
    names = [f"device-{number:036}" for number in range(5)]
    assert all(name in on(100, *map(Camera, names)) for name in names)


@pytest.mark.parametrize(
    ("width", "headers", "left_out"),
    [
        (72, "CAMERA FRAMES ZONE TAGS", ""),
        (60, "CAMERA FRAMES ZONE TAGS", ""),
        (54, "CAMERA ZONE TAGS", "FRAMES"),
        (45, "CAMERA TAGS", "FRAMES, ZONE"),
        (30, "CAMERA", "FRAMES, ZONE, TAGS"),
    ],
)
def test_what_gives_way(width: int, headers: str, left_out: str) -> None:
    """Free text first, then names, then columns in their order; these are named."""
    long = [Camera(f"{n}" + "n" * 40, tags=f"{n}" + "t" * 90) for n in range(3)]
    lines = on(width, *long).splitlines()
    assert lines[1].split() == headers.split()
    assert all(cells_of(line) <= width for line in lines)
    said = " ".join(lines[2 + len(long) :])
    assert (f"Too narrow for {left_out}: " in said) if left_out else not said


def test_off_a_terminal_nothing_is_cut() -> None:
    """A file gets every column of every row, whatever they share, and no colour."""
    rows = [*TWO, Camera("x" * 256, status="ACTIVE")]
    text = screen_table(rows, COLUMNS, NO_SCREEN)
    assert text == table(rows, COLUMNS)
    assert "x" * 256 in text
    assert text.splitlines()[0].split() == ["CAMERA", "STATUS", "FRAMES", "ZONE", "TAGS"]


def test_colour_that_was_asked_for_off_a_terminal() -> None:
    """The columns stay in line."""
    rows = [TWO[0], Camera("cam-roof", status="DELETING")]
    text = screen_table(rows, COLUMNS, Screen(colour=True))
    assert "\x1b[31mDELETING\x1b[0m" in text
    assert uncoloured(text) == table(rows, COLUMNS)


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(
        st.builds(
            Camera,
            name=st.text(min_size=1, max_size=90),
            status=st.sampled_from(["ACTIVE", "DELETING"]),
            tags=st.text(max_size=200),
        ),
        min_size=1,
        max_size=12,
    ),
    st.integers(20, 200),
)
def test_no_line_is_wider_than_the_terminal(rows: list[Camera], width: int) -> None:
    """Whatever stands in the rows, wide letters and controls too."""
    assert all(cells_of(line) <= width for line in on(width, *rows).splitlines())


@pytest.mark.parametrize(
    ("text", "width", "middle", "end"),
    [
        ("cam-berlin-023bb", 16, "cam-berlin-023bb", "cam-berlin-023bb"),
        ("cam-berlin-023bb", 11, "cam-b…023bb", "cam-berlin…"),
        ("cam-berlin-023bb", 10, "cam-b…23bb", "cam-berli…"),
        ("カメラ玄関", 6, "カ…関", "カメ…"),
        ("cam", 2, "c…", "c…"),
    ],
)
def test_shortened(text: str, width: int, middle: str, end: str) -> None:
    """Both ends of a name stay, for its end tells it from others."""
    assert (shortened(text, width).replace(" ", ""), shortened(text, width, "end")) == (middle, end)


def test_wide_letters_are_wrapped_by_their_cells() -> None:
    """Three of two cells each have room in six, and the next line is indented."""
    assert wrapped("カメラ門扉 a", Screen(6, 24), "  ") == "カメラ\n  門扉\n  a\n"


def test_a_wider_terminal_leaves_out_no_more() -> None:
    """No width has fewer columns than a narrower one."""
    rows = [Camera(f"{n}" + "n" * 30, tags="t" * 60) for n in range(3)]
    shown = [len(on(width, *rows).splitlines()[1].split()) for width in range(20, 160)]
    assert all(narrow <= wide for narrow, wide in pairwise(shown))
