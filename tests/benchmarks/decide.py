"""What deciding costs: 10,000 channels, a tag rule, a dry run, 50 ms latency.

Prints one JSON line: calls by operation as the emulator counted them, the process's peak resident
memory in MB (10^6 bytes), and the seconds it took. Run: python tests/benchmarks/decide.py
"""

import json
import os
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from kvsops.local.demo.fleet import sow
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings

CHANNELS = 10_000
COMMAND = "sweep --older-than 2h --tag env=ci -o json"


def main() -> None:
    """Decide once, in a process of its own."""
    with (
        LocalServer(Settings(latency=timedelta(milliseconds=50))) as local,
        tempfile.TemporaryDirectory() as state,
    ):
        sow(local.backend(), CHANNELS)
        output = Path(state) / "output.json"
        with output.open("wb") as file:
            child = subprocess.Popen(
                [sys.executable, "-m", "kvsops", *COMMAND.split()],
                env=local.environment() | {"XDG_STATE_HOME": state},
                stdout=file,
                stderr=subprocess.DEVNULL,
            )
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        summary = json.loads(output.read_text())["summary"]
        result = {
            "benchmark": "decide",
            "exit_code": child.returncode,
            "listed": summary["listed"],
            "would_delete": summary["outcomes"]["would-delete"],
            "calls": dict(sorted(local.calls.items())),
            "peak_megabytes": round(usage.ru_maxrss * 1024 / 1e6, 1),
            "seconds": summary["seconds"],
        }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
