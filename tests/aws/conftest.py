"""A scope on an emulator; both have a time that only sleeping moves, and retries do not wait."""

from collections.abc import Callable

import pytest

from kvsops.aws.scope import Scope
from kvsops.local.server import LocalServer
from tests.aws.first_calls import FirstCalls
from tests.fleet import Time
from tests.retries import retry_at_once

FailFirst = Callable[..., None]


_at_once = retry_at_once(attempts=100)


@pytest.fixture
def scope(environment: dict[str, str], time: Time) -> Scope:
    """Return a scope on the emulator, at its time, that has its whole quota."""
    return time.scope(environment, quota_share=1)


@pytest.fixture
def fail_first(emulator: LocalServer) -> FailFirst:
    """Return what lets an operation's first calls, once or so often, meet a fault."""

    def fail(operation: str, error: str, times: int = 1) -> None:
        emulator.settings.faults += (FirstCalls(operation, error, times),)

    return fail
