"""How far a recording is, shown while it runs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kvsops.output.fit import shortened
from kvsops.peers.waits import end_all

if TYPE_CHECKING:
    from kvsops.output.console import Console

_USUAL_WIDTH, _SPINNER = 80, 3


@asynccontextmanager
async def shown(console: "Console", status: Callable[[], str]) -> AsyncIterator[None]:
    """Show how it stands on a terminal as long as the block runs; else it is a line a minute."""

    async def log() -> None:
        while True:
            await asyncio.sleep(console.every_seconds)
            console.note(status())

    if console.terminal:
        with console.rich.status(_Status(status, console)):
            yield
        return
    logging = asyncio.ensure_future(log())
    try:
        yield
    finally:
        await end_all([logging])


@dataclass(frozen=True, slots=True)
class _Status:
    """Asked anew each time that it is drawn; a line, whatever it says."""

    status: Callable[[], str]
    console: "Console"

    def __rich__(self) -> str:
        room = (self.console.width or _USUAL_WIDTH) - _SPINNER
        return shortened(self.status(), room)
