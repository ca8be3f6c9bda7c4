"""Blocking calls awaited, each in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


async def in_thread(call: Callable[..., Result], *arguments: object) -> Result:
    """Await a blocking call in a thread of its own, which nobody waits for once it is late."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # there is one where no error is

    def work() -> None:
        result, failure = None, None
        try:
            result = call(*arguments)
        except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
            failure = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=work, daemon=True, name="kvsops-call").start()
    return await future
