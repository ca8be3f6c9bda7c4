"""Channels for tests: put there behind the service's back, and a time that both sides share."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from kvsops.aws.scope import Scope
from kvsops.local.faults import Fault
from kvsops.local.kinesisvideo.channels import SignalingChannel
from kvsops.local.server import LocalServer

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
READING = ("Describe", "Get", "List")


class Time:
    """A time that only sleeping moves on; for a scope and for the emulator's clock alike."""

    def __init__(self, start: datetime = NOON) -> None:
        self._start, self._passed, self._lock = start, 0.0, Lock()

    def clock(self) -> float:
        """Answer the seconds since the start."""
        return self._passed

    def now(self) -> datetime:
        """Answer the time of day, aware, in UTC."""
        return self._start + timedelta(seconds=self._passed)

    def sleep(self, seconds: float) -> None:
        """Let this much time pass, at once."""
        with self._lock:
            self._passed += seconds

    def scope(self, environment: Mapping[str, str], **more: Any) -> Scope:
        """Make a scope that goes by this time."""
        by = {"clock": self.clock, "sleep": self.sleep, "now": self.now}
        return Scope(environ=environment, **(by | more))


@dataclass(frozen=True)
class From(Fault):
    """A fault that strikes an operation's calls from one to another, counted from 1."""

    first: int = 1
    last: int | None = None
    met: list[int] = field(default_factory=list, compare=False)

    def strikes(self, operation: str, _random: object) -> bool:
        """Whether it is this operation, and its turn."""
        if operation != self.operation:
            return False
        self.met.append(1)
        return self.first <= len(self.met) <= (self.last or len(self.met))


def put(
    emulator: LocalServer,
    name: str,
    age: timedelta = DAY,
    *,
    tags: Mapping[str, str] | None = None,
    message_ttl_seconds: int = 60,
    stored: bool = False,
) -> SignalingChannel:
    """Put an ACTIVE channel of that age there; `stored` links it to a stream of its own."""
    backend = emulator.backend()
    backend.list_signaling_channels(1, None, "")  # lets go what is gone, or it would go later
    created = emulator.settings.clock().replace(microsecond=0) - age
    channel = backend.put_channel(name, created, created, message_ttl_seconds, dict(tags or {}))
    if stored:
        backend.store_media(channel)
    return channel


def put_many(emulator: LocalServer, names: Iterable[str], age: timedelta = DAY) -> list[str]:
    """Put many alike there; return their names."""
    return [put(emulator, name, age).channel_name for name in names]


def retag(emulator: LocalServer, name: str, tags: Mapping[str, str]) -> None:
    """Give the channel these tags and no others, now, unchecked."""
    backend = emulator.backend()
    backend.put_tags(backend.channels[name], dict(tags))


def names(emulator: LocalServer) -> set[str]:
    """Answer which channels are there: neither gone nor on their way out."""
    now = emulator.settings.clock()
    there = emulator.backend().channels.values()
    return {each.channel_name for each in there if each.status(now) != "DELETING"}


def writes(emulator: LocalServer) -> dict[str, int]:
    """Answer how often each operation that may change something was called."""
    called = emulator.calls
    return {name: called[name] for name in sorted(called) if not name.startswith(READING)}
