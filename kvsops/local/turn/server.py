"""STUN and TURN over UDP, TCP and TLS, for clients and peers on this machine (RFC 8489, 8656).

Not served: DTLS (`turns:…?transport=udp`), IPv6, EVEN-PORT with its reservations, DONT-FRAGMENT.
AWS's limit of 5 Mbps for an allocation is not kept.
"""

import asyncio
import ipaddress
import socket
import ssl
import struct
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from kvsops.local.turn.allocations import CHANNEL_NUMBERS, Address, Allocation, Nonces, granted
from kvsops.local.turn.messages import (
    EVEN_PORT,
    REQUESTED_ADDRESS_FAMILY,
    RESERVATION_TOKEN,
    Class,
    Method,
    Request,
    Response,
    data_indication,
    make_integrity_key,
)
from kvsops.local.turn.transports import Client, Datagrams, Streams, is_channel_data

MAX_ALLOCATIONS = 50
"""For one signaling channel.

Source: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/kvswebrtc-limits.html
"""
NONCE_SECONDS = 3600  # RFC 8489 section 9.2: a server should not keep one for longer

_UDP = 17
_SWEEP_SECONDS = 1


class _Refused(Exception):  # noqa: N818 - an answer, not a fault of the program
    """A request that an error response answers, with this code and these attributes."""

    def __init__(self, code: int, **attributes: Any) -> None:
        super().__init__(code)
        self.code = code
        self.attributes = attributes


def own_address(host: str) -> bool:
    """Whether an IPv4 address is this machine's: a loopback one, or one it would send from."""
    if ipaddress.IPv4Address(host).is_loopback:
        return True
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 9))  # asks for the route, sends nothing
        return bool(probe.getsockname()[0] == host)
    return False


@dataclass
class _Asked:
    """A request, whose it is, and the key that proved it."""

    request: Request
    client: Client
    key: bytes | None = None


@dataclass
class _Relay:
    """An allocation with its client and the socket of its relayed address."""

    allocation: Allocation
    client: Client
    datagrams: Datagrams


