"""The times in which nothing came, of pictures or of sound."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf
from typing import Final

STOPPED_SECONDS: Final = 3.0
"""After so long without a picture people take a call for dead."""
_FPS_OVER: Final = 31
"""The rate is reckoned of so many pictures: those of a second."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without pictures or sound: its place in the recording and length, in seconds."""

    kind: str
    position: float
    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """Pictures or sound have stopped, at this moment of the recording."""

    kinds: tuple[str, ...]
    position: float
    why: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """They come again."""

    kind: str
    position: float
    seconds: float


class Gaps:
    """Is told of what comes, and tells when nothing does. `position` is the recording's moment."""

    def __init__(
        self,
        clock: Callable[[], float],
        tell: Callable[[Stopped | Resumed], object],
        position: Callable[[], float],
    ) -> None:
        self.all: list[Gap] = []
        """Those that are over, and at the end the last."""
        self._clock, self._tell, self._position = clock, tell, position
        self._last: dict[str, tuple[float, float]] = {}
        """When something of a kind came last, by the clock and in the recording."""
        self._stopped: dict[str, str] = {}
        self._pictures: deque[float] = deque(maxlen=_FPS_OVER)

    @property
    def last_at(self) -> float:
        """When anything came last."""
        return max((at for at, _ in self._last.values()), default=-inf)

    @property
    def coming(self) -> set[str]:
        """The kinds that come, and have not stopped."""
        return self._last.keys() - self._stopped.keys()

    @property
    def stopped(self) -> bool:
        """Whether nothing comes at all."""
        return bool(self._last) and not self.coming

    @property
    def fps(self) -> float:
        """How many pictures a second come."""
        if len(self._pictures) < 2 or "video" in self._stopped:  # noqa: PLR2004 - two make a time
            return 0.0
        passed = max(self._pictures[-1], self._clock() - 1) - self._pictures[0]
        return (len(self._pictures) - 1) / max(passed, 1e-3)

    def came(self, kind: str) -> None:
        """Take note that something of this kind came."""
        now = self._clock()
        if kind == "video":
            self._pictures.append(now)
        if kind in self._stopped:
            gap = self._close(kind)
            self._pictures.clear()
            self._tell(Resumed(kind, self._position(), gap.seconds))
        self._last[kind] = (now, self._position())

    def look(self, why: Callable[[Iterable[str]], str]) -> None:
        """Tell of what has stopped; `why` is asked of which kinds."""
        now = self._clock()
        self._stop(lambda kind: now - self._last[kind][0] > STOPPED_SECONDS, why)

    def stop_all(self, why: str) -> None:
        """Take it that nothing comes any more, as the call has ended."""
        self._stop(lambda _: True, lambda _: why)

    def close(self) -> None:
        """End those that are not over."""
        for kind in [*self._stopped]:
            self._close(kind)

    def _stop(self, has: Callable[[str], bool], why: Callable[[Iterable[str]], str]) -> None:
        found = [kind for kind in self._last if kind not in self._stopped and has(kind)]
        if found:
            reason = why(found)
            self._stopped |= dict.fromkeys(found, reason)
            self._tell(Stopped(tuple(found), min(self._last[kind][1] for kind in found), reason))

    def _close(self, kind: str) -> Gap:
        (since, at), why = self._last[kind], self._stopped.pop(kind)
        gap = Gap(kind, at, self._clock() - since, why)
        self.all.append(gap)
        return gap
