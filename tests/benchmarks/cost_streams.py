"""What telling the whole bill takes: 5,000 channels and 1,500 streams, quotas on, 50 ms latency.

1,000 of the streams are channels'. Prints one JSON line: calls by operation as the emulator counted
them, the run's own cost in dollars and its share of what asking every metric of every channel and
stream would cost, how many dollars each item of streams is from what was sown (a cent fails), the
process's own processor time, its peak resident memory in MB (10^6 bytes), and the seconds it took.
Run: python tests/benchmarks/cost_streams.py
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from kvsops.aws import activity, stream_activity
from kvsops.aws.metrics import METRIC_PRICE
from kvsops.core.cost import Month
from kvsops.core.stream_price import GB
from kvsops.local.demo.fleet import sow
from kvsops.local.demo.streams import sow_streams
from kvsops.local.kinesisvideo.streams import Stream
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings

PRICES = {
    "PutMedia.IncomingBytes": ("ingested", 0.0085),
    "GetMedia.OutgoingBytes": ("consumed", 0.0085),
    "GetMediaForFragmentList.OutgoingBytes": ("consumed", 0.0085),
    "GetMP4MediaFragment.OutgoingBytes": ("consumed_by_hls", 0.0119),
    "GetTSFragment.OutgoingBytes": ("consumed_by_hls", 0.0119),
}
STORED = 0.023
CHANNELS, LINKED, STREAMS = 5_000, 1_000, 1_500
COMMAND = "cost -o json"


def put(local: LocalServer) -> None:
    """Put the channels and streams there, with their use."""
    backend = local.backend()
    sow(backend, CHANNELS)
    free = (each for each in backend.channels.values() if not each.stream_arn)
    linked = sum(bool(each.stream_arn) for each in backend.channels.values())
    for channel, _ in zip([*free], range(LINKED - linked), strict=False):
        backend.store_media(channel)
    missing = STREAMS - len(backend.streams)
    sow_streams(backend, missing, Random(7), local.settings.clock(), ("yard", "dock"))  # noqa: S311 - must repeat


def sown(local: LocalServer, told: dict[str, Any]) -> dict[str, float]:
    """Return what streams cost to date by each point that the emulator has, minute by minute."""
    start = Month.parse(told["month"]).start
    month, now = start.timestamp(), datetime.fromisoformat(told["as_of"]).timestamp()
    length = (Month.parse(told["month"]).end - start).total_seconds()
    there = local.backend().streams.values()
    streams = {each.stream_name: each for each in there if isinstance(each, Stream)}
    found = dict.fromkeys(("ingested", "consumed", "consumed_by_hls", "stored"), 0.0)
    index = local.metrics()
    for metric in index.page(lambda each: each.name in PRICES, None, 0, 10**6):
        item, price = PRICES[metric.name]
        stream = streams.get(dict(metric.dimensions)["StreamName"])
        points = index.aggregate(metric, 0, int(now), 60, 0)
        came = sum(each.total for at, each in points.items() if at >= month)
        if item != "ingested":
            found[item] += came / GB * price
        elif stream is None or stream.default_storage_tier == "HOT":
            found[item] += came / GB * price
            hold = stream.data_retention_in_hours * 3_600 if stream else 0
            kept = sum(
                each.total * max(min(at + 30 + hold, now) - max(at + 30, month), 0)
                for at, each in points.items()
            )
            found["stored"] += kept / GB / length * STORED
    return found


def apart(local: LocalServer, told: dict[str, Any]) -> dict[str, float]:
    """Return how far each item is from what was sown, in dollars."""
    parts = {each["item"]: each["month_to_date_usd"] for each in told["streams"]["parts"]}
    return {item: round(parts[item] - spent, 4) for item, spent in sown(local, told).items()}


def main() -> None:
    """Tell the bill once, in a process of its own."""
    with (
        LocalServer(Settings(latency=timedelta(milliseconds=50))) as local,
        tempfile.TemporaryDirectory() as state,
    ):
        put(local)
        output = Path(state) / "output.json"
        started = time.monotonic()
        with output.open("wb") as file:
            child = subprocess.Popen(
                [sys.executable, "-m", "kvsops", *COMMAND.split()],
                env=local.environment() | {"XDG_STATE_HOME": state, "XDG_CACHE_HOME": state},
                stdout=file,
            )
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - started
        told = json.loads(output.read_text())
        every = CHANNELS * activity.EVERY + STREAMS * stream_activity.EVERY
        result = {
            "benchmark": "cost_streams",
            "exit_code": child.returncode,
            "channels": told["quota"]["channels"],
            "streams": sum(not row["ghost"] for row in told["streams"]["streams"]),
            "calls": dict(sorted(local.calls.items())),
            "own_cost_usd": told["own_cost"]["usd"],
            "own_cost_share": round(told["own_cost"]["usd"] / float(every * METRIC_PRICE), 3),
            "apart_usd": apart(local, told),
            "processor_seconds": round(usage.ru_utime + usage.ru_stime, 2),
            "peak_megabytes": round(usage.ru_maxrss * 1024 / 1e6, 1),
            "seconds": round(seconds, 2),
        }
    sys.stdout.write(json.dumps(result) + "\n")
    sys.exit(any(abs(each) >= 0.01 for each in result["apart_usd"].values()))


if __name__ == "__main__":
    main()
