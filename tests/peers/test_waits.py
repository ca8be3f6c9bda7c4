"""A wait that trouble ends."""

import asyncio

import pytest

from kvsops.errors import PeerError
from kvsops.peers.waits import unless


def test_work_that_ends() -> None:
    """Without trouble the work's result is returned, also when trouble comes with it."""

    async def wait() -> tuple[int, bool]:
        trouble = asyncio.get_running_loop().create_future()

        async def work() -> int:
            trouble.set_exception(PeerError("too late"))
            return 7

        result = await unless(trouble, work())
        return result, trouble.exception() is not None

    assert asyncio.run(wait()) == (7, True)


def test_trouble() -> None:
    """Trouble that comes first is raised, and the work is not left running."""
    ended = []

    async def wait() -> None:
        trouble = asyncio.get_running_loop().create_future()

        async def work() -> None:
            trouble.set_exception(PeerError("the line is dead"))
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("work")

        await unless(trouble, work())

    with pytest.raises(PeerError, match="the line is dead"):
        asyncio.run(wait())
    assert ended == ["work"]
