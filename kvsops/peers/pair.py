"""The candidate pair in use, and the candidates there were."""

from collections import Counter
from dataclasses import dataclass

from aiortc import RTCIceCandidate, RTCPeerConnection

from kvsops.peers import internals


@dataclass(frozen=True, slots=True)
class Pair:
    """Two candidates: `host`, `srflx`, `prflx` or `relay`, their addresses, what went over them."""

    local_type: str
    local_address: str
    remote_type: str
    remote_address: str
    relay_transport: str | None = None
    """How the TURN server is reached, where the local candidate is relayed."""
    packets_sent: int = 0
    """Of DTLS and media, as `packets_received`."""
    packets_received: int = 0

    @property
    def relayed(self) -> bool:
        """Whether the media goes through a TURN server."""
        return "relay" in (self.local_type, self.remote_type)

    def __str__(self) -> str:
        over = f" over {self.relay_transport}" if self.relay_transport else ""
        return f"{self.local_type}{over} - {self.remote_type}"


def selected_pair(peer: RTCPeerConnection, relay_transport: str | None) -> Pair | None:
    """Return the pair that carried most packets; before any, the nominated one.

    None where there is none, and where aioice's version is not one that can be read.
    """
    for way in internals.ways(peer)[:1]:
        return Pair(
            way.local.type,
            f"{way.local.host}:{way.local.port}",
            way.remote.type,
            "{}:{}".format(*way.address),
            relay_transport if way.local.type == "relay" else None,
            way.traffic.sent,
            way.traffic.received,
        )
    return None


def candidates(peer: RTCPeerConnection) -> tuple[str, str]:
    """Count the local and the remote candidates by type: `2 host, 1 relay`."""
    found = internals.transports(peer)
    if not found:
        return "none", "none"
    transport = found[0].transport
    return (
        _counted(transport.iceGatherer.getLocalCandidates()),
        _counted(transport.getRemoteCandidates()),
    )


def _counted(found: list[RTCIceCandidate]) -> str:
    counts = Counter(candidate.type for candidate in found)
    return ", ".join(f"{number} {kind}" for kind, number in counts.items()) or "none"
