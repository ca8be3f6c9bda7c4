"""Guests of a meeting without browsers, as many as a channel lets in: peers of ours."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager

import aiohttp

from kvsops.cli.access import access_of
from kvsops.core.wire.message import Action, MessageType
from kvsops.core.wire.payload import read_description
from kvsops.peers.peer import Peer
from kvsops.peers.tracks import NumberedVideo, Tone
from kvsops.peers.waits import end_all
from kvsops.stay.presence import Presence
from tests.web.beside import beside
from tests.web.meetings import Held

SIZE = (160, 120)


def crowd(held: Held, names: Sequence[str]) -> AbstractContextManager[list[Peer]]:
    """Let them join, each with a picture and a tone; enter once each has seen the host."""
    return beside(_joined(held, names))


@asynccontextmanager
async def _joined(held: Held, names: Sequence[str]) -> AsyncIterator[list[Peer]]:
    async with (
        aiohttp.ClientSession(headers={"Origin": held.url}) as client,
        AsyncExitStack() as at_end,
    ):
        peers = [await _guest(held, client, name, at_end) for name in names]
        await asyncio.gather(*(each.received.first_video.wait() for each in peers))
        yield peers


async def _guest(
    held: Held, client: aiohttp.ClientSession, name: str, at_end: AsyncExitStack
) -> Peer:
    """Join as a page does, and call the host."""
    client_id = await _seat(held, client, name, at_end)
    place = Presence(access_of(held.scope), held.channel_arn, "viewer", client_id)
    await at_end.enter_async_context(place)
    peer = Peer(name, await place.ice(), [NumberedVideo(1, SIZE), Tone()])
    at_end.push_async_callback(peer.close)
    offer = await peer.describe("offer")
    await place.send(Action.SDP_OFFER, offer.to_payload())
    while (message := await place.receive()).message_type is not MessageType.SDP_ANSWER:
        pass
    await peer.accept(read_description(message.payload))
    await peer.reach_dtls()
    return peer


async def _seat(
    held: Held, client: aiohttp.ClientSession, name: str, at_end: AsyncExitStack
) -> str:
    """Take a place at the server, and keep it: it looks whether a page is still there."""
    socket = await client.ws_connect(f"{held.url}/events")
    await socket.send_json({"link": held.guest_url.partition("#")[2]})
    client_id: str = (await socket.receive_json())["id"]
    await socket.send_json({"type": "join", "name": name, "page": name, "camera": True})
    at_end.push_async_callback(end_all, [asyncio.ensure_future(_hear(socket))])
    return client_id


async def _hear(socket: aiohttp.ClientWebSocketResponse) -> None:
    async for _ in socket:
        pass
