"""Turns at an even rate, on a clock that moves only when somebody sleeps."""

import heapq
import threading
import time as real_time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from random import Random

import pytest

from kvsops.aws.pace import Pace


class Time:
    """A clock that a sleeper moves on; it notes when each sleep ends."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        """Return the time in seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self.slept.append(seconds)
        self.now += seconds


def turns(pace: Pace, time: Time, count: int) -> list[float]:
    """Take turns one after the other; return when each came, from the start."""
    start, came = time.now, []
    for _ in range(count):
        pace.turn()
        came.append(time.now - start)
    return came


def at_once(works: Iterable[Callable[[], None]]) -> None:
    """Do each work in a thread of its own; return when all are done."""
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(("per_second", "interval"), [(50, 0.02), (40.0, 0.025), (0.5, 2.0)])
def test_even_spacing(per_second: float, interval: float) -> None:
    """The first turn comes at once, each further one an interval after the one before."""
    time = Time()
    pace = Pace(per_second, time.clock, time.sleep)
    assert turns(pace, time, 5) == pytest.approx([interval * number for number in range(5)])
    assert pace.interval == interval


def test_work_between_turns_counts() -> None:
    """Who works longer than the interval does not wait as well."""
    time = Time()
    pace = Pace(4, time.clock, time.sleep)
    pace.turn()
    time.now += 0.25
    pace.turn()
    time.now += 0.125
    pace.turn()
    assert time.slept == [0.125]


def test_catching_up_is_bounded() -> None:
    """After an hour's idleness a tenth of a second is made up for, not the hour."""
    time = Time()
    pace = Pace(64, time.clock, time.sleep)
    time.now += 3_600
    came = turns(pace, time, 64)
    assert came.count(0) == 7  # this one's turn, and 0.1 s x 64
    assert came[-1] == pytest.approx(63 / 64 - 0.1)


def test_slow_work_is_made_up_for() -> None:
    """A pause within the tenth of a second costs no turn: the mean rate is kept."""
    time = Time()
    pace = Pace(64, time.clock, time.sleep)
    turns(pace, time, 10)
    time.now += 0.09375  # six intervals
    assert turns(pace, time, 7) == [0, 0, 0, 0, 0, 0, 0.015625]


def test_turns_are_reserved_in_order() -> None:
    """Each caller has its own slot: one who oversleeps delays nobody who comes after."""
    time, slots = Time(), list[float]()
    pace = Pace(10, time.clock, slots.append)  # nobody's sleep moves the clock
    for _ in range(4):
        pace.turn()
    assert slots == pytest.approx([0.1, 0.2, 0.3])


def test_many_threads_share_one_rate() -> None:
    """32 threads at once get exactly evenly spaced slots: none twice, none left out."""
    time, slots, lock = Time(), [0.0], threading.Lock()

    def sleep(seconds: float) -> None:
        with lock:
            slots.append(seconds)

    pace = Pace(50, time.clock, sleep)
    start = threading.Barrier(32)

    def work() -> None:
        start.wait()
        for _ in range(25):
            pace.turn()

    at_once([work] * 32)
    assert sorted(slots) == pytest.approx([number / 50 for number in range(800)])


class Instant(float):
    """A time that, where it is reckoned with, lets the other threads run first."""

    def __sub__(self, other: float) -> "Instant":
        real_time.sleep(0.001)
        return Instant(float(self) - other)


def test_nobody_comes_between_the_look_at_a_slot_and_its_reservation() -> None:
    """Threads that are interrupted in the midst of taking a turn get no slot twice."""
    slots = [0.0]
    pace = Pace(50, lambda: Instant(1_000), slots.append)

    def work() -> None:
        for _ in range(10):
            pace.turn()

    at_once([work] * 8)
    assert sorted(slots) == pytest.approx([number / 50 for number in range(80)])


class SharedTime:
    """A clock for many threads: it moves to the next waking when all of them sleep."""

    def __init__(self, threads: int) -> None:
        self.now = 0.0
        self._awake = threads
        self._waking: list[float] = []
        self._changed = threading.Condition()  # its lock may be taken again by its owner

    def clock(self) -> float:
        """Return the time in seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Sleep in this time."""
        with self._changed:
            until = self.now + seconds
            heapq.heappush(self._waking, until)
            self.end()
            self._changed.wait_for(lambda: self.now >= until)

    def end(self) -> None:
        """Be awake no more."""
        with self._changed:
            self._awake -= 1
            if not self._awake and self._waking:
                self.now = self._waking[0]
            while self._waking and self._waking[0] <= self.now:
                heapq.heappop(self._waking)
                self._awake += 1
            self._changed.notify_all()


def busiest_second(came: Sequence[float]) -> int:
    """Return the most turns in any second."""
    return max(sum(start <= other < start + 1 for other in came) for start in came)


@pytest.mark.parametrize("seed", range(3))
def test_working_threads_keep_the_rate(seed: int) -> None:
    """Threads that work between their turns pass the rate in no second by more than the tenth."""
    random = Random(seed)  # noqa: S311 - runs must repeat
    time, came = SharedTime(16), list[float]()
    pace = Pace(100, time.clock, time.sleep)
    work = [[random.expovariate(8) for _ in range(40)] for _ in range(16)]

    def run(pauses: list[float]) -> None:
        for pause in pauses:
            pace.turn()
            came.append(time.now)
            time.sleep(pause)
        time.end()

    at_once([partial(run, pauses) for pauses in work])
    assert len(came) == 640
    assert busiest_second(came) <= 111
