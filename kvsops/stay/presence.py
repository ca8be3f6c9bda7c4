"""A peer's stay in a channel: it keeps its place as long as nobody else takes it.

A lost connection is made again, with fresh endpoints and a fresh URL; GO_AWAY is obeyed (by
`Session`). It ends where the channel is gone, or where the service closes the connection in
order, as it does when another has taken the place: two masters that displace each other for ever
would both be of no use.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Literal, Self

from kvsops.core.wire.ice import Endpoints, IceServer, Role
from kvsops.core.wire.message import Action, MessageType, Received
from kvsops.errors import DeniedError, KvsopsError, NotFoundError, UsageError
from kvsops.peers.ice import Ice
from kvsops.signaling.access import Access
from kvsops.signaling.refusals import GarbledError, SignalingError
from kvsops.signaling.session import Session
from kvsops.signaling.threads import in_thread
from kvsops.stay.servers import Servers

FIRST_WAIT_SECONDS: Final = 1.0
LONGEST_WAIT_SECONDS: Final = 30.0
SOON_SECONDS: Final = 30.0
"""A connection that breaks off within this time has not lasted."""
SHORT_STAYS: Final = 3
"""So many that did not last, one after the other: no network fails so, a rival does."""
IDLE_SECONDS: Final = 600.0
LIFE_SECONDS: Final = 3600.0
"""After how long the service ends a connection on which nothing came or went; and any connection.

Source: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/kvswebrtc-limits.html
"""
_ABOUT_SECONDS: Final = 15.0
_GONE: Final = "the channel was deleted"
_FINAL: Final = ("not-found", "denied", "clock", "tls", "malformed")
"""Refusals that trying again does not help."""


@dataclass(frozen=True, slots=True)
class Connected:
    """It is in the channel, again or for the first time."""

    again: bool


@dataclass(frozen=True, slots=True)
class Moved:
    """GO_AWAY was obeyed: it is connected anew, and nothing was lost."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is lost, or could not be made: it is tried (again) after `wait_seconds`."""

    why: str
    wait_seconds: float


@dataclass(frozen=True, slots=True)
class ServersFailed:
    """No fresh ICE servers could be had: the old ones are used."""

    why: str


@dataclass(frozen=True, slots=True)
class Garbled:
    """A message came that is none, and was left alone."""

    why: str


Event = Connected | Moved | Lost | ServersFailed | Garbled


class LeftError(KvsopsError):
    """The place is lost for good.

    `kind` is `gone` where the channel is, `displaced` where another took the place (or seems to
    have), and `refused` where the service does not let it in again.
    """

    def __init__(self, message: str, kind: Literal["gone", "displaced", "refused"]) -> None:
        super().__init__(message)
        self.kind = kind


