"""How the emulator behaves: its clock, delays, limits, quotas and faults."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final, Protocol

from moto.iam.models import get_account_id_from, iam_backends

from kvsops.local.accounts import ACCOUNT_ID
from kvsops.local.api.call import DEFAULT_REGION
from kvsops.local.environment import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from kvsops.local.faults import Fault
from kvsops.local.sts.sessions import Sessions

HOST: Final = "127.0.0.1"
PORTS: Final = ("CONTROL", "MASTER", "VIEWER", "HTTPS", "TURN", "TURNS")
"""What listens from `base_port` on, a port each: the API, the endpoints for masters' and viewers'
WebSockets and for HTTPS, STUN and TURN by UDP and TCP, TURN by TLS."""


class EndpointOf(Protocol):
    """Tells where the endpoints of channels are."""

    def __call__(self, protocol: str, role: str, region: str = DEFAULT_REGION) -> str | None:
        """Return that of a protocol (WSS, HTTPS, WEBRTC) and role (MASTER, VIEWER), or None."""


_KEYS = {
    ACCESS_KEY_ID: SECRET_ACCESS_KEY,
    # AWS's own example, which moto gives out for GetSessionToken and GetFederationToken.
    "AKIAIOSFODNN7EXAMPLE": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY",
}


def utc_now() -> datetime:
    """Return the time now, aware, in UTC."""
    return datetime.now(UTC)


@dataclass
class Settings:
    """The knobs of one emulator. What is read at startup says so; the rest may be turned any time.

    `quotas`, `latency`, `faults`, `late_by`, `delay_by` and `signaling` hold for the server; the
    others also under moto's `mock_aws`, in process.
    """

    quotas: bool = True
    """Whether calls beyond the documented rates answer ClientLimitExceededException."""
    quota_scale: float = 1.0
    """What the documented rates are multiplied by, for benchmarks; read at startup."""
    accounts: int | None = None
    """How many accounts its organization has, one suspended beside; None for the caller's alone,
    whatever role is assumed. Read at startup."""
    session_duration: timedelta | None = None
    """How long the credentials of an organization's role are good; None for as long as asked."""
    latency: timedelta = timedelta()
    """Added to each call: half before it is carried out, half after."""
    faults: tuple[Fault, ...] = ()
    """Which share of which calls fails, and how; the first fault that strikes wins."""
    state_delay: timedelta = timedelta(milliseconds=300)
    """How long a channel stays CREATING, UPDATING or DELETING."""
    page_limit: int = 1_000
    """At most this many channels, or streams, on a page, however many were asked for."""
    channel_quota: int | None = None
    """The most channels in each region; None means the documented quota of that region."""
    index_lag: timedelta = timedelta()
    """How late the Resource Groups Tagging API learns of a change."""
    metrics_lag: timedelta = timedelta()
    """How long it takes CloudWatch to show a point."""
    late_by: timedelta = timedelta(minutes=2)
    """How much later a `late` answer comes; botocore gives up after 60 seconds by default."""
    delay_by: timedelta = timedelta(seconds=1)
    """How much longer a connect or message takes that meets the fault `delay` or `reorder`."""
    signaling: bool = True
    """Whether channels have endpoints here, with a relay behind them; read at startup."""
    host: str = HOST
    """The IPv4 address of this machine that all of it listens on; read at startup."""
    base_port: int | None = None
    """Where its `PORTS` begin; None for any that are free. Read at startup."""
    aws_names: bool = False
    """Whether it answers at port 443 to AWS's own host names, too; read at startup."""
    ca_dir: Path | None = None
    """Where its certificate authority is kept; None for a new one. Read at startup."""
    strict_payloads: bool = False
    """Whether a payload's 10k are counted in its base64, which may be what AWS does."""
    empty_frames: bool = True
    """Whether clients get empty text frames, as they now and then do from AWS."""
    close_displaced: bool = True
    """Whether a connection is closed when another takes its place. AWS's way is not known."""
    allowed_hosts: frozenset[str] = frozenset()
    """Names, in lower case, that requests may be addressed to beside this machine's own."""
    allowed_origins: frozenset[str] = frozenset()
    """Origins, in lower case, whose pages may call the emulator, beside those on this machine."""
    keys: dict[str, str] = field(default_factory=lambda: dict(_KEYS))
    """Secrets by access key id. The keys of roles assumed here are known, too."""
    seed: int = 0
    """Seeds the faults and the version strings; read at startup."""
    clock: Callable[[], datetime] = utc_now
    """The time now, aware: states, lags and quotas follow from it."""
    signing_clock: Callable[[], datetime] = utc_now
    """The time by which control plane calls are signed: clients sign by the machine's clock."""
    sessions: Sessions = field(default_factory=Sessions, init=False, repr=False, compare=False)
    """The credentials of the organization's roles, as they were given out."""
    endpoint_of: EndpointOf | None = field(default=None, init=False, repr=False, compare=False)
    """Where the emulator's own endpoints are, while it runs with `signaling`."""
    random: Random = field(init=False, repr=False, compare=False)
    """The generator made from `seed`."""

    def __post_init__(self) -> None:
        self.random = Random(self.seed)  # noqa: S311 - runs must repeat; nothing is kept secret

    def port_of(self, name: str) -> int:
        """Return the port of one of `PORTS`; 0 for any that is free."""
        return 0 if self.base_port is None else self.base_port + PORTS.index(name)

    def secret_of(self, access_key_id: str) -> str | None:
        """Return the secret of one of `keys`, or of a role's key made in the emulator."""
        if secret := self.keys.get(access_key_id):
            return secret
        if session := self.sessions.get(access_key_id):
            return session.secret_access_key
        for account in [*iam_backends.values()]:
            for backend in [*account.values()]:
                if key := backend.access_keys.get(access_key_id):
                    return str(key.secret_access_key)
        return None

    def account_of(self, access_key_id: str) -> str:
        """Return the id of the account that calls by this key."""
        if access_key_id in self.keys:
            return ACCOUNT_ID
        if session := self.sessions.get(access_key_id):
            return session.account_id
        return get_account_id_from(access_key_id)


_active = Settings()


def active() -> Settings:
    """Return the settings that hold in this process: global, as moto's backends are."""
    return _active


def activate(settings: Settings) -> Settings:
    """Activate these settings and return the previous ones."""
    # moto makes the backends itself, so they cannot be handed their settings.
    global _active
    before, _active = _active, settings
    return before
