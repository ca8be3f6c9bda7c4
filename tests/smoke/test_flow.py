"""The figures of one direction, from what arrived when."""

import pytest

from kvsops.peers.reception import Seen
from kvsops.smoke.flow import Flow, flow, gaps, percentile


def seen(*frames: tuple[float, int | None, float | None]) -> list[Seen]:
    """Return pictures by when they arrived, their number, and when they were drawn."""
    return [
        Seen(at, number, None if drawn_at is None else at - drawn_at)
        for at, number, drawn_at in frames
    ]


def test_a_steady_flow() -> None:
    """Ten frames a second, each 20 ms old."""
    arrived = seen(*((n / 10, n, n / 10 - 0.02) for n in range(10)))
    assert flow(arrived, 0, 1, numbered=True) == Flow(
        frames=10,
        fps=10.0,
        freezes=0,
        frozen_ms=0.0,
        wrong_pictures=0,
        frames_missing=0,
        latency_ms=20.0,
        latency_p95_ms=20.0,
        fps_over_time=[12.0, 8.0, 12.0, 8.0],
        latency_over_time_ms=[20.0, 20.0, 20.0, 20.0],
        longest_gap_ms=100.0,
    )


def test_missing_and_unreadable() -> None:
    """Numbers that never came are missing; a picture that cannot be read is a wrong one."""
    figures = flow(seen((0.1, 4, 0.0), (0.2, None, None), (0.3, 7, 0.2)), 0, 1, numbered=True)
    assert (figures.frames, figures.wrong_pictures, figures.frames_missing) == (3, 1, 2)


def test_a_freeze() -> None:
    """A gap far above the mean is a freeze, also one that lasts to the end."""
    frames = [(n / 30, n, n / 30) for n in range(30)]
    within = flow(
        seen(*frames, *((1.5 + n / 30, 30 + n, 0.0) for n in range(15))), 0, 2, numbered=True
    )
    assert (within.freezes, within.frozen_ms) == (1, 533.3)
    to_the_end = flow(seen(*frames), 0, 2, numbered=True)
    assert (to_the_end.freezes, to_the_end.frozen_ms) == (1, 1033.3)


def test_a_freeze_at_the_beginning() -> None:
    """What began before it was measured counts from its own beginning; frozen is what is in it."""
    figures = flow(
        seen((-0.5, 1, None), *((1 + n / 30, n, None) for n in range(60))), 0, 3, numbered=True
    )
    assert (figures.freezes, figures.frozen_ms, figures.longest_gap_ms) == (1, 1000.0, 1500.0)


@pytest.mark.parametrize(
    ("later", "watched", "over", "seconds"),
    [((), 4.0, False, 3.0), ((2.5,), 2.6, True, 1.5), ((), 2.0, False, 1.0)],
)
def test_the_last_gap(
    later: tuple[float, ...], watched: float, *, over: bool, seconds: float
) -> None:
    """What comes after the end tells whether the last gap was a freeze, or the end of it all."""
    arrived = seen(*((n / 10, n, None) for n in range(11)), *((at, 99, None) for at in later))
    last = gaps(arrived, 0, 2, watched)[-1]
    assert (last.since, last.over, last.seconds) == (1.0, over, seconds)


def test_somebody_elses_picture() -> None:
    """Of a picture without our number there is no latency, and none is wrong."""
    figures = flow(seen((0.1, None, None), (0.6, None, None)), 0, 1, numbered=False)
    assert (figures.fps, figures.wrong_pictures, figures.frames_missing, figures.latency_ms) == (
        2,
        None,
        None,
        None,
    )
    assert figures.latency_over_time_ms == [None, None, None, None]


def test_nothing_came() -> None:
    """No frame at all is a freeze from the beginning to the end."""
    figures = flow([], 0, 1, numbered=True)
    assert (figures.frames, figures.fps, figures.freezes, figures.latency_ms) == (0, 0, 1, None)
    assert (figures.frozen_ms, figures.longest_gap_ms) == (1000.0, 1000.0)


def test_only_what_was_measured_counts() -> None:
    """What came before and after is left out."""
    assert flow(seen((0.5, 1, 0.4), (1.5, 2, 1.4), (2.0, 3, 1.9)), 1, 2, numbered=True).frames == 1


@pytest.mark.parametrize(("share", "value"), [(50, 2), (95, 4), (100, 4), (1, 1)])
def test_percentile(share: int, value: float) -> None:
    """The nearest rank is a value that was measured."""
    assert percentile([1, 2, 3, 4], share) == value