class Presence:
    """A peer's place: `async with Presence(access, arn, "viewer", "me") as presence: …`.

    Entering connects, and raises `KvsopsError` with the reason if that is refused. Somebody has to
    `receive` all the time, in a task of its own: that is where a lost connection is made again.
    `tell` hears what happens; `sleep`, `clock` and `now` are the caller's time.
    """

    def __init__(
        self,
        access: Access,
        channel_arn: str,
        role: Role,
        client_id: str | None = None,
        *,
        tell: Callable[[Event], object] = lambda _: None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.role, self.channel_arn, self.client_id = role, channel_arn, client_id
        self._access, self._tell, self._sleep = access, tell, sleep
        self._clock, self._now = clock, now
        self._session: Session | None = None
        self._endpoints: Endpoints | None = None
        self._servers = Servers(self._ice_servers, clock)
        self._there = asyncio.Event()
        self._since = self._active_at = 0.0
        self._stays: deque[float] = deque(maxlen=SHORT_STAYS)

    async def __aenter__(self) -> Self:
        try:
            await self._connect(again=False)
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Leave the place."""
        self._there.set()  # whoever waits to send is told that it is over
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def receive(self) -> Received:
        """Return the next message, over however many connections.

        RECONNECT_ICE_SERVER has been taken note of, and a STATUS_RESPONSE is the caller's (see
        `explain`). Raises `LeftError` when the place is lost for good.
        """
        while True:
            try:
                message = await self._open.receive()
            except GarbledError as error:
                self._tell(Garbled(str(error)))
                continue
            except SignalingError as error:
                await self._return(error)
                continue
            self._active_at = self._clock()
            if message.message_type is MessageType.RECONNECT_ICE_SERVER:
                self._servers.expire()
            return message

    async def send(self, action: Action, payload: str, recipient: str | None = None) -> None:
        """Send a message, once it is connected; raises `MessageError` or `SignalingError`."""
        await self._there.wait()
        if self._session is None:
            raise SignalingError(f"{action} was not sent: the {self.role} has left", "closed")
        await self._session.send(action, payload, recipient)
        self._active_at = self._clock()

    def explain(self, message: Received) -> str:
        """Say in one line what a STATUS_RESPONSE is about."""
        return self._open.explain(message)

    async def ice(self) -> Ice:
        """Return what a new peer connects through: fresh servers, if the old have expired.

        Raises `KvsopsError` where none were ever had.
        """
        try:
            return await self._servers.get()
        except KvsopsError as error:
            if self._servers.last is None:
                raise
            self._tell(ServersFailed(str(error)))
            return self._servers.last

    @property
    def _open(self) -> Session:
        if self._session is None:
            raise SignalingError(f"the {self.role} has left", "closed")
        return self._session

    async def _connect(self, *, again: bool) -> None:
        """Ask where, and connect there; raises `KvsopsError`."""
        self._endpoints = await in_thread(self._access.endpoints, self.channel_arn, self.role)
        self._session = self._access.session(
            self.channel_arn, self._endpoints, self.client_id, self._now, moved=self._moved
        )
        await self._session.connect()
        self._since = self._active_at = self._clock()
        self._there.set()
        self._tell(Connected(again))

    def _moved(self) -> None:
        self._since = self._active_at = self._clock()
        self._tell(Moved())

    async def _return(self, error: SignalingError) -> None:
        """Connect again after the loss of a connection; raises `LeftError` where it must not."""
        self._there.clear()
        now = self._clock()
        self._stays.append(now - self._since)
        session = self._open
        await session.close()
        await self._check_gone()
        if self._taken(error, now):
            raise LeftError(_displaced(self.role), "displaced")
        why = str(error)
        for seconds in _waits():
            self._tell(Lost(why, seconds))
            await self._sleep(seconds)
            try:
                await self._connect(again=True)
            except KvsopsError as refused:
                why = self._refused(refused)
            else:
                return

    async def _check_gone(self) -> None:
        gone = False
        with suppress(KvsopsError):  # not to be known: then connecting tells
            gone = await in_thread(self._access.gone, self.channel_arn)
        if gone:
            raise LeftError(_GONE, "gone") from None

    def _taken(self, error: SignalingError, now: float) -> bool:
        """Whether the connection ended because another has its place, as far as can be seen."""
        if error.orderly:
            return not (
                _about(now - self._active_at, IDLE_SECONDS)
                or _about(now - self._since, LIFE_SECONDS)
            )
        short = [stay for stay in self._stays if stay < SOON_SECONDS]
        return error.kind == "closed" and len(short) == SHORT_STAYS

    def _refused(self, error: KvsopsError) -> str:
        """Say why it is not in yet; raises `LeftError` where trying again is of no use."""
        if isinstance(error, NotFoundError) or getattr(error, "kind", None) == "not-found":
            raise LeftError(_GONE, "gone") from None
        if isinstance(error, DeniedError | UsageError) or getattr(error, "kind", None) in _FINAL:
            raise LeftError(f"the {self.role} cannot connect again: {error}", "refused") from None
        return str(error)

    async def _ice_servers(self) -> list[IceServer]:
        if self._endpoints is None:
            raise SignalingError(f"the {self.role} is not connected", "closed")
        return await in_thread(self._access.ice_servers, self._endpoints, self.channel_arn)


def _waits() -> Iterator[float]:
    seconds = FIRST_WAIT_SECONDS
    while True:
        yield seconds
        seconds = min(2 * seconds, LONGEST_WAIT_SECONDS)


def _about(seconds: float, limit: float) -> bool:
    return abs(seconds - limit) <= _ABOUT_SECONDS


def _displaced(role: Role) -> str:
    other = "another master" if role == "master" else "another viewer with its client id"
    return f"{other} took the {role}'s place"
