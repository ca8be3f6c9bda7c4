"""The TURN server for tests, at a clock of theirs, its clients and their peers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.local.turn.client import Client, Clock, Peer, Ports, serving

if TYPE_CHECKING:
    from kvsops.local.turn.server import TurnServer

New = Callable[..., Client]


class Setting:
    """A server at a clock of the test's, whose users, quota and faults it may change."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.passwords = {"alice": "secret", "bob": "hidden"}
        self.refusing = False
        self.minutes: list[str] = []
        self.ports: Ports
        self.server: TurnServer


@pytest.fixture
def setting() -> Iterator[Setting]:
    """Run it; each channel's users may have two allocations."""
    setting = Setting()
    with serving(
        clock=setting.clock,
        password_of=setting.passwords.get,
        channel_of=lambda user: user.split("@")[-1],
        max_allocations=2,
        nonce_seconds=60_000,
        on_relayed=setting.minutes.append,
        refuse=lambda: setting.refusing,
    ) as (setting.ports, setting.server):
        yield setting


@pytest.fixture
def new(setting: Setting) -> Iterator[New]:
    """Make clients, and close them."""
    with ExitStack() as stack:
        yield lambda transport="udp", **how: stack.enter_context(
            setting.ports.client(transport, **how)
        )


@pytest.fixture
def peer() -> Iterator[Peer]:
    """Make a peer on 127.0.0.1."""
    with Peer() as peer:
        yield peer
