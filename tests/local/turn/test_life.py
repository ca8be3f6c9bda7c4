"""The TURN server in time: lifetimes, credentials, quotas, faults, minutes."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.local.turn.client import Peer
from tests.local.turn.waiting import assert_, eventually

if TYPE_CHECKING:
    from tests.local.turn.conftest import New, Setting


@pytest.mark.parametrize(("after", "code"), [(599.9, 0), (600, 437)])
def test_an_allocation_expires(setting: Setting, new: New, after: float, code: int) -> None:
    """It lasts 10 minutes, and is no more after them."""
    client = new()
    client.relayed()
    setting.clock.forward(after)
    assert client.refresh().code == code
    assert setting.server.allocations == (0 if code else 1)


def test_refreshed(setting: Setting, new: New) -> None:
    """A refresh counts from when it came."""
    client = new()
    client.relayed()
    setting.clock.forward(500)
    client.refresh(("LIFETIME", 900))
    setting.clock.forward(899)
    assert client.refresh().code == 0
    setting.clock.forward(600)
    assert client.refresh().code == 437


def test_expired_5_tuple(setting: Setting, new: New, peer: Peer) -> None:
    """An expired allocation's socket is closed, and its 5-tuple free; nothing is inherited."""
    client = new()
    before = client.relayed()
    client.bind(0x4000, peer.address)
    setting.clock.forward(600)
    client.channel_data(0x4000, b"lost")
    client.indicate(b"lost", peer.address)
    after = client.relayed()
    client.channel_data(0x4000, b"lost")
    client.permit(peer.address)
    client.indicate(b"found", peer.address)
    assert peer.received() == (b"found", after)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        if before != after:
            other.bind(before)
            assert other.getsockname() == before


def test_expired_by_itself(setting: Setting, new: New) -> None:
    """The socket is closed without anybody's asking."""
    relayed = new().relayed()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        with pytest.raises(OSError, match="in use"):
            other.bind(relayed)
        setting.clock.forward(600)
        eventually(lambda: other.bind(relayed))
        assert other.getsockname() == relayed


def test_after_the_end(new: New, peer: Peer) -> None:
    """An allocation that was ended relays nothing, and its 5-tuple is free."""
    client = new()
    client.relayed()
    client.bind(0x4000, peer.address)
    client.refresh(("LIFETIME", 0))
    assert client.refresh(("LIFETIME", 0)).code == 437
    client.channel_data(0x4000, b"lost")
    client.indicate(b"lost", peer.address)
    relayed = client.relayed()
    client.channel_data(0x4000, b"lost too")
    client.permit(peer.address)
    client.indicate(b"found", peer.address)
    assert peer.received() == (b"found", relayed)


def test_permissions_expire(setting: Setting, new: New, peer: Peer) -> None:
    """They last 5 minutes, both ways, and can be renewed."""
    with Peer("127.0.0.2") as other:
        client = new()
        relayed = client.relayed()
        client.permit(peer.address, other.address)
        setting.clock.forward(299)
        client.indicate(b"in time", peer.address)
        assert peer.received() == (b"in time", relayed)
        client.permit(other.address)
        setting.clock.forward(1)
        client.indicate(b"late", peer.address)
        peer.send(b"late", relayed)
        other.send(b"in time", relayed)
        assert client.received() == (other.address, b"in time")
        client.permit(peer.address)
        client.indicate(b"renewed", peer.address)
        assert peer.received() == (b"renewed", relayed)


def test_channels_expire(setting: Setting, new: New, peer: Peer) -> None:
    """They last 10 minutes; then data comes in indications, if it is permitted."""
    client = new()
    relayed = client.relayed(("LIFETIME", 3600))
    client.bind(0x4000, peer.address)
    setting.clock.forward(599)
    client.permit(peer.address)
    peer.send(b"on the channel", relayed)
    assert client.received() == (0x4000, b"on the channel")
    setting.clock.forward(1)
    peer.send(b"on none", relayed)
    assert client.received() == (peer.address, b"on none")
    client.channel_data(0x4000, b"late")
    client.indicate(b"on none", peer.address)
    assert peer.received() == (b"on none", relayed)


def test_an_expired_channel_is_free(setting: Setting, new: New, peer: Peer) -> None:
    """Then the number may have another peer, and the peer another number."""
    client = new()
    relayed = client.relayed(("LIFETIME", 3600))
    client.bind(0x4000, peer.address)
    client.bind(0x4001, ("127.0.0.1", 1))
    setting.clock.forward(600)
    assert client.bind(0x4001, peer.address).code == 0
    assert client.bind(0x4000, ("127.0.0.1", 1)).code == 0
    peer.send(b"hello", relayed)
    assert client.received() == (0x4001, b"hello")


