"""A master and viewers meet through the signaling of a channel: offers, answers, candidates."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from types import MappingProxyType
from typing import Final, TypeVar

from kvsops.core.wire.ice import Role
from kvsops.core.wire.message import Action, MessageType, Received
from kvsops.core.wire.payload import Description, read_candidate, read_description
from kvsops.errors import KvsopsError, MessageError, PeerError
from kvsops.peers.call import Call
from kvsops.peers.ice import Ice
from kvsops.peers.peer import Peer
from kvsops.peers.waits import end_all, fail, unless
from kvsops.signaling.session import Session

Result = TypeVar("Result")
OpenSession = Callable[[Role, str | None], Session]
MakePeer = Callable[[Role, Call, Ice], Peer]
"""Makes our end of a call; a master's once it has the offer."""
BETWEEN_CONNECTS_SECONDS: Final = 0.35
"""Three connects a second are allowed."""
WAITING_SECONDS: Final = 0.3
"""How long offers that waited for a master take to come, once the first of them is there."""


class Meeting:
    """Who is connected, and how they come together.

    `client_ids` are those of our viewers; without any, the master answers somebody else's. Waits
    end at once, with a `PeerError` of the reason, when a signaling connection ends or a message
    is refused: `watched` lends the same to any other wait. Where the master is somebody else's and
    does not answer in `patience_seconds`, a viewer offers anew by its id of `second_ids`.
    """

    def __init__(
        self,
        client_ids: Iterable[str],
        make_peer: MakePeer,
        ice: Ice,
        open_session: OpenSession,
        *,
        second_ids: Mapping[str, str] = MappingProxyType({}),
        patience_seconds: float = 0.0,
    ) -> None:
        self.calls = [Call(client_id) for client_id in client_ids]
        self.master: Session | None = None
        self.ice_expired = asyncio.Event()
        """Set when the service asks to fetch the ICE servers anew (RECONNECT_ICE_SERVER)."""
        self.ice = ice
        self._make_peer, self._open_session = make_peer, open_session
        self._second_ids, self._patience_seconds = second_ids, patience_seconds
        self._viewers_are_ours = bool(self.calls)
        self._tasks: list[asyncio.Task[None]] = []
        self._trouble: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stranger = asyncio.Event()
        self._answering = False
        self._old: list[Peer] = []

    @property
    def sessions(self) -> list[Session]:
        """The signaling connections."""
        found = [self.master, *(call.session for call in self.calls)]
        return [session for session in found if session is not None]

    @property
    def ends(self) -> list[Peer]:
        """All peers that are ours."""
        return [end for call in self.calls for end in call.ends]

    async def watched(self, work: Awaitable[Result]) -> Result:
        """Await the work, unless trouble comes first."""
        return await unless(self._trouble, work)

    async def each(self, works: Iterable[Awaitable[object]]) -> None:
        """Await all of these together, unless trouble comes first."""
        await self.watched(asyncio.gather(*works))

    async def connect_master(self) -> None:
        """Connect as master; raises `SignalingError`."""
        self.master = self._open_session("master", None)
        await self.master.connect()
        self._pump(self.master, self._at_master)

    async def connect_viewers(self) -> None:
        """Connect the viewers one after the other, as fast as the service lets them."""
        for number, call in enumerate(self.calls):
            if number:
                await asyncio.sleep(BETWEEN_CONNECTS_SECONDS)
            await self._connect_viewer(call)

    def why_not_connected(self) -> str:
        """Tell why the last who tried was refused, where connecting took too long."""
        refusals = [session.refused for session in self.sessions if session.refused is not None]
        return (
            str(refusals[-1]) if refusals else "the service did not accept the connection in time"
        )

    async def offer(self) -> None:
        """Let every viewer offer, and wait until the master has the offers."""
        if not self._viewers_are_ours:
            await self.watched(self._stranger.wait())
            await asyncio.sleep(WAITING_SECONDS)
            return
        await self.each(self._offered(call) for call in self.calls)

    async def answer(self) -> None:
        """Let the master answer, and wait until every viewer has its answer."""
        self._answering = True
        await self.each(self._answered(call) for call in self.calls)

    async def renew(self) -> None:
        """Join again over the ICE servers as they are now; only then close the old peers."""
        old = self.ends
        self._old += old
        for call in self.calls:
            call.offered.clear()
        await self.offer()
        await self.answer()
        await self.each(end.reach_dtls() for end in self.ends)
        await self.each(
            end.received.first_video.wait() for end in self.ends if end.receives("video")
        )
        await asyncio.gather(*(end.close() for end in old))
        self._old.clear()

    async def close(self) -> None:
        """End everything: peers, signaling, and whoever listens."""
        await asyncio.gather(
            *(end.close() for end in (*self.ends, *self._old)),
            *(session.close() for session in self.sessions),
            return_exceptions=True,
        )
        await end_all(self._tasks)
        self._trouble.cancel()

    async def _offered(self, call: Call) -> None:
        call.viewer = self._make_peer("viewer", call, self.ice)
        call.offer = await call.viewer.describe("offer")
        call.forget()
        if call.session is not None:
            await call.session.send(Action.SDP_OFFER, call.offer.to_payload())
        if self.master is not None:
            await call.offered.wait()

    async def _answered(self, call: Call) -> None:
        if self.master is not None and call.offer is not None:
            call.master = self._make_peer("master", call, self.ice)
            await call.accept("master", call.offer)
            answer = await call.master.describe("answer")
            await self.master.send(Action.SDP_ANSWER, answer.to_payload(), call.client_id)
        if call.viewer is not None:
            await call.accept("viewer", await self._answer_to(call))

    async def _answer_to(self, call: Call) -> Description:
        """Wait for the answer; offer by the second client id if none comes to the first.

        AWS's C client keeps the id of a viewer that ended badly as in progress, and ignores what
        it offers.
        Source: https://github.com/awslabs/amazon-kinesis-video-streams-webrtc-sdk-c/issues/1386
        """
        second = None if self.master is not None else self._second_ids.get(call.client_id)
        if second is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience_seconds):
                    return await call.answers.get()
            await self._leave(call)
            call.client_id, call.instead_of = second, call.client_id
            await self._connect_viewer(call)
            await self._offered(call)
        return await call.answers.get()

    async def _connect_viewer(self, call: Call) -> None:
        call.session = self._open_session("viewer", call.client_id)
        await call.session.connect()
        call.listening = self._pump(call.session, partial(self._at_viewer, call))

    async def _leave(self, call: Call) -> None:
        """Take our viewer out of the call, and hear no more of what comes to it."""
        if call.listening is not None:
            await end_all([call.listening])
        await asyncio.gather(*(each.close() for each in (call.viewer, call.session) if each))

    def _pump(
        self, session: Session, take: Callable[[Received], Awaitable[None]]
    ) -> asyncio.Task[None]:
        self._tasks.append(asyncio.ensure_future(self._pumped(session, take)))
        return self._tasks[-1]

    async def _pumped(self, session: Session, take: Callable[[Received], Awaitable[None]]) -> None:
        try:
            while True:
                message = await session.receive()
                if message.message_type is MessageType.STATUS_RESPONSE:
                    raise PeerError(session.explain(message))
                if message.message_type is MessageType.RECONNECT_ICE_SERVER:
                    self.ice_expired.set()
                    continue
                await take(message)
        except KvsopsError as error:
            fail(self._trouble, PeerError(str(error)))

    async def _at_master(self, message: Received) -> None:
        """Take what viewers send: ours, or where none is ours, anybody's."""
        client_id = message.sender_client_id or ""
        call = next((each for each in self.calls if each.client_id == client_id), None)
        if message.message_type is MessageType.SDP_OFFER:
            self._take_offer(call, client_id, message)
        elif message.message_type is MessageType.ICE_CANDIDATE and call is not None:
            await _take_candidate(call, "master", message)

    def _take_offer(self, call: Call | None, client_id: str, message: Received) -> None:
        description = _description(message)
        if description is None:
            return
        if not self._viewers_are_ours:
            if not self._answering:  # the last of those that waited: a page that was reloaded
                self.calls = [Call(client_id, offer=description)]
                self._stranger.set()
        elif call is not None and call.offer == description:  # else one of an earlier run
            call.offered.set()

    async def _at_viewer(self, call: Call, message: Received) -> None:
        if message.message_type is MessageType.SDP_ANSWER:
            description = _description(message)
            if description is not None:
                call.answers.put_nowait(description)
        elif message.message_type is MessageType.ICE_CANDIDATE:
            await _take_candidate(call, "viewer", message)


async def _take_candidate(call: Call, role: Role, message: Received) -> None:
    try:
        candidate = read_candidate(message.payload)
    except MessageError:
        return
    await call.add(role, candidate)


def _description(message: Received) -> Description | None:
    """Read an offer or answer; what is none is left alone, as somebody else may have sent it."""
    try:
        return read_description(message.payload)
    except MessageError:
        return None
