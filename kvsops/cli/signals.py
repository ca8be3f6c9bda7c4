"""Signals: which are heeded, and what they wait for."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Final

ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def heeded(numbers: Sequence[signal.Signals]) -> list[signal.Signals]:
    """Leave out what we were started to ignore, as by nohup.

    But not Ctrl-C, which shells let the background jobs of scripts ignore.
    """
    return [
        number
        for number in numbers
        if number is signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN
    ]


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

    with signals_go_to(keep):
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
