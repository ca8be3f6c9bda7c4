"""Requests of STUN and TURN, and the responses to them: no I/O, each call is told the time.

Not served: IPv6, EVEN-PORT with its reservations, DONT-FRAGMENT (RFC 8489, 8656).
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from kvsops.local.turn.allocations import (
    CHANNEL_NUMBERS,
    Address,
    Allocation,
    AllocationTable,
    granted,
)
from kvsops.local.turn.authentication import Authentication
from kvsops.local.turn.messages import (
    EVEN_PORT,
    REQUESTED_ADDRESS_FAMILY,
    RESERVATION_TOKEN,
    Attributes,
    Method,
    Refused,
    Request,
    Response,
)

_UDP = 17


MAX_ALLOCATIONS = 50
"""For one signaling channel.

Source: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/kvswebrtc-limits.html
"""


NONCE_SECONDS = 3600  # RFC 8489 section 9.2: a server should not keep one for longer


@dataclass(frozen=True)
class Policy:
    """Whom a server serves.

    `password_of` answers a username's password, None for one unknown or expired. An allocation
    that was made keeps its key: credentials that expire meanwhile do not end it. `may_relay_to`
    tells whether data may be relayed to a peer's IPv4 address. `channel_of` tells for which
    signaling channel a username counts; a channel has at most `max_allocations`. While
    `refuse` says so, Allocate answers 403.
    """

    password_of: Callable[[str], str | None]
    may_relay_to: Callable[[str], bool]
    channel_of: Callable[[str], str] = str
    max_allocations: int = MAX_ALLOCATIONS
    nonce_seconds: float = NONCE_SECONDS
    refuse: Callable[[], bool] = lambda: False


@dataclass
class Transaction:
    """A request, whose it is, when it came, and the key that proved it."""

    request: Request
    client: Hashable
    address: Address
    now: float
    key: bytes | None = None


class Requests:
    """Answers a server's clients, and changes their allocations as they ask."""

    def __init__(self, policy: Policy, allocations: AllocationTable) -> None:
        self._policy, self._allocations = policy, allocations
        self._authentication = Authentication(policy.password_of, policy.nonce_seconds)
        self._opening: dict[Hashable, Transaction] = {}
        self.methods: dict[Method, Callable[[Transaction], Attributes | None]] = {
            Method.BINDING: self._binding,
            Method.ALLOCATE: self._allocate,
            Method.REFRESH: self._refresh,
            Method.CREATE_PERMISSION: self._create_permission,
            Method.CHANNEL_BIND: self._channel_bind,
        }

    def answer(self, asked: Transaction) -> bytes | None:
        """Return the response, signed where the request was proved to come from the user.

        None where an allocation needs a relayed address first: see `allocated`.
        """
        request, response = asked.request, Response(asked.request)
        method = request.message.message_method
        try:
            if method != Method.BINDING:
                mine = self._allocations.get(asked.client, asked.now)
                asked.key = self._authentication.key_of(request, mine, asked.now)
            if request.unknown:
                raise Refused(420)
            attributes = self.methods[method](asked)
        except Refused as refused:
            response.refuse(refused, request.unknown)
            return response.sealed(asked.key)
        if attributes is None:
            self._opening[asked.client] = asked
            return None
        response.attributes = attributes
        return response.sealed(asked.key)

    def allocated(self, client: Hashable, relayed: Address | None) -> bytes:
        """Return the response now that there is a relayed address, or (None) can be none."""
        asked = self._opening.pop(client)
        response = Response(asked.request)
        if relayed is None:
            response.refuse(Refused(508))
        else:
            allocation = self._new(asked, relayed)
            self._allocations.add(client, allocation)
            response.attributes = _described(allocation, asked)
        return response.sealed(asked.key)

    def _new(self, asked: Transaction, relayed: Address) -> Allocation:
        username = asked.request.get("USERNAME")
        return Allocation(
            username=username,
            key=asked.key or b"",
            channel=self._policy.channel_of(username),
            relayed=relayed,
            transaction_id=asked.request.message.transaction_id,
            started=asked.now,
            lifetime=granted(asked.request.get("LIFETIME")),
        )

    def _binding(self, asked: Transaction) -> Attributes:
        """Tell a client its own address (RFC 8489)."""
        return {"XOR-MAPPED-ADDRESS": asked.address}

    def _allocate(self, asked: Transaction) -> Attributes | None:
        """Make an allocation (RFC 8656 section 7.2), or tell a retransmission of the one made."""
        allocation = self._allocations.get(asked.client, asked.now)
        if allocation is None:
            self._check_allocate(asked)
            return None
        if allocation.transaction_id != asked.request.message.transaction_id:
            raise Refused(437)
        return _described(allocation, asked)

    def _check_allocate(self, asked: Transaction) -> None:
        """Refuse what cannot be given, in the order of section 7.2."""
        if self._policy.refuse():
            raise Refused(403)
        request = asked.request
        transport = request.get("REQUESTED-TRANSPORT")
        even, reserved = request.has(EVEN_PORT), request.has(RESERVATION_TOKEN)
        if transport is None or (reserved and (even or request.has(REQUESTED_ADDRESS_FAMILY))):
            raise Refused(400)
        if transport >> 24 != _UDP:
            raise Refused(442)
        if even or reserved:
            raise Refused(508)
        if request.other_family:
            raise Refused(440)
        channel = self._policy.channel_of(request.get("USERNAME"))
        if self._allocations.count(asked.now, channel) >= self._policy.max_allocations:
            raise Refused(486)

    def _refresh(self, asked: Transaction) -> Attributes:
        """Prolong an allocation, or end it (section 8.2)."""
        allocation, requested = self._own(asked), asked.request.get("LIFETIME")
        if asked.request.other_family:
            raise Refused(443)
        if requested == 0:
            self._allocations.end(asked.client)
            return {"LIFETIME": 0}
        allocation.expires = asked.now + granted(requested)
        return {"LIFETIME": granted(requested)}

    def _create_permission(self, asked: Transaction) -> Attributes:
        """Permit all the peers named, or none of them (section 10.2)."""
        allocation = self._own(asked)
        for host, _ in self._peers(asked.request):
            allocation.permit(host, asked.now)
        return {}

    def _channel_bind(self, asked: Transaction) -> Attributes:
        """Bind a channel to a peer (section 12.2)."""
        allocation, number = self._own(asked), asked.request.get("CHANNEL-NUMBER")
        peers = self._peers(asked.request)
        if number not in CHANNEL_NUMBERS or not allocation.bind(number, peers[0], asked.now):
            raise Refused(400)
        return {}

    def _own(self, asked: Transaction) -> Allocation:
        """Return the allocation that the request is about."""
        allocation = self._allocations.get(asked.client, asked.now)
        if allocation is None:
            raise Refused(437)
        if allocation.username != asked.request.get("USERNAME"):
            raise Refused(441)
        return allocation

    def _peers(self, request: Request) -> list[Address]:
        """Return the request's peers; IPv6 ones and other machines' are refused."""
        if not request.peers:
            raise Refused(400)
        if any(":" in host for host, _ in request.peers):
            raise Refused(443)
        if not all(self._policy.may_relay_to(host) for host, _ in request.peers):
            raise Refused(403)
        return request.peers


def _described(allocation: Allocation, asked: Transaction) -> Attributes:
    """Tell a client its allocation."""
    return {
        "XOR-RELAYED-ADDRESS": allocation.relayed,
        "XOR-MAPPED-ADDRESS": asked.address,
        "LIFETIME": allocation.lifetime,
    }
