"""What is to be tested, and what the channel allows of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from kvsops.core.wire.ice import Role, Transport
from kvsops.peers.peer import Codec
from kvsops.signaling.access import Access
from kvsops.smoke.steps import TITLES, StepFailedError

Mode = Literal["loop", "viewer-only", "master-only", "checks"]
ROLES: Final[dict[Mode, tuple[Role, ...]]] = {
    "loop": ("master", "viewer"),
    "viewer-only": ("viewer",),
    "master-only": ("master",),
    "checks": ("master", "viewer"),
}
"""The roles that are ours."""
CLIENT_ID: Final = "kvsops-smoke-viewer-{}"
"""Stable: each new client id may hold one of the channel's ten viewer slots for a while."""
SECOND_CLIENT_ID: Final = "kvsops-smoke-viewer-{}-again"
"""For a master that ignores the first."""
_IN_PROGRESS: Final = (
    "AWS's C client ignores a client id that it still has in progress, after a run that ended badly"
)
SECOND_ANSWERED: Final = f"the master did not answer {{}}, but {{}}: {_IN_PROGRESS}"
CHECKS_ONLY: Final = (
    "not made by kvsops smoke: connecting as master would disconnect the one already there; "
    "--viewer-only meets it, --take-over takes its place"
)
MAX_FREEZE_SECONDS: Final = 3.0
"""After so long without a picture people take a call for dead; a lost key frame costs about 1 s."""
VIEWERS: Final = 10
"""How many viewers a channel has unless AWS raised that.

Source: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/kvswebrtc-limits.html
"""
MORE_VIEWERS: Final = (
    f"a channel takes {VIEWERS} viewers, unless AWS has raised this quota, as it does on request"
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
class Subject:
    """The channel to test: its name, what finds or makes it, and what its peers ask of AWS."""

    channel_name: str
    target: Callable[[], Target]
    """May block, and raises `KvsopsError`."""
    access: Access


@dataclass(frozen=True, slots=True)
class Limits:
    """How long each step may take, in seconds."""

    control_plane: float = 30.0
    probe: float = 3.0
    connect: float = 20.0
    negotiate: float = 10.0
    answer: float = 12.0
    """For somebody else's answer, by each of two client ids: longer than a gathering takes.

    That is 10 s in AWS's C client, where a STUN server is silent.
    """
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
    prove_relay: bool = True
    """Whether probes relay a datagram, which costs a TURN minute for each of two allocations."""
    max_freeze: float = MAX_FREEZE_SECONDS
    limits: Limits = field(default_factory=Limits)

    @property
    def size(self) -> tuple[int, int]:
        """The picture's size: smaller for many viewers, as all are encoded here."""
        return _SMALL if self.viewers > _MANY_VIEWERS else _BIG

    @property
    def client_ids(self) -> list[str]:
        """The viewers' client ids."""
        return [CLIENT_ID.format(number + 1) for number in range(self.viewers)]

    @property
    def second_ids(self) -> dict[str, str]:
        """The client ids by which to offer where those are not answered."""
        seconds = (SECOND_CLIENT_ID.format(number + 1) for number in range(self.viewers))
        return dict(zip(self.client_ids, seconds, strict=True))

    def number_of(self, client_id: str) -> int:
        """Return the number of the viewer that has this client id, from 0."""
        return [*self.client_ids, *self.second_ids.values()].index(client_id) % self.viewers


def no_master(wanted: Wanted) -> str:
    """Tell why nobody answers, as far as it can be known."""
    first, second = next(iter(wanted.second_ids.items()))
    return (
        "no master is connected to this channel, or it answers no offers: "
        f"two were sent, as {first} and as {second}"
    )


def steps_of(mode: Mode, *, lasting: bool) -> list[str]:
    """Return the steps of a mode; `lasting` if it measures, too."""
    if mode == "checks":
        return list(_CHECKS)
    connects = {f"{role}_connects" for role in ROLES[mode]}
    return [
        key
        for key in TITLES
        if (key in connects or not key.endswith("_connects")) and (lasting or key != "steady")
    ]


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
            f"{target.channel_name} was not made by kvsops smoke: connecting as master would "
            "disconnect the one already there; --take-over does it anyway"
        )
    return "checks"
