"""What commands with media share: their extra, silence in the log, and an end in order."""

import os
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

from kvsops.cli.signals import INTERRUPTED, signals_go_to
from kvsops.errors import UsageError, needs_extra

if TYPE_CHECKING:
    from kvsops.aws.scope import Scope
    from kvsops.cli.where import Where
    from kvsops.output.console import Console

Result = TypeVar("Result")
ENDING: Final = "stopping: closing connections, 10 s at most; press Ctrl-C again to stop at once"

LOOKING: Final = "looking whether a master is there, 10 s at most; --take-over does not ask"
_NEEDED: Final = ("aiohttp", "aiortc", "av", "junitparser")


def require_extra(extra: str = "smoke", needed: tuple[str, ...] = _NEEDED) -> None:
    """Raise `UsageError`, naming the extra to install, where a part of it is not there."""
    from importlib.util import find_spec

    if any(find_spec(name) is None for name in needed):
        raise UsageError(f"this needs {needs_extra(extra)}")


def place_of(where: "Where", scope: "Scope") -> str:
    """Say where the channel is: the region, and which emulator's."""
    from kvsops.aws.session import endpoint
    from kvsops.output.text import without_userinfo

    url = without_userinfo(endpoint(where.profile, where.endpoint_url, os.environ) or "")
    return f"{scope.region} (emulator at {url})" if scope.emulated else scope.region


def silence() -> None:
    """Let what aiortc logs of strangers' packets go nowhere, unless somebody set up logging."""
    import logging

    for name in ("aioice", "aiortc", "asyncio"):
        logging.getLogger(name).addHandler(logging.NullHandler())


def run(work: Callable[[], Coroutine[None, None, Result]], console: "Console") -> Result:
    """Run it on a loop of its own; a signal ends it in order, too, and a second Ctrl-C at once."""
    import asyncio

    from kvsops.signaling.threads import Threads

    async def until_a_signal() -> Result:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        loop.set_default_executor(Threads())
        ending: list[int] = []

        def end() -> None:
            console.note(ENDING)
            if task is not None:
                task.cancel()

        def take(number: int) -> None:  # anywhere in the code: so it does next to nothing
            if ending and number == signal.SIGINT:
                _end_at_once()
            if not ending:
                loop.call_soon_threadsafe(end)
            ending.append(number)

        with signals_go_to(take):
            return await work()

    try:
        return asyncio.run(until_a_signal())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def _end_at_once() -> None:
    """Leave everything as it is: threads of aiortc would be waited for."""
    shown = b"\x1b[?25h" if os.isatty(2) else b""  # the cursor, which a status hides
    with suppress(OSError):
        os.write(2, shown + b"error: interrupted\n")
    os._exit(INTERRUPTED)