class TurnServer:
    """A STUN and TURN server on the running loop, used from its thread alone, and started once.

    `password_of` answers a username's password, None for one unknown or expired. An allocation
    that was made keeps its key: credentials that expire meanwhile do not end it. `channel_of`
    tells for which signaling channel a username counts; a channel has at most `max_allocations`.
    `on_relayed` is called with the username once for each minute of an allocation's life in which
    data was relayed, as TURNConnectedMinutes counts. While `refuse` says so, Allocate answers 403.

    `clock` tells seconds, for lifetimes. Relayed addresses are on `relay_host` (else on `host`);
    peers must be addresses of this machine. `ports` are UDP's, TCP's and TLS's, 0 for a free one;
    there is TLS where `ssl_context` is given.
    """

    udp_port = tcp_port = 0
    tls_port: int | None = None

    def __init__(
        self,
        password_of: Callable[[str], str | None],
        *,
        realm: str = "kvsops",
        host: str = "127.0.0.1",
        relay_host: str | None = None,
        ports: tuple[int, int, int] = (0, 0, 0),
        ssl_context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
        channel_of: Callable[[str], str] = str,
        max_allocations: int = MAX_ALLOCATIONS,
        nonce_seconds: float = NONCE_SECONDS,
        on_relayed: Callable[[str], None] = lambda _: None,
        refuse: Callable[[], bool] = lambda: False,
    ) -> None:
        self._password_of, self._channel_of = password_of, channel_of
        self._realm, self._host, self._relay_host = realm, host, relay_host or host
        self._ports, self._ssl_context, self._clock = ports, ssl_context, clock
        self._max_allocations, self._nonces = max_allocations, Nonces(nonce_seconds)
        self._on_relayed, self._refuse = on_relayed, refuse
        self._relays: dict[Hashable, _Relay] = {}
        self._sweeper: asyncio.TimerHandle | None = None
        self._udp: Datagrams | None = None
        self._tcp = Streams(self._received, self._lost)
        self._tls = Streams(self._received, self._lost)
        self._methods = {
            Method.BINDING: self._binding,
            Method.ALLOCATE: self._allocate,
            Method.REFRESH: self._refresh,
            Method.CREATE_PERMISSION: self._create_permission,
            Method.CHANNEL_BIND: self._channel_bind,
        }

    async def start(self) -> None:
        """Listen on UDP, TCP and TLS, and set the ports. Raises `OSError`, and holds none then."""
        udp, tcp, tls = self._ports
        try:
            self._udp = Datagrams((self._host, udp), self._datagram)
            self.udp_port = self._udp.address[1]
            self.tcp_port = await self._tcp.start(self._host, tcp, None)
            if self._ssl_context:
                self.tls_port = await self._tls.start(self._host, tls, self._ssl_context)
        except OSError:
            await self.close()
            raise

    async def close(self) -> None:
        """Listen no longer, end connections and allocations; once more does nothing."""
        if self._udp:
            self._udp.close()
        await asyncio.gather(self._tcp.close(), self._tls.close())
        for key in [*self._relays]:
            self._end(key)
        if self._sweeper:
            self._sweeper.cancel()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def allocations(self) -> int:
        """How many allocations there are."""
        now, relays = self._clock(), [*self._relays.values()]
        return sum(now < relay.allocation.expires for relay in relays)

    # From clients

    def _datagram(self, data: bytes, address: Address) -> None:
        if data and is_channel_data(data):
            self._channel_data(data, address)
        elif self._udp:
            self._message(data, self._udp.client(address))

    def _received(self, data: bytes, client: Client) -> None:
        if is_channel_data(data):
            self._channel_data(data, client.key)
        else:
            self._message(data, client)

    def _lost(self, client: Client) -> None:
        """End the allocation of a connection that ended."""
        if client.key in self._relays:
            self._end(client.key)

    def _channel_data(self, data: bytes, key: Hashable) -> None:
        """Relay channel data to the peer (RFC 8656 section 12.6); a datagram may be padded."""
        relay = self._relay(key)
        if relay is None or len(data) < 4:  # noqa: PLR2004 - the channel and the length
            return
        number, length = struct.unpack_from("!HH", data)
        peer = relay.allocation.peer_of(number, self._clock())
        if peer and len(data) >= 4 + length:
            self._relayed(relay)
            relay.datagrams.send(data[4 : 4 + length], peer)

    def _message(self, data: bytes, client: Client) -> None:
        request = Request.read(data)
        if request is None:
            return
        kind = request.message.message_class, request.message.message_method
        if kind == (Class.INDICATION, Method.SEND):
            self._send(request, client)
        elif kind[0] == Class.REQUEST and kind[1] in self._methods:
            client.send(self._answer(request, client))

    def _send(self, request: Request, client: Client) -> None:
        """Relay a Send indication's data to the peer (section 11.2), or drop it."""
        relay, data = self._relay(client.key), request.get("DATA")
        if relay is None or data is None or not request.peers or request.unknown:
            return
        if relay.allocation.permits(request.peers[0], self._clock()):
            self._relayed(relay)
            relay.datagrams.send(data, request.peers[0])

    # From peers

    def _from_peer(self, key: Hashable, data: bytes, peer: Address) -> None:
        """Relay a peer's datagram as channel data or a Data indication (11.3, 12.7), or drop it."""
        relay = self._relay(key)
        if relay is None or not relay.allocation.permits(peer, self._clock()):
            return
        self._relayed(relay)
        number = relay.allocation.number_of(peer, self._clock())
        if number:
            relay.client.send(struct.pack("!HH", number, len(data)) + data)
        else:
            relay.client.send(data_indication(data, peer))

    def _relayed(self, relay: _Relay) -> None:
        if relay.allocation.first_in_minute(self._clock()):
            self._on_relayed(relay.allocation.username)

    # Requests

    def _answer(self, request: Request, client: Client) -> bytes:
        """Make the response, signed where the request was proved to come from the user."""
        asked, response = _Asked(request, client), Response(request)
        try:
            if request.message.message_method != Method.BINDING:
                asked.key = self._authenticated(request, client)
            if request.unknown:
                raise _Refused(420)
            response.attributes = self._methods[request.message.message_method](asked)
        except _Refused as refused:
            unknown = request.unknown if refused.code == 420 else ()  # noqa: PLR2004
            response.refuse(refused.code, unknown, **refused.attributes)
        return response.sealed(asked.key)

    def _authenticated(self, request: Request, client: Client) -> bytes:
        """Return the long-term key that the request was signed with (RFC 8489 section 9.2.4)."""
        username, nonce = request.get("USERNAME"), request.get("NONCE")
        if request.get("MESSAGE-INTEGRITY") is None:
            raise self._challenge(401)
        if None in (username, nonce, request.get("REALM")):
            raise _Refused(400)
        key = self._key(username, client)
        if key is None or not request.message.check_message_integrity(key):
            raise self._challenge(401)
        if not self._nonces.valid(nonce, self._clock()):
            raise self._challenge(438)
        return key

    def _challenge(self, code: int) -> _Refused:
        """Refuse, with what the client needs to ask again."""
        return _Refused(code, REALM=self._realm, NONCE=self._nonces.new(self._clock()))

    def _key(self, username: str, client: Client) -> bytes | None:
        relay = self._relay(client.key)
        if relay and relay.allocation.username == username:
            return relay.allocation.key
        password = self._password_of(username)
        return None if password is None else make_integrity_key(username, self._realm, password)

    def _binding(self, asked: _Asked) -> dict[str, Any]:
        """Tell a client its own address (RFC 8489)."""
        return {"XOR-MAPPED-ADDRESS": asked.client.address}

    def _allocate(self, asked: _Asked) -> dict[str, Any]:
        """Make an allocation (RFC 8656 section 7.2), or tell a retransmission of the one made."""
        relay = self._relay(asked.client.key)
        if relay is None:
            self._check_allocate(asked.request)
            relay = self._new(asked)
        elif relay.allocation.transaction_id != asked.request.message.transaction_id:
            raise _Refused(437)
        return {
            "XOR-RELAYED-ADDRESS": relay.datagrams.address,
            "XOR-MAPPED-ADDRESS": asked.client.address,
            "LIFETIME": relay.allocation.lifetime,
        }

    def _check_allocate(self, request: Request) -> None:
        """Refuse what cannot be given, in the order of section 7.2."""
        if self._refuse():
            raise _Refused(403)
        transport = request.get("REQUESTED-TRANSPORT")
        even, reserved = request.has(EVEN_PORT), request.has(RESERVATION_TOKEN)
        if transport is None or (reserved and (even or request.has(REQUESTED_ADDRESS_FAMILY))):
            raise _Refused(400)
        if transport >> 24 != _UDP:
            raise _Refused(442)
        if even or reserved:
            raise _Refused(508)
        if request.other_family:
            raise _Refused(440)
        if self._held(self._channel_of(request.get("USERNAME"))) >= self._max_allocations:
            raise _Refused(486)

    def _held(self, channel: str) -> int:
        """How many allocations a signaling channel has."""
        relays = [self._relay(key) for key in [*self._relays]]
        return sum(relay is not None and relay.allocation.channel == channel for relay in relays)

    def _new(self, asked: _Asked) -> _Relay:
        client, request, now = asked.client, asked.request, self._clock()
        try:
            datagrams = Datagrams(
                (self._relay_host, 0), lambda data, peer: self._from_peer(client.key, data, peer)
            )
        except OSError:
            raise _Refused(508) from None
        allocation = Allocation(
            username=request.get("USERNAME"),
            key=asked.key or b"",
            channel=self._channel_of(request.get("USERNAME")),
            transaction_id=request.message.transaction_id,
            started=now,
            lifetime=granted(request.get("LIFETIME")),
        )
        relay = self._relays[client.key] = _Relay(allocation, client, datagrams)
        self._sweeper = self._sweeper or self._later()
        return relay

    def _refresh(self, asked: _Asked) -> dict[str, Any]:
        """Prolong an allocation, or end it (section 8.2)."""
        relay, requested = self._own(asked), asked.request.get("LIFETIME")
        if asked.request.other_family:
            raise _Refused(443)
        if requested == 0:
            self._end(asked.client.key)
            return {"LIFETIME": 0}
        relay.allocation.expires = self._clock() + granted(requested)
        return {"LIFETIME": granted(requested)}

    def _create_permission(self, asked: _Asked) -> dict[str, Any]:
        """Permit all the peers named, or none of them (section 10.2)."""
        relay = self._own(asked)
        for host, _ in self._peers(asked.request):
            relay.allocation.permit(host, self._clock())
        return {}

    def _channel_bind(self, asked: _Asked) -> dict[str, Any]:
        """Bind a channel to a peer (section 12.2)."""
        relay, number = self._own(asked), asked.request.get("CHANNEL-NUMBER")
        peers = self._peers(asked.request)
        if number not in CHANNEL_NUMBERS:
            raise _Refused(400)
        if not relay.allocation.bind(number, peers[0], self._clock()):
            raise _Refused(400)
        return {}

    def _own(self, asked: _Asked) -> _Relay:
        """Return the allocation that the request is about."""
        relay = self._relay(asked.client.key)
        if relay is None:
            raise _Refused(437)
        if relay.allocation.username != asked.request.get("USERNAME"):
            raise _Refused(441)
        return relay

    def _peers(self, request: Request) -> list[Address]:
        """Return the request's peers; IPv6 ones and other machines' are refused."""
        if not request.peers:
            raise _Refused(400)
        if any(":" in host for host, _ in request.peers):
            raise _Refused(443)
        if not all(own_address(host) for host, _ in request.peers):
            raise _Refused(403)
        return request.peers

    # The allocations' life

    def _relay(self, key: Hashable) -> _Relay | None:
        """Return the allocation of a 5-tuple, while it lasts."""
        relay = self._relays.get(key)
        if relay is None or self._clock() < relay.allocation.expires:
            return relay
        self._end(key)
        return None

    def _end(self, key: Hashable) -> None:
        self._relays.pop(key).datagrams.close()

    def _later(self) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(_SWEEP_SECONDS, self._sweep)

    def _sweep(self) -> None:
        """End what has expired, and look again as long as there is something."""
        for key in [*self._relays]:
            if relay := self._relay(key):
                relay.allocation.forget(self._clock())
        self._sweeper = self._later() if self._relays else None
