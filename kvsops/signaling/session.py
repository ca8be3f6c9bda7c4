"""An asynchronous WebSocket client of one peer of a channel, master or viewer.

It asks its caller for a presigned URL for each connection, and keeps the peer connected: when the
service says GO_AWAY it connects again within the grace, and what is sent and received goes on
there. URLs are secrets: none is in an exception, a log or a repr.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

import aiohttp
import stamina
import stamina.instrumentation

from kvsops.core.wire.ice import Role
from kvsops.core.wire.message import (
    Action,
    MessageType,
    Received,
    Sent,
    decode_received,
    encode_sent,
)
from kvsops.errors import KvsopsError, MessageError
from kvsops.signaling.refusals import GarbledError, SignalingError, refusal
from kvsops.signaling.websocket import WebSocket

Address = Callable[[], Awaitable[str]]
"""Gives a presigned URL, a new one each time."""

PING_SECONDS: Final = 10.0
"""How often a silent connection is asked whether it still stands, as AWS's clients do."""
CONNECT_SECONDS: Final = 8.0
ATTEMPTS: Final = 4
FIRST_WAIT_SECONDS: Final = 0.4  # above a third of a second: 3 connects a second are allowed
GRACE_SECONDS: Final = 60.0
"""How long after GO_AWAY the old connection still stands.

Source: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/kvswebrtc-limits.html
"""
DRAIN_SECONDS: Final = 0.5
SECONDS_BETWEEN: Final = {
    Action.SDP_OFFER: 0.25,
    Action.SDP_ANSWER: 0.25,
    Action.ICE_CANDIDATE: 0.06,
}
"""How close together messages of a kind are sent: 5 descriptions and 20 candidates a second are
allowed on one connection."""

# The caller reports a retry; stamina's own log lines would repeat it.
stamina.instrumentation.set_on_retry_hooks([])


