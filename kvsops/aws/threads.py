"""Threads that are used again: a new one for each call costs a tenth of the call itself."""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final

Work = Callable[[], object]


class Threads:
    """Does each work at once, in a thread of its own that waits for more when it is done.

    There are as many as ever worked at one time. One that hangs is never waited for, and does not
    keep the process from ending.
    """

    def __init__(self) -> None:
        self._idle: list[SimpleQueue[Work]] = []

    def do(self, work: Work) -> None:
        """Begin the work, which raises nothing."""
        try:
            inbox = self._idle.pop()
        except IndexError:
            inbox = SimpleQueue()
            threading.Thread(
                target=self._serve, args=(inbox,), name="kvsops-call", daemon=True
            ).start()
        inbox.put(work)

    def _serve(self, inbox: "SimpleQueue[Work]") -> None:
        while True:
            inbox.get()()
            self._idle.append(inbox)


THREADS: Final = Threads()
"""Those of the process: scopes come and go."""
