"""What is peculiar to GStreamer: libnice pins its packets to the interface they start from."""

import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest

from kvsops.core.wire.ice import Role
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from tests.foreign.meet import meet
from tests.foreign.stacks import ROLES, STACKS, Cell
from tests.foreign.test_cells import met

GSTREAMER = next(stack for stack in STACKS if stack.name == "gstreamer")


@pytest.fixture
def address() -> str:
    """Return an address of this machine that is not loopback's; skip where there is none."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(probe.getsockname()[0])


@pytest.fixture
def emulator(address: str) -> Iterator[LocalServer]:
    """Yield an emulator that listens at that address, as with `--host`."""
    settings = Settings(quotas=False, state_delay=timedelta(), host=address)
    with LocalServer(settings) as server:
        yield server


@pytest.mark.parametrize("role", ROLES)
def test_relayed_beside_loopback(emulator: LocalServer, address: str, role: Role) -> None:
    """From its own interface it reaches TURN where the emulator is told to listen there."""
    assert emulator.endpoint_url.startswith(f"http://{address}:")
    outcome = met(meet(Cell(GSTREAMER, role, "relay-udp"), emulator, 2))
    assert (outcome.smoke["passed"], outcome.smoke["reason"]) == (True, None)
    assert outcome.figures["local"] == outcome.figures["remote"] == "relay"
