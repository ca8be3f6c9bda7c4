"""How tests wait for what the TURN server does by itself."""

import socket
import time
from collections.abc import Callable
from contextlib import suppress


def read_to_the_end(connection: socket.socket) -> None:
    """Read until the server ends the connection, in whichever way."""
    connection.settimeout(5)
    with suppress(ConnectionResetError):
        while connection.recv(100):
            pass


def eventually(check: Callable[[], object]) -> None:
    """Try until it holds: what the server does by itself."""
    until = time.monotonic() + 10
    while True:
        try:
            check()
        except (AssertionError, OSError):
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def assert_(holds: bool) -> None:  # noqa: FBT001 - a statement in a lambda
    """Assert it, where a statement cannot stand."""
    assert holds