def test_a_channel_outlives_its_permission(setting: Setting, new: New, peer: Peer) -> None:
    """A client of aioice renews channels after 500 s and permissions never: its data flows."""
    with Peer() as other:
        client = new()
        relayed = client.relayed()
        client.bind(0x4000, peer.address)
        setting.clock.forward(300)
        other.send(b"from another port", relayed)
        peer.send(b"from the peer", relayed)
        assert client.received() == (0x4000, b"from the peer")
        client.channel_data(0x4000, b"to the peer")
        assert peer.received() == (b"to the peer", relayed)


@pytest.mark.parametrize(("after", "code"), [(59_999, 0), (60_000, 438)])
def test_a_nonce_expires(setting: Setting, new: New, after: float, code: int) -> None:
    """A stale one is answered with a new one."""
    client = new()
    client.challenge()
    setting.clock.forward(after)
    answer = client.allocate()
    assert answer.code == code
    client.nonce = answer.attributes.get("NONCE", client.nonce)
    assert client.allocate(transaction_id=b"twelve bytes").code == (0 if code else 437)


def test_wrong_password_and_stale_nonce(setting: Setting, new: New) -> None:
    """Whoever does not know the password is not told of the nonce (RFC 8489 section 9.2.4)."""
    client = new(password="guessed")
    client.challenge()
    setting.clock.forward(60_000)
    assert client.allocate().code == 401


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_expired_credentials(setting: Setting, new: New, transport: str) -> None:
    """Who has no password any more gets no allocation, and keeps the one there is."""
    client, late = new(transport), new(transport)
    client.relayed()
    del setting.passwords["alice"]
    assert late.allocate().code == 401
    assert client.refresh().code == 0
    assert client.permit(("127.0.0.1", 9)).code == 0
    client.refresh(("LIFETIME", 0))
    assert client.allocate().code == 401


def test_quota_of_a_channel(setting: Setting, new: New) -> None:
    """Users of one channel share what it may have, until an allocation ends or expires."""
    setting.passwords |= dict.fromkeys(["1@door", "2@door", "3@door", "1@yard"], "secret")
    first, second, third = (new(username=f"{number}@door") for number in (1, 2, 3))
    assert [client.allocate().code for client in (first, second, third)] == [0, 0, 486]
    assert new(username="1@yard").allocate().code == 0
    first.refresh(("LIFETIME", 0))
    assert third.allocate().code == 0
    assert first.allocate().code == 486
    setting.clock.forward(600)
    assert first.allocate().code == 0


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_a_connection_ends(setting: Setting, new: New, transport: str) -> None:
    """Its allocation ends with it."""
    client = new(transport)
    client.relayed()
    assert setting.server.allocations == 1
    client.socket.close()
    eventually(lambda: assert_(setting.server.allocations == 0))


def test_refused(setting: Setting, new: New) -> None:
    """The fault: whoever asks for an allocation is forbidden it; the others stay."""
    client = new()
    client.relayed()
    setting.refusing = True
    answer = new().allocate()
    assert (answer.code, answer.signed) == (403, True)
    assert client.refresh().code == 0


def test_minutes(setting: Setting, new: New, peer: Peer) -> None:
    """Each minute of an allocation in which data passed is told once, whichever way it went."""
    client, idle = new(), new(username="bob", password="hidden")
    relayed = client.relayed()
    idle.relayed()
    client.bind(0x4000, peer.address)
    assert setting.minutes == []
    setting.clock.forward(59)
    for _ in range(2):
        client.channel_data(0x4000, b"out")
        peer.received()
    assert setting.minutes == ["alice"]
    setting.clock.forward(1)
    peer.send(b"in", relayed)
    client.received()
    client.indicate(b"out", peer.address)
    peer.received()
    assert setting.minutes == ["alice"] * 2
    setting.clock.forward(240)
    client.indicate(b"out", peer.address)
    peer.received()
    assert setting.minutes == ["alice"] * 3


def test_minutes_of_what_is_dropped(setting: Setting, new: New, peer: Peer) -> None:
    """What is not relayed does not count."""
    client = new()
    relayed = client.relayed()
    client.indicate(b"dropped", peer.address)
    client.channel_data(0x4000, b"dropped")
    peer.send(b"dropped", relayed)
    client.refresh()
    assert setting.minutes == []
