"""What counts work done, and keeps what it heard."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Counted:
    """The stages in their order: what, of how many, and how many were counted."""

    stages: list[tuple[str, int | None, int]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def stage(self, what: str, total: int | None) -> None:
        """Begin the next."""
        self.stages.append((what, total, 0))

    def of(self, total: int) -> None:
        """Hear of how many it is."""
        with self._lock:
            what, _, done = self.stages[-1]
            self.stages[-1] = (what, total, done)

    def advance(self, n: int = 1) -> None:
        """Count."""
        with self._lock:
            what, total, done = self.stages[-1]
            self.stages[-1] = (what, total, done + n)

    def beside(self, say: Callable[[], str]) -> None:
        """Hear nothing else."""


class Raising(Counted):
    """Raises as soon as a deletion is counted."""

    def __init__(self, error: type[BaseException]) -> None:
        super().__init__()
        self._error = error

    def advance(self, n: int = 1) -> None:
        """Count, or raise."""
        super().advance(n)
        if self.stages[-1][0] == "deleting":
            raise self._error
