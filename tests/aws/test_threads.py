"""Threads that are used again."""

import threading

from kvsops.aws.threads import Threads

SECONDS = 5.0


def ran(threads: Threads) -> int:
    """Do a work; return which thread did it, once that waits for more."""
    found: list[int] = []
    done = threading.Event()

    def work() -> None:
        found.append(threading.get_ident())
        done.set()

    threads.do(work)
    assert done.wait(SECONDS)
    return found[0]


def test_used_again() -> None:
    """One work after another takes one thread, or a second where the first is not back yet."""
    threads = Threads()
    assert len({ran(threads) for _ in range(50)}) <= 2


def test_one_that_hangs() -> None:
    """A work that does not end holds up no other; its thread is used again once it does."""
    threads, let_go, over = Threads(), threading.Event(), threading.Event()
    hanging: list[int] = []

    def hang() -> None:
        hanging.append(threading.get_ident())
        let_go.wait(SECONDS)
        over.set()

    threads.do(hang)
    assert ran(threads) not in hanging
    let_go.set()
    assert over.wait(SECONDS)


def test_many_at_once() -> None:
    """Works that wait for each other are all begun: none waits for a thread."""
    threads, together, done = Threads(), threading.Barrier(40), threading.Semaphore(0)

    def work() -> None:
        together.wait(SECONDS)
        done.release()

    for _ in range(40):
        threads.do(work)
    assert all(done.acquire(timeout=SECONDS) for _ in range(40))


def test_ends_with_the_process() -> None:
    """Its threads keep no process from ending."""
    threads = Threads()
    ran(threads)
    assert {each.daemon for each in threading.enumerate() if each.name == "kvsops-call"} == {True}
