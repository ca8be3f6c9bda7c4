"""A channel on the emulator for smoke to test, and smoke itself run to its end."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aioice.ice import get_host_addresses

from kvsops.aws.scope import Scope
from kvsops.cli.smoke_channel import smoke_channel
from kvsops.local.server import LocalServer
from kvsops.output.console import Console
from kvsops.smoke.plan import Limits, Subject, Wanted
from kvsops.smoke.report import SmokeReport
from kvsops.smoke.run import smoke
from tests.fleet import put
from tests.retries import retries_at_once

BRIEF = Limits(probe=1.0, negotiate=4.0, answer=4.0, ice=4.0, somebody=4.0)
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


_retry_at_once = retries_at_once(4)


@pytest.fixture
def channel(emulator: LocalServer) -> str:
    """Put a channel there that smoke made, and return its name; states change at once."""
    emulator.settings.state_delay = timedelta()
    put(emulator, "cam-door", tags={"kvsops:smoke": "yes"})
    return "cam-door"


@pytest.fixture
def subject(scope: Scope, channel: str) -> Iterator[Subject]:
    """Yield the channel to test."""
    with smoke_channel(scope, channel, Console(), ephemeral=False) as subject:
        yield subject


def with_calls(subject: Subject, **calls: Callable[..., Any]) -> Subject:
    """Let some of what is asked of AWS be answered by these."""
    return replace(subject, access=replace(subject.access, **calls))


@pytest.fixture
def run(subject: Subject) -> Smoke:
    """Return what runs smoke, by default with brief limits; it must leave no task behind."""

    def run(wanted: Wanted, given: Subject | None = None, **more: Any) -> SmokeReport:
        limits = more.pop("limits", BRIEF)

        async def to_its_end() -> SmokeReport:
            report = await smoke(given or subject, replace(wanted, limits=limits), **more)
            await asyncio.sleep(0.1)  # aiortc's own tasks look every 20 ms whether it is over
            assert asyncio.all_tasks() == {asyncio.current_task()}
            return report

        return asyncio.run(to_its_end())

    return run
