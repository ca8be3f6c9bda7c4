"""The room that is left on a disk, watched while it fills."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Final

LOOK_SECONDS: Final = 5.0
LEAST_BYTES: Final = 100_000_000
LEAST_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class LowSpace:
    """There is room for so many bytes only, which is so many seconds of this recording."""

    directory: str
    bytes: int
    seconds: float


class Space:
    """Warns once, when there is room for less than ten minutes, or 100 MB."""

    def __init__(
        self,
        directory: Path | None,
        clock: Callable[[], float],
        tell: Callable[[LowSpace], object],
        free: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
    ) -> None:
        self._directory, self._clock, self._tell, self._free = directory, clock, tell, free
        self._next = -inf

    def look(self, written: int, seconds: float) -> None:
        """Look how much room there is, every few seconds; so much was written in so long."""
        if self._directory is None or self._clock() < self._next:
            return
        self._next = self._clock() + LOOK_SECONDS
        try:
            free = self._free(self._directory)
        except OSError:  # the writer tells
            return
        left = free * seconds / written if written and seconds > 1 else inf
        if free < LEAST_BYTES or left < LEAST_SECONDS:
            self._next = inf
            self._tell(LowSpace(str(self._directory), free, left))
