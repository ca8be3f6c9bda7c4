"""Waits that end early, with the reason, when something else goes wrong."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

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
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
