"""Somebody else's peers: a camera that is a channel's master, a browser that is a viewer of it."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime

from aiortc import MediaStreamTrack, RTCIceServer
from aiortc.rtp import is_rtcp
from av import VideoFrame

from kvsops.core.wire.ice import Role
from kvsops.core.wire.message import Action, MessageType
from kvsops.core.wire.payload import Candidate, Description, read_description
from kvsops.peers.ice import Ice
from kvsops.peers.peer import KINDS, Peer
from kvsops.peers.tracks import NumberedVideo, numbered
from kvsops.signaling.session import Session
from kvsops.smoke.plan import Subject

Meet = Callable[[Peer], object]
Change = Callable[[Description], Description]
SIZE = (320, 240)


def session(subject: Subject, role: Role, client_id: str | None = None) -> Session:
    """Return a signaling session of the channel."""
    arn, access = subject.target().channel_arn, subject.access
    return access.session(arn, access.endpoints(arn, role), client_id, lambda: datetime.now(UTC))


def ice_of(subject: Subject) -> Ice:
    """Return the channel's own servers, as its cameras and browsers use them."""
    arn, access = subject.target().channel_arn, subject.access
    servers = access.ice_servers(access.endpoints(arn, "viewer"), arn)
    return Ice(tuple(RTCIceServer([*each.uris], each.username, each.password) for each in servers))


def unchanged(description: Description) -> Description:
    """Leave the answer as it is."""
    return description


def with_closed_ports(description: Description) -> Description:
    """Let the answer's candidates lead to a port where nobody is."""
    sdp = re.sub(r"(a=candidate:\S+ \d \S+ \d+ \S+) \d+", r"\1 9", description.sdp)
    return replace(description, sdp=sdp)


def with_another_fingerprint(description: Description) -> Description:
    """Let the answer name a certificate that its sender does not have."""
    sdp = re.sub(r"(a=fingerprint:\S+) ..", r"\1 00", description.sdp)
    return replace(description, sdp=sdp)


def parted(description: Description) -> tuple[Description, list[Candidate]]:
    """Take the candidates out of a description, to be sent one by one, the end of them too."""
    lines = description.sdp.splitlines(keepends=True)
    found = [line.strip()[2:] for line in lines if line.startswith("a=candidate:")]
    kept = [line for line in lines if not line.startswith(("a=candidate:", "a=end-of-candidates"))]
    return (
        replace(description, sdp="".join(kept)),
        [
            *(Candidate(text, "0", 0) for text in found[:1]),
            *map(Candidate, found[1:]),
            Candidate(""),
        ],
    )


@asynccontextmanager
async def trickling_camera(subject: Subject, *, early: bool) -> AsyncIterator[None]:
    """Be a master that sends its candidates one by one, `early` before its answer."""
    peers: list[Peer] = []
    async with session(subject, "master") as signaling:

        async def answer() -> None:
            message = await signaling.receive()
            peer = Peer("camera", ice_of(subject), numbered(9, SIZE))
            peers.append(peer)
            await peer.accept(read_description(message.payload))
            described, found = parted(await peer.describe("answer"))
            sending = [(Action.ICE_CANDIDATE, each.to_payload()) for each in found]
            sending.append((Action.ICE_CANDIDATE, '{"no": "candidate"}'))
            sending.insert(
                len(sending) if early else 0, (Action.SDP_ANSWER, described.to_payload())
            )
            for action, payload in sending:
                await signaling.send(action, payload, message.sender_client_id)

        task = asyncio.ensure_future(answer())
        try:
            yield
        finally:
            await task
            await asyncio.gather(*(peer.close() for peer in peers))


class SlowVideo(NumberedVideo):
    """The numbered picture, but only every so many of them."""

    def __init__(self, every: int) -> None:
        super().__init__(7, SIZE)
        self._every = every

    async def recv(self) -> VideoFrame:
        """Leave pictures out."""
        for _ in range(self._every - 1):
            await super().recv()
        return await super().recv()


def deaf_to_channels(peer: Peer) -> None:
    """Let it acknowledge no data channel that the other end opens, as cameras without one."""

    async def leave(*_: object) -> None:
        pass

    setattr(peer.connection.sctp, "_receive", leave)  # noqa: B010 - aiortc's, and not typed so


def lossy(every: int) -> Meet:
    """Return what lets a peer lose every so-manieth packet of its media on the way out."""

    def meet(peer: Peer) -> None:
        transport = peer.connection.getTransceivers()[0].receiver.transport
        sent, inner = itertools.count(1), transport._send_rtp

        async def send(data: bytes) -> None:
            if is_rtcp(data) or next(sent) % every:
                await inner(data)

        setattr(transport, "_send_rtp", send)  # noqa: B010 - mypy takes a method for constant

    return meet


@asynccontextmanager
async def camera(
    subject: Subject,
    change: Change = unchanged,
    *,
    in_progress: Collection[str] = (),
    meet: Meet = lambda _: None,
) -> AsyncIterator[list[Peer]]:
    """Be the channel's master, and answer whoever offers, as a camera does.

    `change` is done to what it says, and if it is about ports to what it hears. Who has a client
    id that is `in_progress` is ignored; `meet` is handed its end of each call.
    """
    hear = change if change is with_closed_ports else unchanged
    peers: list[Peer] = []
    async with session(subject, "master") as signaling:

        async def answer() -> None:
            while True:
                message = await signaling.receive()
                if message.message_type is not MessageType.SDP_OFFER:
                    continue
                if message.sender_client_id in in_progress:
                    continue
                peer = Peer("camera", ice_of(subject), numbered(9, SIZE))
                peers.append(peer)
                await peer.accept(hear(read_description(message.payload)))
                meet(peer)
                described = change(await peer.describe("answer"))
                to = message.sender_client_id
                await signaling.send(Action.SDP_ANSWER, described.to_payload(), to)

        task = asyncio.ensure_future(answer())
        try:
            yield peers
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await asyncio.gather(*(peer.close() for peer in peers))


@asynccontextmanager
async def browser(
    subject: Subject,
    *,
    channel: bool = True,
    send: int | None = 8,
    kinds: Collection[str] = KINDS,
    more: Sequence[MediaStreamTrack | str] = (),
    change: Change = unchanged,
) -> AsyncIterator[Peer]:
    """Be a viewer that offers these kinds of media, and takes the answer.

    `more` is video that is offered both ways: tracks, or a kind of which nothing is sent. `change`
    is done to what it says.
    """
    tracks = () if send is None else numbered(send, SIZE)
    peer = Peer("browser", ice_of(subject), tracks, kinds=kinds)
    for track in more:
        peer.connection.addTransceiver(track, direction="sendrecv")
    if channel:
        peer.open_channel("a-browser's")
    async with session(subject, "viewer", "a-browser") as signaling:

        async def offer() -> None:
            described = change(await peer.describe("offer"))
            await signaling.send(Action.SDP_OFFER, described.to_payload())
            while True:
                message = await signaling.receive()
                if message.message_type is MessageType.SDP_ANSWER:
                    await peer.accept(read_description(message.payload))

        task = asyncio.ensure_future(offer())
        try:
            yield peer
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await peer.close()
