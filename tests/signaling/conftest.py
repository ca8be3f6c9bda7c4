"""Sessions of a channel on the emulator, over TLS, and a bounded loop to run them on."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from kvsops.aws import connect
from kvsops.aws.scope import Scope
from kvsops.core.wire.ice import Role
from kvsops.local.server import LocalServer
from kvsops.signaling.session import Session
from tests.fleet import put
from tests.retries import retry_at_once

Make = Callable[..., Session]


_at_once = retry_at_once(attempts=3)


@pytest.fixture
def arn(emulator: LocalServer) -> str:
    """Put a channel there, and return its ARN."""
    emulator.settings.state_delay = timedelta()
    return put(emulator, "cam-door").arn


@pytest.fixture
def make(scope: Scope, arn: str) -> Make:
    """Return what makes a session of the channel; `urls` collects the URLs that it is given.

    `first` is awaited before each of them.
    """
    ends = {role: connect.endpoints_of(scope, arn, role) for role in ("master", "viewer")}

    def make(
        role: Role = "viewer",
        client_id: str | None = "one",
        urls: list[str] | None = None,
        first: Callable[[], Awaitable[None]] | None = None,
        **more: Any,
    ) -> Session:
        async def address() -> str:
            if first is not None:
                await first()
            name = client_id if role == "viewer" else None
            url = connect.presigned_url(scope, ends[role], arn, name)
            if urls is not None:
                urls.append(url)
            return url

        return Session(role, arn, address, **more)

    return make


def run(work: Awaitable[Any]) -> Any:
    """Run it, for at most 20 seconds."""

    async def bounded() -> Any:
        async with asyncio.timeout(20):
            return await work

    return asyncio.run(bounded())
