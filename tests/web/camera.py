"""A camera: a master that answers every viewer with a numbered picture, in a thread beside."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from kvsops.aws.scope import Scope
from kvsops.cli.access import access_of
from kvsops.core.wire.message import Action, MessageType, Received
from kvsops.core.wire.payload import read_candidate, read_description
from kvsops.peers.ice import Ice
from kvsops.peers.peer import Peer
from kvsops.peers.tracks import numbered
from kvsops.peers.waits import end_all
from kvsops.signaling.session import Session
from tests.web.beside import beside

SENDER = 7
SIZE = (320, 240)


@dataclass
class Camera:
    """Its viewers by their client ids, and what came of them."""

    session: Session
    peers: dict[str, Peer] = field(default_factory=dict)
    offers: list[str] = field(default_factory=list)
    heard: list[Any] = field(default_factory=list)

    async def serve(self) -> None:
        """Answer whoever offers."""
        while True:
            message = await self.session.receive()
            sender = message.sender_client_id or ""
            if message.message_type is MessageType.SDP_OFFER:
                await self._answer(sender, message)
            elif message.message_type is MessageType.ICE_CANDIDATE and sender in self.peers:
                await self.peers[sender].add(read_candidate(message.payload))

    async def _answer(self, sender: str, message: Received) -> None:
        self.offers.append(sender)
        if before := self.peers.pop(sender, None):
            await before.close()
        peer = self.peers[sender] = Peer("master", Ice(), numbered(SENDER, SIZE))
        peer.connection.on("datachannel", self._talk)
        await peer.accept(read_description(message.payload))
        answer = await peer.describe("answer")
        await self.session.send(Action.SDP_ANSWER, answer.to_payload(), sender)

    def _talk(self, channel: Any) -> None:
        def hear(text: Any) -> None:
            self.heard.append(text)
            channel.send(f"{text} yourself" if isinstance(text, str) else b"\0\1\2")

        channel.on("message", hear)


def camera(scope: Scope, channel_arn: str) -> AbstractContextManager[Camera]:
    """Connect a camera to the channel, until the block ends."""
    return beside(_connected(scope, channel_arn))


@asynccontextmanager
async def _connected(scope: Scope, channel_arn: str) -> AsyncIterator[Camera]:
    access = access_of(scope)
    endpoints = access.endpoints(channel_arn, "master")
    async with access.session(channel_arn, endpoints, None, scope.now) as session:
        made = Camera(session)
        serving = asyncio.ensure_future(made.serve())
        try:
            yield made
        finally:
            await end_all([serving])
            await asyncio.gather(*(peer.close() for peer in made.peers.values()))
