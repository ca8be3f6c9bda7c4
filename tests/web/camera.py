"""A camera: a master that answers every viewer with a numbered picture, in a thread beside."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

from kvsops.aws.scope import Scope
from kvsops.cli.access import access_of
from kvsops.core.wire.message import Action, MessageType, Received
from kvsops.core.wire.payload import read_candidate, read_description
from kvsops.peers.ice import Ice
from kvsops.peers.peer import Peer
from kvsops.peers.tracks import numbered
from kvsops.signaling.session import Session

SENDER = 7
SIZE = (320, 240)


@dataclass
class Camera:
    """Its viewers by their client ids, and what came of them."""

    session: Session
    loop: asyncio.AbstractEventLoop
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


@contextmanager
def camera(scope: Scope, channel_arn: str) -> Iterator[Camera]:
    """Connect a camera to the channel, until the block ends."""
    access, started = access_of(scope), Future[Camera]()
    stop = asyncio.Event()

    async def live() -> None:
        endpoints = access.endpoints(channel_arn, "master")
        async with access.session(channel_arn, endpoints, None, scope.now) as session:
            made = Camera(session, asyncio.get_running_loop())
            serving = asyncio.ensure_future(made.serve())
            started.set_result(made)
            await stop.wait()
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving
            await asyncio.gather(*(peer.close() for peer in made.peers.values()))

    def run() -> None:
        try:
            asyncio.run(live())
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    thread = Thread(target=run)
    thread.start()
    try:
        yield started.result(20)
    finally:
        if started.exception() is None:
            started.result().loop.call_soon_threadsafe(stop.set)
        thread.join()
