"""Who is connected to a channel, and which messages wait there. No I/O, no clock.

Source: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/SendSdpOffer.html
and https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/ConnectAsViewer.html
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Generic, Protocol, TypeVar

from kvsops.core.wire.ice import Role
from kvsops.core.wire.message import Action, MessageType, Received, Sent
from kvsops.errors import MessageError

PeerId = str | None
"""The recipient or sender of a message: a viewer's client id, or None for the master."""

OPERATIONS: Final = {
    Action.SDP_OFFER: "SendSdpOffer",
    Action.SDP_ANSWER: "SendSdpAnswer",
    Action.ICE_CANDIDATE: "SendCandidate",
}
"""What the metrics call the sending of each kind of message."""
VIEWERS_MAXIMUM: Final = 10
"""Viewers of one channel.

Source: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/kvswebrtc-limits.html
"""


class Peer(Protocol):
    """One connection. A master may have a client id too, which then means nothing."""

    @property
    def peer_id(self) -> PeerId:
        """The name by which the channel knows it."""


P = TypeVar("P", bound=Peer)


@dataclass(frozen=True, slots=True)
class PendingMessage:
    """A message whose recipient was absent."""

    sender: PeerId
    recipient: PeerId
    message: Received
    until: datetime

    def overwrites(self, other: "PendingMessage") -> bool:
        """Whether this is the newer offer, or answer, of the same client to the same peer."""
        kind = self.message.message_type
        return kind is not MessageType.ICE_CANDIDATE and (
            (self.sender, self.recipient, kind)
            == (other.sender, other.recipient, other.message.message_type)
        )


@dataclass
class ChannelState(Generic[P]):
    """One channel's connections, and the messages that wait for a peer."""

    peers: dict[PeerId, P] = field(default_factory=dict)
    expected: set[str] = field(default_factory=set)
    """Viewers that were admitted but are not yet connected."""
    pending: list[PendingMessage] = field(default_factory=list)

    def is_full_for(self, viewer: str) -> bool:
        """Whether there are ten viewers already, and this one is not among them."""
        viewers = self.expected | {key for key in self.peers if key is not None}
        return len(viewers) >= VIEWERS_MAXIMUM and viewer not in viewers

    def join(self, peer: P) -> P | None:
        """Add a peer; return the one it replaces."""
        before = self.peers.get(peer.peer_id)
        self.peers[peer.peer_id] = peer
        if peer.peer_id is not None:
            self.expected.discard(peer.peer_id)
        return before

    def leave(self, peer: P) -> None:
        """Remove a peer, unless another has replaced it."""
        if self.peers.get(peer.peer_id) is peer:
            del self.peers[peer.peer_id]

    def keep(self, message: PendingMessage) -> None:
        """Keep a message; a newer offer takes the place of the one it overwrites."""
        for index, other in enumerate(self.pending):
            if message.overwrites(other):
                self.pending[index] = message
                return
        self.pending.append(message)

    def take(self, recipient: PeerId, now: datetime) -> list[Received]:
        """Remove and return what waited for this peer and is not too old."""
        self.forget(now)
        mine = [each.message for each in self.pending if each.recipient == recipient]
        self.pending = [each for each in self.pending if each.recipient != recipient]
        return mine

    def forget(self, now: datetime) -> None:
        """Drop messages that have waited too long."""
        if self.pending:
            self.pending = [each for each in self.pending if each.until > now]

    @property
    def is_empty(self) -> bool:
        """Whether nobody is connected or expected, and nothing waits."""
        return not (self.peers or self.expected or self.pending)


def recipient_of(role: Role, message: Sent) -> PeerId:
    """Return the recipient of a message: a viewer's is ignored, a master's is required."""
    if role == "viewer":
        return None
    if message.recipient_client_id is None:
        raise MessageError("recipientClientId is missing", message.correlation_id)
    return message.recipient_client_id


def received(sender: PeerId, message: Sent) -> Received:
    """Turn a sent message into the one received. A master's has no sender."""
    kind = MessageType(message.action)
    return Received(kind, sender, message.payload, encoded=message.encoded)
