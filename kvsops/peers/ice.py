"""Which of a channel's STUN and TURN servers a peer connects through."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiortc import RTCBundlePolicy, RTCConfiguration, RTCIceServer
from aiortc.rtcconfiguration import RTCIceTransportPolicy

from kvsops.core.wire.ice import IceServer, IceUri, Transport
from kvsops.errors import PeerError
from kvsops.peers.probe import Probe


@dataclass(frozen=True, slots=True)
class Ice:
    """What a peer may connect through: at most one STUN and one TURN URI, as aiortc uses them."""

    servers: tuple[RTCIceServer, ...] = ()
    relay_only: bool = False
    relay_transport: str | None = None

    def configuration(self) -> RTCConfiguration:
        """Return aiortc's; a list even where it is empty: without one it asks Google's STUN."""
        policy = RTCIceTransportPolicy.RELAY if self.relay_only else RTCIceTransportPolicy.ALL
        return RTCConfiguration(
            iceServers=list(self.servers),
            iceTransportPolicy=policy,
            bundlePolicy=RTCBundlePolicy.MAX_BUNDLE,
        )


def choose(
    servers: Sequence[IceServer],
    probes: Sequence[Probe],
    *,
    relay_only: bool = False,
    transport: Transport | None = None,
    both_ends: bool = True,
) -> Ice:
    """Choose the URIs to connect through, as aiortc uses only the first of a kind.

    What a probe found silent is left out: it would cost aiortc 5 seconds a peer. So is, where a
    relay is required, one that was not proven, if it would have to join `both_ends` of a call; and
    one that was proven comes first. Raises `PeerError` where a relay is required, by `relay_only`
    or a `transport`, and none can be used.
    """
    required = relay_only or transport is not None
    usable = {
        found.uri: found.relay
        for found in probes
        if found.usable and not (required and both_ends and found.relay == "not-proven")
    }
    offered = [
        (IceUri.parse(uri), uri, server)
        for server in servers
        for uri in server.uris
        if uri in usable
    ]
    relays = [each for each in offered if _relays(each[0], transport)]
    relays.sort(key=lambda each: usable[each[1]] == "not-proven")
    if not relays and required:
        raise PeerError(_no_relay(probes, transport))
    stun = [each for each in offered if not each[0].relay]
    picked = [*stun[:1], *relays[:1]]
    return Ice(
        tuple(RTCIceServer(uri, server.username, server.password) for _, uri, server in picked),
        relay_only=relay_only,
        relay_transport=relays[0][0].kind if relays else None,
    )


def require_relay(
    servers: Sequence[IceServer], *, relay_only: bool, transport: Transport | None
) -> None:
    """Raise `PeerError` unless the relay that is required is offered at all."""
    uris = [IceUri.parse(uri) for server in servers for uri in server.uris]
    relays = [uri for uri in uris if uri.relay]
    if transport and not any(_relays(uri, transport) for uri in relays):
        kinds = ", ".join(dict.fromkeys(uri.kind or "DTLS" for uri in relays))
        over = f"only over {kinds}" if kinds else "nor any other"
        raise PeerError(f"the channel offers no TURN over {transport}, {over}")
    if relay_only and not relays:
        raise PeerError("the channel offers no TURN server")


def _relays(uri: IceUri, transport: Transport | None) -> bool:
    return uri.relay and transport in (None, uri.kind)


def _no_relay(probes: Sequence[Probe], transport: Transport | None) -> str:
    """Tell why no relay can be used."""
    over = f" over {transport}" if transport else ""
    reasons = [each.reason for each in probes if _relays(IceUri.parse(each.uri), transport)]
    return f"no relay{over} can be used: {'; '.join(dict.fromkeys(filter(None, reasons)))}"
