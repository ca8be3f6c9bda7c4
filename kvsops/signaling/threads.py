"""Blocking calls awaited, each in a thread of its own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Thread
from typing import ParamSpec, TypeVar

Result = TypeVar("Result")
Parameters = ParamSpec("Parameters")


class Threads(ThreadPoolExecutor):
    """An event loop's default executor, which nobody waits for: a host name is slow to resolve."""

    def submit(
        self, call: Callable[Parameters, Result], /, *args: Parameters.args, **kw: Parameters.kwargs
    ) -> Future[Result]:
        """Run the call in a thread of its own."""
        future = Future[Result]()
        future.set_running_or_notify_cancel()  # from here on cancelling leaves it alone

        def work() -> None:
            try:
                future.set_result(call(*args, **kw))
            except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
                future.set_exception(error)

        Thread(target=work, daemon=True, name="kvsops-call").start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - its signature
        """Wait for nothing."""


async def in_thread(call: Callable[..., Result], *arguments: object) -> Result:
    """Await a blocking call in a thread of its own, which nobody waits for once it is late."""
    return await asyncio.wrap_future(Threads().submit(call, *arguments))
