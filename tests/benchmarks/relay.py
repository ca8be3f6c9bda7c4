"""What a message costs in the emulator's relay, and how many it carries, beside a bare WebSocket.

The bare one is aiohttp's over TLS as well, and only looks up to whom it passes on what comes. Each
server has a process of its own, and the clients one. Prints one JSON line with

- `latency_ms`: the median time of a message from a client through the server to a client; the bare
  one echoes it; `ratio`, of the medians; both measured in turn, message by message;
- `steady`: channels with a master and viewers each exchange so many messages a second for so long:
  what was `lost` or `out_of_order` within a pair, and the server's memory (MiB) before and after;
- `highest`: messages a second where each peer has a few under way at any time; and the bare one's.

Run: python tests/benchmarks/relay.py [--seconds 60] [--channels 200] [--rate 1000]
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import socket
import statistics
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from botocore.credentials import ReadOnlyCredentials

from kvsops.aws.connect import signed
from kvsops.core.wire.message import Action, Sent, decode_received, encode_sent
from kvsops.local.environment import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings, utc_now
from kvsops.local.signaling.tls import Authority

VIEWERS = 5
PAIRS = 2_000
UNDER_WAY = 4
HIGHEST_CHANNELS, HIGHEST_SECONDS = 50, 5.0
CANDIDATE = json.dumps({"candidate": "candidate:" + "1" * 150, "sdpMid": "0", "sdpMLineIndex": 0})
CREDENTIALS = ReadOnlyCredentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None)

Socket = aiohttp.ClientWebSocketResponse


# The servers


def relay_server(pipe: Connection, channels: int) -> None:
    """Run the emulator until told to stop."""
    with LocalServer(Settings(quotas=False, empty_frames=False)) as local:
        now, backend = utc_now(), local.backend()
        arns = [backend.put_channel(f"c{number}", now, now).arn for number in range(channels)]
        endpoint_of = local.settings.endpoint_of
        assert endpoint_of is not None
        urls = {role: endpoint_of("WSS", role) for role in ("MASTER", "VIEWER")}
        pipe.send((arns, urls, Path(str(local.ca_bundle)).read_text(encoding="utf-8")))
        pipe.recv()


def bare_server(pipe: Connection, _: int) -> None:
    """Run a server that echoes on /echo, and passes on what comes on /FROM/TO."""
    asyncio.run(_bare(pipe))


async def _bare(pipe: Connection) -> None:
    peers: dict[str, web.WebSocketResponse] = {}

    async def handle(request: web.BaseRequest) -> web.WebSocketResponse:
        _, me, to = request.path.split("/")
        peers[me] = ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        async for message in ws:
            await peers[to].send_str(message.data)
        return ws

    authority = Authority()
    runner = web.ServerRunner(web.Server(handle, access_log=None))
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0), backlog=1_024)
    await web.SockSite(runner, listener, ssl_context=authority.server_context()).start()
    pipe.send((f"wss://127.0.0.1:{listener.getsockname()[1]}", authority.pem))
    await asyncio.to_thread(pipe.recv)
    await runner.cleanup()
    authority.close()


@contextmanager
def process(server: Callable[[Connection, int], None], channels: int) -> Any:
    """Run a server in a process; answer its id, and what it says of itself."""
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(target=server, args=(theirs, channels))
    child.start()
    try:
        yield child.pid, ours.recv()
    finally:
        ours.send("stop")
        child.join()


# The clients


class Relay:
    """Connects peers through the emulator."""

    def __init__(self, session: aiohttp.ClientSession, arns: list[str], urls: Any) -> None:
        self.session, self.arns, self.urls = session, arns, urls

    async def master(self, number: int) -> Socket:
        """Connect as a channel's master."""
        return await self._connect("MASTER", number, None)

    async def viewer(self, number: int, viewer: int) -> Socket:
        """Connect as one of a channel's viewers."""
        return await self._connect("VIEWER", number, f"v{viewer}")

    async def _connect(self, role: str, number: int, client_id: str | None) -> Socket:
        url = signed(
            self.urls[role],
            self.arns[number],
            client_id,
            CREDENTIALS,
            region="us-east-1",
            now=utc_now(),
        )
        return await self.session.ws_connect(url)


