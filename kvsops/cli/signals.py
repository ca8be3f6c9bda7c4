"""Signals: which are heeded, and what they wait for."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from types import FrameType
from typing import Final

INTERRUPTED: Final = 130
TWICE_SECONDS: Final = 0.2
"""No person presses Ctrl-C again so soon; but timeout(1) sends its signal twice."""


def present(*names: str) -> tuple[signal.Signals, ...]:
    """Return those of the signals that this system has."""
    return tuple(getattr(signal, name) for name in names if hasattr(signal, name))


ENDING: Final = present("SIGINT", "SIGTERM", "SIGHUP")


class Twice:
    """Knows a signal that comes again within moments: it was sent twice, and is no second one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heard: dict[int, float] = {}

    def is_second(self, number: int) -> bool:
        """Whether it is one of these; else it counts, and is remembered."""
        now = self._clock()
        if now - self._heard.get(number, -inf) < TWICE_SECONDS:
            return True
        self._heard[number] = now
        return False


_TWICE: Final = Twice()
"""The process's, whatever its signals go to."""


def heeded(numbers: Sequence[signal.Signals]) -> list[signal.Signals]:
    """Leave out what we were started to ignore, as by nohup.

    But not Ctrl-C, which shells let the background jobs of scripts ignore.
    """
    return [
        number
        for number in numbers
        if number is signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN
    ]


def heed_all() -> None:
    """Let whatever asks a command to end do so as Ctrl-C does."""
    for number in heeded(ENDING):
        signal.signal(number, _interrupt)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    if not _TWICE.is_second(number):
        raise KeyboardInterrupt


def next_one_ends(under_way: Sequence[str] = ()) -> None:
    """Let the next Ctrl-C end the process at once: the first is being obeyed, which takes time.

    What it waits for is said.
    """
    if under_way:
        what = ", ".join(under_way)
        said = f"interrupted: at most 10 s are waited for {what}; Ctrl-C again ends at once\n"
        os.write(2, said.encode())
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    if _TWICE.is_second(number):
        return
    os.write(2, b"interrupted again: ended at once\n")
    os._exit(INTERRUPTED)


@contextmanager
def signals_wait(tell: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Let a signal to end wait for the block's end, and interrupt then; `tell` says so at once.

    A second Ctrl-C interrupts now; a second SIGTERM does not.
    """
    waiting: list[int] = []

    def keep(number: int) -> None:
        waiting.append(number)  # first: another may come while it is told
        if len(waiting) == 1:
            tell()
        elif number == signal.SIGINT:
            raise KeyboardInterrupt

    with signals_go_to(keep):
        yield
    if waiting:
        raise KeyboardInterrupt


@contextmanager
def signals_go_to(
    receiver: Callable[[int], None], numbers: Sequence[signal.Signals] = ENDING
) -> Iterator[None]:
    """Hand the numbers of these signals, less those to ignore, to the receiver for a while.

    One of those that end, and is sent twice, is handed over once.
    """

    def receive(number: int, _frame: FrameType | None) -> None:
        if number not in ENDING or not _TWICE.is_second(number):
            receiver(number)

    before = {number: signal.signal(number, receive) for number in heeded(numbers)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
