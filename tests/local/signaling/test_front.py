"""One port for HTTP over TLS and for TURN with and without: told apart by the first octet."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, cast

import pytest

from kvsops.local.overload import Spare
from kvsops.local.signaling.front import Front
from kvsops.local.signaling.tls import Authority

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

HOST = "127.0.0.1"
STUN = struct.pack("!HHI", 1, 0, 0x2112A442) + bytes(12)
GET = b"GET / HTTP/1.1\r\n\r\n"


class Answering(asyncio.Protocol):
    """Says who it is, and what it got."""

    def __init__(self, name: bytes) -> None:
        self._name = name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer and hang up."""
        self._transport.write(self._name + data)
        self._transport.close()


class Port:
    """A front that runs, and connections to it."""

    def __init__(self, number: int, trust: ssl.SSLContext) -> None:
        self.number, self.trust = number, trust

    async def open(self, *, tls: bool) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect."""
        return await asyncio.open_connection(HOST, self.number, ssl=self.trust if tls else None)

    async def ask(self, *pieces: bytes, tls: bool) -> bytes:
        """Send pieces, each by itself, and return all that comes."""
        reader, writer = await self.open(tls=tls)
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.01)
        answer = b""
        with suppress(ConnectionError):
            answer = await reader.read()
        writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()
        return answer


def run(body: Callable[[Port], Awaitable[object]]) -> None:
    """Run a front for a test, and see that it leaves nothing."""

    async def within() -> None:
        left: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: left.append(context))
        authority, spare = Authority({}), Spare()
        with socket.create_server((HOST, 0)) as probe:
            number = probe.getsockname()[1]
        front = Front(
            authority.server_context(), lambda: Answering(b"http "), lambda: Answering(b"turn "),
            spare,
        )  # fmt: skip
        front.start(HOST, number)
        try:
            await asyncio.wait_for(body(Port(number, authority.client_context())), 30)
        finally:
            await front.close()
            authority.close()
            spare.close()
        await asyncio.sleep(0.05)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert left == []

    asyncio.run(within())
    gc.collect()  # what was left open would warn


@pytest.mark.parametrize(
    ("sent", "tls", "got"),
    [
        (GET, True, b"http " + GET),
        (b"POST /", True, b"http POST /"),
        (STUN, True, b"turn " + STUN),
        (STUN, False, b"turn " + STUN),
        (GET, False, b""),
        (b"\x40\x00\x00\x04", False, b""),
        (b"\xff", False, b""),
    ],
)
def test_told_apart(sent: bytes, *, tls: bool, got: bytes) -> None:
    """What begins as STUN does is TURN's; anything else is HTTP's within TLS, nobody's without."""

    async def body(port: Port) -> None:
        assert await port.ask(sent, tls=tls) == got

    run(body)


@pytest.mark.parametrize("tls", [False, True])
def test_octet_by_octet(*, tls: bool) -> None:
    """One octet is enough to tell, and none is lost."""

    async def body(port: Port) -> None:
        assert await port.ask(STUN[:1], STUN[1:], tls=tls) in (b"turn \x00", b"turn " + STUN)

    run(body)


def test_the_unfinished_do_not_hold_it_up() -> None:
    """Those who say nothing, or half of a handshake, disturb nobody, and end when it ends."""
    opened: list[socket.socket] = []

    async def body(port: Port) -> None:
        for sent in (b"", b"\x16", b"\x16\x03\x01"):
            opened.append(socket.create_connection((HOST, port.number), timeout=10))
            opened[-1].sendall(sent)
        socket.create_connection((HOST, port.number)).close()
        opened.append(await asyncio.to_thread(_secured, port))
        assert await port.ask(GET, tls=True) == b"http " + GET

    run(body)
    for connection in opened:
        with suppress(ConnectionError):
            assert connection.recv(1) == b""
        connection.close()
    assert len(opened) == 4


def _secured(port: Port) -> socket.socket:
    """Shake hands, and say nothing more."""
    connection = socket.create_connection((HOST, port.number), timeout=10)
    return port.trust.wrap_socket(connection, server_hostname=HOST)


def test_who_does_not_trust_it() -> None:
    """A client that breaks the handshake off is no trouble."""

    async def body(port: Port) -> None:
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection(HOST, port.number, ssl=ssl.create_default_context())
        assert await port.ask(GET, tls=True) == b"http " + GET

    run(body)


def test_a_port_in_use() -> None:
    """It is named."""

    async def body(port: Port) -> None:
        front = Front(ssl.create_default_context(), asyncio.Protocol, asyncio.Protocol, spare)
        with pytest.raises(OSError, match="in use") as caught:
            front.start(HOST, port.number)
        assert caught.value.filename == f"{HOST}:{port.number}"

    spare = Spare()
    run(body)
    spare.close()
