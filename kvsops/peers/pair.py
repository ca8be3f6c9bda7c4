"""The candidate pair that ICE selected: the only file that reads private parts of aiortc."""

from collections import Counter
from dataclasses import dataclass

from aiortc import RTCIceCandidate, RTCIceTransport, RTCPeerConnection


@dataclass(frozen=True, slots=True)
class Pair:
    """The nominated candidates: `host`, `srflx`, `prflx` or `relay`, and their addresses."""

    local_type: str
    local_address: str
    remote_type: str
    remote_address: str
    relay_transport: str | None = None
    """How the TURN server is reached, where the local candidate is relayed."""

    @property
    def relayed(self) -> bool:
        """Whether the media goes through a TURN server."""
        return "relay" in (self.local_type, self.remote_type)

    def __str__(self) -> str:
        over = f" over {self.relay_transport}" if self.relay_transport else ""
        return f"{self.local_type}{over} - {self.remote_type}"


def ice_transport(peer: RTCPeerConnection) -> RTCIceTransport | None:
    """Return the one transport of a bundled connection."""
    for transceiver in peer.getTransceivers():
        return transceiver.receiver.transport.transport
    return None if peer.sctp is None else peer.sctp.transport.transport


def selected_pair(peer: RTCPeerConnection, relay_transport: str | None) -> Pair | None:
    """Return the nominated pair, or None where there is none (or aioice keeps it elsewhere)."""
    connection = getattr(ice_transport(peer), "_connection", None)
    for pair in getattr(connection, "_nominated", {}).values():
        local, remote = pair.local_candidate, pair.remote_candidate
        return Pair(
            local.type,
            f"{local.host}:{local.port}",
            remote.type,
            f"{remote.host}:{remote.port}",
            relay_transport if local.type == "relay" else None,
        )
    return None


def candidates(peer: RTCPeerConnection) -> tuple[str, str]:
    """Count the local and the remote candidates by type: `2 host, 1 relay`."""
    transport = ice_transport(peer)
    if transport is None:
        return "none", "none"
    return (
        _counted(transport.iceGatherer.getLocalCandidates()),
        _counted(transport.getRemoteCandidates()),
    )


def _counted(found: list[RTCIceCandidate]) -> str:
    counts = Counter(candidate.type for candidate in found)
    return ", ".join(f"{number} {kind}" for kind, number in counts.items()) or "none"
