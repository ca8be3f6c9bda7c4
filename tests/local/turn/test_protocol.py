"""The TURN server's protocol without I/O: octets and the time go in, events come out."""

from __future__ import annotations

import hashlib
import struct
from typing import Any

import pytest
from aioice import stun
from aioice.stun import Class, Method

from kvsops.local.turn.protocol import (
    CloseRelay,
    Event,
    MinuteRelayed,
    OpenRelay,
    ToClient,
    ToPeer,
    TurnProtocol,
)
from kvsops.local.turn.requests import Policy
from tests.local.turn.client import REALM, UDP, encode

CLIENT = "a connection"
ADDRESS = ("192.0.2.1", 50_000)
RELAYED = ("192.0.2.2", 60_000)
PEER = ("192.0.2.3", 40_000)
KEY = hashlib.md5(b"alice:kvsops:secret", usedforsecurity=False).digest()


class Alice:
    """A client of a protocol of its own, who knows what time it is."""

    def __init__(self, **options: Any) -> None:
        self.protocol = TurnProtocol(Policy({"alice": "secret"}.get, PEER[0].__eq__, **options))
        self.now = 1_000.0
        (challenge,) = self.ask(Method.ALLOCATE, key=None)
        self.nonce = _response(challenge).attributes["NONCE"]

    def ask(
        self, method: Method, *attributes: tuple[str, Any], key: bytes | None = KEY
    ) -> list[Event]:
        """Send a request, signed unless there is no key."""
        proof = [("USERNAME", "alice"), ("REALM", REALM), ("NONCE", self.nonce)] if key else []
        return self.send(encode(method, Class.REQUEST, [*attributes, *proof], key))

    def send(self, data: bytes) -> list[Event]:
        """Send octets."""
        return self.protocol.from_client(CLIENT, ADDRESS, data, self.now)

    def allocated(self) -> list[Event]:
        """Get an allocation; answer what came of it."""
        assert self.ask(Method.ALLOCATE, ("REQUESTED-TRANSPORT", UDP)) == [OpenRelay(CLIENT)]
        return self.protocol.allocated(CLIENT, RELAYED)

    def bound(self) -> None:
        """Get an allocation, and bind a channel to the peer."""
        self.allocated()
        (event,) = self.ask(
            Method.CHANNEL_BIND, ("CHANNEL-NUMBER", 0x4000), ("XOR-PEER-ADDRESS", PEER)
        )
        assert _response(event).message_class == Class.RESPONSE


def _response(event: Event) -> stun.Message:
    """Read the one message to the client."""
    assert isinstance(event, ToClient)
    assert event.client == CLIENT
    return stun.parse_message(event.data)


def _code(event: Event) -> int:
    code: int = _response(event).attributes["ERROR-CODE"][0]
    return code


def test_binding() -> None:
    """A client is told its address, at once and unsigned."""
    (event,) = Alice().ask(Method.BINDING, key=None)
    assert _response(event).attributes["XOR-MAPPED-ADDRESS"] == ADDRESS


def test_an_allocation() -> None:
    """A relayed address is asked for first; with it comes the response."""
    (event,) = Alice().allocated()
    response = _response(event)
    assert response.message_class == Class.RESPONSE
    assert response.attributes["XOR-RELAYED-ADDRESS"] == RELAYED
    assert response.attributes["XOR-MAPPED-ADDRESS"] == ADDRESS
    assert response.attributes["LIFETIME"] == 600
    assert response.check_message_integrity(KEY)


def test_no_relayed_address() -> None:
    """Where none can be had there is no allocation, and a signed 508."""
    alice = Alice()
    alice.ask(Method.ALLOCATE, ("REQUESTED-TRANSPORT", UDP))
    (event,) = alice.protocol.allocated(CLIENT, None)
    assert _code(event) == 508
    assert _response(event).check_message_integrity(KEY)
    assert alice.protocol.allocations(alice.now) == 0


def test_an_allocation_again() -> None:
    """A retransmission is answered like the first; another request is a mismatch."""
    alice = Alice()
    proof = [("USERNAME", "alice"), ("REALM", REALM), ("NONCE", alice.nonce)]
    asked = encode(Method.ALLOCATE, Class.REQUEST, [("REQUESTED-TRANSPORT", UDP), *proof], KEY)
    assert alice.send(asked) == [OpenRelay(CLIENT)]
    first = alice.protocol.allocated(CLIENT, RELAYED)
    assert alice.send(asked) == first
    (other,) = alice.ask(Method.ALLOCATE, ("REQUESTED-TRANSPORT", UDP))
    assert _code(other) == 437


