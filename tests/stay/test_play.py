"""A master that stays, with the viewers that come to it, against the emulator."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kvsops.core.wire.message import Action, MessageType
from kvsops.core.wire.payload import Candidate, Description, read_description
from kvsops.errors import KvsopsError, UsageError
from kvsops.local.server import LocalServer
from kvsops.peers.peer import Codec, Peer
from kvsops.reports.play import COLUMNS, cells, summary
from kvsops.signaling.access import Access
from kvsops.stay.audience import REPLACED, Audience, Failed, Joined, Left
from kvsops.stay.play import Event, Wanted, play
from kvsops.stay.presence import Connected, LeftError, Lost, Presence
from kvsops.stay.sources import File, Numbered, SourceError
from kvsops.stay.studio import Studio
from tests.aws.first_calls import FirstCalls
from tests.stay.conftest import Stay, run

PICTURE = Numbered((320, 240), 15, "the test picture")


class Stage:
    """A master of ours, which plays, and what it told."""

    def __init__(self, stay: Stay, codec: Codec | None = None, **more: Any) -> None:
        self.told: list[Any] = []
        self.place: Presence = stay("master", tell=self.told.append, **more)
        self.studio = Studio(PICTURE)
        tell = self.told.append
        self.audience = Audience(self.place, self.studio, codec=codec, tell=tell)

    async def hear(self) -> None:
        """Take what comes."""
        while True:
            await self.audience.take(await self.place.receive())

    async def until(self, there: Callable[[], object]) -> None:
        """Wait until something is so."""
        while not there():
            await asyncio.sleep(0.02)

    def of(self, kind: type) -> list[Any]:
        """Return what of a kind was told."""
        return [event for event in self.told if isinstance(event, kind)]


@asynccontextmanager
async def on_stage(stay: Stay, codec: Codec | None = None, **more: Any) -> AsyncIterator[Stage]:
    """Play until the block ends."""
    stage = Stage(stay, codec, **more)
    async with stage.place:
        hearing = asyncio.ensure_future(stage.hear())
        stage.studio.start()
        try:
            yield stage
        finally:
            hearing.cancel()
            await asyncio.gather(stage.audience.close(), stage.studio.close())


class Guest:
    """Somebody's viewer: it offers, and takes what the master answers."""

    def __init__(
        self, presence: Presence, codec: Codec | None = None, *, relay_only: bool = False
    ) -> None:
        self.presence, self.codec, self.relay_only = presence, codec, relay_only
        self.peer: Peer

    async def call(self, kinds: tuple[str, ...] = ("video", "audio")) -> Peer:
        """Offer, and wait until it is connected."""
        name = self.presence.client_id or ""
        ice = replace(await self.presence.ice(), relay_only=self.relay_only)
        self.peer = Peer(name, ice, codec=self.codec, kinds=kinds)
        offer = await self.peer.describe("offer")
        await self.presence.send(Action.SDP_OFFER, offer.to_payload())
        while (message := await self.presence.receive()).message_type is not MessageType.SDP_ANSWER:
            pass
        await self.peer.accept(read_description(message.payload))
        await self.peer.reach_dtls()
        return self.peer

    async def sees(self) -> int:
        """Wait for a picture; return how many there are."""
        await self.peer.received.first_video.wait()
        return self.pictures

    @property
    def pictures(self) -> int:
        """How many pictures came."""
        return sum(len(each.seen) for each in self.peer.received.incoming if each.kind == "video")

    async def sees_more(self) -> None:
        """Wait for another picture than there were."""
        before = self.pictures
        while self.pictures <= before:
            await asyncio.sleep(0.02)


@asynccontextmanager
async def guest(
    stay: Stay, client_id: str = "one", codec: Codec | None = None, *, relay_only: bool = False
) -> AsyncIterator[Guest]:
    """Be a viewer until the block ends."""
    async with stay("viewer", client_id) as presence:
        viewer = Guest(presence, codec, relay_only=relay_only)
        try:
            yield viewer
        finally:
            if hasattr(viewer, "peer"):
                await viewer.peer.close()


def test_two_viewers(stay: Stay) -> None:
    """Each gets the picture in a codec of its own, and sound; each is encoded once."""

    async def talk() -> None:
        async with on_stage(stay) as stage:
            async with guest(stay, "one", "VP8") as one, guest(stay, "two", "H264") as two:
                await asyncio.gather(one.call(), two.call())
                await asyncio.gather(one.sees(), two.sees())
                await stage.until(lambda: len(stage.audience.viewers) == 2)
                first, second = stage.audience.viewers
                assert {first.client_id, second.client_id} == {"one", "two"}
                codecs = {each.client_id: each.codecs for each in (first, second)}
                assert codecs["one"] == {"video": "VP8", "audio": "opus"}
                assert codecs["two"] == {"video": "H264", "audio": "opus"}
                assert set(stage.studio.broadcast.encoded) == {"VP8", "H264", "opus"}
                await first.measure()
                await asyncio.sleep(0.3)
                figures = await first.measure()
                assert figures.frames > 0
                assert figures.kbps is not None
                assert figures.relayed is False
            await stage.until(lambda: len(stage.of(Left)) == 2)
            whys = {each.why for each in stage.of(Left)}
            assert whys == {"the other end closed the connection"}
            assert stage.audience.viewers == []

    run(talk())


