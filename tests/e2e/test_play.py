"""Play as a process of its own: its source's end, and how signals end it."""

import asyncio
import json
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kvsops.aws.scope import Scope
from kvsops.cli.access import access_of
from kvsops.cli.media import ENDING
from kvsops.local.server import LocalServer
from kvsops.stay.presence import Presence
from tests.e2e.conftest import Start
from tests.fleet import put
from tests.stay.clips import clip
from tests.stay.test_play import Guest

if TYPE_CHECKING:
    import subprocess

SECONDS = 60.0


@pytest.fixture
def guest(emulator: LocalServer, environment: dict[str, str]) -> Callable[[], int]:
    """Return what joins as a viewer, and returns how many pictures it got until the call ended."""
    emulator.settings.state_delay = timedelta()
    arn, scope = put(emulator, "cam-door").arn, Scope(environ=environment)

    async def watch() -> int:
        async with asyncio.timeout(SECONDS), Presence(access_of(scope), arn, "viewer", "one") as at:
            viewer = Guest(at)
            peer = await viewer.call()
            await asyncio.wait({peer.lost})
            await peer.close()
            return viewer.pictures

    return lambda: asyncio.run(watch())


def begun(process: "subprocess.Popen[str]") -> None:
    """Wait until it is connected."""
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["event"] == "connected"


def rest(process: "subprocess.Popen[str]") -> tuple[list[dict[str, Any]], str]:
    """Return what it says until it ends: events, and standard error."""
    out, err = process.communicate(timeout=SECONDS)
    return [json.loads(line) for line in out.splitlines()], err


def test_a_file(start: Start, guest: Callable[[], int], tmp_path: Path) -> None:
    """A file waits for the first viewer, is played to it, and then play ends, with 0."""
    path = clip(tmp_path / "clip.mp4", 2.0)
    process = start("play", "cam-door", str(path), "--take-over", "-o", "json")
    begun(process)
    pictures = guest()
    told, err = rest(process)
    assert (process.returncode, err) == (0, "")
    assert pictures > 3
    assert [each["event"] for each in told] == ["source", "joined", "left", "ended"]
    assert told[2]["client_id"] == "one"
    assert told[2]["reason"] == "play ended"
    assert (told[3]["reason"], told[3]["viewers"]) == ("the source ended", 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("guest")
def test_signals(start: Start, number: signal.Signals) -> None:
    """A signal ends it in order, and that is its last event; exit 130."""
    process = start("play", "cam-door", "--take-over", "-o", "json")
    begun(process)
    process.send_signal(number)
    told, err = rest(process)
    assert (process.returncode, told[-1]["reason"]) == (130, "interrupted")
    assert [line for line in err.splitlines() if line] == [ENDING, "error: interrupted"]