def test_out_on_a_channel() -> None:
    """Channel data goes to the peer without its head and padding."""
    alice = Alice()
    alice.bound()
    assert alice.send(struct.pack("!HH5sxxx", 0x4000, 5, b"hello")) == [
        MinuteRelayed("alice"),
        ToPeer(CLIENT, b"hello", PEER),
    ]
    assert alice.send(struct.pack("!HH2s", 0x4000, 2, b"hi")) == [ToPeer(CLIENT, b"hi", PEER)]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x40",
        b"\x40\x00\x00",
        struct.pack("!HH1s", 0x4000, 2, b"h"),
        struct.pack("!HH2s", 0x4001, 2, b"hi"),
        b"\xff" * 40,
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=["nothing", "one octet", "half a head", "too short", "unbound", "noise", "HTTP"],
)
def test_dropped(data: bytes) -> None:
    """Octets that say nothing have no consequence."""
    alice = Alice()
    alice.bound()
    assert alice.send(data) == []


def test_in_on_a_channel() -> None:
    """What the peer sends comes on its channel; what others send does not come."""
    alice = Alice()
    alice.bound()
    assert alice.protocol.from_peer(CLIENT, ("192.0.2.4", 1), b"no", alice.now) == []
    assert alice.protocol.from_peer(CLIENT, PEER, b"yes", alice.now) == [
        MinuteRelayed("alice"),
        ToClient(CLIENT, struct.pack("!HH3s", 0x4000, 3, b"yes")),
    ]


def test_indications() -> None:
    """Without a channel, data goes and comes in indications, to and from whom it may."""
    alice = Alice()
    alice.allocated()
    out = encode(Method.SEND, Class.INDICATION, [("XOR-PEER-ADDRESS", PEER), ("DATA", b"out")])
    assert alice.send(out) == []
    alice.ask(Method.CREATE_PERMISSION, ("XOR-PEER-ADDRESS", PEER))
    assert alice.send(out) == [MinuteRelayed("alice"), ToPeer(CLIENT, b"out", PEER)]
    (event,) = alice.protocol.from_peer(CLIENT, PEER, b"in", alice.now)
    attributes = _response(event).attributes
    assert (attributes["XOR-PEER-ADDRESS"], attributes["DATA"]) == (PEER, b"in")


def test_minutes() -> None:
    """A minute counts from the allocation's start, once."""
    alice = Alice()
    alice.bound()
    data, counted = struct.pack("!HH", 0x4000, 0), []
    for alice.now in (1_000, 1_059.9, 1_060, 1_119.9, 1_240):
        counted.append(MinuteRelayed("alice") in alice.send(data))
    assert counted == [True, False, True, False, True]


def test_the_end_that_is_asked_for() -> None:
    """The relayed address is given up before the client hears of it."""
    alice = Alice()
    alice.allocated()
    closed, event = alice.ask(Method.REFRESH, ("LIFETIME", 0))
    assert closed == CloseRelay(CLIENT)
    assert _response(event).attributes["LIFETIME"] == 0
    assert alice.protocol.allocations(alice.now) == 0
    assert alice.protocol.lost(CLIENT) == []


def test_the_end_of_a_connection() -> None:
    """A client that is lost loses its allocation, and nothing comes of it any more."""
    alice = Alice()
    alice.bound()
    assert alice.protocol.lost(CLIENT) == [CloseRelay(CLIENT)]
    assert alice.protocol.from_peer(CLIENT, PEER, b"late", alice.now) == []
    assert alice.send(struct.pack("!HH2s", 0x4000, 2, b"hi")) == []


def test_the_end_of_a_lifetime() -> None:
    """It is noticed when the time is told, or when something comes; once."""
    alice = Alice()
    alice.allocated()
    assert alice.protocol.expire(1_599.9) == []
    assert alice.protocol.allocations(1_599.9) == 1
    assert alice.protocol.allocations(1_600) == 0
    assert alice.protocol.expire(1_600) == [CloseRelay(CLIENT)]
    assert alice.protocol.expire(1_600) == []
    alice.allocated()
    assert alice.protocol.from_peer(CLIENT, PEER, b"late", 1_600) == [CloseRelay(CLIENT)]


def test_refusals() -> None:
    """The quota, the fault and a foreign peer are each answered with their code."""
    (event,) = Alice(max_allocations=0).ask(Method.ALLOCATE, ("REQUESTED-TRANSPORT", UDP))
    assert _code(event) == 486
    (event,) = Alice(refuse=lambda: True).ask(Method.ALLOCATE, ("REQUESTED-TRANSPORT", UDP))
    assert _code(event) == 403
    alice = Alice()
    alice.allocated()
    (event,) = alice.ask(Method.CREATE_PERMISSION, ("XOR-PEER-ADDRESS", ("192.0.2.4", 1)))
    assert _code(event) == 403


def test_a_stale_nonce() -> None:
    """The response holds another one."""
    alice = Alice(nonce_seconds=60)
    alice.now += 60
    (event,) = alice.ask(Method.ALLOCATE, ("REQUESTED-TRANSPORT", UDP))
    assert _code(event) == 438
    alice.nonce = _response(event).attributes["NONCE"]
    assert alice.ask(Method.ALLOCATE, ("REQUESTED-TRANSPORT", UDP)) == [OpenRelay(CLIENT)]
