"""Threads that are used again: a new one for each call costs a tenth of the call itself."""

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Final, TypeVar

Result = TypeVar("Result")
Work = Callable[[], object]
UNHURRIED_SECONDS: Final = 0.02


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

    def submit(self, work: Callable[[], Result]) -> "Future[Result]":
        """Begin the work, and return what has its result, or what it raised."""
        came = Future[Result]()

        def run() -> None:
            try:
                came.set_result(work())
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                came.set_exception(error)

        self.do(run)
        return came

    def _serve(self, inbox: "SimpleQueue[Work]") -> None:
        while True:
            inbox.get()()
            self._idle.append(inbox)


THREADS: Final = Threads()
"""Those of the process: scopes come and go."""


@contextmanager
def unhurried() -> Iterator[None]:
    """Let a thread of this process go on for longer before another may interrupt it.

    Where dozens want the interpreter at once, Python's 5 ms make them wake each other more than
    they work. Whoever waits for an answer gives way by itself.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(UNHURRIED_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
