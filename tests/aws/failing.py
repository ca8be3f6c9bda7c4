"""Calls that must fail, and what makes them: a call's words, faults, a port that is shut."""

import socket
from typing import Any

import pytest

from kvsops.aws.scope import Scope
from kvsops.errors import KvsopsError
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer

TRY = "to try kvsops without AWS: kvsops local --fleet 20 -- kvsops list"
THROTTLE = "ClientLimitExceededException"


def failure(scope: Scope, operation: str = "ListSignalingChannels", **parameters: Any) -> str:
    """Return what a call that must fail says: one line."""
    with pytest.raises(KvsopsError) as caught:
        scope.call(operation, **parameters)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def fail_always(emulator: LocalServer, error: str, operation: str = "*") -> None:
    """Let every call fail so."""
    emulator.settings.faults = (Fault(operation, error),)


def closed_port() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port
