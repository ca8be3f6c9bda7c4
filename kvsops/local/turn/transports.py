"""How octets reach a TURN server: datagrams, streams and TLS on the running loop."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from kvsops.local.binding import binding
from kvsops.local.turn.allocations import Address
from kvsops.local.turn.framing import Frames, padding

_AT_ONCE = 64  # datagrams read before other sockets have their turn
_RECEIVE_BUFFER = 1 << 20
_LARGEST_DATAGRAM = 65535
_MAX_UNSENT = 1 << 18  # octets waiting for a slow client before data for it is dropped
_HANDSHAKE_SECONDS = 10


class Datagrams:
    """A UDP socket. asyncio's own transport reads one datagram in each turn of the loop: slow."""

    def __init__(self, at: Address, receive: Callable[[bytes, Address], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._receive = receive
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)  # noqa: FBT003 - the socket module's signature
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        try:
            self._socket.bind(at)
        except OSError:
            self._socket.close()
            raise
        self.address: Address = self._socket.getsockname()
        self._loop.add_reader(self._socket, self._readable)

    def send(self, data: bytes, to: Address) -> None:
        """Send a datagram; one that cannot be sent now is lost, as datagrams are."""
        try:  # noqa: SIM105 - for each packet, and `suppress` takes as long as our own part
            self._socket.sendto(data, to)
        except OSError:
            pass

    def close(self) -> None:
        """Close the socket; once more does nothing."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()

    def _readable(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                data, address = self._socket.recvfrom(_LARGEST_DATAGRAM)
            except OSError:  # nothing more to read, or closed by what was read
                return
            self._receive(data, address)


class Streams:
    """A TCP port, with TLS where a context is given, and its connections."""

    def __init__(
        self,
        receive: Callable[[bytes, "StreamConnection"], None],
        lost: Callable[["StreamConnection"], None],
    ) -> None:
        self.receive, self.lost = receive, lost
        self.connections: set[StreamConnection] = set()
        self.context: ssl.SSLContext | None = None
        self.closed = False
        self._listener: asyncio.Server | None = None

    async def start(self, host: str, port: int, context: ssl.SSLContext | None) -> int:
        """Listen, and return the port."""
        self.context = context
        loop = asyncio.get_running_loop()
        with binding(host, port):
            self._listener = await loop.create_server(
                lambda: StreamConnection(self), host, port, family=socket.AF_INET
            )
        return cast("int", self._listener.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Listen no longer and end the connections; once more does nothing."""
        self.closed = True
        if self._listener:
            self._listener.close()
        await asyncio.gather(*(connection.abort() for connection in self.connections))


class StreamConnection(asyncio.Protocol):
    """One client's connection; noise on it ends it."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._frames = Frames()
        self._gone = asyncio.Event()
        self._handshake: asyncio.Task[None] | None = None
        self._early: bytearray | None = None  # came before the way back was encrypted

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, with the TLS handshake where there is one."""
        self._transport = cast("asyncio.Transport", transport)
        self.address: Address = transport.get_extra_info("peername")
        if self._streams.closed:
            self._transport.abort()
            return
        self._streams.connections.add(self)
        if self._streams.context and not self._handshake:
            self._transport.pause_reading()
            self._early = bytearray()
            self._handshake = asyncio.create_task(self._encrypt(self._streams.context))

    def data_received(self, data: bytes) -> None:
        """Hand on what is complete."""
        if self._early is not None:
            self._early += data
            return
        try:
            for frame in self._frames.feed(data):
                self._streams.receive(frame, self)
        except ValueError:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Tell of the end, once."""
        if self in self._streams.connections:
            self._streams.connections.discard(self)
            self._streams.lost(self)
        self._gone.set()

    def send(self, data: bytes) -> None:
        """Send, padded to 4 octets; what a client does not read is lost, as datagrams are."""
        if self._transport.get_write_buffer_size() < _MAX_UNSENT:
            self._transport.write(data + bytes(padding(len(data))))

    async def abort(self) -> None:
        """End the connection, and return when it has ended."""
        if self._handshake:
            self._handshake.cancel()
            await asyncio.wait([self._handshake])
        self._transport.abort()
        await self._gone.wait()

    async def _encrypt(self, context: ssl.SSLContext) -> None:
        """Shake hands. `create_server` could, but leaves half-open connections behind."""
        start_tls, encrypted = asyncio.get_running_loop().start_tls, None
        with suppress(OSError, asyncio.CancelledError):
            encrypted = await start_tls(
                self._transport,
                self,
                context,
                server_side=True,
                ssl_handshake_timeout=_HANDSHAKE_SECONDS,
            )
        if encrypted is None:  # None too where the client hung up in the middle
            self._transport.abort()
            self.connection_lost(None)
            return
        self._transport = encrypted
        early, self._early = self._early, None
        self.data_received(bytes(early or b""))
