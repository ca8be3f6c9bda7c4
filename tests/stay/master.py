"""A master of ours for viewers that record: numbered pictures and a tone for whoever offers."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from aiortc import MediaStreamTrack

from kvsops.core.wire.message import Action, MessageType, Received
from kvsops.core.wire.payload import read_candidate, read_description
from kvsops.errors import KvsopsError
from kvsops.peers.call import Call
from kvsops.peers.ice import Ice
from kvsops.peers.peer import Peer
from kvsops.peers.tracks import NumberedVideo, Tone
from kvsops.peers.waits import end_all
from kvsops.signaling.access import Access
from kvsops.stay.presence import Presence

Tracks = Callable[[], Sequence[MediaStreamTrack]]


def numbered() -> Sequence[MediaStreamTrack]:
    """Return a small numbered picture and a tone."""
    return NumberedVideo(1, (320, 240)), Tone()


class Master:
    """Answers every offer with a peer that sends these tracks: `async with Master(access, arn)`."""

    def __init__(self, access: Access, channel_arn: str, tracks: Tracks = numbered) -> None:
        self.presence = Presence(access, channel_arn, "master")
        self.peers: list[Peer] = []
        self._tracks = tracks
        self._calls: dict[str, Call] = {}
        self._listening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.presence.__aenter__()
        self._listening = asyncio.ensure_future(self._listen())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._listening is not None:
            await end_all([self._listening])
        await asyncio.gather(*(peer.close() for peer in self.peers))
        await self.presence.close()

    async def _listen(self) -> None:
        while True:
            with suppress(KvsopsError):
                await self._take(await self.presence.receive())

    async def _take(self, message: Received) -> None:
        client_id = message.sender_client_id or ""
        if message.message_type is MessageType.ICE_CANDIDATE and client_id in self._calls:
            await self._calls[client_id].add("master", read_candidate(message.payload))
        elif message.message_type is MessageType.SDP_OFFER:
            call = self._calls[client_id] = Call(client_id)
            call.master = Peer("master", Ice(), self._tracks())
            self.peers.append(call.master)
            await call.accept("master", read_description(message.payload))
            answer = await call.master.describe("answer")
            await self.presence.send(Action.SDP_ANSWER, answer.to_payload(), client_id)