def test_a_viewer_that_is_relayed(stay: Stay) -> None:
    """One that TURN alone reaches gets the picture, and the table says that it is relayed."""

    async def talk() -> None:
        async with on_stage(stay) as stage, guest(stay, relay_only=True) as one:
            await one.call()
            await one.sees()
            await one.sees_more()
            await stage.until(lambda: stage.audience.viewers)
            (viewer,) = stage.audience.viewers
            figures = await viewer.measure()
            assert figures.relayed is True
            assert dict(zip(COLUMNS, cells(viewer), strict=True))["PATH"] == "relayed"
            assert summary([viewer]).endswith(", relayed")

    run(talk())


def test_a_key_frame_that_is_asked_for(stay: Stay) -> None:
    """What a viewer asks for by PLI comes, a second after the last one."""

    async def talk() -> None:
        async with on_stage(stay) as stage, guest(stay, "one", "VP8") as one:
            peer = await one.call()
            await one.sees()
            keys = stage.studio.broadcast.keys
            before, receiver = keys["VP8"], peer.connection.getReceivers()[0]
            [stream] = one.peer.received.incoming[0].streams.by_ssrc
            while keys["VP8"] == before:
                await receiver._send_rtcp_pli(stream)
                await asyncio.sleep(0.1)

    run(talk())


def test_a_page_that_is_reloaded(stay: Stay) -> None:
    """An offer under an id that is there already replaces the call: so does a second viewer's."""

    async def talk() -> None:
        async with on_stage(stay) as stage, guest(stay) as one:
            old = await one.call()
            await one.sees()
            await one.call()
            await one.sees()
            await stage.until(lambda: len(stage.of(Joined)) == 2)
            assert [each.why for each in stage.of(Left)] == [REPLACED]
            await one.sees_more()
            assert len(stage.audience.viewers) == 1
            await old.close()

    run(talk())


def test_two_viewers_of_one_id(stay: Stay) -> None:
    """The service lets the second take the first's place; the call that counts is the second's."""

    async def talk() -> None:
        async with on_stage(stay) as stage, guest(stay) as one:
            await one.call()
            await one.sees()
            async with guest(stay) as other:
                await other.call()
                await other.sees()
                assert len(stage.audience.viewers) == 1
                await other.sees_more()

    run(talk())


STRANGE = [
    (Action.SDP_OFFER, "{}"),
    (Action.SDP_OFFER, "no JSON"),
    (Action.SDP_OFFER, Description("answer", "v=0").to_payload()),
    (Action.SDP_OFFER, Description("offer", "v=0\r\nm=video").to_payload()),
    (Action.SDP_OFFER, json.dumps({"type": "offer", "sdp": "\0" * 500})),
    (Action.ICE_CANDIDATE, "[]"),
    (Action.ICE_CANDIDATE, Candidate("candidate:nonsense", "0", 0).to_payload()),
    (Action.SDP_ANSWER, Description("answer", "v=0").to_payload()),
]


def test_strangers(stay: Stay) -> None:
    """Whatever one viewer sends, another is served; what can be told of it is."""

    async def talk() -> None:
        async with on_stage(stay) as stage, guest(stay, "one") as one:
            await one.call()
            async with stay("viewer", "stranger") as stranger:
                for action, payload in STRANGE:
                    await stranger.send(action, payload)
                await stage.until(lambda: stage.of(Failed))
            await one.sees()
            await one.sees_more()
            assert {each.client_id for each in stage.of(Failed)} == {"stranger"}
            assert [each.client_id for each in stage.audience.viewers] == ["one"]

    run(talk())


def test_a_codec_that_is_not_taken(stay: Stay) -> None:
    """A viewer without the codec gets the sound alone, and why is told."""

    async def talk() -> None:
        async with on_stage(stay, codec="H264") as stage, guest(stay, "one", "VP8") as one:
            await one.call()
            await stage.until(lambda: stage.of(Joined))
            viewer = stage.of(Joined)[0].viewer
            assert viewer.codecs == {"audio": "opus"}
            assert viewer.without == {
                "video": "no video codec in common: VP8 there, H264 here",
            }
            while not one.peer.received.packets("audio"):
                await asyncio.sleep(0.02)

    run(talk())


