"""The signaling relay: WebSockets of masters and viewers, and the messages between them.

Source: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/kvswebrtc-websocket-apis.html
"""

import asyncio
from contextlib import suppress
from datetime import datetime
from functools import partial
from time import perf_counter
from typing import Final

from aiohttp import WSMsgType, web

from kvsops.core.wire.ice import Role
from kvsops.core.wire.message import (
    MessageType,
    Received,
    Sent,
    StatusResponse,
    check_size,
    decode_sent,
)
from kvsops.errors import MessageError
from kvsops.local.api.call import Answer, Call, date_header, error_answer
from kvsops.local.faults import (
    DROP,
    DROP_AFTER,
    GO_AWAY,
    RECONNECT_ICE_SERVER,
)
from kvsops.local.middleware import Middleware
from kvsops.local.signaling import telling
from kvsops.local.signaling.admission import (
    INVALID_ARGUMENT,
    LIMIT_EXCEEDED,
    Place,
    Refused,
    check_fault,
    presigned,
)
from kvsops.local.signaling.channel_state import (
    OPERATIONS,
    ChannelState,
    PeerId,
    received,
    recipient_of,
)
from kvsops.local.signaling.counters import DISPLACED, OK, Counters
from kvsops.local.signaling.delivery import Delivery, Recipient
from kvsops.local.signaling.peer_socket import PeerSocket

CONNECTS: Final[dict[Role, str]] = {"master": "ConnectAsMaster", "viewer": "ConnectAsViewer"}
_SECONDS_BETWEEN_LOOKS = 0.1
_TEXT = (WSMsgType.TEXT, WSMsgType.BINARY)
_ENDS = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR)


