"""What a TURN server remembers of its clients (RFC 8656): no I/O, each method is told the time.

Times are seconds on any clock that only moves forward; addresses are an IPv4 address as text and
a port.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

Address = tuple[str, int]

DEFAULT_LIFETIME = 600
MAX_LIFETIME = 3600
PERMISSION_LIFETIME = 300
CHANNEL_LIFETIME = 600
CHANNEL_NUMBERS = range(0x4000, 0x5000)  # RFC 8656 section 12

_MINUTE = 60


def granted(requested: int | None) -> int:
    """Return the lifetime in seconds that is given for the one asked for (section 7.2)."""
    return min(max(requested or 0, DEFAULT_LIFETIME), MAX_LIFETIME)


@dataclass
class Allocation:
    """One client's allocation: who has it, until when, and the peers it may speak with."""

    username: str
    key: bytes
    """The long-term key it was made with; it stays good when the credentials have expired."""
    channel: str
    """The signaling channel that it counts for."""
    relayed: Address
    """The relayed transport address."""
    transaction_id: bytes
    """Of the Allocate request that made it: the same once more is a retransmission."""
    started: float
    lifetime: int
    """Seconds, as first given; a refresh moves `expires` only."""
    expires: float = field(init=False)
    _permissions: dict[str, float] = field(default_factory=dict)
    _peers: dict[int, tuple[Address, float]] = field(default_factory=dict)
    _numbers: dict[Address, int] = field(default_factory=dict)
    _minute: int = -1

    def __post_init__(self) -> None:
        self.expires = self.started + self.lifetime

    def permit(self, host: str, now: float) -> None:
        """Let the host's data in, and the client's data out to it, for 5 minutes (section 9)."""
        self._permissions[host] = now + PERMISSION_LIFETIME

    def bind(self, number: int, peer: Address, now: float) -> bool:
        """Bind a channel to a peer, or renew the binding: False if either has another one."""
        bound_peer = self.peer_of(number, now) or peer
        bound_number = self.number_of(peer, now) or number
        if (bound_peer, bound_number) != (peer, number):
            return False
        self._peers[number] = peer, now + CHANNEL_LIFETIME
        self._numbers[peer] = number
        self.permit(peer[0], now)
        return True

    def peer_of(self, number: int, now: float) -> Address | None:
        """Return the peer that the channel is bound to."""
        peer, expires = self._peers.get(number, (None, now))
        return peer if now < expires else None

    def number_of(self, peer: Address, now: float) -> int | None:
        """Return the channel that the peer is bound to."""
        number = self._numbers.get(peer)
        return number if number is not None and self.peer_of(number, now) == peer else None

    def permits(self, peer: Address, now: float) -> bool:
        """Whether data may pass between client and peer.

        A bound channel is enough: aioice renews channels after 500 s and permissions never, so
        that between 300 s and 500 s it would else be cut off. coturn does likewise.
        """
        return now < self._permissions.get(peer[0], now) or self.number_of(peer, now) is not None

    def first_in_minute(self, now: float) -> bool:
        """Whether this is the first data in its minute, counted from the allocation's start."""
        minute = int((now - self.started) // _MINUTE)
        if minute == self._minute:
            return False
        self._minute = minute
        return True

    def forget(self, now: float) -> None:
        """Drop what has expired."""
        self._permissions = {host: end for host, end in self._permissions.items() if now < end}
        self._peers = {
            number: (peer, end) for number, (peer, end) in self._peers.items() if now < end
        }
        self._numbers = {peer: number for number, (peer, _) in self._peers.items()}


class AllocationTable:
    """The allocations of a server by their clients; what has expired ends when it is met.

    A client is whatever stands for its 5-tuple. `on_end` is told whose allocation ended.
    """

    def __init__(self, on_end: Callable[[Hashable], None]) -> None:
        self._allocations: dict[Hashable, Allocation] = {}
        self._on_end = on_end

    def get(self, client: Hashable, now: float) -> Allocation | None:
        """Return the client's allocation, while it lasts."""
        allocation = self._allocations.get(client)
        if allocation is None or now < allocation.expires:
            return allocation
        self.end(client)
        return None

    def add(self, client: Hashable, allocation: Allocation) -> None:
        """Give the client an allocation."""
        self._allocations[client] = allocation

    def end(self, client: Hashable) -> None:
        """End the client's allocation; without one, do nothing."""
        if self._allocations.pop(client, None):
            self._on_end(client)

    def count(self, now: float, channel: str | None = None) -> int:
        """Count the allocations of a signaling channel (None: of all) that last, and end none."""
        return sum(
            now < allocation.expires and channel in (None, allocation.channel)
            for allocation in [*self._allocations.values()]
        )

    def forget(self, now: float) -> None:
        """End what has expired, and drop what has expired of the others."""
        for client in [*self._allocations]:
            if allocation := self.get(client, now):
                allocation.forget(now)
