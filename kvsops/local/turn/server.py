"""STUN and TURN over UDP, TCP and TLS, for clients and peers nearby (RFC 8489, 8656).

Not served: DTLS (`turns:…?transport=udp`), IPv6, EVEN-PORT with its reservations, DONT-FRAGMENT.
AWS's limit of 5 Mbps for an allocation is not kept.
"""

import asyncio
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from functools import partial
from typing import Self, cast

from kvsops.local.binding import binding
from kvsops.local.turn.allocations import Address
from kvsops.local.turn.protocol import (
    Event,
    MinuteRelayed,
    OpenRelay,
    ToClient,
    ToPeer,
    TurnProtocol,
)
from kvsops.local.turn.requests import MAX_ALLOCATIONS, NONCE_SECONDS, Policy
from kvsops.local.turn.transports import Datagrams, StreamConnection, Streams

_SECONDS_BETWEEN_LOOKS = 1  # at what has expired
_PRIVATE = [
    ipaddress.IPv4Network(network)
    for network in ("10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")
]
"""The networks of RFC 1918 and, of RFC 3927, those of a link."""


def may_relay(host: str, peer: str) -> bool:
    """Whether a relay on an IPv4 address may send to a peer.

    To this machine it may. From an address in a private network it may send to private networks
    that this machine reaches by it: cameras that can reach the relay must be reached in turn.
    """
    address = ipaddress.IPv4Address(peer)
    if address.is_loopback:
        return True
    source = _source_of(peer)
    return source == peer or (source == host and any(address in each for each in _PRIVATE))


def _source_of(peer: str) -> str | None:
    """Return which of its addresses this machine would send from; None if it has no way there."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((peer, 9))  # asks for the route, sends nothing
        return str(probe.getsockname()[0])
    return None


class TurnServer:
    """A `TurnProtocol` on the running loop, used from its thread alone, and started once.

    `password_of`, `channel_of`, `max_allocations` and `refuse` are as in its `Policy`.
    `on_relayed` is called with the username once for each minute of an allocation's life in which
    data was relayed, as TURNConnectedMinutes counts. `clock` tells seconds, for lifetimes.

    Relayed addresses are on `relay_host` (else on `host`); to which peers, see `may_relay`. `ports`
    are UDP's, TCP's and TLS's, 0 for a free one, None for no TCP; there is TLS where `ssl_context`
    is given. A connection that was accepted elsewhere is served by a `stream`.
    """

    udp_port = tcp_port = 0
    tls_port: int | None = None

    def __init__(
        self,
        password_of: Callable[[str], str | None],
        *,
        host: str = "127.0.0.1",
        relay_host: str | None = None,
        ports: tuple[int, int | None, int] = (0, 0, 0),
        ssl_context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
        on_relayed: Callable[[str], None] = lambda _: None,
        channel_of: Callable[[str], str] = str,
        max_allocations: int = MAX_ALLOCATIONS,
        nonce_seconds: float = NONCE_SECONDS,
        refuse: Callable[[], bool] = lambda: False,
    ) -> None:
        self._protocol = TurnProtocol(
            Policy(
                password_of,
                partial(may_relay, relay_host or host),
                channel_of,
                max_allocations,
                nonce_seconds,
                refuse,
            )
        )
        self._host, self._relay_host, self._ports = host, relay_host or host, ports
        self._ssl_context, self._clock, self._on_relayed = ssl_context, clock, on_relayed
        self._relays: dict[Hashable, Datagrams] = {}
        self._expiry: asyncio.TimerHandle | None = None
        self._udp: Datagrams | None = None
        self._tcp = Streams(self._frame, self._lost)
        self._tls = Streams(self._frame, self._lost)

    async def start(self) -> None:
        """Listen on UDP, TCP and TLS, and set the ports. Raises `OSError`, and holds none then."""
        udp, tcp, tls = self._ports
        try:
            with binding(self._host, udp):
                self._udp = Datagrams((self._host, udp), self._datagram)
            self.udp_port = self._udp.address[1]
            if tcp is not None:
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
        for client in [*self._relays]:
            self._carry_out(self._protocol.lost(client))
        if self._expiry:
            self._expiry.cancel()

    def stream(self) -> StreamConnection:
        """Make the protocol of a connection that was accepted elsewhere; its TLS is done."""
        return StreamConnection(self._tcp)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def allocations(self) -> int:
        """How many allocations there are."""
        return self._protocol.allocations(self._clock())

    # What comes in

    def _datagram(self, data: bytes, address: Address) -> None:
        self._carry_out(self._protocol.from_client(address, address, data, self._clock()))

    def _frame(self, data: bytes, connection: StreamConnection) -> None:
        address = connection.address
        self._carry_out(self._protocol.from_client(connection, address, data, self._clock()))

    def _lost(self, connection: StreamConnection) -> None:
        self._carry_out(self._protocol.lost(connection))

    def _expire(self) -> None:
        """End what has expired, and look again as long as there is something."""
        self._carry_out(self._protocol.expire(self._clock()))
        self._expiry = self._later() if self._relays else None

    def _later(self) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(_SECONDS_BETWEEN_LOOKS, self._expire)

    # What is to be done

    def _carry_out(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, ToPeer):  # first, and no `match`: there are thousands a second
                self._relays[event.client].send(event.data, event.peer)
            elif isinstance(event, ToClient):
                self._send(event.client, event.data)
            elif isinstance(event, MinuteRelayed):
                self._on_relayed(event.username)
            elif isinstance(event, OpenRelay):
                relayed = self._open(event.client)
                self._carry_out(self._protocol.allocated(event.client, relayed))
            else:
                self._relays.pop(event.client).close()

    def _send(self, client: Hashable, data: bytes) -> None:
        if isinstance(client, StreamConnection):
            client.send(data)
        elif self._udp:
            self._udp.send(data, cast("Address", client))

    def _open(self, client: Hashable) -> Address | None:
        """Bind a relayed address; None where none can be had."""

        def received(data: bytes, peer: Address) -> None:
            self._carry_out(self._protocol.from_peer(client, peer, data, self._clock()))

        try:
            relay = self._relays[client] = Datagrams((self._relay_host, 0), received)
        except OSError:
            return None
        self._expiry = self._expiry or self._later()
        return relay.address
