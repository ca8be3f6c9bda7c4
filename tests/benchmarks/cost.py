"""What telling costs takes: 10,000 channels, about 3,000 active, quotas on, 50 ms latency.

Prints one JSON line: calls by operation as the emulator counted them, the run's own cost in
dollars and its share of what asking every metric of every channel would cost, whether the answer
is the same, the process's own processor time, its peak resident memory in MB (10^6 bytes), and
the seconds it took. kvsops is compiled first, as pip leaves what it installs.
Run: python tests/benchmarks/cost.py
"""

import compileall
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import kvsops as package
from kvsops.aws.activity import EVERY
from kvsops.aws.metrics import METRIC_PRICE
from kvsops.local.demo.channel_usage import ChannelUsage
from kvsops.local.demo.fleet import sow
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings

CHANNELS = 10_000
COMMAND = "list --cost -o json"


def main() -> None:
    """Tell the costs once, in a process of its own."""
    compileall.compile_dir(Path(package.__file__).parent, quiet=1)
    with (
        LocalServer(Settings(latency=timedelta(milliseconds=50))) as local,
        tempfile.TemporaryDirectory() as state,
    ):
        truth = sow(local.backend(), CHANNELS)
        output, errors = Path(state) / "output.json", Path(state) / "errors"
        started = time.monotonic()
        with output.open("wb") as file, errors.open("wb") as said:
            child = subprocess.Popen(
                [sys.executable, "-m", "kvsops", *COMMAND.split()],
                env=local.environment() | {"XDG_STATE_HOME": state, "XDG_CACHE_HOME": state},
                stdout=file,
                stderr=said,
            )
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - started
        rows = json.loads(output.read_text())
        own = _own_cost(errors.read_text())
        every = CHANNELS * EVERY * METRIC_PRICE
        result = {
            "benchmark": "cost",
            "exit_code": child.returncode,
            "channels": len(rows),
            "active": sum(row["active_this_month"] for row in rows),
            "used_in_60_days": sum(bool(_used(each)) for each in truth),
            "same_answer": _told(rows) == _true(truth, rows),
            "calls": dict(sorted(local.calls.items())),
            "own_cost_usd": float(own),
            "own_cost_share": round(float(own / every), 3),
            "processor_seconds": round(usage.ru_utime + usage.ru_stime, 2),
            "peak_megabytes": round(usage.ru_maxrss * 1024 / 1e6, 1),
            "seconds": round(seconds, 2),
        }
    sys.stdout.write(json.dumps(result) + "\n")


def _own_cost(said: str) -> Decimal:
    """Read what the run says that it spent."""
    line = next(line for line in said.splitlines() if line.startswith("own cost: "))
    return Decimal(line.rpartition("$")[2].removesuffix(" at most"))


def _used(usage: ChannelUsage) -> int:
    return 0 if usage.creation_time is None else sum(each.connections for each in usage.days)


Answer = dict[str, tuple[int, int, int]]
"""Connections, messages and TURN minutes of the month, by channel."""


def _told(rows: Sequence[dict[str, Any]]) -> Answer:
    return {
        row["channel_name"]: (row["connections"], row["messages"], row["turn_minutes"])
        for row in rows
    }


def _true(truth: Sequence[ChannelUsage], rows: Sequence[dict[str, Any]]) -> Answer:
    """Sum what was sown of the listed channels in the month of their ages."""
    row = rows[0]
    now = datetime.fromisoformat(row["creation_time"]) + timedelta(seconds=row["age_seconds"])
    found = {}
    for channel in truth:
        if channel.creation_time is None:
            continue
        days = [day for day in channel.days if (day.at.year, day.at.month) == (now.year, now.month)]
        found[channel.channel_name] = (
            sum(day.connections for day in days),
            sum(day.messages for day in days),
            sum(day.turn_minutes for day in days),
        )
    return found


if __name__ == "__main__":
    main()
