"""The open pages: what they are told, and what they say, each over a WebSocket of its own."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final, Protocol

from aiohttp import WSCloseCode, WSMsgType, web

from kvsops.core.wire.message import json_object
from kvsops.errors import MessageError
from kvsops.web.guard import BODY_MAXIMUM, Limits, Rate
from kvsops.web.links import Links, Refused, Seat

HEARTBEAT_SECONDS: Final = 10.0
"""How often a silent page is asked whether it is still there; it has half of that to answer."""
_UNSENT: Final = 64  # messages to a page that does not read, before it is given up
_CLOSE_SECONDS: Final = 1.0
_SECONDS_BETWEEN_LOOKS: Final = 0.01

Message = Mapping[str, Any]


class Room(Protocol):
    """What the pages are there for. It may tell pages anything, at any time, by `Pages.tell`."""

    def greeting(self, seat: Seat) -> Message:
        """Return what a page is told first."""

    async def came(self, seat: Seat) -> None:
        """Take note that a page is there: the first time, or again."""

    async def left(self, seat: Seat) -> None:
        """Take note that it has gone; it may come back: a close and a reload look alike."""

    async def said(self, seat: Seat, message: Message) -> None:
        """Take what a page says: any JSON object, written by whoever holds the link."""


class _Page:
    """One open page: messages to it wait in a queue, so that a slow one holds up nobody."""

    def __init__(
        self, socket: web.WebSocketResponse, transport: asyncio.Transport | None, rate: Rate
    ) -> None:
        self.socket, self._transport = socket, transport
        self.rate = rate
        self._unsent: asyncio.Queue[str | None] = asyncio.Queue(_UNSENT)

    def tell(self, message: Message) -> None:
        self._put(json.dumps(message))

    def close(self) -> None:
        """End it, once what it was told is sent."""
        self._put(None)

    def _put(self, text: str | None) -> None:
        try:
            self._unsent.put_nowait(text)
        except asyncio.QueueFull:  # it does not read
            if self._transport is not None:
                self._transport.abort()

    async def write(self, first: Callable[[], Awaitable[Message]]) -> None:
        with suppress(ConnectionError):
            await self.socket.send_json(await first())
            while (text := await self._unsent.get()) is not None:
                await self.socket.send_str(text)
            await self.socket.close(code=WSCloseCode.GOING_AWAY)


class SilentError(MessageError):
    """A stranger who says nothing in time."""


class Pages:
    """Seats the pages that show a link, and carries messages between them and the room.

    `way` has at hand what a seat's page connects to the channel with, or None: then the page asks.
    """

    def __init__(
        self,
        links: Links,
        room: Room,
        limits: Limits,
        way: Callable[[Seat], Awaitable[Message | None]],
    ) -> None:
        self._links, self._room, self._limits, self._way = links, room, limits, way
        self._open: dict[Seat, _Page] = {}
        self._waiting: list[asyncio.Timeout] = []

    def tell(self, seat: Seat, message: Message) -> None:
        """Tell the page of a seat, if one is there."""
        if page := self._open.get(seat):
            page.tell(message)

    def tell_all(self, message: Message) -> None:
        """Tell all pages."""
        for seat in self.seats():
            self.tell(seat, message)

    def seats(self) -> list[Seat]:
        """Return the seats at which a page is now."""
        return [*self._open]

    def dismiss(self, seat: Seat, why: str, text: str) -> None:
        """Tell the page that its place has ended, and why; it does not come back by itself."""
        if page := self._open.get(seat):
            page.tell({"type": "over", "why": why, "text": text})
            page.close()

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serve a page's WebSocket until it ends."""
        socket = web.WebSocketResponse(
            heartbeat=HEARTBEAT_SECONDS,
            max_msg_size=BODY_MAXIMUM,
            compress=False,
            timeout=_CLOSE_SECONDS,
        )
        await socket.prepare(request)
        try:
            hello = await self.first_message(socket)
            seat = self._links.take(text_of(hello, "link"), text_of(hello, "seat"))
        except SilentError as error:  # its machine may be slow: the page comes again by itself
            await socket.close(code=WSCloseCode.TRY_AGAIN_LATER, message=_bytes(error))
            return socket
        except (Refused, MessageError) as error:
            return await _turned_away(socket, error)
        await self._live(seat, _Page(socket, request.transport, Rate(self._limits)))
        return socket

    async def first_message(self, socket: web.WebSocketResponse) -> dict[str, object]:
        """Wait for what a stranger says first; raises `MessageError`, `SilentError` if it is late.

        Where too many wait, whoever has been silent for longest waits no more: pages of ours say
        it at once, so that they are let in through a crowd.
        """
        try:
            async with asyncio.timeout(self._limits.hello_seconds) as patience:
                self._waiting.append(patience)
                if len(self._waiting) > self._limits.strangers:
                    _end_now(self._waiting.pop(0))
                frame = await socket.receive()
        except TimeoutError:
            raise SilentError("nothing was said") from None
        finally:
            if patience in self._waiting:
                self._waiting.remove(patience)
        if frame.type is not WSMsgType.TEXT:
            raise MessageError("only text is understood")
        return json_object(frame.data)

    async def end(self, text: str) -> None:
        """Dismiss all pages, and wait a moment until they have been told."""
        for seat in self.seats():
            self.dismiss(seat, "ended", text)
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                while self._open:
                    await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)

    async def _live(self, seat: Seat, page: _Page) -> None:
        self.dismiss(seat, "displaced", "this page was opened again elsewhere")
        self._open[seat], seat.taken, seat.left_at = page, True, None
        writing = asyncio.create_task(page.write(partial(self._seated, seat)))
        try:
            await self._room.came(seat)
            await self._listen(seat, page)
        finally:
            writing.cancel()
            if self._open.get(seat) is page:
                del self._open[seat]
                seat.taken, seat.left_at = False, self._links.now()
                await self._room.left(seat)

    async def _seated(self, seat: Seat) -> Message:
        """Return what a page is told before all else."""
        told = {"type": "seated", "seat": seat.token, **self._room.greeting(seat)}
        return told | {"way": await self._way(seat)}

    async def _listen(self, seat: Seat, page: _Page) -> None:
        """Hear the page, until it ends or says what it may not."""
        async for frame in page.socket:
            try:
                page.rate.take()
                if frame.type is not WSMsgType.TEXT:
                    raise MessageError("only text is understood")
                message = json_object(frame.data)
            except (Refused, MessageError) as error:
                await page.socket.close(code=WSCloseCode.POLICY_VIOLATION, message=_bytes(error))
                return
            await self._room.said(seat, message)


def _end_now(patience: asyncio.Timeout) -> None:
    if not patience.expired():
        patience.reschedule(0)


def text_of(message: Mapping[str, object], name: str) -> str:
    """Return a text of a message, or an empty one."""
    value = message.get(name)
    return value if isinstance(value, str) else ""


async def _turned_away(
    socket: web.WebSocketResponse, error: Refused | MessageError
) -> web.WebSocketResponse:
    why = error.why if isinstance(error, Refused) else "malformed"
    with suppress(ConnectionError):
        await socket.send_json({"type": "over", "why": why, "text": str(error)})
        await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=_bytes(error))
    return socket


def _bytes(error: Exception) -> bytes:
    return str(error).encode()[:120]  # a control frame holds 125
