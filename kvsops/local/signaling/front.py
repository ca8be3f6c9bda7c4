"""The one TCP port at which AWS has everything: HTTPS, WebSockets, and TURN with TLS or without.

A connection's first octet tells: 22 begins a TLS handshake, 0 to 3 a STUN message, with which TURN
begins, and what HTTP begins with is a letter (RFC 7983 section 7). Within TLS it is told once more.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast

from kvsops.local.binding import binding
from kvsops.local.overload import Spare, is_exhausted

_HANDSHAKE: Final = 22
_STUN: Final = range(4)
_BACKLOG = 1_024
_SECONDS_FOR_TLS = 10
_SECONDS_TO_MAKE_ROOM = 0.05

Protocols = Callable[[], asyncio.Protocol]


class Front:
    """A port that hands each connection on to who answers it; on the running loop."""

    def __init__(
        self, context: ssl.SSLContext, http: Protocols, turn: Protocols, spare: Spare
    ) -> None:
        self._context, self._http, self._turn, self._spare = context, http, turn, spare
        self._arrivals: set[asyncio.Task[None]] = set()
        self._waiting: set[_Secured] = set()

    def start(self, host: str, port: int) -> None:
        """Listen. Raises `OSError`."""
        with binding(host, port):
            self._listener = socket.create_server((host, port), backlog=_BACKLOG)
        self._listener.setblocking(False)  # noqa: FBT003 - the socket module's signature
        self._accepting = asyncio.create_task(self._accept())

    async def close(self) -> None:
        """Listen no longer, and end the connections that were not handed on yet."""
        tasks = [self._accepting, *self._arrivals]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for secured in [*self._waiting]:
            secured.abort()
        self._listener.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._listener)
            except OSError as error:  # else the client has gone already
                if is_exhausted(error):
                    self._spare.refuse(self._listener.fileno())
                    await asyncio.sleep(_SECONDS_TO_MAKE_ROOM)
                continue
            task = asyncio.create_task(self._hand_on(connection))
            self._arrivals.add(task)
            task.add_done_callback(self._arrivals.discard)

    async def _hand_on(self, connection: socket.socket) -> None:
        """Wait for the first octet, and have the connection served by what it tells."""
        loop = asyncio.get_running_loop()
        try:
            first = await _first_octet(connection)
        except BaseException as error:
            connection.close()
            if isinstance(error, OSError):  # it broke
                return
            raise
        with suppress(OSError):  # of TLS: the transport has been closed
            if first in _STUN:
                await loop.connect_accepted_socket(self._turn, connection)
            elif first == _HANDSHAKE:
                await loop.connect_accepted_socket(
                    self._secured,
                    connection,
                    ssl=self._context,
                    ssl_handshake_timeout=_SECONDS_FOR_TLS,
                )
            else:
                connection.close()

    def _secured(self) -> "_Secured":
        return _Secured(self._http, self._turn, self._waiting)


class _Secured(asyncio.Protocol):
    """A connection over TLS until its first octet comes."""

    def __init__(self, http: Protocols, turn: Protocols, waiting: set["_Secured"]) -> None:
        self._http, self._turn, self._waiting = http, turn, waiting

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait."""
        self._transport = cast("asyncio.Transport", transport)
        self._waiting.add(self)

    def data_received(self, data: bytes) -> None:
        """Give way to who answers."""
        self._waiting.discard(self)
        protocol = self._turn() if data[0] in _STUN else self._http()
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        protocol.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Wait no longer."""
        self._waiting.discard(self)

    def abort(self) -> None:
        """End it."""
        self._transport.abort()


async def _first_octet(connection: socket.socket) -> int | None:
    """Return the octet that comes next, and leave it there; None at the end."""
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    connection.setblocking(False)  # noqa: FBT003 - the socket module's signature
    loop.add_reader(connection, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(connection)
    return next(iter(connection.recv(1, socket.MSG_PEEK)), None)
