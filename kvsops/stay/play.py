"""A master that stays: it serves every viewer that comes, until it is ended."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from kvsops.core.wire.message import MessageType
from kvsops.errors import KvsopsError
from kvsops.peers.peer import Codec
from kvsops.peers.waits import end_all
from kvsops.signaling.access import Access
from kvsops.stay import audience, presence, studio
from kvsops.stay.audience import Audience
from kvsops.stay.knock import PATIENCE_SECONDS, require_no_master
from kvsops.stay.presence import Presence
from kvsops.stay.sources import Opened, Source, SourceError
from kvsops.stay.studio import Studio
from kvsops.stay.viewer import Viewer

MEASURE_SECONDS: Final = 1.0
END_SECONDS: Final = 8.0
"""What the end of all that was begun may take: goodbyes, and allocations given back."""


@dataclass(frozen=True, slots=True)
class MessageRefused:
    """The service refused a message of ours, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Measured:
    """What those who are there get, each second."""

    viewers: list[Viewer]


Event = audience.Event | presence.Event | studio.Event | MessageRefused | Measured


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to play, and how; `opened` is the source where it has been opened already."""

    source: Source
    opened: Opened | None = None
    loop: bool = False
    codec: Codec | None = None
    take_over: bool = False
    seconds: float | None = None
    """After how long it ends; None: when the source does."""
    knock_seconds: float = PATIENCE_SECONDS


async def play(
    access: Access,
    channel_arn: str,
    wanted: Wanted,
    *,
    tell: Callable[[Event], object] = lambda _: None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> str:
    """Play to whoever comes; return why it ended, if that is in order.

    Raises `UsageError` where another master is there, `LeftError` where the place is lost,
    `SourceError` where the source breaks off or never played, and what keeps it from connecting.
    """
    deaf_to: frozenset[str] = frozenset()
    if not wanted.take_over:
        patience = wanted.knock_seconds
        deaf_to = await require_no_master(access, channel_arn, now=now, patience_seconds=patience)
    place = Presence(access, channel_arn, "master", tell=tell, now=now, sleep=sleep)
    async with place:
        await place.ice()  # so that a refusal is told at once, and the first viewer need not wait
        stage = Studio(wanted.source, opened=wanted.opened, again=wanted.loop, tell=tell)
        viewers = Audience(place, stage, codec=wanted.codec, deaf_to=deaf_to, tell=tell)
        try:
            stage.start()
            return await _until_it_ends(place, stage, viewers, wanted, tell)
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(END_SECONDS):
                    await asyncio.gather(viewers.close(), stage.close())


async def _until_it_ends(
    place: Presence,
    stage: Studio,
    viewers: Audience,
    wanted: Wanted,
    tell: Callable[[Event], object],
) -> str:
    hearing = asyncio.ensure_future(_hear(place, viewers, tell))
    measuring = asyncio.ensure_future(_measure(viewers, tell))
    works = {hearing, measuring, stage.ended}
    try:
        done, _ = await asyncio.wait(
            works, timeout=wanted.seconds, return_when=asyncio.FIRST_COMPLETED
        )
        for each in done:
            each.result()
        if wanted.source.live and stage.kinds is None:
            raise SourceError("the time is up, and nothing could be played")
        return "the source ended" if done else "the time is up"
    except SourceError as error:
        raise SourceError(f"{wanted.source.name}: {error}") from None
    finally:
        await end_all([hearing, measuring])


async def _hear(place: Presence, viewers: Audience, tell: Callable[[Event], object]) -> None:
    while True:
        message = await place.receive()
        if message.message_type is MessageType.STATUS_RESPONSE:
            tell(MessageRefused(place.explain(message)))
        else:
            await viewers.take(message)


async def _measure(viewers: Audience, tell: Callable[[Event], object]) -> None:
    while True:
        await asyncio.sleep(MEASURE_SECONDS)
        for viewer in viewers.viewers:
            with suppress(KvsopsError):
                await viewer.measure()
        tell(Measured(viewers.viewers))
