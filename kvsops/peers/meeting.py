"""A master and viewers meet through the signaling of a channel: offers, answers, candidates."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar

from kvsops.core.wire.ice import Role
from kvsops.core.wire.message import Action, MessageType, Received
from kvsops.core.wire.payload import Candidate, Description, read_candidate, read_description
from kvsops.errors import KvsopsError, MessageError
from kvsops.peers.peer import Ice, Peer
from kvsops.signaling.session import Session
from kvsops.smoke.measurement import Link
from kvsops.smoke.plan import Mode, Wanted
from kvsops.smoke.steps import StepFailedError

Result = TypeVar("Result")
OpenSession = Callable[[Role, str | None], Session]
BETWEEN_CONNECTS_SECONDS: Final = 0.35
"""Three connects a second are allowed."""
WAITING_SECONDS: Final = 0.3
"""How long offers that waited for a master take to come, once the first of them is there."""


@dataclass(slots=True)
class Place:
    """One viewer's place: the ends that are ours, and what has come for them."""

    client_id: str
    session: Session | None = None
    viewer: Peer | None = None
    master: Peer | None = None
    offer: Description | None = None
    offered: asyncio.Event = field(default_factory=asyncio.Event)
    answers: asyncio.Queue[Description] = field(default_factory=asyncio.Queue)
    early: dict[str, list[Candidate]] = field(default_factory=dict)
    """Candidates that came before the description they belong to, by whom they are for."""

    @property
    def link(self) -> Link:
        """The two ends, as the steady part wants them."""
        return Link(self.viewer, self.master)


