"""Waits that end early, with the reason, when something else goes wrong; and tasks' ends."""

import asyncio
from collections.abc import Awaitable, Collection
from typing import Any, TypeVar

Result = TypeVar("Result")
Other = TypeVar("Other")


async def unless(trouble: asyncio.Future[Other], work: Awaitable[Result]) -> Result:
    """Await the work, unless the trouble comes first: then raise that."""
    task = asyncio.ensure_future(work)
    waited: set[asyncio.Future[Result] | asyncio.Future[Other]] = {task, trouble}
    try:
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            trouble.result()
        return await task
    finally:
        await end_all([task])


def fail(trouble: asyncio.Future[Other], error: Exception) -> None:
    """Let the trouble come, unless some came before."""
    if not trouble.done():
        trouble.set_exception(error)
        trouble.exception()  # known, whether or not anybody waits


async def end_all(tasks: Collection[asyncio.Future[Any]]) -> None:
    """Cancel the tasks, and wait until they have ended, however they do."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
