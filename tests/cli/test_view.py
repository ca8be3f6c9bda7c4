"""`kvsops view`, up to what a browser gets: its link, its end, and what it refuses."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from kvsops.aws import channels
from kvsops.aws.iam import action_of
from kvsops.aws.scope import Scope
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.cli.iam import actions_of
from tests.e2e.conftest import KVSOPS
from tests.fleet import put

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(emulator: LocalServer, environment: dict[str, str]) -> Any:
    """Return what starts `kvsops view cam-door`; it is killed at the end if it still runs."""
    emulator.settings.state_delay = timedelta()
    put(emulator, "cam-door")
    started: list[subprocess.Popen[str]] = []

    def begin(*argv: str, **more: str) -> "subprocess.Popen[str]":
        command = [*KVSOPS, "view", "cam-door", *argv]
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def ended(process: "subprocess.Popen[str]", number: signal.Signals) -> tuple[int, str]:
    """Send the signal, and return the exit code and what stood on standard error."""
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    return process.returncode, err


async def let_in(url: str, *, fresh: bool = False) -> tuple[int, dict[str, Any]]:
    """Do what a page does: take a seat by the link, and ask for what a connection needs."""
    origin, _, token = url.strip().partition("/#")
    async with (
        aiohttp.ClientSession(headers={"Origin": origin}) as http,
        http.ws_connect(origin + "/events") as events,
    ):
        await events.send_json({"link": token})
        told = await events.receive_json()
        headers = {"Authorization": f"Bearer {told['seat']}"}
        path = "/connect?fresh=1" if fresh else "/connect"
        async with http.post(origin + path, headers=headers) as response:
            return response.status, {**told, **await response.json()}


def test_a_link(start: Start, emulator: LocalServer, kvsops: Kvsops) -> None:
    """--no-browser prints the link alone on standard output; Ctrl-C ends it with 130."""
    process = start("--no-browser")
    assert process.stdout is not None
    url = process.stdout.readline()
    status, told = asyncio.run(let_in(url))
    assert (status, told["channel"], told["mirror"]) == (200, "cam-door", False)
    assert told["clientId"].startswith("kvsops-view-")
    code, err = ended(process, signal.SIGINT)
    assert code == 130
    assert "cam-door: whoever opens the link on this computer can watch; Ctrl-C ends it" in err
    assert "page 1: opened\npage 1: closed\n" in err
    assert url.partition("#")[2].strip() not in err
    policy = json.loads(kvsops("iam", "view cam-door").out)
    assert {action_of(each) for each in emulator.calls} | {"kinesisvideo:ConnectAsViewer"} == (
        actions_of(policy)
    )


def test_a_browser(start: Start, tmp_path: Path) -> None:
    """The browser is opened with a link for itself alone; SIGTERM ends it as Ctrl-C does."""
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}.new && mv {opened}.new {opened}\n')
    browser.chmod(0o755)
    process = start("--mirror", BROWSER=str(browser))
    ends = time.monotonic() + 30
    while not opened.exists():
        assert time.monotonic() < ends, process.poll()
        time.sleep(0.02)
    _, told = asyncio.run(let_in(opened.read_text()))
    assert told["mirror"] is True
    code, err = ended(process, signal.SIGTERM)
    assert (code, "opened in your browser" in err) == (130, True)
    assert "#" not in err


def test_no_browser_there(start: Start) -> None:
    """Where none can be opened, the link is printed."""
    process = start(BROWSER="/nowhere/browser", PATH="/nowhere", DISPLAY="")
    assert process.stdout is not None
    assert "/#" in process.stdout.readline()
    code, err = ended(process, signal.SIGINT)
    assert (code, "no browser could be opened here" in err) == (130, True)


def test_a_channel_that_is_deleted(start: Start, scope: Scope) -> None:
    """Once a page finds it gone, the command says so and ends."""
    process = start("--no-browser")
    assert process.stdout is not None
    url = process.stdout.readline()
    channels.delete_made(scope, channels.named(scope, "cam-door").channel_arn)
    status, told = asyncio.run(let_in(url, fresh=True))
    assert (status, told["why"]) == (502, "gone")
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert err.endswith("error: cam-door was deleted while it was watched\n")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ("nowhere", "nowhere"),
        ("cam-stored", "cam-stored is linked to storage"),
        ("cam-door --host 192.0.2.7", "--host 192.0.2.7 needs --tls-cert and --tls-key"),
        ("cam-door --public-url http://x.example", "it is https://HOST"),
        ("cam-door --tls-cert x.pem", "--tls-cert and --tls-key belong together"),
        ("cam-door --port 99999", "99999 is not in the range"),
        ("cam-door --port {taken}", "the port is taken: give another --port"),
    ],
)
def test_refused(kvsops: Kvsops, emulator: LocalServer, argv: str, said: str) -> None:
    """What cannot be is one line, before anything is served."""
    put(emulator, "cam-door")
    put(emulator, "cam-stored", stored=True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        given = argv.replace("{taken}", str(taken.getsockname()[1]))
        result = kvsops("view", "--no-browser", *given.split())
    assert result.code == (1 if argv == "nowhere" else 2)
    assert (result.out, result.err.count("\n")) == ("", 1)
    assert said in result.err
