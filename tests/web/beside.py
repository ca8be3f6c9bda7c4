"""Something asynchronous kept beside a test, in a thread with its own event loop."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from threading import Thread
from typing import TypeVar

STARTS_SECONDS = 60.0

Kept = TypeVar("Kept")


@contextmanager
def beside(kept: AbstractAsyncContextManager[Kept]) -> Iterator[Kept]:
    """Enter it there, and leave it when the block ends; what keeps it from starting is raised."""
    loop, stop, started = asyncio.new_event_loop(), asyncio.Event(), Future[Kept]()

    async def live() -> None:
        try:
            async with kept as entered:
                started.set_result(entered)
                await stop.wait()
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(live())

    thread = Thread(target=run)
    thread.start()
    try:
        yield started.result(STARTS_SECONDS)
    finally:
        with suppress(RuntimeError):  # it has ended by itself
            loop.call_soon_threadsafe(stop.set)
        thread.join()
