"""What a channel offers to connect through: its endpoints, its STUN and TURN servers."""

import re
from dataclasses import dataclass, field
from typing import Final, Literal, Self

from kvsops.errors import KvsopsError

Role = Literal["master", "viewer"]
Transport = Literal["udp", "tcp", "tls"]

_STANDARD_PORT: Final = 3478
_STANDARD_TLS_PORT: Final = 5349
_HIGHEST_PORT: Final = 65_535
_URI = re.compile(
    r"(?P<scheme>stuns?|turns?):(?P<host>\[[0-9A-Fa-f:.]+\]|[^:?\[\]/@\s]+)"
    r"(?::(?P<port>[0-9]{1,5}))?(?:\?transport=(?P<transport>udp|tcp))?"
)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where one role connects (`wss`) and where it asks for ICE servers (`https`)."""

    role: Role
    wss: str
    https: str


@dataclass(frozen=True, slots=True)
class IceServer:
    """One server of GetIceServerConfig. Its credentials are time-limited, and shown nowhere."""

    uris: tuple[str, ...]
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    ttl_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class IceUri:
    """A STUN or TURN URI, taken apart.

    Source: RFC 7064 and RFC 7065, with the `transport` that browsers take.
    """

    scheme: str
    host: str
    port: int
    transport: Literal["udp", "tcp"]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URI; raises `KvsopsError` where it is none: the service gave it."""
        found = _URI.fullmatch(text)
        if found is None or int(found["port"] or 0) > _HIGHEST_PORT:
            raise KvsopsError(f"not a STUN or TURN URI: {text!r}")
        secure = found["scheme"].endswith("s")
        port = int(found["port"] or (_STANDARD_TLS_PORT if secure else _STANDARD_PORT))
        transport: Literal["udp", "tcp"] = "tcp" if secure else "udp"
        if found["transport"]:
            transport = "udp" if found["transport"] == "udp" else "tcp"
        return cls(found["scheme"], found["host"].strip("[]"), port, transport)

    @property
    def relay(self) -> bool:
        """Whether it is TURN, not STUN alone."""
        return self.scheme.startswith("turn")

    @property
    def kind(self) -> Transport | None:
        """How it is reached; None for DTLS (`turns` over UDP), which nobody here speaks."""
        if not self.scheme.endswith("s"):
            return self.transport
        return "tls" if self.transport == "tcp" else None