class Meeting:
    """Who is connected, and how they come together.

    Its waits end at once, with the reason, when a signaling connection ends or a message is
    refused: `watched` lends the same to any other wait.
    """

    def __init__(
        self,
        wanted: Wanted,
        mode: Mode,
        ice: Ice,
        open_session: OpenSession,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        ids = [] if mode == "master-only" else wanted.client_ids
        self.places = [Place(client_id) for client_id in ids]
        self.master: Session | None = None
        self.ice_expired = asyncio.Event()
        """Set when the service asks to fetch the ICE servers anew (RECONNECT_ICE_SERVER)."""
        self.ice = ice
        self._wanted, self._mode, self._clock = wanted, mode, clock
        self._open_session = open_session
        self._tasks: list[asyncio.Task[None]] = []
        self._trouble: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stranger = asyncio.Event()
        self._answering = False
        self._old: list[Peer] = []

    @property
    def sessions(self) -> list[Session]:
        """The signaling connections."""
        found = [self.master, *(place.session for place in self.places)]
        return [session for session in found if session is not None]

    @property
    def ends(self) -> list[Peer]:
        """All peers that are ours."""
        return [end for place in self.places for end in place.link.ends]

    async def watched(self, work: Awaitable[Result]) -> Result:
        """Await the work, unless trouble comes first."""
        task = asyncio.ensure_future(work)
        try:
            waited: set[asyncio.Future[Any]] = {task, self._trouble}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                self._trouble.result()
            return await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

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
        for number, place in enumerate(self.places):
            if number or self.master is not None:
                await asyncio.sleep(BETWEEN_CONNECTS_SECONDS if number else 0)
            place.session = self._open_session("viewer", place.client_id)
            await place.session.connect()
            self._pump(place.session, partial(self._at_viewer, place))

    def why_not_connected(self) -> str:
        """Tell why the last who tried was refused, where connecting took too long."""
        refusals = [session.refused for session in self.sessions if session.refused is not None]
        return str(refusals[-1]) if refusals else "the service did not take the connection in time"

    async def offer(self) -> None:
        """Let every viewer offer, and wait until the master has the offers."""
        if self._mode == "master-only":
            await self.watched(self._stranger.wait())
            await asyncio.sleep(WAITING_SECONDS)
            return
        await self.each(self._offered(number, place) for number, place in enumerate(self.places))

    async def answer(self) -> None:
        """Let the master answer, and wait until every viewer has its answer."""
        self._answering = True
        await self.each(self._answered(place) for place in self.places)

    async def renew(self) -> None:
        """Join again over the ICE servers as they are now; only then let the old ways go."""
        old = self.ends
        self._old += old
        for place in self.places:
            place.offered.clear()
        await self.offer()
        await self.answer()
        await self.each(end.reach_dtls() for end in self.ends)
        await self.each(end.first_video.wait() for end in self.ends if end.receives("video"))
        await asyncio.gather(*(end.close() for end in old))
        self._old.clear()

    async def close(self) -> None:
        """End everything: peers, signaling, and whoever listens."""
        await asyncio.gather(
            *(end.close() for end in (*self.ends, *self._old)),
            *(session.close() for session in self.sessions),
            return_exceptions=True,
        )
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._trouble.cancel()

    async def _offered(self, number: int, place: Place) -> None:
        place.viewer = self._viewer(number)
        place.offer = await place.viewer.describe("offer")
        while not place.answers.empty():  # what was kept for an offer of an earlier run
            place.answers.get_nowait()
        place.early.clear()
        if place.session is not None:
            await place.session.send(Action.SDP_OFFER, place.offer.to_payload())
        if self._mode == "loop":
            await place.offered.wait()

    async def _answered(self, place: Place) -> None:
        if self.master is not None and place.offer is not None:
            place.master = self._master(place, place.offer)
            await self._accepted(place, place.master, "master", place.offer)
            answer = await place.master.describe("answer")
            await self.master.send(Action.SDP_ANSWER, answer.to_payload(), place.client_id)
        if place.viewer is not None:
            await self._accepted(place, place.viewer, "viewer", await place.answers.get())

    async def _accepted(
        self, place: Place, peer: Peer, side: Role, description: Description
    ) -> None:
        await peer.accept(description)
        for candidate in place.early.pop(side, []):
            await peer.add(candidate)

    def _viewer(self, number: int) -> Peer:
        sends = self._mode == "loop" and number == 0  # one way back is proof enough
        peer = Peer(
            f"viewer-{number + 1}",
            self.ice,
            send=1 if sends else None,
            size=self._wanted.size,
            codec=self._wanted.codec,
            clock=self._clock,
        )
        peer.open_channel()
        return peer

    def _master(self, place: Place, offer: Description) -> Peer:
        peer = Peer(
            "master",
            self.ice,
            send=0,
            size=self._wanted.size,
            codec=self._wanted.codec,
            kinds=offer.kinds,
            clock=self._clock,
        )
        viewer = place.viewer
        if viewer is not None and peer.video is not None:
            viewer.expect, viewer.drawn = 0, peer.video.drawn
            if viewer.video is not None:
                peer.expect, peer.drawn = 1, viewer.video.drawn
        return peer

    def _pump(self, session: Session, take: Callable[[Received], Awaitable[None]]) -> None:
        self._tasks.append(asyncio.ensure_future(self._pumped(session, take)))

    async def _pumped(self, session: Session, take: Callable[[Received], Awaitable[None]]) -> None:
        try:
            while True:
                message = await session.receive()
                if message.message_type is MessageType.STATUS_RESPONSE:
                    raise StepFailedError(session.told(message))
                if message.message_type is MessageType.RECONNECT_ICE_SERVER:
                    self.ice_expired.set()
                    continue
                await take(message)
        except KvsopsError as error:
            if not self._trouble.done():
                self._trouble.set_exception(StepFailedError(str(error)))
                self._trouble.exception()  # known, whether or not anybody waits

    async def _at_master(self, message: Received) -> None:
        """Take what viewers send; one of ours, or with --master-only anybody's."""
        client_id = message.sender_client_id or ""
        place = next((each for each in self.places if each.client_id == client_id), None)
        if message.message_type is MessageType.SDP_OFFER:
            self._take_offer(place, client_id, message)
        elif message.message_type is MessageType.ICE_CANDIDATE and place is not None:
            await self._take_candidate(place, "master", place.master, message)

    def _take_offer(self, place: Place | None, client_id: str, message: Received) -> None:
        description = _description(message)
        if description is None:
            return
        if self._mode == "master-only":
            if not self._answering:  # the last of those that waited: a page that was reloaded
                self.places = [Place(client_id, offer=description)]
                self._stranger.set()
        elif place is not None and place.offer == description:  # else one of an earlier run
            place.offered.set()

    async def _at_viewer(self, place: Place, message: Received) -> None:
        if message.message_type is MessageType.SDP_ANSWER:
            description = _description(message)
            if description is not None:
                place.answers.put_nowait(description)
        elif message.message_type is MessageType.ICE_CANDIDATE:
            await self._take_candidate(place, "viewer", place.viewer, message)

    async def _take_candidate(
        self, place: Place, side: Role, peer: Peer | None, message: Received
    ) -> None:
        try:
            candidate = read_candidate(message.payload)
        except MessageError:
            return
        if peer is None or peer.connection.remoteDescription is None:
            place.early.setdefault(side, []).append(candidate)
        else:
            await peer.add(candidate)


def _description(message: Received) -> Description | None:
    """Read an offer or answer; what is none is left alone, as somebody else may have sent it."""
    try:
        return read_description(message.payload)
    except MessageError:
        return None
