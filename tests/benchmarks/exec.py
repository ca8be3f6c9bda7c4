"""What `kvsops exec` adds to a command: the calls it makes, and its time beside the command's own.

Prints one JSON line: calls by operation as the emulator counted them, and the median seconds of
`true`, of `kvsops --version` (the interpreter's own start), and of `kvsops exec` with and without
--reuse. Run: python tests/benchmarks/exec.py
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import timedelta

from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings

RUNS = 5
KVSOPS = (sys.executable, "-m", "kvsops")
COMMANDS = {
    "true": ("true",),
    "version": (*KVSOPS, "--version"),
    "exec": (*KVSOPS, "exec", "--", "true"),
    "exec_reuse": (*KVSOPS, "exec", "--reuse", "ci-e2e", "--", "true"),
}


def median(command: tuple[str, ...], environment: dict[str, str]) -> float:
    """Run the command some times; return the median of its seconds."""
    taken = []
    for _ in range(RUNS):
        began = time.perf_counter()
        subprocess.run(command, env=environment, check=True, capture_output=True)
        taken.append(time.perf_counter() - began)
    return round(statistics.median(taken), 3)


def main() -> None:
    """Measure each command against an emulator without latency."""
    settings = Settings(state_delay=timedelta())
    with LocalServer(settings) as local, tempfile.TemporaryDirectory() as state:
        environment = os.environ | local.environment() | {"XDG_STATE_HOME": state}
        subprocess.run(COMMANDS["exec_reuse"], env=environment, check=True)  # makes the channel
        seconds, calls = {}, {}
        for name, command in COMMANDS.items():
            before = Counter(local.calls)
            seconds[name] = median(command, environment)
            made = Counter(local.calls) - before
            calls[name] = {each: number / RUNS for each, number in sorted(made.items())}
        result = {"benchmark": "exec", "calls_a_run": calls, "seconds": seconds}
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