class Relay:
    """The connections of one emulator; everything runs on one event loop."""

    def __init__(self, middleware: Middleware, counters: Counters, delivery: Delivery) -> None:
        self._middleware, self._settings = middleware, middleware.settings
        self._counters, self._delivery = counters, delivery
        self._connections: set[PeerSocket] = set()
        self._closing = False

    # Connecting

    async def connect(self, request: web.BaseRequest, call: Call, role: Role) -> web.StreamResponse:
        """Answer a request on a role's endpoint: refuse it, or serve it until it ends."""
        operation, began, place = CONNECTS[role], perf_counter(), None
        fault = self._middleware.fault(operation)
        if fault == DROP:
            self._counters.call(operation, None, began, DROP)
            return hang_up(request)
        try:
            place, client_id = presigned(call, role, self._settings)
            check_fault(fault)
            connection = PeerSocket(place, role, client_id, self._settings.clock())
            if not connection.ws.can_prepare(request).ok:
                raise Refused(INVALID_ARGUMENT, "This endpoint is for WebSockets.")
            self._let_in(place, role, client_id)
        except Refused as refused:
            telling.refused_connect(operation, place, refused)
            self._counters.call(operation, place, began, refused.code)
            return refusal(refused, self._settings.clock())
        try:
            await self._open(connection, request, fault)
        except ConnectionError:  # the client has gone in the meantime
            self._counters.call(operation, None, began, DROP)
            return hang_up(request)
        self._counters.call(operation, place, began)
        return await self._serve(connection, fault)

    def _let_in(self, place: Place, role: Role, client_id: PeerId) -> None:
        """Refuse a connect beyond the rate, or one viewer too many."""
        if not self._middleware.admits(CONNECTS[role], place.account_id, place.region, place.name):
            raise Refused(LIMIT_EXCEEDED, "Rate exceeded")
        if role == "viewer" and client_id is not None:
            state = self._delivery.state_of(place)
            if state.is_full_for(client_id):
                raise Refused(LIMIT_EXCEEDED, "The channel has its maximum number of viewers.")
            state.expected.add(client_id)

    async def _open(
        self, connection: PeerSocket, request: web.BaseRequest, fault: str | None
    ) -> None:
        state = self._delivery.state_of(connection.place)
        try:
            await self._delivery.wait(fault)
            await connection.open(request)
        finally:
            state.expected.discard(connection.peer_id or "")

    # While it lives

    async def _serve(self, connection: PeerSocket, fault: str | None) -> web.StreamResponse:
        if self._closing or fault == DROP_AFTER:
            connection.abort()
            return connection.ws
        place, began = connection.place, perf_counter()
        state = self._delivery.state_of(place)
        self._connections.add(connection)
        try:
            if displaced := state.join(connection):
                displaced.give_way(close=self._settings.close_displaced)
            await self._greet(connection, state, fault)
            await connection.live(self._listen(connection))
            began = perf_counter()
        finally:
            state.leave(connection)
            self._connections.discard(connection)
            connection.ended.set()
            outcome = DISPLACED if connection.displaced else OK
            self._counters.call("Disconnect", place, began, outcome)
        return connection.ws

    async def _greet(
        self, connection: PeerSocket, state: ChannelState[Recipient], fault: str | None
    ) -> None:
        now = self._settings.clock()
        await self._keep_alive(connection)
        for message in state.take(connection.peer_id, now):
            if await connection.send(message):
                self._counters.message(connection.place)
        if fault == GO_AWAY:
            await connection.go_away(now)
        if fault == RECONNECT_ICE_SERVER:
            await connection.send(Received(MessageType.RECONNECT_ICE_SERVER))

    async def _keep_alive(self, connection: PeerSocket) -> None:
        """Send an empty text frame: AWS does so now and then; when exactly, is not known."""
        if self._settings.empty_frames:
            await connection.send_text("")

    async def _listen(self, connection: PeerSocket) -> None:
        while True:
            frame = await connection.ws.receive()
            if frame.type in _ENDS:
                return
            connection.active_at = self._settings.clock()
            if frame.type in _TEXT:
                await self._message(connection, frame.data)
            elif frame.type is WSMsgType.PING:
                await connection.pong(frame.data)

    # Messages

    async def _message(self, connection: PeerSocket, data: str | bytes) -> None:
        """Accept a message, or say why not, which AWS does only if it has a correlation id."""
        began = perf_counter()
        try:
            sent = decode_sent(data)
        except MessageError as error:
            refused = Refused(INVALID_ARGUMENT, str(error))
            await _complain(connection, error, len(data), refused)
            return
        operation = OPERATIONS[sent.action]
        try:
            await self._take_on(connection, sent, self._middleware.fault(operation))
        except Refused as refused:
            await _complain(connection, sent, len(data), refused)
            self._counters.call(operation, connection.place, began, refused.code)
        else:
            self._counters.call(operation, connection.place, began)
            await self._keep_alive(connection)

    async def _take_on(self, connection: PeerSocket, sent: Sent, fault: str | None) -> None:
        check_fault(fault)
        if self._settings.quotas and not connection.admits(sent.action, connection.active_at):
            raise Refused(LIMIT_EXCEEDED, "Rate exceeded")
        try:
            check_size(sent, strict=self._settings.strict_payloads)
            recipient = recipient_of(connection.role, sent)
        except MessageError as error:
            raise Refused(INVALID_ARGUMENT, str(error)) from None
        message = received(connection.peer_id, sent)
        deliver = partial(
            self._delivery.send, connection.place, connection.peer_id, recipient, message
        )
        await self._delivery.dispatch(connection, deliver, fault)
        self._counters.message(connection.place)  # after delivery: a waiting recipient comes first

    # Its own time

    async def run(self, stop: asyncio.Event) -> None:
        """Attend to the connections until told to stop, then close them."""
        while not stop.is_set():
            await self._look_after()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _SECONDS_BETWEEN_LOOKS)
        await self._close()

    async def _look_after(self) -> None:
        now = self._settings.clock()
        for connection in [*self._connections]:
            if not connection.closing and await connection.look_after(now):
                connection.close()
        self._delivery.forget()

    async def _close(self) -> None:
        self._closing = True
        await self._delivery.close()
        for connection in self._connections:
            connection.close()
        await asyncio.gather(*(connection.ended.wait() for connection in self._connections))


async def _complain(
    connection: PeerSocket, message: Sent | MessageError, size: int, refused: Refused
) -> None:
    """Refuse a message, or what cannot be read as one: in the log, and to its sender if asked."""
    correlation_id = message.correlation_id
    told = correlation_id is not None
    channel, peer = connection.place.name, connection.peer_id
    telling.refused_message(channel, peer, message.action, size, refused, told=told)
    if told:
        status = StatusResponse(correlation_id, refused.code, str(refused.status), str(refused))
        await connection.send(Received(MessageType.STATUS_RESPONSE, status=status))


def hang_up(request: web.BaseRequest) -> web.Response:
    """Break off the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def refusal(refused: Refused, now: datetime) -> web.Response:
    """Answer an error as AWS does."""
    return response(error_answer(refused.status, refused.code, str(refused)), now)


def response(answer: Answer, now: datetime) -> web.Response:
    """Turn an answer into aiohttp's, with the date."""
    headers = answer.headers | date_header(now)
    return web.Response(status=answer.status, body=answer.body, headers=headers)