class Session:
    """One peer's place in a channel: `async with Session("viewer", arn, address) as session: …`.

    `address` gives the presigned URL of each connection. Entering connects, and raises
    `SignalingError` with the reason if that is refused. `moved` is called when a GO_AWAY has been
    obeyed. `now` is what the server's Date is compared with; `clock` and `sleep` are what it paces
    its messages by.
    """

    def __init__(
        self,
        role: Role,
        channel_arn: str,
        address: Address,
        *,
        moved: Callable[[], object] = lambda: None,
        attempts: int = ATTEMPTS,
        ping_seconds: float = PING_SECONDS,
        connect_seconds: float = CONNECT_SECONDS,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.role: Role = role
        self.channel_arn = channel_arn
        self.connects = 0
        """How often it connected: more than once after a GO_AWAY."""
        self.refused: SignalingError | None = None
        """Why it was refused when it last tried; None once it is connected."""
        self._address, self._sleep, self._clock, self._now = address, sleep, clock, now
        self._moved, self._attempts = moved, attempts
        self._ping_seconds, self._connect_seconds = ping_seconds, connect_seconds
        self._messages: asyncio.Queue[Received | SignalingError] = asyncio.Queue()
        self._sent: dict[str, Action] = {}
        self._slots: dict[Action, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._current: WebSocket | None = None
        self._open: list[WebSocket] = []
        self._settled = asyncio.Event()
        """Not set from a GO_AWAY on until it is obeyed, or cannot be."""
        self._settled.set()

    def __repr__(self) -> str:
        return f"Session({self.role!r}, {self.channel_arn!r})"

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def connect(self) -> None:
        """Connect, again after a while where that may help; raises `SignalingError`."""
        caller = stamina.AsyncRetryingCaller(
            attempts=self._attempts, timeout=None, wait_initial=FIRST_WAIT_SECONDS, wait_max=4
        )
        self._current = await caller.on(_worth_retrying)(self._opened)
        self._open.append(self._current)
        self.connects += 1
        self._start(self._read(self._current))

    async def close(self) -> None:
        """Say goodbye and let everything go."""
        self._current = None
        self._settled.set()
        tasks, websockets = [*self._tasks], [*self._open]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*(each.close() for each in websockets))
        await asyncio.gather(*tasks, return_exceptions=True)

    async def send(self, action: Action, payload: str, recipient: str | None = None) -> None:
        """Send a message. Raises `MessageError` if it is too large, `SignalingError` if it cannot.

        There is no acknowledgement: a refusal comes as a STATUS_RESPONSE (see `explain`).
        After a GO_AWAY it waits for the new connection: the service may let the old one go as soon
        as the new one is there, and what was just sent on it with it.
        """
        correlation_id = secrets.token_hex(8)
        text = encode_sent(Sent(action, payload, recipient, correlation_id))
        self._sent[correlation_id] = action
        await self._turn(action)
        await self._settled.wait()
        try:
            if self._current is None:
                raise ConnectionResetError
            await self._current.socket.send_str(text)
        except (ConnectionError, aiohttp.ClientError):
            pass
        else:
            return
        raise SignalingError(f"{action} was not sent: the {self.role} is disconnected", "closed")

    async def receive(self) -> Received:
        """Return the next message; raises `SignalingError` when no more can come.

        One that cannot be read is a `GarbledError`, after which others may come. GO_AWAY has been
        obeyed already. RECONNECT_ICE_SERVER is the caller's: it has the peers.
        """
        message = await self._messages.get()
        if isinstance(message, SignalingError):
            if not isinstance(message, GarbledError):
                self._messages.put_nowait(message)  # for whoever asks again
            raise message
        return message

    def explain(self, message: Received) -> str:
        """Say in one line what a STATUS_RESPONSE is about."""
        status = message.status
        if status is None:
            return "the service refused a message without saying why"
        what = self._sent.get(status.correlation_id or "", "a message")
        parts = [status.status_code, status.error_type, status.description]
        return f"{what} was refused: {' '.join(part for part in parts if part)}"

    async def _turn(self, action: Action) -> None:
        """Wait until a message of this kind may be sent: a burst would be refused."""
        now = self._clock()
        slot = max(self._slots.get(action, now), now)
        self._slots[action] = slot + SECONDS_BETWEEN[action]
        if slot > now:
            await self._sleep(slot - now)

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _opened(self) -> WebSocket:
        url = await self._address()
        websocket = WebSocket()
        failure = await websocket.open(url, self._ping_seconds, self._connect_seconds)
        if failure is None:
            self.refused = None
            return websocket
        # Outside of any `except`: the error of aiohttp, which holds the URL, is not its context.
        self.refused = refusal(
            failure, self.role, self.channel_arn, url, now=self._now(), body=websocket.refusal
        )
        raise self.refused

    async def _read(self, websocket: WebSocket) -> None:
        """Take in what comes until the connection ends; say so unless another took its place."""
        async for frame in websocket.socket:
            if frame.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                self._take(frame.data)
        if websocket is self._current and self._settled.is_set():
            self._messages.put_nowait(self._ended(websocket))

    def _take(self, data: str | bytes) -> None:
        try:
            message = decode_received(data) if data else None
        except MessageError as error:
            text = f"the service sent something that is not a signaling message: {error}"
            self._messages.put_nowait(GarbledError(text))
            return
        if message is None:  # an empty text keeps the connection alive
            return
        if message.message_type is not MessageType.GO_AWAY:
            self._messages.put_nowait(message)
        elif self._settled.is_set():
            self._settled.clear()
            self._start(self._move())

    async def _move(self) -> None:
        """Connect anew, then let the old connection's last messages come, and close it."""
        old = self._current
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                await self.connect()
        except TimeoutError:
            text = "GO_AWAY was not obeyed in time: the service took no new connection"
            self._messages.put_nowait(SignalingError(text, "timeout"))
        except SignalingError as error:
            text = f"after GO_AWAY the new connection was refused: {error}"
            self._messages.put_nowait(SignalingError(text, error.kind))
        except KvsopsError as error:  # of the caller, who could not sign
            text = f"after GO_AWAY no URL could be signed: {error}"
            self._messages.put_nowait(SignalingError(text, "denied"))
        else:
            self._moved()
        finally:
            self._settled.set()
        if old is not None and self._current is not old:
            await self._sleep(DRAIN_SECONDS)
            await old.close()
            self._open.remove(old)

    def _ended(self, websocket: WebSocket) -> SignalingError:
        """Tell how the connection ended. What code AWS ends with, and when, is not documented."""
        code, error = websocket.socket.close_code, websocket.socket.exception()
        if isinstance(error, TimeoutError | aiohttp.ServerTimeoutError):
            text = f"the {self.role}'s signaling went silent: pings were not answered"
            return SignalingError(text, "timeout", transient=True)
        other = "master" if self.role == "master" else "viewer with its client id"
        why = f"another {other} took its place, or the channel was deleted"
        if code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE:  # never sent: no goodbye came
            why = f"the network failed, {why}"
            text = f"the {self.role}'s signaling broke off without a goodbye: {why}"
            return SignalingError(text, "closed")
        text = f"the service ended the {self.role}'s signaling (code {code}): {why}"
        return SignalingError(text, "closed", orderly=True)


def _worth_retrying(error: Exception) -> bool:
    return isinstance(error, SignalingError) and error.transient
