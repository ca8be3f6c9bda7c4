"""Sweeps of many accounts and regions: how fast, with which calls, and in how much memory.

"regions": 3 regions of 500 doomed channels each, the emulator's quotas at a fifth, the whole of
these for the sweep. One region's floor is its deletes over the 10 a second that it may have; the
time from the command's start to its end is told as a share of that.

"accounts": 100 accounts in 5 regions that have nothing to delete, as a dry run and with --yes. The
calls that were made are sent again, several times, by a bare client with so many connections that
more are no faster: that is the emulator's ceiling, and the time from the command's start to its end
is told as a share of what so many calls take there; `without_start` leaves out what passes before
its first call, and `ceiling_at_once` is that of as many connections as the sweep has.

Times are medians of the runs, all else is the worst. Prints one JSON line and, where an asked limit
is missed, says which and exits with 1.
Run: python -m tests.benchmarks.fleet [--channels 500] [--accounts 100] [--runs 3]
"""

import argparse
import compileall
import json
import os
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import kvsops as package
from kvsops.fleet.everywhere import AT_ONCE
from kvsops.local.accounts import ACCOUNT_ID
from kvsops.local.quotas import QUOTAS
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings, utc_now
from tests.benchmarks.bare import signed

REGIONS: Final = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-2")
QUOTA_SCALE: Final = 0.2
_QUOTA: Final = QUOTAS["DeleteSignalingChannel"].account or 0
DELETES_PER_SECOND: Final = _QUOTA * QUOTA_SCALE
ROLE: Final = "kvsops-sweep"
CONNECTIONS: Final = 64
"""More than keep the emulator busy."""
ROUNDS: Final = 3
"""So often a sweep's calls are sent again, lest a moment's noise be taken for the ceiling."""
YOUNG: Final = 3
"""Channels that are too young to be deleted, in each account and region."""
DELETING: Final = (
    f"--older-than 2h --any-channel --yes --max-deletes 100% --quota-share {QUOTA_SCALE}"
)
QUIET: Final = f"--organization-role {ROLE} --older-than 2h --any-channel"

LIMITS: Final = {
    "regions": {"floor_share": 1.15, "failed": 0, "throttled_share": 0.01, "left": 0},
    "accounts": {
        "ceiling_share": 1.25,
        "roles_an_account": 1,
        "needless_calls": 0,
        "peak_megabytes": 300,
    },
}
"""What is asked: no figure is above its own."""


@dataclass(frozen=True)
class Ran:
    """What a command took, from its start to its end, and what it told."""

    seconds: float
    start_seconds: float
    """Until its first call was answered."""
    peak_megabytes: float
    processor_seconds: float
    told: dict[str, Any]


def main() -> None:
    """Measure both, kvsops compiled as pip leaves what it installs; say what is missed."""
    compileall.compile_dir(Path(package.__file__).parent, quiet=1)
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.fleet")
    parser.add_argument(
        "--channels",
        type=int,
        default=500,
        help="doomed ones, in each region (of 100 at most, the tags are read twice)",
    )
    parser.add_argument("--accounts", type=int, default=100)
    parser.add_argument("--latency", type=int, default=50, help="of each call, in milliseconds")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", choices=("regions", "accounts"))
    asked = parser.parse_args()
    latency = timedelta(milliseconds=asked.latency)
    result: dict[str, Any] = {"benchmark": "fleet", "latency_ms": asked.latency}
    if asked.only != "accounts":
        result["regions"] = of_regions(
            [in_regions(asked.channels, latency) for _ in range(asked.runs)], asked.channels
        )
    if asked.only != "regions":
        result["accounts"] = of_accounts(
            [
                in_accounts(asked.accounts, latency, how)
                for _ in range(asked.runs)
                for how in ("", "--yes")
            ]
        )
    result["asked"] = {part: LIMITS[part] for part in LIMITS if part in result}
    result["missed"] = missed(result)
    sys.stdout.write(json.dumps(result) + "\n")
    sys.exit(bool(result["missed"]))


