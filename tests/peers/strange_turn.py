"""A TURN server whose answers are changed on their way, by a seed or by a rule."""

import asyncio
import random
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

from kvsops.local.turn.server import TurnServer

Change = Callable[[bytes], bytes]
HEADER = 20


def attributes(message: bytes) -> list[tuple[int, bytes]]:
    """Return the attributes of a message."""
    found, place = [], HEADER
    while place + 4 <= len(message):
        kind, length = struct.unpack_from("!HH", message, place)
        found.append((kind, message[place + 4 : place + 4 + length]))
        place += 4 + (length + 3) // 4 * 4
    return found


def written(message: bytes, changed: list[tuple[int, bytes]]) -> bytes:
    """Return the message with other attributes; its signature is right no more."""
    body = b"".join(
        struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)
        for kind, value in changed
    )
    return message[:2] + struct.pack("!H", len(body)) + message[4:HEADER] + body


def with_short(kind: int) -> Change:
    """Let an attribute of this kind have two octets."""
    return lambda message: written(
        message,
        [(each, value[:2] if each == kind else value) for each, value in attributes(message)],
    )


def by_chance(seed: int) -> Change:
    """Change an answer in one of many ways, half of the answers not at all."""
    chance = random.Random(seed)  # noqa: S311 - to be repeated

    def change(message: bytes) -> bytes:
        found = attributes(message)
        place = chance.randrange(len(found)) if found else 0
        noise = chance.randbytes(chance.choice((0, 1, 2, 3, 4, 5, 8, 64)))
        kind, value = found[place] if found else (0, b"")
        return chance.choice(
            (
                *[message] * 8,
                message[: chance.randrange(len(message) + 1)],
                message + noise,
                noise,
                chance.randbytes(2) + message[2:],
                message[:2] + chance.randbytes(2) + message[4:],
                written(message, [*found[:place], *found[place + 1 :]]),
                written(message, [*found[:place], (kind, noise), *found[place + 1 :]]),
                written(message, [*found[:place], (chance.randrange(65536), value)]),
                written(message, found + found),
            )
        )

    return change


class _Datagrams(asyncio.DatagramProtocol):
    """Passes each client's datagrams to the server by a socket of its own."""

    def __init__(self, server: int, change: Change) -> None:
        self._server, self._change = server, change
        self._onward: dict[tuple[str, int], asyncio.DatagramTransport] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        task = asyncio.ensure_future(self._pass_on(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        for each in (self._transport, *self._onward.values()):
            each.close()

    async def _pass_on(self, data: bytes, client: tuple[str, int]) -> None:
        if client not in self._onward:
            back, change = self._transport, self._change

            class Back(asyncio.DatagramProtocol):
                def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # noqa: ARG002 - asyncio's
                    back.sendto(change(data), client)

            loop = asyncio.get_running_loop()
            self._onward[client], _ = await loop.create_datagram_endpoint(
                Back, remote_addr=("127.0.0.1", self._server)
            )
        self._onward[client].sendto(data)


@asynccontextmanager
async def strange(server: TurnServer, change: Change) -> AsyncIterator[tuple[int, int]]:
    """Change what the server answers; yield the ports of UDP and TCP to ask instead of its own."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection("127.0.0.1", server.tcp_port)

        async def copied(
            source: asyncio.StreamReader, sink: asyncio.StreamWriter, change: Change
        ) -> None:
            while data := await source.read(65536):
                sink.write(change(data))
            sink.close()

        try:
            await asyncio.gather(
                copied(reader, ours, bytes), copied(theirs, writer, change), return_exceptions=True
            )
        finally:  # also where it is cancelled, or one of them was reset
            for each in (ours, writer):
                each.close()

    loop = asyncio.get_running_loop()
    transport, datagrams = await loop.create_datagram_endpoint(
        lambda: _Datagrams(server.udp_port, change), local_addr=("127.0.0.1", 0)
    )
    listener = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    try:
        port = listener.sockets[0].getsockname()[1]
        yield transport.get_extra_info("sockname")[1], port
    finally:
        listener.close()
        datagrams.close()
