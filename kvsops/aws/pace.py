"""Turns at an even rate: how calls stay inside a documented quota without being throttled."""

import threading
import time
from collections.abc import Callable

from kvsops.aws.quotas import OPERATIONS

CATCH_UP_SECONDS = 0.1
"""How much of an idle moment may be made up for: a burst no quota of one second would notice."""


class Pace:
    """Hands out turns at `per_second`, in the order they are asked for.

    Each caller reserves the next free slot and sleeps until it comes, so that many threads share
    one rate exactly, and a late sleeper delays nobody else. The clock gives seconds.
    """

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.interval = 1 / per_second
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._next = clock()

    def turn(self) -> None:
        """Wait for a turn."""
        with self._lock:
            now = self._clock()
            slot = max(self._next, now - CATCH_UP_SECONDS)
            self._next = slot + self.interval
        if slot > now:
            self._sleep(slot - now)


class Paces(dict[str, Pace]):
    """Each operation's, by a share of its quota, from when it is first asked for by any thread."""

    def __init__(
        self, share: float, clock: Callable[[], float], sleep: Callable[[float], object]
    ) -> None:
        super().__init__()
        self._share, self._clock, self._sleep = share, clock, sleep

    def __missing__(self, operation: str) -> Pace:
        """Return the one that is made first, whoever else makes one."""
        per_second = OPERATIONS[operation].per_second * self._share
        return self.setdefault(operation, Pace(per_second, self._clock, self._sleep))
