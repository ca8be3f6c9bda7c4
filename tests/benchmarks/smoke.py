"""How long `kvsops smoke` takes from the start of its process to its verdict.

Without the measurement, against the emulator, with the channel there already: the median of 10 in
milliseconds. Beside it, as its floor, a process that only imports what smoke stands on. Prints
one JSON line. Target: at most 3,000. Run: python tests/benchmarks/smoke.py
"""

import json
import statistics
import subprocess
import sys
import time
from datetime import timedelta

from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings

RUNS = 10
TARGET_MS = 3_000
SMOKE = [sys.executable, "-m", "kvsops", "smoke", "--no-steady"]
IMPORTS = [sys.executable, "-c", "import aiortc, aiohttp, boto3, click"]


def main() -> None:
    """Time both in turn, so that a slower moment slows both."""
    with LocalServer(Settings(state_delay=timedelta())) as local:
        environment = local.environment()
        times = [(_ms(SMOKE, environment), _ms(IMPORTS, environment)) for _ in range(RUNS + 1)][1:]
    smoke, imports = (statistics.median(each) for each in zip(*times, strict=True))
    result = {
        "benchmark": "smoke",
        "verdict_ms": round(smoke),
        "imports_ms": round(imports),
        "target_ms": TARGET_MS,
    }
    sys.stdout.write(json.dumps(result) + "\n")


def _ms(command: list[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
