"""A viewer that watches a channel's master: it offers until it is answered, again and again."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NoReturn

from kvsops.core.wire.message import Action, MessageType, Received
from kvsops.core.wire.payload import Description, read_candidate, read_description
from kvsops.errors import KvsopsError, MessageError, PeerError
from kvsops.peers.call import Call
from kvsops.peers.ice import Ice
from kvsops.peers.peer import Peer
from kvsops.peers.waits import end_all, fail, unless
from kvsops.signaling.refusals import SignalingError
from kvsops.stay.presence import LeftError, Presence

OFFER_SECONDS: Final = 15.0
"""How long an offer is waited for to be answered: longer than AWS's C client gathers, 10 s."""
OFFERS: Final = 16
"""How often one peer offers: its relay's credentials do not live for ever."""
MORE_SECONDS: Final = 0.3
"""How long further answers take, where a master found several offers that waited for it."""
CONNECT_SECONDS: Final = 15.0
RETRY_SECONDS: Final = 1.0
WAITING_SECONDS: Final = 3.0
"""From when on it is said that nobody answers."""
SILENT_SECONDS: Final = 5.0
CHECK_SECONDS: Final = 2.0
OURS: Final = "viewer"
"""What our end of a call is named: an error says that first, where several may be meant."""
GONE: Final = "the master is gone, or the path to it is: it answers no ICE checks"
MOVED: Final = "the service asks to connect through other TURN servers"


@dataclass(frozen=True, slots=True)
class Waiting:
    """An offer was sent, and no master answers."""


@dataclass(frozen=True, slots=True)
class Joined:
    """It is connected to the master; `kinds` are the media that this agreed to send."""

    kinds: tuple[str, ...]
    path: str | None
    """`host - srflx` and so on: the candidates in use, where that is known."""


@dataclass(frozen=True, slots=True)
class NotJoined:
    """A call came to nothing, or it has ended; it is tried again."""

    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """There will be none of this kind of media, or a message was refused."""

    why: str


Event = Waiting | Joined | NotJoined | Refused


class Watching:
    """The calls of a viewer, one after the other, over its `presence`.

    `make_peer` makes our end of the next one. `last_at` tells when something came last, by `clock`.
    """

    def __init__(
        self,
        presence: Presence,
        make_peer: Callable[[Ice], Peer],
        tell: Callable[[Event], object],
        *,
        last_at: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self.peer: Peer | None = None
        """Our end of the call that there is."""
        self.offered_at: float | None = None
        """When it offered first, by `clock`."""
        self._presence, self._make_peer, self._tell = presence, make_peer, tell
        self._last_at, self._clock = last_at, clock
        self._call = Call(presence.client_id or "")
        self._moved = asyncio.Event()
        self._left: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._told: set[str] = set()

    async def run(self) -> NoReturn:
        """Enter the channel, and call until the place is lost: raises that `KvsopsError`."""
        async with self._presence:
            listening = asyncio.ensure_future(self._listen())
            try:
                while True:
                    await self._one_call()
            finally:
                await end_all([listening])
                await self._hang_up()

    async def _one_call(self) -> None:
        if self._left.done():
            self._left.result()
        try:
            await unless(self._left, self._join())
            await self._stay()
        except LeftError:
            raise
        except (PeerError, SignalingError, TimeoutError) as error:
            why = str(error) or self._why_late()
            self._tell_once(NotJoined(why.removeprefix(f"{OURS}: ")))
        await self._hang_up()
        await asyncio.sleep(RETRY_SECONDS)

    async def _join(self) -> None:
        """Offer until a master answers, and connect to it; raises `PeerError`."""
        self._moved.clear()
        ice = await self._presence.ice()
        self._call = call = Call(self._presence.client_id or "")
        self.peer = call.viewer = peer = self._make_peer(ice)
        offer = await peer.describe("offer")
        answer = await self._answer_to(offer.to_payload())
        await call.accept("viewer", answer)
        for why in peer.negotiation.refused.values():
            self._tell_once(Refused(why))
        async with asyncio.timeout(CONNECT_SECONDS):
            await peer.reach_ice()
            await peer.reach_dtls()
        kinds = tuple(each.kind for each in peer.received.incoming if peer.receives(each.kind))
        self._told.clear()
        self._tell(Joined(kinds, str(peer.pair) if peer.pair else None))

    async def _answer_to(self, payload: str) -> Description:
        for number in range(OFFERS):
            await self._presence.send(Action.SDP_OFFER, payload)
            self.offered_at = self.offered_at or self._clock()
            first = WAITING_SECONDS if number == 0 else 0.0
            for seconds in (first, OFFER_SECONDS - first):
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        return await self._last_answer()
                self._tell_once(Waiting())
        raise PeerError("no master answers")

    async def _last_answer(self) -> Description:
        """Return the answer to the last of several offers: that call stands."""
        answers = self._call.answers
        answer = await answers.get()
        await asyncio.sleep(MORE_SECONDS)
        while not answers.empty():
            answer = answers.get_nowait()
        return answer

    async def _stay(self) -> None:
        """Watch until the call is lost: raises that `PeerError`."""
        if (peer := self.peer) is None:
            return
        while True:
            if self._left.done() and not _can_stay(self._left.exception()):
                self._left.result()
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await peer.watched(self._moved.wait())
                pair = peer.pair
                if pair is None or pair.relayed:
                    raise PeerError(MOVED)
                self._moved.clear()  # nothing of ours goes through those servers
            silent = self._clock() - max(self._last_at(), peer.silent_at or 0.0)
            if silent > SILENT_SECONDS and await peer.answers(CHECK_SECONDS) is False:
                raise PeerError(GONE)

    async def _hang_up(self) -> None:
        peer, self.peer, self._call.viewer = self.peer, None, None
        if peer is not None:
            await peer.close()

    async def _listen(self) -> None:
        try:
            while True:
                await self._take(await self._presence.receive())
        except KvsopsError as error:
            fail(self._left, error)

    async def _take(self, message: Received) -> None:
        with suppress(MessageError):  # what is none is left alone
            if message.message_type is MessageType.SDP_ANSWER:
                self._call.answers.put_nowait(read_description(message.payload))
            elif message.message_type is MessageType.ICE_CANDIDATE:
                await self._call.add("viewer", read_candidate(message.payload))
        if message.message_type is MessageType.STATUS_RESPONSE:
            self._tell_once(Refused(self._presence.explain(message)))
        elif message.message_type is MessageType.RECONNECT_ICE_SERVER:
            self._moved.set()

    def _why_late(self) -> str:
        return (
            "ICE or DTLS did not connect in time" if self.peer is None else self.peer.why_no_ice()
        )

    def _tell_once(self, event: Event) -> None:
        """Tell what comes again and again but once, until a call stands."""
        if repr(event) not in self._told:
            self._told.add(repr(event))
            self._tell(event)


def _can_stay(error: BaseException | None) -> bool:
    """Whether a call goes on whose place in the channel is lost: credentials expire."""
    return isinstance(error, LeftError) and error.kind == "refused"