def missed(result: dict[str, Any]) -> list[str]:
    """Say which figures are above what is asked."""
    return [
        f"{part}.{name} is {result[part][name]}, asked is at most {most}"
        for part, limits in LIMITS.items()
        for name, most in limits.items()
        if part in result and result[part][name] > most
    ]


def in_regions(channels: int, latency: timedelta) -> dict[str, Any]:
    """Delete in three regions at once."""
    with LocalServer(Settings(latency=latency, quota_scale=QUOTA_SCALE)) as local:
        for region in REGIONS[:3]:
            put(local, ACCOUNT_ID, region, channels, timedelta(days=1))
        ran = swept(local, f"{DELETING} {_options(REGIONS[:3])}")
        calls, throttled = local.calls, local.throttled.total()
        left = sum(len(_there(local, region)) for region in REGIONS[:3])
    outcomes = ran.told["summary"]["outcomes"]
    return {
        "seconds": ran.seconds,
        "failed": sum(outcomes.values()) - outcomes["deleted"],
        "throttled_share": throttled / calls.total(),
        "left": left + 3 * channels - outcomes["deleted"],
        "peak_megabytes": ran.peak_megabytes,
        "processor_seconds": ran.processor_seconds,
        "calls": dict(sorted(calls.items())),
    }


def of_regions(runs: Sequence[dict[str, Any]], channels: int) -> dict[str, Any]:
    """Tell the runs by one region's floor."""
    floor = channels / DELETES_PER_SECOND
    seconds = [run["seconds"] for run in runs]
    return {
        "floor": f"{channels} deletes / ({_QUOTA} x {QUOTA_SCALE}) a second = {floor:.1f} s",
        "floor_share": round(statistics.median(seconds) / floor, 3),
        "seconds": [round(each, 2) for each in seconds],
        **_worst(runs, "failed", "throttled_share", "left", "peak_megabytes", "processor_seconds"),
        "calls": runs[-1]["calls"],
    }


def in_accounts(accounts: int, latency: timedelta, how: str) -> dict[str, Any]:
    """Look for what to delete where there is nothing; then make the same calls by themselves."""
    with LocalServer(Settings(latency=latency, accounts=accounts)) as local:
        for account_id in local.account_ids:
            for region in REGIONS:
                put(local, account_id, region, YOUNG, timedelta(minutes=5))
        ran = swept(local, f"{QUIET} {how} {_options(REGIONS)}")
        calls = local.calls
        ceiling, at_once = bare(local, CONNECTIONS), bare(local, AT_ONCE)
    needed = Counter(
        GetCallerIdentity=1,
        ListAccounts=calls["ListAccounts"],
        AssumeRole=accounts - 1,
        ListSignalingChannels=accounts * len(REGIONS),
    )
    summary = ran.told["summary"]
    if summary["listed"] != accounts * len(REGIONS) * YOUNG or summary["exit_code"]:
        raise SystemExit(f"not what is there: {summary}")
    return {
        "seconds": ran.seconds,
        "start_seconds": ran.start_seconds,
        "ceiling": ceiling,
        "at_once": at_once,
        "ceiling_share": ran.seconds * ceiling / calls.total(),
        "without_start": (ran.seconds - ran.start_seconds) * ceiling / calls.total(),
        "roles_an_account": calls["AssumeRole"] / accounts,
        "needless_calls": (calls - needed).total(),
        "peak_megabytes": ran.peak_megabytes,
        "processor_seconds": ran.processor_seconds,
        "calls": dict(sorted(calls.items())),
    }


