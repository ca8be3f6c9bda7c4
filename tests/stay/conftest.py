"""A channel on the emulator, what its peers ask of AWS, and a bounded loop to run them on."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from kvsops.aws.scope import Scope
from kvsops.cli.access import access_of
from kvsops.local.server import LocalServer
from kvsops.signaling.access import Access
from kvsops.stay.presence import Presence
from tests.fleet import put
from tests.retries import retries_at_once

Stay = Callable[..., Presence]

_retry_at_once = retries_at_once(3)


@pytest.fixture
def arn(emulator: LocalServer) -> str:
    """Put a channel there, and return its ARN; states change at once."""
    emulator.settings.state_delay = timedelta()
    return put(emulator, "cam-door").arn


@pytest.fixture
def access(scope: Scope) -> Access:
    """Return what peers ask of AWS."""
    return access_of(scope)


@pytest.fixture
def stay(access: Access, arn: str) -> Stay:
    """Return what makes a presence in the channel."""
    return partial(Presence, access, arn)


def run(work: Awaitable[Any], seconds: float = 30.0) -> Any:
    """Run it, for at most so long; it must leave no task behind."""

    async def bounded() -> Any:
        async with asyncio.timeout(seconds):
            result = await work
        await asyncio.sleep(0.1)  # aiortc's own tasks look every 20 ms whether it is over
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return result

    return asyncio.run(bounded())
