"""How much later the first picture comes through a channel than without signaling.

`channel` is the time from the offer to the first decoded frame through the emulator, in
milliseconds; `joined` that of two peers in one process which are handed each other's
descriptions. Medians of 20 of each, in turn. Prints one JSON line. Target: `over` at most 100.
Run: python tests/benchmarks/media.py
"""

import asyncio
import json
import os
import statistics
import sys
import time
from datetime import timedelta

from kvsops.aws.scope import Scope
from kvsops.cli.smoke_channel import smoke_channel
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from kvsops.output.console import Console
from kvsops.peers.ice import Ice
from kvsops.peers.peer import Peer
from kvsops.peers.tracks import numbered
from kvsops.smoke.plan import Subject, Wanted
from kvsops.smoke.run import smoke

RUNS = 20
TARGET_MS = 100


def main() -> None:
    """Time both in turn, so that a slower moment slows both."""
    with LocalServer(Settings(state_delay=timedelta())) as local:
        os.environ.update(local.environment())
        scope = Scope(environ=local.environment())
        with smoke_channel(scope, None, Console(), ephemeral=False) as subject:
            times = [(_channel(subject), asyncio.run(_joined())) for _ in range(RUNS + 1)][1:]
    channel, joined = (statistics.median(each) for each in zip(*times, strict=True))
    result = {
        "benchmark": "media",
        "channel_ms": round(channel, 1),
        "joined_ms": round(joined, 1),
        "over_ms": round(channel - joined, 1),
        "target_ms": TARGET_MS,
    }
    sys.stdout.write(json.dumps(result) + "\n")


def _channel(subject: Subject) -> float:
    report = asyncio.run(smoke(subject, Wanted(duration=0)))
    if report.first_video_ms is None:
        raise SystemExit(report.reason)
    return report.first_video_ms


async def _joined() -> float:
    began = time.perf_counter()
    viewer = Peer("viewer", Ice(), numbered(1, (640, 480)))
    master = Peer("master", Ice(), numbered(0, (640, 480)))
    viewer.open_channel("data")
    await master.accept(await viewer.describe("offer"))
    await viewer.accept(await master.describe("answer"))
    await asyncio.gather(viewer.received.first_video.wait(), master.received.first_video.wait())
    spent = time.perf_counter() - began
    await asyncio.gather(viewer.close(), master.close())
    return spent * 1000


if __name__ == "__main__":
    main()
