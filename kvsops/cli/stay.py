"""What the commands share whose peers stay: the channel, and their end by a signal."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from kvsops.aws import channels
from kvsops.cli.options import in_region
from kvsops.cli.signals import INTERRUPTED, signals_go_to
from kvsops.cli.smoke_channel import stored_in
from kvsops.errors import KvsopsError, UsageError
from kvsops.output.fit import shortened
from kvsops.peers.waits import end_all

if TYPE_CHECKING:
    from kvsops.aws.scope import Scope
    from kvsops.core.channel import Channel
    from kvsops.output.console import Console

Result = TypeVar("Result")
_USUAL_WIDTH, _SPINNER = 80, 3


def relaying_channel(scope: "Scope", target: str) -> "Channel":
    """Find the channel that is meant; raises `UsageError` if it relays nothing to its peers."""
    in_region(scope, (target,))
    channel = channels.named(scope, target)
    if channel.status != "ACTIVE":
        raise KvsopsError(f"{channel.channel_name} is {channel.status}, not ACTIVE")
    if (stream := stored_in(scope, channel)) is not None:
        raise UsageError(
            f"{channel.channel_name} is linked to storage ({stream}): its media goes there, not "
            "from master to viewer"
        )
    return channel


def until_signal(
    work: Callable[[asyncio.Event], Coroutine[Any, Any, Result]], console: "Console", ending: str
) -> Result:
    """Run it to its end: a signal sets its event, and a second Ctrl-C ends the process at once.

    `ending` is what is said of the first.
    """
    from kvsops.signaling.threads import Threads

    async def running() -> Result:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        loop.set_default_executor(Threads())

        def end() -> None:
            if not stop.is_set():
                console.note(ending)
                stop.set()

        def take(number: int) -> None:  # anywhere in the code: so it does next to nothing
            if stop.is_set() and number == signal.SIGINT:
                end_at_once()
            loop.call_soon_threadsafe(end)

        with signals_go_to(take):
            return await work(stop)

    silence()
    return asyncio.run(running())


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


def silence() -> None:
    """Let what aiortc logs of strangers' packets go nowhere, unless somebody set up logging."""
    import logging

    for name in ("aioice", "aiortc", "asyncio", "libav"):
        logging.getLogger(name).addHandler(logging.NullHandler())


def end_at_once() -> None:
    """Leave everything as it is: threads of aiortc would be waited for."""
    shown = b"\x1b[?25h" if os.isatty(2) else b""  # the cursor, which a status hides
    with suppress(OSError):
        os.write(2, shown + b"error: interrupted\n")
    os._exit(INTERRUPTED)
