"""Which places take long: the progress tells of them, for whoever wonders what it waits for."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from kvsops.fleet.place import Place
from kvsops.output.console import Counter

SLOW_SECONDS: Final = 20.0
"""A place that takes longer is told of."""


class Slow:
    """The places that are under way, and since when; any thread may tell of its own.

    It counts on `counter`, whose stages it calls by what is done there.
    """

    def __init__(
        self, counter: Counter, doing: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._counter, self._doing, self._clock = counter, doing, clock
        self._lock = threading.Lock()
        self._since: dict[Place, float] = {}
        self._beside: Callable[[], str] = str
        counter.beside(self.text)

    def stage(self, what: str, total: int | None) -> None:
        """Begin the next stage."""
        self._counter.stage(f"{self._doing} {what}", total)

    def of(self, total: int) -> None:
        """Say of how many the stage is."""
        self._counter.of(total)

    def advance(self, n: int = 1) -> None:
        """Count `n` more as done."""
        self._counter.advance(n)

    def beside(self, say: Callable[[], str]) -> None:
        """Let this say what else is to be known, as long as none is slow."""
        self._beside = say

    @contextmanager
    def at(self, place: Place) -> Iterator[None]:
        """Note that the work in a place is under way."""
        with self._lock:
            self._since[place] = self._clock()
        try:
            yield
        finally:
            with self._lock:
                del self._since[place]

    def text(self) -> str:
        """Say which place takes longest, of those that are slow, and how many others are."""
        now = self._clock()
        with self._lock:
            slow = [(now - since, str(place)) for place, since in self._since.items()]
        slow = sorted((each for each in slow if each[0] >= SLOW_SECONDS), reverse=True)
        if not slow:
            return self._beside()
        more = f" and {len(slow) - 1:,} more" if slow[1:] else ""
        return f"slow: {slow[0][1]} ({slow[0][0]:.0f} s){more}"
