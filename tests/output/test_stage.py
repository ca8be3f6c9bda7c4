"""How far a stage is, and how long it will still take."""

import pytest

from kvsops.output.stage import Stage, rounded


class Clock:
    """A clock that stands."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.mark.parametrize(
    ("what", "total", "done", "took", "line"),
    [
        ("tags", 3000, 1239, 31.0, "tags 1,239/3,000 · 45 s left"),
        ("tags", 3000, 0, 31.0, "tags 0/3,000"),  # the pace is not known
        ("tags", 3000, 3000, 75.0, "tags 3,000/3,000"),
        ("tags", 3000, 1500, 0.5, "tags 1,500/3,000"),  # too early to tell
        ("tags", 100, 80, 1.2, "tags 80/100"),  # 1.5 s in all: not worth telling
        ("tags", 100, 50, 1.2, "tags 50/100 · 2 s left"),
        ("deleting", 20_000, 100, 25.0, "deleting 100/20,000 · 1 h 23 min left"),
        ("listing channels", None, 0, 9.0, "listing channels"),
        ("listing channels", None, 2000, 9.0, "listing channels 2,000"),
        ("nothing", 0, 0, 9.0, "nothing 0/0"),
    ],
)
def test_line(what: str, total: int | None, done: int, took: float, line: str) -> None:
    """The time left is told of what takes over 2 s, once the pace is known."""
    clock = Clock()
    stage = Stage(what, total, clock)
    stage.advance(done)
    clock.now += took
    assert str(stage) == line


def test_the_next_stage_begins_anew() -> None:
    """Its pace is its own."""
    clock = Clock()
    stage = Stage("listing channels", None, clock)
    stage.advance(3000)
    clock.now += 60
    stage.stage("tags\x1b[2J", 3000)
    clock.now += 10
    stage.advance(1500)
    assert str(stage) == r"tags\x1b[2J 1,500/3,000 · 10 s left"


def test_its_total_may_be_known_later() -> None:
    """What was counted by then counts."""
    stage = Stage("planning", None)
    stage.advance(4)
    assert str(stage) == "planning 4"
    stage.of(20)
    assert str(stage) == "planning 4/20"


def test_it_never_passes_its_total() -> None:
    """Whatever is counted."""
    stage = Stage("deleting", 5)
    stage.advance(4)
    stage.advance(4)
    assert str(stage) == "deleting 5/5"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "1 s"), (44, "44 s"), (90, "90 s"), (91, "2 min"), (3600, "1 h"), (4800, "1 h 20 min")],
)
def test_rounded(seconds: float, said: str) -> None:
    """It is rounded up, to what a person counts in."""
    assert rounded(seconds) == said
