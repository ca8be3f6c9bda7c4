"""Blocking calls awaited, each in a thread of its own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Result = TypeVar("Result")


async def in_thread(call: Callable[..., Result], *arguments: object) -> Result:
    """Await a blocking call in a thread of its own, which nobody waits for once it is late."""
    future = Future[Result]()
    future.set_running_or_notify_cancel()  # from here on cancelling leaves it alone

    def work() -> None:
        try:
            future.set_result(call(*arguments))
        except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
            future.set_exception(error)

    Thread(target=work, daemon=True, name="kvsops-call").start()
    return await asyncio.wrap_future(future)
