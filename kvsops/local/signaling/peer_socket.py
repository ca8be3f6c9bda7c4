"""One WebSocket of the relay: its limits in time and rate, and what is sent to it.

Source: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/kvswebrtc-limits.html
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from typing import Final

from aiohttp import WSCloseCode, web

from kvsops.core.wire.ice import Role
from kvsops.core.wire.message import Action, MessageType, Received, encode_received
from kvsops.local.quotas import Bucket
from kvsops.local.signaling import telling
from kvsops.local.signaling.admission import Place
from kvsops.local.signaling.channel_state import PeerId

LIFE: Final = timedelta(hours=1)
IDLE: Final = timedelta(minutes=10)
"""How long a connection may be silent. That a ping counts as a sign of life is our assumption."""
GRACE: Final = timedelta(minutes=1)
"""What is left of a connection's life after GO_AWAY."""
SDP_A_SECOND: Final = 5
CANDIDATES_A_SECOND: Final = 20

SUBPROTOCOL: Final = "wss"
"""What AWS's C clients ask for; that it is agreed to, where it is asked for, is our choice."""
FRAME_MAXIMUM: Final = 128 * 1024
"""The largest frame read; what is larger ends the connection. Our choice: AWS's is not known."""
_UNREAD_MAXIMUM = 1 << 20  # of unread data, before the client is dropped
_NEVER_PAUSED = 1 << 23
_SECONDS_TO_CLOSE = 1.0


class PeerSocket:
    """A peer of a channel, connected. The codes that it is closed with are our choice."""

    def __init__(self, place: Place, role: Role, client_id: PeerId, now: datetime) -> None:
        self.place = place
        self.role: Role = role
        self.peer_id = None if role == "master" else client_id
        self.ws = web.WebSocketResponse(
            autoping=False,
            compress=False,
            max_msg_size=FRAME_MAXIMUM,
            protocols=(SUBPROTOCOL,),
            timeout=_SECONDS_TO_CLOSE,
        )
        self.active_at = now
        self.ends_at = now + LIFE
        self.overtaken: list[Callable[[], Awaitable[None]]] = []
        """Deliveries that wait to be overtaken by the next one, where the settings want that."""
        self.closing = False
        self.displaced = False
        self.ended = asyncio.Event()
        self._listening: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._going_away = False
        sdp = Bucket(SDP_A_SECOND, now)
        candidates = Bucket(CANDIDATES_A_SECOND, now)
        self._buckets = dict.fromkeys(Action, sdp) | {Action.ICE_CANDIDATE: candidates}

    def admits(self, action: Action, now: datetime) -> bool:
        """Whether one more message of this kind is within the connection's rate."""
        return self._buckets[action].take(now)

    async def open(self, request: web.BaseRequest) -> None:
        """Answer the request with the upgrade."""
        await self.ws.prepare(request)
        self._transport = request.transport
        if self._transport is not None:  # so that a client that does not read blocks nobody
            self._transport.set_write_buffer_limits(high=_NEVER_PAUSED)

    async def send(self, message: Received) -> bool:
        """Send a message; return whether the client could take it."""
        return await self.send_text(encode_received(message))

    async def send_text(self, text: str) -> bool:
        """Send a text frame; return whether the client could take it."""
        return self._is_writable() and await _sent(self.ws.send_str(text))

    async def pong(self, data: bytes) -> None:
        """Answer a ping, if the client is still there."""
        if self._is_writable():
            await _sent(self.ws.pong(data))
            await asyncio.sleep(0)  # let the loop learn that the client has gone, amid a flood

    def _is_writable(self) -> bool:
        """Whether the client is there, and reads."""
        if self._transport is None or self._transport.is_closing() or self.ws.closed:
            return False
        if self._transport.get_write_buffer_size() > _UNREAD_MAXIMUM:
            self.abort()
            return False
        return True

    async def go_away(self, now: datetime) -> None:
        """Tell the client to reconnect within a minute."""
        self._going_away = True
        self.ends_at = min(self.ends_at, now + GRACE)
        await self.send(Received(MessageType.GO_AWAY))

    async def look_after(self, now: datetime) -> bool:
        """Do what is due; return whether the connection's time is up."""
        if now >= self.ends_at or now - self.active_at >= IDLE:
            return True
        if not self._going_away and now >= self.ends_at - GRACE:
            await self.go_away(now)
        return self.place.channel.gone_from is not None

    async def live(self, listen: Coroutine[None, None, None]) -> None:
        """Listen until the client ends, or `close` is called; then end it in order."""
        self._listening = asyncio.ensure_future(listen)
        await asyncio.wait([self._listening])
        if not self._listening.cancelled():
            self._listening.result()
        if self.closing:
            await self.ws.close(code=WSCloseCode.GOING_AWAY)  # waits shortly for the answer
            self.abort()

    def give_way(self, *, close: bool) -> None:
        """Take note that another connection has its place now, and begin to close it if asked.

        One left open gets no more messages; what it sends still goes out, in its old name.
        """
        self.displaced = True
        telling.displaced(self.place.name, self.peer_id, closed=close)
        if close:
            self.close()

    def close(self) -> None:
        """Begin to close it."""
        self.closing = True
        if self._listening is not None:
            self._listening.cancel()

    def abort(self) -> None:
        """Break off the connection."""
        if self._transport is not None:
            self._transport.abort()


async def _sent(sending: Coroutine[None, None, None]) -> bool:
    """Send; return whether the client was still there."""
    try:
        await sending
    except ConnectionError:
        return False
    return True