def test_one_that_takes_nothing(stay: Stay) -> None:
    """A viewer that takes no media at all is not served, and why is told."""

    async def talk() -> None:
        async with on_stage(stay) as stage, guest(stay) as one:
            one.peer = Peer("one", await one.presence.ice(), kinds=())
            one.peer.open_channel("data")
            offer = await one.peer.describe("offer")
            await one.presence.send(Action.SDP_OFFER, offer.to_payload())
            await stage.until(lambda: stage.of(Failed))
            assert stage.of(Failed) == [Failed("one", "it takes no video; it takes no audio")]

    run(talk())


def test_candidates_before_the_offer(stay: Stay) -> None:
    """Candidates may overtake the offer they belong to; with them alone it is connected."""

    async def talk() -> None:
        async with on_stage(stay), guest(stay) as one:
            one.peer = Peer("one", await one.presence.ice())
            offer = await one.peer.describe("offer")
            lines = offer.sdp.splitlines()
            for line in {each for each in lines if each.startswith("a=candidate:")}:
                candidate = Candidate(line.removeprefix("a="), "0", 0)
                await one.presence.send(Action.ICE_CANDIDATE, candidate.to_payload())
            bare = "\r\n".join(each for each in lines if not each.startswith("a=candidate:"))
            payload = Description("offer", f"{bare}\r\n").to_payload()
            await one.presence.send(Action.SDP_OFFER, payload)
            answer = await one.presence.receive()
            await one.peer.accept(read_description(answer.payload))
            await one.peer.reach_dtls()
            await one.sees()

    run(talk())


def test_the_connection_is_lost(stay: Stay, emulator: LocalServer) -> None:
    """While the signaling is made again, who is there is served on; and others come after it."""
    emulator.settings.faults = (FirstCalls("ConnectAsMaster", "go-away", 1),)

    async def at_once(_: float) -> None:
        await asyncio.sleep(0)

    async def talk() -> None:
        async with on_stage(stay, sleep=at_once) as stage, guest(stay, "one") as one:
            await one.call()
            await one.sees()
            socket: Any = stage.place._open._current
            socket.socket._response.connection.transport.abort()
            await stage.until(lambda: stage.of(Lost))
            await stage.until(lambda: len(stage.of(Connected)) == 2)
            await one.sees_more()
            async with guest(stay, "two") as two:
                await two.call()
                await two.sees()

    run(talk())


def played(access: Access, arn: str, **more: Any) -> asyncio.Task[str]:
    """Begin to play; the knock is brief."""
    tell: Callable[[Event], object] = more.pop("tell", lambda _: None)
    wanted = replace(Wanted(PICTURE, knock_seconds=1.5, seconds=20), **more)
    return asyncio.ensure_future(play(access, arn, wanted, tell=tell))


def test_a_master_that_is_there(access: Access, arn: str) -> None:
    """It is left alone, unless its place is to be taken over: then it leaves it."""

    async def talk() -> None:
        told: list[Event] = []
        first = played(access, arn, take_over=True, tell=told.append)
        while not any(isinstance(event, Connected) for event in told):
            await asyncio.sleep(0.02)
        with pytest.raises(UsageError) as refused:
            await played(access, arn)
        assert str(refused.value) == (
            "a master is connected, and answers: connecting as master would disconnect it; "
            "--take-over does it anyway"
        )
        who = {event.viewer.client_id for event in told if isinstance(event, Joined)}
        assert who == {"kvsops-play"}
        second = played(access, arn, take_over=True, seconds=1.0)
        with pytest.raises(LeftError, match="another master took the master's place"):
            await first
        assert await second == "the time is up"

    run(talk())


def test_a_source_that_cannot_be_played(access: Access, arn: str, tmp_path: Path) -> None:
    """Its name stands before the reason."""

    async def talk() -> None:
        source = File(tmp_path / "none.mp4", "clip.mp4")
        with pytest.raises(SourceError, match=r"^clip\.mp4: No such file or directory$"):
            await played(access, arn, source=source, take_over=True)

    run(talk())


def test_nobody_is_there(access: Access, arn: str) -> None:
    """Where nobody answers it connects, and its own offers, which come then, are no viewers."""

    async def talk() -> list[Event]:
        told: list[Event] = []
        ended = await played(access, arn, knock_seconds=0.3, seconds=1.5, tell=told.append)
        assert ended == "the time is up"
        return told

    told = run(talk())
    assert told[0] == Connected(again=False)
    assert not any(isinstance(event, Joined | Failed) for event in told)


def test_ended_amid_its_viewers(access: Access, stay: Stay, arn: str) -> None:
    """Ended from outside, it ends every call, and its viewers see that."""

    async def talk() -> None:
        told: list[Event] = []
        playing = played(access, arn, take_over=True, tell=told.append)
        async with guest(stay) as one:
            peer = await one.call()
            await one.sees()
            playing.cancel()
            with suppress(asyncio.CancelledError):
                await playing
            with pytest.raises(KvsopsError, match="the other end closed the connection"):
                await peer.lost
        assert [event.why for event in told if isinstance(event, Left)] == ["play ended"]

    run(talk())
