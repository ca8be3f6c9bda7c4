"""How long commands take to start, each beside its measure in the same run.

`help` is `kvsops --help` over `python -c "import click"`; `list` is `kvsops list` of 100 channels
over `aws kinesisvideo list-signaling-channels` on the same emulator. Prints one JSON line with
the medians of the ratios of 15 pairs. kvsops is compiled first, as pip leaves what it installs.
Run: python tests/benchmarks/start.py
"""

import compileall
import json
import statistics
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import kvsops as package
from kvsops.local.demo.fleet import sow
from kvsops.local.server import LocalServer

PAIRS = 15
SCRIPTS = Path(sysconfig.get_path("scripts"))


def main() -> None:
    """Time the pairs in turn, so that a slower moment slows both."""
    compileall.compile_dir(Path(package.__file__).parent, quiet=1)
    with LocalServer() as local:
        sow(local.backend(), 100)
        environment = local.environment()
        kvsops, aws = str(SCRIPTS / "kvsops"), str(SCRIPTS / "aws")
        start = _ratios([kvsops, "--help"], [sys.executable, "-c", "import click"], environment)
        listing = _ratios(
            [kvsops, "list"], [aws, "kinesisvideo", "list-signaling-channels"], environment
        )
    result = {
        "benchmark": "start",
        "help": round(statistics.median(start), 2),
        "list": round(statistics.median(listing), 2),
    }
    sys.stdout.write(json.dumps(result) + "\n")


def _ratios(ours: list[str], measure: list[str], environment: dict[str, str]) -> list[float]:
    _seconds(ours, environment)
    _seconds(measure, environment)
    return [_seconds(ours, environment) / _seconds(measure, environment) for _ in range(PAIRS)]


def _seconds(command: list[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
