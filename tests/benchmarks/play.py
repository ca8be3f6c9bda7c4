"""What ten viewers of `kvsops play` cost its process, beside encoding the same pictures once.

`play` has a process of its own, and so has each viewer, which decodes all that it gets.
`cores` is the share of a processor that play takes, `floor_cores` that of encoding the same
pictures at the same rate in the same process, just before. `gap_seconds` is the longest time that
any viewer was without a picture, `rss_first_mb` and `rss_last_mb` are the means of the first and
last third. Prints one JSON line. Targets: `fps_each` at least 0.8 of `fps`, memory flat (5 %).
Run: python tests/benchmarks/play.py [--seconds 120] [--codec VP8|H264] [--noise] [--viewers 10]
"""

import argparse
import asyncio
import itertools
import json
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from av import VideoFrame

from kvsops.aws.scope import Scope
from kvsops.cli.access import access_of
from kvsops.cli.media import silence
from kvsops.core.wire.message import Action, MessageType
from kvsops.core.wire.payload import read_description
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from kvsops.peers.peer import Peer
from kvsops.stay.audience import Audience
from kvsops.stay.encoders import Video
from kvsops.stay.presence import Presence
from kvsops.stay.sources import Frame, Numbered, Opened, Source
from kvsops.stay.studio import Studio
from tests.fleet import put

FPS = 15
FLOOR_PICTURES = 60
WARM_SECONDS = 5.0
LOOK_SECONDS = 1.0
_CONTEXT = multiprocessing.get_context("spawn")
_TICKS, _PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Noise:
    """A picture that nothing can compress, and that never rests."""

    size: tuple[int, int] = (1280, 720)
    name: str = "noise"
    live: bool = False

    def open(self) -> Opened:
        """Begin with the first picture."""
        return Opened(frozenset({"video"}), FPS, self._frames())

    def _frames(self) -> Iterator[Frame]:
        pictures = [self._picture() for _ in range(8)]
        for number in itertools.count():
            frame = pictures[number % len(pictures)]
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            yield frame

    def _picture(self) -> VideoFrame:
        frame = VideoFrame(*self.size, "yuv420p")
        for plane in frame.planes:
            plane.update(os.urandom(plane.buffer_size))
        return frame


