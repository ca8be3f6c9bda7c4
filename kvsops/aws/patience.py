"""How long calls are tried: until a deadline, and not again once somebody waits for the end."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kvsops.aws.quotas import writes
from kvsops.errors import AwsError


class Patience:
    """Bounds the reads of a scope by a deadline and by Ctrl-C; any thread may ask.

    What changes something is tried on, or it would be left half done. The clock gives seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._deadline: float | None = None
        self._interrupted = threading.Event()

    @contextmanager
    def reading_until(self, deadline: float | None) -> Iterator[None]:
        """Let no read begin, or be tried again, once the deadline has passed on its clock."""
        before, self._deadline = self._deadline, deadline
        try:
            yield
        finally:
            self._deadline = before

    def interrupt(self) -> None:
        """Let no read be tried again: a person waits."""
        self._interrupted.set()

    @property
    def interrupted(self) -> bool:
        """Whether a person waits for the end."""
        return self._interrupted.is_set()

    def left(self, operation: str) -> float | None:
        """Return how long the operation may be tried; raises `AwsError` if it is too late."""
        if self._deadline is None or writes(operation):
            return None
        left = self._deadline - self._clock()
        if left <= 0:
            raise AwsError(f"the deadline passed before {operation} was asked", "DeadlinePassed")
        return left
