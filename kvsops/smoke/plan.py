"""What is to be tested, with whose help, and what the channel allows of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from aiortc import RTCIceServer

from kvsops.core.wire.ice import Endpoints, IceServer, IceUri, Role, Transport
from kvsops.peers.peer import Codec, Ice
from kvsops.peers.probe import Probe
from kvsops.smoke.steps import TITLES, StepFailedError

Mode = Literal["loop", "viewer-only", "master-only", "checks"]
CLIENT_ID: Final = "kvsops-smoke-viewer-{}"
"""Stable: each new client id may hold one of the channel's ten viewer slots for a while."""
CHECKS_ONLY: Final = (
    "not made by kvsops smoke: connecting as master would throw out the one that is there; "
    "--viewer-only meets it, --take-over takes its place"
)
_BIG, _SMALL = (640, 480), (320, 240)
_MANY_VIEWERS: Final = 2
_CHECKS: Final = ("describe", "endpoint", "ice_servers", "probe")


@dataclass(frozen=True, slots=True)
class Target:
    """The channel as it was found, or made."""

    channel_name: str
    channel_arn: str
    ours: bool
    """Whether smoke made it, so that no camera can be there."""
    detail: str
    stored_in: str | None = None
    """The stream that its media is stored in: then nothing is relayed between its peers."""


@dataclass(frozen=True, slots=True)
class Access:
    """What is asked of AWS about a channel. Each may block, and raises `KvsopsError`."""

    channel_name: str
    target: Callable[[], Target]
    endpoints: Callable[[Target, Role], Endpoints]
    ice_servers: Callable[[Target, Endpoints], list[IceServer]]
    url: Callable[[Target, Endpoints, str | None], str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long each step may take, in seconds."""

    control_plane: float = 30.0
    probe: float = 3.0
    connect: float = 20.0
    negotiate: float = 10.0
    somebody: float = 60.0
    """For somebody else's viewer to come, with --master-only."""
    ice: float = 10.0
    dtls: float = 10.0
    channel: float = 10.0
    video: float = 10.0
    audio: float = 10.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to test, and how."""

    mode: Mode | None = None
    """None: loop back, or only check a channel that smoke did not make."""
    take_over: bool = False
    duration: float = 5.0
    relay: bool = False
    transport: Transport | None = None
    viewers: int = 1
    codec: Codec | None = None
    limits: Limits = field(default_factory=Limits)

    @property
    def size(self) -> tuple[int, int]:
        """How large the picture is: many viewers get a smaller one, all being coded here."""
        return _SMALL if self.viewers > _MANY_VIEWERS else _BIG

    @property
    def client_ids(self) -> list[str]:
        """The viewers' client ids."""
        return [CLIENT_ID.format(number + 1) for number in range(self.viewers)]


def steps_of(mode: Mode, *, lasting: bool) -> list[str]:
    """Return the steps of a mode; `lasting` if there is a steady part."""
    if mode == "checks":
        return list(_CHECKS)
    left_out = {
        "loop": set(),
        "viewer-only": {"master_connects"},
        "master-only": {"viewer_connects"},
    }[mode]
    if not lasting:
        left_out = left_out | {"steady"}
    return [key for key in TITLES if key not in left_out]


def mode_for(wanted: Wanted, target: Target) -> Mode:
    """Decide what may be done with the channel; raises `StepFailedError` if it cannot be."""
    mode = wanted.mode or "loop"
    if target.stored_in is not None and mode != "checks":
        stream = target.stored_in
        raise StepFailedError(
            f"linked to storage ({stream}): its media goes there, not from master to viewer"
        )
    if target.ours or wanted.take_over or mode in ("viewer-only", "checks"):
        return mode
    if mode == "master-only":
        raise StepFailedError(
            f"{target.channel_name} was not made by kvsops smoke: connecting as master would throw "
            "out the one that is there; --take-over does it all the same"
        )
    return "checks"


def chosen(servers: list[IceServer], probes: list[Probe], wanted: Wanted) -> Ice:
    """Choose the URIs to connect through, as aiortc uses only the first of a kind.

    What a probe found silent is left out: it would cost aiortc 5 seconds a peer. Raises
    `StepFailedError` where a relay is required and none is to be had.
    """
    usable = {found.uri for found in probes if found.usable}
    offered = [
        (IceUri.parse(uri), uri, server)
        for server in servers
        for uri in server.uris
        if uri in usable
    ]
    relays = [each for each in offered if each[0].relay and _fits(each[0], wanted.transport)]
    if not relays and (wanted.relay or wanted.transport):
        raise StepFailedError(_no_relay(probes, wanted.transport))
    stun = [each for each in offered if not each[0].relay]
    picked = [*stun[:1], *relays[:1]]
    return Ice(
        tuple(RTCIceServer(uri, server.username, server.password) for _, uri, server in picked),
        relay_only=wanted.relay,
        relay_transport=relays[0][0].kind if relays else None,
    )


def _fits(uri: IceUri, transport: Transport | None) -> bool:
    return transport is None or uri.kind == transport


def require_offered(servers: list[IceServer], wanted: Wanted) -> None:
    """Raise `StepFailedError` unless the relay that is required is offered at all."""
    uris = [IceUri.parse(uri) for server in servers for uri in server.uris]
    relays = [uri for uri in uris if uri.relay]
    if wanted.transport and not any(_fits(uri, wanted.transport) for uri in relays):
        kinds = ", ".join(dict.fromkeys(uri.kind or "DTLS" for uri in relays))
        over = f"only over {kinds}" if kinds else "nor any other"
        raise StepFailedError(f"the channel offers no TURN over {wanted.transport}, {over}")
    if wanted.relay and not relays:
        raise StepFailedError("the channel offers no TURN server")


def _no_relay(probes: list[Probe], transport: Transport | None) -> str:
    """Tell why no relay can be used."""
    over = f" over {transport}" if transport else ""
    parsed = [(IceUri.parse(found.uri), found) for found in probes]
    reasons = [found.reason for uri, found in parsed if uri.relay and _fits(uri, transport)]
    return f"no relay{over} can be used: {'; '.join(dict.fromkeys(filter(None, reasons)))}"
