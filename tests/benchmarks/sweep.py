"""Deletes per second, as a share of the service's quota: 2,000 channels, 1,000 of them doomed.

Quotas on, 50 ms latency, the whole quota for the sweep. Prints one JSON line: `share` is the
median of three runs of the accepted deletes per second over the quota's 50, the first second left
out; `from_first_to_last` the median time of all deletes over the 20 s that the quota gives them;
`first_delete_seconds` each run's from the process's start to its first delete.
Run: python tests/benchmarks/sweep.py
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from kvsops.aws.scope import Scope
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings, utc_now

RUNS = 3
CHANNELS, DOOMED = 2_000, 1_000
QUOTA = 50  # DeleteSignalingChannel, calls a second
COMMAND = "sweep --older-than 2h --any-channel --yes --max-deletes 100% --quota-share 1 -o json"


def main() -> None:
    """Run three times and print the median, and the worst of what must not happen."""
    runs = [_run() for _ in range(RUNS)]
    result = {
        "benchmark": "sweep",
        "share": round(statistics.median(run["share"] for run in runs), 3),
        "shares": [round(run["share"], 3) for run in runs],
        "from_first_to_last": round(statistics.median(run["span"] for run in runs), 3),
        "first_delete_seconds": [round(run["first"], 2) for run in runs],
        "failed": max(run["failed"] for run in runs),
        "throttled_share": round(max(run["throttled_share"] for run in runs), 4),
        "seconds": [run["seconds"] for run in runs],
    }
    sys.stdout.write(json.dumps(result) + "\n")


def _run() -> dict[str, Any]:
    with LocalServer(Settings(latency=timedelta(milliseconds=50))) as local:
        _sow(local)
        started = _log_time(local)
        told = _swept(local)
        deletes = [at for at, name, end in local.log if (name, end) == (_DELETE, "ok")]
        calls, throttled = local.calls.total(), local.throttled.total()
    counted = [at for at in deletes if at >= deletes[0] + 1]
    rate = (len(counted) - 1) / (counted[-1] - counted[0])
    outcomes = told["summary"]["outcomes"]
    if outcomes["deleted"] != DOOMED or outcomes["kept"] != CHANNELS - DOOMED:
        raise SystemExit(f"not what was to be deleted: {outcomes}")
    return {
        "share": rate / QUOTA,
        "span": (deletes[-1] - deletes[0]) / (DOOMED / QUOTA),
        "first": deletes[0] - started,
        "failed": outcomes["failed"],
        "throttled_share": throttled / calls,
        "seconds": told["summary"]["seconds"],
    }


_DELETE = "DeleteSignalingChannel"


def _log_time(local: LocalServer) -> float:
    """Return now by the clock of the emulator's log: that of a call which has just been made."""
    os.environ.update(local.environment())
    Scope().call("DescribeSignalingChannel", ChannelName="ci-00000")
    answered = time.monotonic()
    at, _, _ = local.log[-1]
    return at + time.monotonic() - answered


def _sow(local: LocalServer) -> None:
    """Put old channels and young ones; what mattered to nobody has no tags, as in life."""
    now, backend = utc_now(), local.backend()
    for number in range(CHANNELS):
        created = now - (timedelta(days=1) if number < DOOMED else timedelta(minutes=1))
        backend.put_channel(f"ci-{number:05}", created, created)


def _swept(local: LocalServer) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as state:
        environment = local.environment() | {"XDG_STATE_HOME": state}
        done = subprocess.run(
            [sys.executable, "-m", "kvsops", *COMMAND.split()],
            env=environment,
            cwd=Path(state),
            stdout=subprocess.PIPE,
            check=True,
        )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


if __name__ == "__main__":
    main()
