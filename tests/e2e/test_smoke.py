"""Smoke as a process of its own: how signals end it, and machines with odd networks."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Literal

import pytest

from kvsops.cli.media import ENDING
from kvsops.local.server import LocalServer
from tests.fleet import names, put

KVSOPS = (sys.executable, "-m", "kvsops")
SECONDS = 30.0


def until(there: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + SECONDS
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("number", "after"),
    [
        (signal.SIGINT, "CreateSignalingChannel"),
        (signal.SIGTERM, "ConnectAsMaster"),
        (signal.SIGINT, "ConnectAsViewer"),
        (signal.SIGTERM, "ConnectAsViewer"),
        (signal.SIGHUP, "ConnectAsViewer"),
    ],
)
def test_signals(
    emulator: LocalServer, environment: dict[str, str], number: signal.Signals, after: str
) -> None:
    """A signal ends it in order wherever it is: its own channel is deleted, exit 130."""
    emulator.settings.state_delay = timedelta(milliseconds=100)
    command = [*KVSOPS, "smoke", "--ephemeral", "--duration", "60s"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        until(lambda: any(operation == after for _, operation, _ in emulator.log))
        process.send_signal(number)
        out, err = process.communicate(timeout=SECONDS)
    said = [line for line in err.splitlines() if line]
    assert (process.returncode, out, said) == (130, "", [ENDING, "error: interrupted"])
    until(lambda: names(emulator) == set())


@pytest.mark.parametrize("pause", [0.0, 0.3])
def test_a_second_ctrl_c(emulator: LocalServer, environment: dict[str, str], pause: float) -> None:
    """A second Ctrl-C ends it at once, whatever it is at."""
    command = [*KVSOPS, "smoke", "--duration", "60s", "--relay"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        until(lambda: any(operation == "ConnectAsViewer" for _, operation, _ in emulator.log))
        process.send_signal(signal.SIGINT)
        time.sleep(pause)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=SECONDS)
    # If it was leaving by itself just then, the interpreter ends as the signal has it.
    assert process.returncode in (130, -signal.SIGINT)
    assert "Traceback" not in err


@pytest.mark.parametrize("piped", [False, True])
def test_a_terminal(emulator: LocalServer, environment: dict[str, str], *, piped: bool) -> None:
    """On a terminal each step is shown once, as it ends; else the result is on standard output."""
    emulator.settings.state_delay = timedelta()
    screen, terminal = os.openpty()
    command = [*KVSOPS, "smoke", "--no-steady"]
    environ = environment | {"TERM": "xterm", "COLUMNS": "80"}
    out = subprocess.PIPE if piped else terminal
    with subprocess.Popen(command, env=environ, stdout=out, stderr=terminal) as process:
        os.close(terminal)
        shown = _all_of(screen)
        told, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    lines = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", shown).splitlines()
    for step in (b"master connects", b"DTLS", b"first audio"):
        assert sum(line.startswith(b"ok       " + step) for line in lines) == (not piped)
    assert any(line.startswith(b"kvsops-smoke works") for line in lines) == (not piped)
    if piped:
        assert told.decode().startswith("Testing kvsops-smoke in us-east-1 ")


def _all_of(screen: int) -> bytes:
    """Read a pseudo-terminal to its end, at which it has an error."""
    shown = b""
    try:
        while data := os.read(screen, 65_536):
            shown += data
    except OSError:
        pass
    os.close(screen)
    return shown


def in_own_network(setup: str, *smoke: str) -> dict[str, object]:
    """Run the emulator and smoke where only `lo` exists, as `setup` makes it; skip where barred."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-rn", "true"], check=False).returncode:
        pytest.skip("a network of one's own needs unshare and its permission")
    command = " ".join((*KVSOPS, "local", "--", *KVSOPS, "smoke", *smoke, "-o", "json"))
    script = f"ip link set lo up; {setup} {command}"
    ended = subprocess.run(
        [unshare, "-rn", "sh", "-c", script],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    told: dict[str, object] = json.loads(ended.stdout)
    return told


def test_nothing_but_loopback() -> None:
    """Where 127.0.0.1 is the only address, which ICE never offers, it works by relay."""
    told = in_own_network("", "--no-steady")
    assert told["reason"] is None
    pair = told["selected_pair"]
    assert isinstance(pair, dict)
    assert (pair["local_type"], pair["remote_type"]) == ("relay", "relay")


def test_too_many_addresses() -> None:
    """An offer that is larger than the service takes is not sent, and its size is told."""
    setup = "for n in $(seq 2 60); do ip addr add 127.0.0.$n/8 dev lo; done;"
    told = in_own_network(setup, "--no-steady")
    reason = told["reason"]
    assert isinstance(reason, str)
    assert reason.startswith("offer: messagePayload has ")
    assert reason.endswith(" bytes: it may have 10,240")


def smoke_process(environment: dict[str, str], *argv: str) -> "subprocess.Popen[str]":
    """Start a smoke test whose result is an object on its standard output."""
    command = [*KVSOPS, "smoke", "cam-door", *argv, "-o", "json"]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("dies", ["master", "viewer"])
def test_the_other_end_dies(
    emulator: LocalServer, environment: dict[str, str], dies: Literal["master", "viewer"]
) -> None:
    """Whichever end is killed in its midst, the other does not pass, and says what is gone."""
    emulator.settings.state_delay = timedelta()
    put(emulator, "cam-door", tags={"kvsops:smoke": "yes"})
    lasting = ("--duration", "8s")
    with (
        smoke_process(environment, "--master-only", *lasting) as master,
        smoke_process(environment, "--viewer-only", *lasting) as viewer,
    ):
        dead, alive = (master, viewer) if dies == "master" else (viewer, master)
        until(lambda: bool(emulator.calls["SendSdpAnswer"]))
        time.sleep(4)
        dead.kill()
        out, _ = alive.communicate(timeout=2 * SECONDS)
    told = json.loads(out)
    assert (alive.returncode, told["passed"]) == (3, False)
    assert re.search(r"gone|pictures stopped|could be decoded|closed", told["reason"])
