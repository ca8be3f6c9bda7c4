"""Threads that are used again: a new one for each call costs a tenth of the call itself."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
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
    """Let threads that are begun in this one give way less often, and to each other on one core.

    Python runs one at a time. Where dozens want to, its 5 ms make them wake each other more than
    they work; and each that gives way, if only for a moment, would wake another on another core,
    which took a fifth of the time of a sweep of 500 places.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(UNHURRIED_SECONDS)
    try:
        with _one_core():
            yield
    finally:
        sys.setswitchinterval(before)


@contextmanager
def _one_core() -> Iterator[None]:
    """Keep this thread, and those that it begins, on one of the cores, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    one = sorted(cores)[os.getpid() % len(cores)]  # always the same, but not each process's
    with suppress(OSError):
        os.sched_setaffinity(0, {one})
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setaffinity(0, cores)
