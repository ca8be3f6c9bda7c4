"""How many streams of 2.5 Mbps the TURN server carries without loss, beside coturn.

A stream is 1,200-octet packets from a client, as channel data over UDP, to a peer, for 5 seconds;
each has its own allocation. The number of streams is doubled until packets are lost twice in a row
and then narrowed down. `streams` is ours and must be at least 4; `coturn` is what coturn carries
(null where it is not installed), `direct` what the sender carries without a server: a figure near
it says nothing of the server. Prints one JSON line.
Run: PYTHONPATH=. python tests/benchmarks/turn.py
"""

import asyncio
import contextlib
import json
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from kvsops.local.turn.server import TurnServer
from tests.local.turn.client import HOST, USERS, Client, coturn

SECONDS = 5.0
SIZE = 1200
RATE = 2_500_000 / 8 / SIZE
"""Packets a second of one stream."""
MOST = 512
CHANNEL = 0x4000
LATE = 0.25
"""Seconds by which the sender may be late; later, it is the sender that is measured."""

Send = Callable[[bytes], object]
Open = Callable[[contextlib.ExitStack, tuple[str, int]], Send]
"""Opens a stream to a peer."""


def main() -> None:
    """Measure the three in turn."""
    with _ours() as port:
        streams = _most(_through(port))
    theirs = None
    if shutil.which("turnserver"):
        with tempfile.TemporaryDirectory() as directory, coturn(Path(directory), quota=0) as ports:
            theirs = _most(_through(ports.udp))
    result = {"benchmark": "turn", "streams": streams, "coturn": theirs, "direct": _most(_direct)}
    sys.stdout.write(json.dumps(result) + "\n")


def serve() -> None:
    """Run our server in a process of its own, as coturn has one; end with the standard input."""

    async def run() -> None:
        async with TurnServer(USERS.get, max_allocations=2 * MOST) as server:
            sys.stdout.write(f"{server.udp_port}\n")
            sys.stdout.flush()
            await asyncio.to_thread(sys.stdin.read)

    asyncio.run(run())


@contextlib.contextmanager
def _ours() -> Iterator[int]:
    with subprocess.Popen(
        [sys.executable, __file__, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        yield int(process.stdout.readline())
        process.communicate()


def _through(port: int) -> Open:
    """Open streams through the server at this port."""

    def opened(stack: contextlib.ExitStack, peer: tuple[str, int]) -> Send:
        client = Client(port)
        while client.allocate().code:  # coturn remembers who had the same port a moment ago
            client.socket.close()
            client = Client(port)
        stack.enter_context(client)
        assert client.bind(CHANNEL, peer).code == 0
        stack.callback(lambda: client.refresh(("LIFETIME", 0)))
        head = struct.pack("!HH", CHANNEL, SIZE)
        return lambda data: client.socket.send(head + data)

    return opened


def _direct(stack: contextlib.ExitStack, peer: tuple[str, int]) -> Send:
    """Open a stream without a server."""
    client = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    client.connect(peer)
    return client.send


def _most(opened: Open) -> int:
    """Return the largest number of streams without loss, to about a tenth."""
    good, bad = 0, 4
    while bad <= MOST and _carries(opened, bad):
        good, bad = bad, 2 * bad
    while bad - good > max(1, good // 10) and good < MOST:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if _carries(opened, middle) else (good, middle)
    return good


def _carries(opened: Open, streams: int) -> bool:
    """Whether all packets arrive; tried twice, since the machine does other things too."""
    return _lossless(opened, streams) or _lossless(opened, streams)


def _lossless(opened: Open, streams: int) -> bool:
    with contextlib.ExitStack() as stack:
        peer = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        peer.bind((HOST, 0))
        peer.setblocking(False)  # noqa: FBT003 - the socket module's signature
        senders = [opened(stack, peer.getsockname()) for _ in range(streams)]
        return _run(senders, peer)


def _run(senders: list[Send], peer: socket.socket) -> bool:
    """Send each packet when it is due, and tell whether each arrived, and the sender kept pace."""
    total, sent, arrived = int(RATE * SECONDS * len(senders)), 0, 0
    packet, began = bytes(SIZE), time.perf_counter()
    while sent < total:
        due = min(total, int((time.perf_counter() - began) * RATE * len(senders)) + 1)
        for number in range(sent, due):
            senders[number % len(senders)](packet)
        sent = max(sent, due)
        arrived += _drain(peer)
        time.sleep(0.0005)
    if time.perf_counter() - began > SECONDS + LATE:
        return False
    until = time.perf_counter() + 1
    while arrived < total and time.perf_counter() < until:
        arrived += _drain(peer)
    return arrived == total


def _drain(peer: socket.socket) -> int:
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            peer.recv(SIZE)
            count += 1
    return count


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["serve"] else main()