def of_accounts(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Tell the runs, dry and not in turns, by the emulator's ceiling."""
    return {
        "start_seconds": [round(run["start_seconds"], 2) for run in runs],
        "ceiling_connections": CONNECTIONS,
        "ceiling_calls_a_second": [round(run["ceiling"]) for run in runs],
        "at_once": AT_ONCE,
        "ceiling_at_once": [round(run["at_once"]) for run in runs],
        "ceiling_share": round(statistics.median(run["ceiling_share"] for run in runs), 3),
        "without_start": round(statistics.median(run["without_start"] for run in runs), 3),
        "ceiling_shares": [round(run["ceiling_share"], 3) for run in runs],
        "seconds": [round(run["seconds"], 2) for run in runs],
        **_worst(runs, "roles_an_account", "needless_calls", "peak_megabytes", "processor_seconds"),
        "calls": runs[-1]["calls"],
    }


def _worst(runs: Sequence[dict[str, Any]], *names: str) -> dict[str, float]:
    return {name: round(max(run[name] for run in runs), 4) for name in names}


def _options(regions: Sequence[str]) -> str:
    return " ".join(f"--region {region}" for region in regions)


def put(local: LocalServer, account_id: str, region: str, channels: int, age: timedelta) -> None:
    """Put channels of an age there, which have no tags."""
    created, backend = utc_now() - age, local.backend(region, account_id)
    for number in range(channels):
        backend.put_channel(f"ci-{number:05}", created, created)


def _there(local: LocalServer, region: str) -> list[str]:
    """Return the channels that are neither gone nor on their way out."""
    now, there = utc_now(), local.backend(region).channels.values()
    return [each.channel_name for each in there if each.status(now) != "DELETING"]


def swept(local: LocalServer, options: str) -> Ran:
    """Run the command to its end."""
    with tempfile.TemporaryDirectory() as state:
        output = Path(state) / "output.json"
        environment = local.environment() | {"XDG_STATE_HOME": state, "XDG_CACHE_HOME": state}
        command = [sys.executable, "-m", "kvsops", "sweep", *options.split(), "-o", "json"]
        began = time.monotonic()
        with output.open("wb") as file:
            child = subprocess.Popen(command, env=environment, stdout=file)
        start, peak, usage = _watched(child, local)
        seconds = time.monotonic() - began
        if child.returncode:
            raise SystemExit(f"exit code {child.returncode}: {shlex.join(command)}")
        told = json.loads(output.read_text())
    return Ran(seconds, start - began, peak, usage, told)


def _watched(child: subprocess.Popen[bytes], local: LocalServer) -> tuple[float, float, float]:
    """Wait for the end; return when its first call was, its peak of resident MB, its CPU seconds.

    The peak that the kernel tells at the end may be this process's, of which the child began as a
    copy: so the child's own is read while it runs.
    """
    status, peak, first = Path(f"/proc/{child.pid}/status"), 0, 0.0
    while True:
        pid, code, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            child.returncode = os.waitstatus_to_exitcode(code)
            return first, peak * 1024 / 1e6, usage.ru_utime + usage.ru_stime
        if not first and local.calls:
            first = time.monotonic()
        if found := re.search(r"VmHWM:\s+(\d+) kB", status.read_text()):
            peak = int(found[1])
        time.sleep(0.02)


def bare(local: LocalServer, connections: int) -> float:
    """Send what such a sweep sends, as fast as the emulator answers; return requests a second."""
    url = local.endpoint_url
    sts = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    roles = [
        f"Action=AssumeRole&Version=2011-06-15&RoleSessionName=bare&RoleArn="
        f"arn%3Aaws%3Aiam%3A%3A{account_id}%3Arole%2F{ROLE}"
        for account_id in local.account_ids[1:]
    ]
    json_type = {"Content-Type": "application/json"}
    listing = [
        signed(url, region, "kinesisvideo", "/listSignalingChannels", "{}", **json_type)
        for region in REGIONS
    ]
    assuming = [signed(url, "us-east-1", "sts", "/", role, **sts) for role in roles]
    requests = [*listing, *(each for role in assuming for each in (role, *listing))] * ROUNDS
    asked = {
        "host": local.settings.host,
        "port": local.port,
        "connections": connections,
        "requests": requests,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.bare"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    return len(requests) / float(done.stdout)


if __name__ == "__main__":
    main()
