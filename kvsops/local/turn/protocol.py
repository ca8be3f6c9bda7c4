"""A STUN and TURN server without I/O: octets and the time go in, events come out (RFC 8489, 8656).

Times are seconds on any clock that only moves forward.
"""

import struct
from collections.abc import Hashable
from typing import NamedTuple

from kvsops.local.turn.allocations import Address, Allocation, AllocationTable
from kvsops.local.turn.framing import is_channel_data
from kvsops.local.turn.messages import Class, Method, Request, data_indication
from kvsops.local.turn.requests import Policy, Requests, Transaction

_HEAD = struct.Struct("!HH")  # of channel data: the channel and the length


class ToClient(NamedTuple):
    """Send this to a client."""

    client: Hashable
    data: bytes


class ToPeer(NamedTuple):
    """Send this to a peer, from the relayed address of a client."""

    client: Hashable
    data: bytes
    peer: Address


class OpenRelay(NamedTuple):
    """Get a relayed address for a client, and call `TurnProtocol.allocated` before all else."""

    client: Hashable


class CloseRelay(NamedTuple):
    """A client's allocation has ended: give up its relayed address."""

    client: Hashable


class MinuteRelayed(NamedTuple):
    """Data of this user was relayed, for the first time in a minute of the allocation's life."""

    username: str


Event = ToClient | ToPeer | OpenRelay | CloseRelay | MinuteRelayed


class TurnProtocol:
    """What a STUN and TURN server does with what it receives.

    A client is whatever its transport knows it by: that stands for the 5-tuple.
    """

    def __init__(self, policy: Policy) -> None:
        self._events: list[Event] = []
        self._allocations = AllocationTable(lambda who: self._events.append(CloseRelay(who)))
        self._requests = Requests(policy, self._allocations)

    def from_client(
        self, client: Hashable, address: Address, data: bytes, now: float
    ) -> list[Event]:
        """Take a datagram, or a frame of a stream, from a client at this address."""
        if data and is_channel_data(data):
            self._channel_data(client, data, now)
        elif request := Request.read(data):
            self._message(Transaction(request, client, address, now))
        return self._happened()

    def from_peer(self, client: Hashable, peer: Address, data: bytes, now: float) -> list[Event]:
        """Relay what a peer sent as channel data or a Data indication (11.3, 12.7), or drop it."""
        allocation = self._allocations.get(client, now)
        if allocation is not None and allocation.permits(peer, now):
            number = allocation.number_of(peer, now)
            relayed = _HEAD.pack(number, len(data)) + data if number else None
            self._relay(allocation, ToClient(client, relayed or data_indication(data, peer)), now)
        return self._happened()

    def allocated(self, client: Hashable, relayed: Address | None) -> list[Event]:
        """Go on after `OpenRelay`, with the relayed address, or None where none can be had."""
        self._events.append(ToClient(client, self._requests.allocated(client, relayed)))
        return self._happened()

    def lost(self, client: Hashable) -> list[Event]:
        """End the allocation of a client whose connection ended."""
        self._allocations.end(client)
        return self._happened()

    def expire(self, now: float) -> list[Event]:
        """End what has expired; to be called now and then, as nothing else may come."""
        self._allocations.forget(now)
        return self._happened()

    def allocations(self, now: float) -> int:
        """Count the allocations."""
        return self._allocations.count(now)

    def _happened(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _channel_data(self, client: Hashable, data: bytes, now: float) -> None:
        """Relay channel data to the peer (RFC 8656 section 12.6); a datagram may be padded."""
        allocation = self._allocations.get(client, now)
        if allocation is None or len(data) < _HEAD.size:
            return
        number, length = _HEAD.unpack_from(data)
        peer = allocation.peer_of(number, now)
        if peer and len(data) >= 4 + length:
            self._relay(allocation, ToPeer(client, data[4 : 4 + length], peer), now)

    def _message(self, asked: Transaction) -> None:
        message = asked.request.message
        kind = message.message_class, message.message_method
        if kind == (Class.INDICATION, Method.SEND):
            self._send(asked)
        elif kind[0] == Class.REQUEST and kind[1] in self._requests.methods:
            response = self._requests.answer(asked)
            self._events.append(
                OpenRelay(asked.client) if response is None else ToClient(asked.client, response)
            )

    def _send(self, asked: Transaction) -> None:
        """Relay a Send indication's data to the peer (section 11.2), or drop it."""
        request, now = asked.request, asked.now
        allocation, data = self._allocations.get(asked.client, now), request.get("DATA")
        if allocation is None or data is None or not request.peers or request.unknown:
            return
        if allocation.permits(request.peers[0], now):
            self._relay(allocation, ToPeer(asked.client, data, request.peers[0]), now)

    def _relay(self, allocation: Allocation, event: ToClient | ToPeer, now: float) -> None:
        if allocation.first_in_minute(now):
            self._events.append(MinuteRelayed(allocation.username))
        self._events.append(event)
