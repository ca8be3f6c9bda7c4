"""What a run has learned of channels in use, so that it asks but once; safe from any thread."""

import threading
from collections.abc import Callable


class RecentUse:
    """The names ListMetrics knows recent points of, and whether any metric had a point."""

    def __init__(self) -> None:
        self._names: frozenset[str] | None = None
        self._witnessed = False
        self._asking, self._lock = threading.Lock(), threading.Lock()

    def names(self, ask: Callable[[], frozenset[str]]) -> frozenset[str]:
        """Return the names, asking for them the first time; where that fails, the next time too."""
        with self._asking:
            if self._names is None:
                self._names = ask()
            return self._names

    def witness(self, *, heard: bool) -> bool:
        """Note whether metrics had a point; return whether any had in this run, so far."""
        with self._lock:
            self._witnessed = self._witnessed or heard
            return self._witnessed
