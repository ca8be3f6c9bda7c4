"""One of two servers for all tests of a file: ours, or coturn where it is installed."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.local.turn.client import Answer, Client, Ports, coturn, serving

New = Callable[..., Client]
Ask = Callable[[Client], Answer]

NOBODY = ("127.0.0.1", 9)
ELSEWHERE = ("198.51.100.1", 9)

transports = pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])

_numbers = itertools.count()


@pytest.fixture(scope="module", params=["kvsops", "coturn"])
def ports(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Run one of the servers for all tests here; a user of its own keeps each from the others."""
    if request.param == "coturn":
        if not shutil.which("turnserver"):
            pytest.skip("coturn is not installed")
        with coturn(tmp_path_factory.mktemp("coturn")) as ports:
            yield ports
    else:
        with serving(max_allocations=3) as (ports, _):
            yield ports


@pytest.fixture
def reference(ports: Ports) -> bool:
    """Whether the server is coturn."""
    return ports.udp == ports.tcp


@pytest.fixture
def new(ports: Ports) -> Iterator[New]:
    """Make clients of one fresh user, and close them."""
    user = f"user-{next(_numbers)}"
    with ExitStack() as stack:

        def make(transport: str = "udp", username: str = user) -> Client:
            return stack.enter_context(ports.client(transport, username=username))

        yield make
