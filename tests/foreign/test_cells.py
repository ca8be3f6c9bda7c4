"""Each foreign stack in each role meets smoke once, and both say the same of it."""

import pytest

from kvsops.local.server import LocalServer
from tests.foreign.conftest import unavailable
from tests.foreign.meet import meet
from tests.foreign.stacks import ROLES, STACKS, Cell


@pytest.mark.parametrize("cell", [Cell(stack, role) for stack in STACKS for role in ROLES], ids=str)
def test_a_cell(cell: Cell, emulator: LocalServer) -> None:
    """It passes, or if it is an imitation, does as well."""
    outcome = meet(cell, emulator, duration=3)
    if outcome.result == "unavailable":
        unavailable(str(outcome.why))
    assert (outcome.result, outcome.why) == (cell.stack.passed, None)
