"""Foreign peers that end in the midst of the measurement: smoke fails, and says what it saw."""

import json
import re
import subprocess
from typing import Any

import pytest

from kvsops.core.wire.ice import Role
from kvsops.local.server import LocalServer
from tests.fleet import put
from tests.foreign.conftest import unavailable
from tests.foreign.fetch import UnavailableError
from tests.foreign.media import encoded
from tests.foreign.meet import smoke_process, until_connected
from tests.foreign.peer import Foreign, Wish
from tests.foreign.stacks import STACKS, Cell, Stack

NAMED = {stack.name: stack for stack in STACKS}
SECONDS = 6


def ended(stack: Stack, role: Role, emulator: LocalServer, *, kill: bool) -> dict[str, Any]:
    """Let the foreign peer end some seconds after it was connected; return smoke's result."""
    try:
        stack.require()
    except UnavailableError as error:
        unavailable(str(error))
    cell = Cell(stack, role)
    arn = put(emulator, "cam-dying").arn
    wish = Wish(role, arn, emulator.environment(), codec="VP8", media=encoded())
    foreign = Foreign(stack.program, wish)
    if role == "master":
        with foreign, smoke_process(cell, wish, SECONDS) as process:
            return result(process, foreign, kill=kill)
    with smoke_process(cell, wish, SECONDS) as process:
        until_connected(emulator, process)
        with foreign:
            return result(process, foreign, kill=kill)


def result(process: subprocess.Popen[str], foreign: Foreign, *, kill: bool) -> dict[str, Any]:
    """End the foreign peer in the midst of it; return smoke's result."""
    foreign.wait_for("connected")
    foreign.wait_for("stats", count=3)
    if kill:
        foreign.kill()
    else:
        foreign.end()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 3, out
    told: dict[str, Any] = json.loads(out)
    return told


@pytest.mark.parametrize(
    ("name", "role", "kill"),
    [
        ("libwebrtc", "master", True),
        ("werift", "viewer", True),
        ("libwebrtc", "viewer", False),
        ("libdatachannel", "master", False),
    ],
)
def test_ends(name: str, role: Role, emulator: LocalServer, *, kill: bool) -> None:
    """Killed or ended in order, it fails: the moment is told, and what is missing is lost."""
    told = ended(NAMED[name], role, emulator, kill=kill)
    assert not told["passed"]
    reason = r"measurement: .*(gone|closed the connection).*"
    assert re.fullmatch(reason, told["reason"])
    assert re.search(r"\d\.\d s into the measurement", told["reason"])
    [direction] = told["media"]["directions"]
    assert direction["loss_percent"] > 10
    assert direction["video"]["longest_gap_ms"] > 1000
