"""Signals: which are heeded, and what they wait for."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Final

INTERRUPTED: Final = 130
TWICE_SECONDS: Final = 0.2
"""No person presses Ctrl-C again so soon; but `timeout -s INT` sends its signal twice."""


def present(*names: str) -> tuple[signal.Signals, ...]:
    """Return those of the signals that this system has."""
    return tuple(getattr(signal, name) for name in names if hasattr(signal, name))


ENDING: Final = present("SIGINT", "SIGTERM", "SIGHUP")


def heeded(numbers: Sequence[signal.Signals]) -> list[signal.Signals]:
    """Leave out what we were started to ignore, as by nohup.

    But not Ctrl-C, which shells let the background jobs of scripts ignore.
    """
    return [
        number
        for number in numbers
        if number is signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN
    ]


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


def _end(_number: int, _frame: FrameType | None) -> None:
    os.write(2, b"interrupted again: ended at once\n")
    os._exit(INTERRUPTED)


def once(
    receiver: Callable[[int], None], clock: Callable[[], float] = time.monotonic
) -> Callable[[int], None]:
    """Leave out a signal that comes again within moments of the one before."""
    heard: dict[int, float] = {}

    def receive(number: int) -> None:
        now = clock()
        if number not in heard or now - heard[number] >= TWICE_SECONDS:
            heard[number] = now
            receiver(number)

    return receive


@contextmanager
def signals_wait(tell: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Let a signal to end wait for the block's end, and interrupt then; `tell` says so at once.

    A second Ctrl-C interrupts now; a second SIGTERM does not: timeout(1) sends two.
    """
    waiting: list[int] = []

    def keep(number: int) -> None:
        waiting.append(number)  # first: another may come while it is told
        if len(waiting) == 1:
            tell()
        elif number == signal.SIGINT:
            raise KeyboardInterrupt

    with signals_go_to(once(keep)):
        yield
    if waiting:
        raise KeyboardInterrupt


@contextmanager
def signals_go_to(
    receiver: Callable[[int], None], numbers: Sequence[signal.Signals] = ENDING
) -> Iterator[None]:
    """Hand the numbers of these signals, less those to ignore, to the receiver for a while."""

    def receive(number: int, _frame: FrameType | None) -> None:
        receiver(number)

    before = {number: signal.signal(number, receive) for number in heeded(numbers)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