@asynccontextmanager
async def session(pem: str) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session that trusts these certificates."""
    import ssl

    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cadata=pem), limit=0)
    async with aiohttp.ClientSession(connector=connector) as opened:
        yield opened


def text(payload: str = CANDIDATE, to: str | None = None) -> str:
    """Write a message."""
    return encode_sent(Sent(Action.ICE_CANDIDATE, payload, to))


async def latency(relay: Relay, bare: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    """Time a message through each of the two servers, in turn."""
    master, viewer = await relay.master(0), await relay.viewer(0, 0)
    echo = await bare.ws_connect(f"{url}/echo/echo")
    message = text()
    relayed: list[float] = []
    echoed: list[float] = []
    for _ in range(PAIRS):
        for sender, receiver, times in ((viewer, master, relayed), (echo, echo, echoed)):
            began = time.perf_counter()
            await sender.send_str(message)
            await receiver.receive()
            times.append(time.perf_counter() - began)
    await asyncio.gather(*(peer.close() for peer in (master, viewer, echo)))
    medians = [statistics.median(times) * 1_000 for times in (relayed, echoed)]
    return {
        "latency_ms": {"relay": round(medians[0], 4), "echo": round(medians[1], 4)},
        "ratio": round(medians[0] / medians[1], 2),
    }


@dataclass
class Pair:
    """One direction between a master and a viewer."""

    sender: Socket
    to: str | None
    name: str
    sent: int = 0


@dataclass
class Arrivals:
    """What came in: how many of each pair, and how many not in order."""

    last: Counter[str] = field(default_factory=Counter)
    total: int = 0
    out_of_order: int = 0

    async def listen(self, peer: Socket) -> None:
        """Take in what comes until the connection ends."""
        async for message in peer:
            name, _, number = str(decode_received(message.data).payload).partition(" ")
            self.out_of_order += int(number) != self.last[name] + 1
            self.last[name] = int(number)
            self.total += 1


async def steady(relay: Relay, pid: int, rate: int, seconds: float) -> dict[str, Any]:
    """Exchange messages at a steady rate in all channels."""
    sockets, pairs = await _everybody(relay)
    arrivals = Arrivals()
    listening = [asyncio.create_task(arrivals.listen(peer)) for peer in sockets]
    await _send(pairs, rate, 5)
    before = memory(pid)
    slowest = await _send(pairs, rate, seconds)
    await asyncio.sleep(2)
    after = memory(pid)
    sent = sum(pair.sent for pair in pairs)
    await asyncio.gather(*(peer.close() for peer in sockets), *listening)
    return {
        "channels": len(relay.arns),
        "sockets": len(sockets),
        "seconds": seconds,
        "rate": rate,
        "sent": sent,
        "lost": sent - arrivals.total,
        "out_of_order": arrivals.out_of_order,
        "behind_seconds": round(slowest, 2),
        "memory_mib": [before, after],
    }


async def _everybody(relay: Relay) -> tuple[list[Socket], list[Pair]]:
    """Connect all; every pair of master and viewer sends both ways."""
    sockets, pairs = [], []
    for number in range(len(relay.arns)):
        master = await relay.master(number)
        viewers = [await relay.viewer(number, viewer) for viewer in range(VIEWERS)]
        sockets += [master, *viewers]
        for viewer, peer in enumerate(viewers):
            pairs.append(Pair(peer, None, f"{number}/{viewer}/up"))
            pairs.append(Pair(master, f"v{viewer}", f"{number}/{viewer}/down"))
    return sockets, pairs


async def _send(pairs: list[Pair], rate: int, seconds: float) -> float:
    """Send in turn over all pairs; answer by how much it fell behind at most."""
    began, behind = time.perf_counter(), 0.0
    for index in range(int(rate * seconds)):
        due = began + index / rate
        wait = due - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        behind = max(behind, time.perf_counter() - due)
        pair = pairs[index % len(pairs)]
        pair.sent += 1
        await pair.sender.send_str(text(f"{pair.name} {pair.sent}", pair.to))
    return behind


async def highest(pairs: list[tuple[Socket, Socket]]) -> int:
    """Keep a few messages under way in each pair; answer how many arrive in a second."""
    message, ends = text(), time.perf_counter() + HIGHEST_SECONDS

    async def flow(sender: Socket, receiver: Socket) -> int:
        arrived = 0
        for _ in range(UNDER_WAY):
            await sender.send_str(message)
        while time.perf_counter() < ends:
            await receiver.receive()
            arrived += 1
            await sender.send_str(message)
        return arrived

    arrived = await asyncio.gather(*(flow(*pair) for pair in pairs))
    await asyncio.gather(*(peer.close() for pair in pairs for peer in pair))
    return round(sum(arrived) / HIGHEST_SECONDS)


def memory(pid: int) -> float:
    """Return a process's resident memory in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run all three."""
    with (
        process(relay_server, options.channels) as (pid, (arns, urls, pem)),
        process(bare_server, 0) as (_, (url, bare_pem)),
    ):
        async with session(pem) as relayed, session(bare_pem) as bare:
            relay = Relay(relayed, arns, urls)
            result = await latency(relay, bare, url)
            few = range(min(HIGHEST_CHANNELS, options.channels))
            through = [(await relay.viewer(n, 0), await relay.master(n)) for n in few]
            result["highest"] = {"relay": await highest(through)}
            ways = [(f"{url}/a{n}/b{n}", f"{url}/b{n}/a{n}") for n in few]
            straight = [(await bare.ws_connect(a), await bare.ws_connect(b)) for a, b in ways]
            result["highest"]["bare"] = await highest(straight)
            result["steady"] = await steady(relay, pid, options.rate, options.seconds)
            return result


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description="Benchmark the relay.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--channels", type=int, default=200)
    parser.add_argument("--rate", type=int, default=1_000)
    options = parser.parse_args()
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(files, 65_536), files))
    result = {"benchmark": "relay"} | asyncio.run(measure(options))
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
