"""The room on a disk: warned of once, in time."""

from math import inf
from pathlib import Path

import pytest

from kvsops.stay.space import LowSpace, Space

PLACE = Path("/recordings")
GB = 1_000_000_000


def warned(free: int, written: int, seconds: float, looks: int = 3) -> list[LowSpace]:
    """Look a few times, a minute apart; return what was said."""
    now, told = [0.0], list[LowSpace]()
    space = Space(PLACE, lambda: now[0], told.append, lambda _: free)
    for _ in range(looks):
        space.look(written, seconds)
        now[0] += 60
    return told


@pytest.mark.parametrize(
    ("free", "written", "seconds", "left"),
    [
        (50_000_000, 0, 0.0, inf),  # little, whatever it is for
        (GB, 20_000_000, 10.0, 500.0),  # 2 MB a second: for 500 s
        (GB, 10_000_000, 10.0, None),  # for 1,000 s
        (GB, 0, 0.0, None),
    ],
)
def test_low_space(free: int, written: int, seconds: float, left: float | None) -> None:
    """Less than 100 MB, or than ten minutes at the rate so far, is said once."""
    said = [] if left is None else [LowSpace(str(PLACE), free, left)]
    assert warned(free, written, seconds) == said


def test_no_disk() -> None:
    """A pipe has none; one that cannot be asked is left alone."""

    def fails(_: Path) -> int:
        raise PermissionError

    told: list[LowSpace] = []
    Space(None, lambda: 0.0, told.append, lambda _: 0).look(1, 1.0)
    Space(PLACE, lambda: 0.0, told.append, fails).look(1, 1.0)
    assert told == []