def main() -> None:
    """Play in one process, watch in another, and compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--viewers", type=int, default=10)
    parser.add_argument("--codec", choices=["VP8", "H264"], default="VP8")
    parser.add_argument("--noise", action="store_true")
    given = parser.parse_args()
    silence()
    source: Source = Noise() if given.noise else Numbered((640, 480), FPS, "")
    with LocalServer(Settings(quotas=False, state_delay=timedelta())) as local:
        environ = local.environment()
        os.environ.update(environ)
        arn = put(local, "cam").arn
        ours, theirs = _CONTEXT.Pipe()
        process = _CONTEXT.Process(target=_play, args=(environ, arn, source, given.codec, theirs))
        process.start()
        try:
            floor: float = ours.recv()
            result = _watch(environ, arn, given, process.pid or 0)
            ours.send("end")
            counts: dict[str, int] = ours.recv()
        finally:
            process.kill()
            process.join()
    shown = {"picture": source.name or "numbered", "codec": given.codec, "fps": FPS}
    whole = {"benchmark": "play", **shown, **result, "floor_cores": round(floor, 3)}
    sys.stdout.write(json.dumps({**whole, "encoded": counts}) + "\n")


def _play(environ: dict[str, str], arn: str, source: Source, codec: str, other: Connection) -> None:
    """Encode some pictures, tell what that takes, and play until told to end."""
    os.environ.update(environ)
    silence()
    other.send(_floor(source, codec))
    asyncio.run(_played(Scope(environ=environ), arn, source, other))


def _floor(source: Source, codec: str) -> float:
    video, frames = Video(codec, FPS), source.open().frames
    pictures = (frame for frame in frames if isinstance(frame, VideoFrame))
    spent = 0.0
    for number, frame in enumerate(itertools.islice(pictures, 2 * FLOOR_PICTURES)):
        began = time.process_time()
        video.encode(frame, number / FPS, key=False)
        if number >= FLOOR_PICTURES:  # after the picture has found its size
            spent += time.process_time() - began
    return spent / FLOOR_PICTURES * FPS


async def _played(scope: Scope, arn: str, source: Source, other: Connection) -> None:
    async with Presence(access_of(scope), arn, "master", now=scope.now) as place:
        await place.ice()
        studio = Studio(source)
        audience = Audience(place, studio)
        studio.start()
        hearing = asyncio.ensure_future(_hear(place, audience))
        await asyncio.to_thread(other.recv)
        other.send(dict(studio.broadcast.encoded))
        hearing.cancel()


async def _hear(place: Presence, audience: Audience) -> None:
    while True:
        await audience.take(await place.receive())


def _watch(environ: dict[str, str], arn: str, given: Any, pid: int) -> dict[str, Any]:
    """Let all viewers come, and look each second at what play takes while they watch."""
    ways = [_CONTEXT.Pipe() for _ in range(given.viewers)]
    viewers = [
        _CONTEXT.Process(target=_view, args=(environ, arn, f"viewer-{number}", given, theirs))
        for number, (_, theirs) in enumerate(ways)
    ]
    for viewer in viewers:
        viewer.start()
    try:
        firsts = [ours.recv() for ours, _ in ways]
        time.sleep(WARM_SECONDS)
        for ours, _ in ways:
            ours.send("watch")
        began, cpu, memory = time.monotonic(), _cpu_seconds(pid), []
        while time.monotonic() - began < given.seconds:
            time.sleep(LOOK_SECONDS)
            memory.append(_rss_mb(pid))
        cores = (_cpu_seconds(pid) - cpu) / (time.monotonic() - began)
        rates, gaps = zip(*(ours.recv() for ours, _ in ways), strict=True)
    finally:
        for viewer in viewers:
            viewer.kill()
            viewer.join()
    third = max(len(memory) // 3, 1)
    return {
        "viewers": len(viewers),
        "seconds": given.seconds,
        "fps_each": sorted(round(rate, 1) for rate in rates),
        "gap_seconds": round(max(gaps), 2),
        "first_picture_seconds": round(max(firsts), 2),
        "rss_first_mb": round(statistics.mean(memory[:third]), 1),
        "rss_last_mb": round(statistics.mean(memory[-third:]), 1),
        "cores": round(cores, 3),
    }


def _view(environ: dict[str, str], arn: str, name: str, given: Any, other: Connection) -> None:
    os.environ.update(environ)
    silence()
    asyncio.run(_viewed(Scope(environ=environ), arn, name, given, other))


async def _viewed(scope: Scope, arn: str, name: str, given: Any, other: Connection) -> None:
    """Join, tell when the first picture was there, and then how the others came."""
    async with Presence(access_of(scope), arn, "viewer", name, now=scope.now) as place:
        peer, first = await _joined(place, given.codec)
        other.send(first)
        await asyncio.to_thread(other.recv)
        began, before = time.monotonic(), _pictures(peer)
        await asyncio.sleep(given.seconds)
        rate = (_pictures(peer) - before) / (time.monotonic() - began)
        other.send((rate, _longest_gap(peer, began)))
        await peer.close()


async def _joined(place: Presence, codec: Any) -> tuple[Peer, float]:
    """Join; return the peer, and how long after DTLS its first picture came."""
    peer = Peer(place.client_id or "", await place.ice(), codec=codec)
    offer = await peer.describe("offer")
    await place.send(Action.SDP_OFFER, offer.to_payload())
    while (message := await place.receive()).message_type is not MessageType.SDP_ANSWER:
        pass
    await peer.accept(read_description(message.payload))
    await peer.reach_dtls()
    connected = time.monotonic()
    await peer.received.first_video.wait()
    return peer, time.monotonic() - connected


def _pictures(peer: Peer) -> int:
    return sum(len(each.seen) for each in peer.received.incoming if each.kind == "video")


def _longest_gap(peer: Peer, since: float) -> float:
    seen = [each.at for way in peer.received.incoming for each in way.seen if each.at > since]
    return max(b - a for a, b in itertools.pairwise([since, *seen, time.monotonic()]))


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _rss_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 1e6


if __name__ == "__main__":
    main()
