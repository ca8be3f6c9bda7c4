"""What deciding by idleness costs: 10,000 channels, 3,000 of them active, a dry run, 50 ms latency.

Prints one JSON line: calls by operation as the emulator counted them, metrics asked, what that
costs, the process's peak resident memory in MB (10^6 bytes), and the seconds it took.
Run: python tests/benchmarks/idle.py
"""

import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kvsops.local.demo.channel_usage import ChannelUsage, Used, record
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings

CHANNELS, ACTIVE, YOUNG = 10_000, 3_000, 2_000
COMMAND = "sweep --idle-for 7d --max-deletes 100% -o json"


def fill(local: LocalServer) -> None:
    """Put the channels there: in use, too young to be idle, used weeks ago or never."""
    now, backend = datetime.now(UTC), local.backend()
    usages = []
    for number in range(CHANNELS):
        active, young = number < ACTIVE, ACTIVE <= number < ACTIVE + YOUNG
        name = f"cam-{number:05}"
        created = now - (timedelta(days=3) if young else timedelta(days=40))
        backend.put_channel(name, created, created)
        ago = timedelta(minutes=20 + number % 90) if active else timedelta(days=20)
        days = [Used(now - ago, masters=1, viewers=1, messages=12)]
        usages.append(ChannelUsage(name, created, days if active or number % 2 else []))
    record(local.metrics(), usages)


def main() -> None:
    """Decide once, in a process of its own."""
    with (
        LocalServer(Settings(latency=timedelta(milliseconds=50))) as local,
        tempfile.TemporaryDirectory() as state,
    ):
        fill(local)
        output, errors = Path(state) / "output.json", Path(state) / "errors"
        with output.open("wb") as file, errors.open("wb") as said:
            child = subprocess.Popen(
                [sys.executable, "-m", "kvsops", *COMMAND.split()],
                env=local.environment() | {"XDG_STATE_HOME": state},
                stdout=file,
                stderr=said,
            )
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        summary = json.loads(output.read_text())["summary"]
        own_cost = [line for line in errors.read_text().splitlines() if line.startswith("own cost")]
        result = {
            "benchmark": "idle",
            "exit_code": child.returncode,
            "listed": summary["listed"],
            "would_delete": summary["outcomes"]["would-delete"],
            "unknown": summary["outcomes"]["unknown"],
            "calls": dict(sorted(local.calls.items())),
            "own_cost_usd": summary["own_cost_usd"],
            "said": own_cost,
            "peak_megabytes": round(usage.ru_maxrss * 1024 / 1e6, 1),
            "seconds": summary["seconds"],
        }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
