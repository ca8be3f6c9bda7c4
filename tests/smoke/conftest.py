"""A channel on the emulator, what smoke asks of AWS for it, and smoke itself run to its end."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aioice.ice import get_host_addresses

from kvsops.aws.scope import Scope
from kvsops.cli.access import access_to
from kvsops.local.server import LocalServer
from kvsops.output.console import Console
from kvsops.smoke.plan import Access, Limits, Wanted
from kvsops.smoke.run import smoke
from kvsops.smoke.verdict import SmokeReport
from tests.fleet import put
from tests.retries import retry_at_once

BRIEF = Limits(probe=1.0, negotiate=4.0, ice=4.0, somebody=4.0)
ADDRESSES = bool(get_host_addresses(use_ipv4=True, use_ipv6=True))
"""Whether this machine has an address that ICE uses; if not, all goes over relays."""
Smoke = Callable[..., SmokeReport]
ALL = [
    *("describe", "endpoint", "ice_servers", "probe", "probe", "probe", "probe", "sign"),
    *("master_connects", "viewer_connects", "offer", "answer", "ice_connected", "dtls"),
    *("data_channel", "first_video", "first_audio"),
]
QUICK = Wanted(duration=0)
RELAYED = Wanted(duration=0, relay=True)


def failed(report: SmokeReport) -> list[tuple[str, str | None]]:
    """Return the steps that failed, and why."""
    return [(step.key, step.reason) for step in report.steps if step.status == "failed"]


_at_once = retry_at_once(attempts=4)


@pytest.fixture
def channel(emulator: LocalServer) -> str:
    """Put a channel there that smoke made, and return its name; states change at once."""
    emulator.settings.state_delay = timedelta()
    put(emulator, "cam-door", tags={"kvsops:smoke": "yes"})
    return "cam-door"


@pytest.fixture
def access(scope: Scope, channel: str) -> Iterator[Access]:
    """Yield what smoke asks of AWS about the channel."""
    with access_to(scope, channel, Console(), ephemeral=False) as access:
        yield access


@pytest.fixture
def run(access: Access) -> Smoke:
    """Return what runs smoke, by default without the steady part; it must leave no task behind."""

    def run(wanted: Wanted, given: Access | None = None, **more: Any) -> SmokeReport:
        limits = more.pop("limits", BRIEF)

        async def to_its_end() -> SmokeReport:
            report = await smoke(given or access, replace(wanted, limits=limits), **more)
            await asyncio.sleep(0.1)  # aiortc's own tasks look every 20 ms whether it is over
            assert asyncio.all_tasks() == {asyncio.current_task()}
            return report

        return asyncio.run(to_its_end())

    return run
