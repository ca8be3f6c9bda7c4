"""`kvsops` in processes of its own, against an emulator that throttles as the service does."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest

from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings

KVSOPS = (sys.executable, "-W", "error", "-m", "kvsops")
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def emulator() -> Iterator[LocalServer]:
    """Yield an emulator with the documented quotas, quick to change a channel's state."""
    with LocalServer(Settings(state_delay=timedelta(milliseconds=50))) as server:
        yield server


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Start]:
    """Return what starts `kvsops` with these arguments; what still runs at the end is killed."""
    with ExitStack() as running:

        def begin(*argv: str, **more: str) -> "subprocess.Popen[str]":
            process = subprocess.Popen(
                [*KVSOPS, *argv],
                env=os.environ | environment | more,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            running.enter_context(process)
            running.callback(process.kill)
            return process

        yield begin


def wait_for(condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    """Wait until it holds; fail if the process ends before."""
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
