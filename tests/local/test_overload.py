"""Out of file descriptors: it says so once, sheds load, does not spin, and goes on."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 64
SERVE = f"""
import json, resource, sys
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
with LocalServer(Settings(quotas=False)) as local:
    wss = local.settings.endpoint_of("WSS", "VIEWER")
    names = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"
    environment = local.environment()
    print(json.dumps([local.port, int(wss.rpartition(":")[2]), *(environment[n] for n in names)]))
    sys.stdout.flush()
    resource.setrlimit(resource.RLIMIT_NOFILE, ({LIMIT}, {LIMIT}))
    sys.stdin.read()
"""


class Served:
    """An emulator in a process of its own, with few file descriptors."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout
        self.port, self.signaling_port, *keys = json.loads(process.stdout.readline())
        make: Any = boto3.Session(*keys).client
        config = Config(retries={"max_attempts": 2}, read_timeout=5)
        url = f"http://127.0.0.1:{self.port}"
        self.kvs: Any = make("kinesisvideo", "us-east-1", endpoint_url=url, config=config)

    def seconds_of_cpu(self) -> float:
        """Answer how long it has computed."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def end(self) -> str:
        """End it; answer what it said on standard error."""
        self.kvs.close()
        return self.process.communicate("", timeout=20)[1]


@pytest.fixture
def served() -> Iterator[Served]:
    """Serve in another process."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield Served(process)
    if process.poll() is None:
        process.kill()
        process.communicate()


def test_idle_connections_give_way(served: Served) -> None:
    """With more connections than descriptors, calls are still answered: idle ones are closed."""
    with ExitStack() as stack:
        for _ in range(2 * LIMIT):
            stack.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=5))
        assert served.kvs.list_signaling_channels()["ChannelInfoList"] == []
    assert_told_once(served.end())


def test_others_are_hung_up_on(served: Served) -> None:
    """Where nothing is idle it hangs up, computes little, and goes on when others have gone."""
    context = ssl._create_unverified_context()  # noqa: S323 - it is our own
    with ExitStack() as stack:
        for _ in range(2 * LIMIT):
            with suppress(OSError):
                plain = socket.create_connection(("127.0.0.1", served.signaling_port), timeout=5)
                stack.enter_context(plain)
                stack.enter_context(context.wrap_socket(plain))
        before, began = served.seconds_of_cpu(), time.monotonic()
        refused = False
        try:
            with socket.create_connection(("127.0.0.1", served.signaling_port), timeout=5) as last:
                context.wrap_socket(last)
        except OSError:
            refused = True
        assert refused
        time.sleep(1)
        assert served.seconds_of_cpu() - before < 0.3 * (time.monotonic() - began) + 0.2
    time.sleep(1.2)
    assert served.kvs.list_signaling_channels()["ChannelInfoList"] == []
    with (
        socket.create_connection(("127.0.0.1", served.signaling_port), timeout=5) as again,
        context.wrap_socket(again),
    ):
        pass
    assert_told_once(served.end())


def assert_told_once(said: str) -> None:
    """Assert that one line tells it."""
    assert said.count("out of file descriptors") == 1
    assert said.count("\n") == 1
