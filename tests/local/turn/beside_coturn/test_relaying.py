"""What the TURN server relays, and what it drops, beside coturn where it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.local.turn.beside_coturn.conftest import ELSEWHERE, transports
from tests.local.turn.client import Peer

if TYPE_CHECKING:
    from tests.local.turn.beside_coturn.conftest import New
    from tests.local.turn.client import Address


@transports
@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 1200, 9000])
def test_indications(new: New, peer: Peer, transport: str, size: int) -> None:
    """A Send indication becomes a datagram, and a datagram a Data indication."""
    client, data = new(transport), bytes(range(256)) * 40
    relayed = client.relayed()
    assert client.permit(peer.address).code == 0
    client.indicate(data[:size], peer.address)
    assert peer.received() == (data[:size], relayed)
    peer.send(data[:size], relayed)
    assert client.received() == (peer.address, data[:size])


@transports
@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 1200, 9000])
def test_channels(new: New, peer: Peer, transport: str, size: int) -> None:
    """Channel data becomes a datagram and the other way round; a stream pads it."""
    client, data = new(transport), bytes(range(256)) * 40
    relayed = client.relayed()
    assert client.bind(0x4321, peer.address).code == 0
    client.channel_data(0x4321, data[:size])
    assert peer.received() == (data[:size], relayed)
    peer.send(data[:size], relayed)
    peer.send(b"next", relayed)
    assert client.received() == (0x4321, data[:size])
    assert client.received() == (0x4321, b"next")


def test_padded_datagram(new: New, peer: Peer) -> None:
    """Over UDP, octets after the channel data's length are nobody's."""
    client = new()
    relayed = client.relayed()
    client.bind(0x4000, peer.address)
    client.write(b"\x40\x00\x00\x01x\x00\x00\x00")
    assert peer.received() == (b"x", relayed)


def test_not_permitted(new: New, peer: Peer) -> None:
    """Without a permission for its address, nothing goes to a peer, and nothing comes from it."""
    with Peer("127.0.0.2") as stranger:
        client = new()
        relayed = client.relayed()
        client.permit(("127.0.0.1", 1))
        client.indicate(b"to a stranger", stranger.address)
        stranger.send(b"from a stranger", relayed)
        peer.send(b"from a friend", relayed)
        assert client.received() == (peer.address, b"from a friend")
        client.permit(stranger.address)
        client.indicate(b"to a friend", stranger.address)
        assert stranger.received() == (b"to a friend", relayed)
        stranger.send(b"from a friend", relayed)
        assert client.received() == (stranger.address, b"from a friend")


def test_no_channel(new: New, peer: Peer) -> None:
    """Data on a channel that is not bound is dropped; a permission is not enough."""
    client = new()
    relayed = client.relayed()
    client.permit(peer.address)
    client.channel_data(0x4000, b"on no channel")
    client.indicate(b"on none", peer.address)
    assert peer.received() == (b"on none", relayed)


@pytest.mark.parametrize(
    ("permit", "heard"), [([("127.0.0.1", 1), ("127.0.0.2", 1)], True), ([("127.0.0.2", 1)], False)]
)
def test_many_permissions(new: New, peer: Peer, *, permit: list[Address], heard: bool) -> None:
    """One request may name several peers: each is permitted, at any port."""
    with Peer("127.0.0.2") as other:
        client = new()
        relayed = client.relayed()
        assert client.permit(*permit).code == 0
        peer.send(b"one", relayed)
        other.send(b"two", relayed)
        got = [client.received() for _ in range(2 if heard else 1)]
        assert got == [(peer.address, b"one"), (other.address, b"two")][0 if heard else 1 :]


def test_refused_permissions(new: New, peer: Peer) -> None:
    """Where one peer of several is refused, none is permitted."""
    with Peer("127.0.0.2") as other:
        client = new()
        relayed = client.relayed()
        assert client.permit(other.address, ELSEWHERE).code == 403
        client.permit(peer.address)
        other.send(b"not heard", relayed)
        peer.send(b"heard", relayed)
        assert client.received() == (peer.address, b"heard")


def test_unknown_attribute_in_indication(new: New, peer: Peer) -> None:
    """An indication that is not understood is dropped."""
    client = new()
    relayed = client.relayed()
    client.permit(peer.address)
    client.indicate(b"dropped", peer.address, (0x7777, b"1234"))
    client.indicate(b"sent", peer.address, (0x9777, b"1234"))
    assert peer.received() == (b"sent", relayed)


@transports
def test_relay_to_relay(new: New, transport: str) -> None:
    """Two clients meet at their relayed addresses, one on a channel, one with indications."""
    here, there = new(transport), new(transport)
    at_here, at_there = here.relayed(), there.relayed()
    assert here.bind(0x4000, at_there).code == 0
    assert there.permit(at_here).code == 0
    here.channel_data(0x4000, b"hello")
    assert there.received() == (at_here, b"hello")
    there.indicate(b"hello yourself", at_here)
    assert here.received() == (0x4000, b"hello yourself")
