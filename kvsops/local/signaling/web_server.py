"""HTTP and WebSockets on aiohttp, whose connections can all be ended."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from aiohttp import web

from kvsops.local.signaling.masking import MaskedFrames

SECONDS_TO_STOP = 2.0
_SECONDS_BETWEEN_LOOKS = 0.005

_SILENT = logging.getLogger("kvsops.local.aiohttp")
_SILENT.disabled = True  # it would quote what clients send that is no HTTP


class _Connection(web.RequestHandler):
    """Has WebSocket frames checked for their masks."""

    def set_parser(self, parser: Any, data_received_cb: Callable[[], None] | None = None) -> None:
        """Put the check before the parser."""
        super().set_parser(MaskedFrames(parser), data_received_cb)  # type: ignore[arg-type]


class WebServer(web.Server):
    """Tracks its sockets until they close: TLS has them wait for the clients' close_notify."""

    def __init__(
        self, answering: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
    ) -> None:
        super().__init__(answering)
        self._sockets: dict[web.RequestHandler, socket.socket] = {}

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Remember the socket."""
        super().connection_made(handler, transport)
        self._sockets[handler] = transport.get_extra_info("socket")

    def connection_lost(
        self, handler: web.RequestHandler, exc: BaseException | None = None
    ) -> None:
        """Forget it."""
        super().connection_lost(handler, exc)
        self._sockets.pop(handler, None)

    def __call__(self) -> web.RequestHandler:
        """Make a connection's handler."""
        loop = asyncio.get_running_loop()
        return _Connection(self, loop=loop, access_log=None, logger=_SILENT)  # type: ignore[arg-type]

    async def end(self, runner: web.ServerRunner) -> None:
        """Give open requests a moment, then end all sockets.

        A transport over TLS that was closed twice cannot be aborted any more, before Python 3.12.
        """
        await runner.cleanup()
        for connected in self._sockets.values():
            with suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)
        with suppress(TimeoutError):
            async with asyncio.timeout(SECONDS_TO_STOP):
                while self._sockets:
                    await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
