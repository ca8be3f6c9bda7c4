"""The figures of one direction's video, from what arrived and when."""

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kvsops.peers.reception import Seen

FREEZE_SECONDS: Final = 0.15
"""A gap is a freeze where it passes thrice the mean gap, and the mean gap by this much.

Source: https://www.w3.org/TR/webrtc-stats/ (freezeCount).
"""
SLICE_SECONDS: Final = 0.25
"""The resolution of frame rate and latency over time."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One direction's video while it was measured; milliseconds, a rate per second, or a count."""

    frames: int
    fps: float
    freezes: int
    frozen_ms: float
    wrong_pictures: int | None
    """Decoded, but their number could not be read; None for somebody else's picture."""
    frames_missing: int | None
    latency_ms: float | None
    latency_p95_ms: float | None
    fps_over_time: list[float]
    latency_over_time_ms: list[float | None]
    longest_gap_ms: float
    """The longest time without a picture; it may have begun before, or be over only later."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without a picture; `since` and `until` are moments of the clock."""

    since: float
    until: float
    over: bool
    """Whether a picture came in the end."""

    @property
    def seconds(self) -> float:
        """How long it lasted, as far as it was watched."""
        return self.until - self.since


def gaps(arrived: Sequence[Seen], began: float, ended: float, watched: float) -> list[Gap]:
    """Return the times without a picture that have a part between `began` and `ended`.

    What arrived until `watched`, which is later, tells how long the last one was.
    """
    before = [seen.at for seen in arrived if seen.at < began]
    after = [seen.at for seen in arrived if began <= seen.at < watched]
    moments = [max(before, default=began), *after]
    found = [Gap(since, until, over=True) for since, until in itertools.pairwise(moments)]
    if moments[-1] < ended:
        found.append(Gap(moments[-1], watched, over=False))
    return [gap for gap in found if gap.since < ended]


def flow(
    arrived: Sequence[Seen],
    began: float,
    ended: float,
    watched: float | None = None,
    *,
    numbered: bool,
) -> Flow:
    """Work out the figures of what arrived between `began` and `ended`.

    `watched` is until when it was watched after that, to see what comes next.
    """
    without = gaps(arrived, began, ended, ended if watched is None else watched)
    frames = [seen for seen in arrived if began <= seen.at < ended]
    arrivals = [seen.at for seen in frames]
    latencies = [(seen.at, seen.latency) for seen in frames if seen.latency is not None]
    ordered = sorted(value for _, value in latencies)
    numbers = {seen.number for seen in frames if seen.number is not None}
    frozen = _freezes(arrivals, began, ended)
    return Flow(
        frames=len(frames),
        fps=round(len(frames) / max(ended - began, 1e-9), 1),
        freezes=len(frozen),
        frozen_ms=milliseconds(sum(frozen)),
        wrong_pictures=sum(seen.number is None for seen in frames) if numbered else None,
        frames_missing=_missing(numbers) if numbered else None,
        latency_ms=milliseconds(statistics.median(ordered)) if ordered else None,
        latency_p95_ms=milliseconds(percentile(ordered, 95)) if ordered else None,
        fps_over_time=_rates(arrivals, began, ended),
        latency_over_time_ms=_over_time(latencies, began, ended),
        longest_gap_ms=milliseconds(max(gap.seconds for gap in without)),
    )


def percentile(ordered: Sequence[float], share: int) -> float:
    """Return the value that `share` percent of the ordered values do not pass (nearest rank)."""
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]


def milliseconds(seconds: float) -> float:
    """Return seconds as milliseconds with one decimal."""
    return round(seconds * 1000, 1)


def _freezes(arrivals: Sequence[float], began: float, ended: float) -> list[float]:
    """Return the gaps that a viewer sees as a freeze, those at the two ends included."""
    if not arrivals:
        return [ended - began]
    moments = [began, *arrivals, ended]
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    mean = statistics.fmean(gaps)
    return [gap for gap in gaps if gap > max(3 * mean, mean + FREEZE_SECONDS)]


def _missing(numbers: set[int]) -> int:
    return max(numbers) - min(numbers) + 1 - len(numbers) if numbers else 0


def _slices(began: float, ended: float) -> int:
    return max(1, round((ended - began) / SLICE_SECONDS))


def _rates(arrivals: Sequence[float], began: float, ended: float) -> list[float]:
    counts = [0] * _slices(began, ended)
    width = (ended - began) / len(counts)
    for at in arrivals:
        counts[min(int((at - began) / width), len(counts) - 1)] += 1
    return [round(count / width, 1) for count in counts]


def _over_time(
    latencies: Sequence[tuple[float, float]], began: float, ended: float
) -> list[float | None]:
    slices: list[list[float]] = [[] for _ in range(_slices(began, ended))]
    width = (ended - began) / len(slices)
    for at, latency in latencies:
        slices[min(int((at - began) / width), len(slices) - 1)].append(latency)
    return [milliseconds(statistics.median(each)) if each else None for each in slices]
