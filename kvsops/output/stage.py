"""How far a stage of the work is, and how long it will still take."""

import threading
import time
from collections.abc import Callable
from math import ceil
from typing import Final

from kvsops.output.text import safe

TOLD_FROM_SECONDS: Final = 2.0
"""Of a stage that takes less nobody wants to know how much is left."""
_SEEN_SECONDS: Final = 1.0
"""After so long the pace so far tells something."""


class Stage:
    """One stage after another of the work: what is done, and how many of how many are.

    `clock` is in seconds. Any thread may count. `done` never passes `total`, which is None as long
    as nobody knows it.
    """

    def __init__(
        self, what: str, total: int | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._beside: Callable[[], str] = str
        self.stage(what, total)

    def stage(self, what: str, total: int | None) -> None:
        """Begin the next stage."""
        with self._lock:
            self.what, self.total, self.done = safe(what), total, 0
            self._began = self._clock()

    def of(self, total: int) -> None:
        """Say of how many the stage is, now that it is known."""
        with self._lock:
            self.total = total

    def advance(self, n: int = 1) -> None:
        """Count `n` more as done."""
        with self._lock:
            self.done += n
            if self.total is not None:
                self.done = min(self.done, self.total)

    def beside(self, say: Callable[[], str]) -> None:
        """Let this say what else is to be known."""
        self._beside = say

    def left_seconds(self) -> float | None:
        """Return how long it will still take at the pace so far; None where that tells nothing."""
        took = self._clock() - self._began
        if not self.total or not 0 < self.done < self.total or took < _SEEN_SECONDS:
            return None
        left = took * (self.total - self.done) / self.done
        return left if took + left >= TOLD_FROM_SECONDS else None

    def __str__(self) -> str:
        """Say it in a line: `tags 1,239/3,000 · 44 s left`."""
        with self._lock:
            of = "" if self.total is None else f"/{self.total:,}"
            number = f" {self.done:,}{of}" if self.done or of else ""
            left = self.left_seconds()
            parts = [f"{self.what}{number}", "" if left is None else f"{rounded(left)} left"]
        return " · ".join(filter(None, (*parts, safe(self._beside()))))


def rounded(seconds: float) -> str:
    """Say roughly how long: `44 s`, `3 min`, `1 h 20 min`; rounded up."""
    if seconds <= 90:  # noqa: PLR2004 - to there a person counts seconds
        return f"{ceil(seconds)} s"
    hours, minutes = divmod(ceil(seconds / 60), 60)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
