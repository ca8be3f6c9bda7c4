"""Each foreign stack in each role meets smoke, and both say the same of it."""

from typing import Any

import pytest

from kvsops.core.wire.ice import Role
from kvsops.local.server import LocalServer
from tests.foreign.conftest import unavailable
from tests.foreign.meet import Outcome, meet
from tests.foreign.stacks import ROLES, STACKS, Cell

NAMED = {stack.name: stack for stack in STACKS}


def met(outcome: Outcome) -> Outcome:
    """Return the outcome, unless the foreign stack cannot be had here."""
    if outcome.result == "unavailable":
        unavailable(str(outcome.why))
    return outcome


def met_twice(cell: Cell, emulator: LocalServer, seconds: int, **how: Any) -> Outcome:
    """Return the outcome; where smoke passed, but rates were apart, of a second and longer try.

    On a busy machine one end may starve for a while: what is wrong is so both times.
    """
    outcome = met(meet(cell, emulator, seconds, **how))
    if outcome.why is not None and outcome.smoke.get("passed"):
        outcome = meet(cell, emulator, 2 * seconds, **how)
    return outcome


@pytest.mark.parametrize("cell", [Cell(stack, role) for stack in STACKS for role in ROLES], ids=str)
def test_a_cell(cell: Cell, emulator: LocalServer) -> None:
    """It passes, or if it is an imitation, does as well."""
    outcome = met_twice(cell, emulator, 3)
    assert (outcome.result, outcome.why) == (cell.stack.passed, None)


@pytest.mark.parametrize(
    "name", ["libwebrtc", "libdatachannel", "werift", "gstreamer", "c-imitated"]
)
@pytest.mark.parametrize("role", ROLES)
def test_no_trickle(name: str, role: Role, emulator: LocalServer) -> None:
    """All candidates in the description, and none after it, will do; so does a session token."""
    cell = Cell(NAMED[name], role)
    outcome = met_twice(cell, emulator, 2, trickle=False, session_token="a+token/of=its")
    assert (outcome.result, outcome.why) == (cell.stack.passed, None)


@pytest.mark.parametrize("name", ["libwebrtc", "libdatachannel", "werift", "gstreamer"])
def test_a_viewer_that_only_watches(name: str, emulator: LocalServer) -> None:
    """One that offers to receive alone gets the pictures, and is not asked for its own."""
    outcome = met_twice(Cell(NAMED[name], "viewer"), emulator, 5, send=("data",))
    assert (outcome.result, outcome.why) == ("passed", None)
    assert outcome.smoke["media"]["directions"] == []


@pytest.mark.parametrize("name", ["werift", "gstreamer", "c-imitated"])
def test_two_viewers(name: str, emulator: LocalServer) -> None:
    """A camera of somebody else's sends to two viewers of smoke at once, and both see it."""
    cell = Cell(NAMED[name], "master")
    outcome = met(meet(cell, emulator, 2, ("--viewers", "2")))
    assert outcome.smoke["reason"] is None
    assert len(outcome.smoke["media"]["directions"]) == 2


@pytest.mark.parametrize("name", ["libdatachannel", "werift"])
def test_loss(name: str, emulator: LocalServer) -> None:
    """Of the packets that a camera numbers, but does not send, smoke tells the share."""
    outcome = met(meet(Cell(NAMED[name], "master", codec="H264"), emulator, drop=0.05))
    (direction,) = outcome.smoke["media"]["directions"]
    assert direction["loss_percent"] == pytest.approx(5, abs=1)
