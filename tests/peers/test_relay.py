"""The proof that a TURN server relays, and what is told of one that does not.

By coturn, where it is installed (Debian's package `coturn`), and by the emulator's server.
"""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from kvsops.core.wire.ice import IceServer
from kvsops.errors import PeerError
from kvsops.local.turn.server import TurnServer
from kvsops.peers.ice import choose
from kvsops.peers.probe import Probe, probe
from tests.local.turn.client import USERS, coturn

NOT_ITSELF = ()
"""coturn forbids loopback peers by itself: that is its own address here."""
NOBODY = "--allow-loopback-peers", "--denied-peer-ip=0.0.0.0-255.255.255.255"
ITSELF_TOO = ("--allow-loopback-peers",)

needs_coturn = pytest.mark.skipif(not shutil.which("turnserver"), reason="coturn is not installed")


def of_coturn(directory: Path, peers: Sequence[str], transport: str = "udp") -> Probe:
    """Probe a coturn that relays to these peers."""
    with coturn(directory, quota=0, peers=peers) as ports:
        port = ports.udp if transport == "udp" else ports.tcp
        uri = f"turn:127.0.0.1:{port}?transport={transport}"
        server = IceServer((uri,), "user-1", USERS["user-1"])
        return asyncio.run(probe(uri, server))


@needs_coturn
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_coturn_that_relays(tmp_path: Path, transport: str) -> None:
    """A datagram that came through proves the relay."""
    found = of_coturn(tmp_path, ITSELF_TOO, transport)
    assert (found.result, found.relay, found.reason) == ("ok", "proven", None)


@needs_coturn
def test_coturn_that_forbids_itself(tmp_path: Path) -> None:
    """A server that forbids its own address alone may relay well: that is not proven."""
    found = of_coturn(tmp_path, NOT_ITSELF)
    assert (found.result, found.relay) == ("ok", "not-proven")
    assert found.reason == "relay not proven: it forbids its own address as a peer (403)"
    with pytest.raises(
        PeerError, match=r"no relay can be used: .* its own address as a peer \(403\)"
    ):
        choose([IceServer((found.uri,))], [found], relay_only=True)
    assert choose([IceServer((found.uri,))], [found], relay_only=True, both_ends=False).servers
    assert choose([IceServer((found.uri,))], [found]).servers


@needs_coturn
def test_coturn_that_forbids_the_relay(tmp_path: Path) -> None:
    """A server that allocates and relays to nobody is of no use."""
    found = of_coturn(tmp_path, NOBODY)
    assert (found.result, found.reason) == ("failed", "it allocates, but refuses to relay (403)")
    assert found.seconds < 4  # it does not wait until nothing came in 5 s


@pytest.mark.parametrize(("prove", "minutes", "relay"), [(True, 2, "proven"), (False, 0, None)])
def test_minutes(*, prove: bool, minutes: int, relay: str | None) -> None:
    """The proof costs a minute of each of its two allocations, and can be left out."""
    told: list[str] = []

    async def ask() -> Probe:
        async with TurnServer({"who": "a word"}.get, on_relayed=told.append) as turn:
            uri = f"turn:127.0.0.1:{turn.udp_port}"
            found = await probe(uri, IceServer((uri,), "who", "a word"), prove=prove)
            assert turn.allocations == 0
            return found

    assert asyncio.run(ask()).relay == relay
    assert len(told) == minutes


def test_one_allocation_only() -> None:
    """Where there is no second allocation to be had, the first is well, and nothing is proven."""

    async def ask() -> Probe:
        async with TurnServer({"who": "a word"}.get, max_allocations=1) as turn:
            uri = f"turn:127.0.0.1:{turn.udp_port}"
            found = await probe(uri, IceServer((uri,), "who", "a word"))
            assert turn.allocations == 0
            return found

    found = asyncio.run(ask())
    assert (found.result, found.relay) == ("ok", "not-proven")
    assert found.reason == (
        "relay not proven: a second allocation: "
        "its allocations are used up (486): the channel has 50"
    )
