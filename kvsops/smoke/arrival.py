"""From two descriptions to media: ICE, DTLS, the data channel, the first frames."""

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from typing import TYPE_CHECKING, Final

from kvsops.peers.internals import unknown_version
from kvsops.peers.meeting import Meeting
from kvsops.peers.peer import Peer
from kvsops.peers.waits import end_all
from kvsops.smoke.plan import Limits, Mode
from kvsops.smoke.steps import SkippedError, StepFailedError, Steps

if TYPE_CHECKING:
    from kvsops.peers.pair import Pair

OTHERS_SECONDS: Final = 2.0
"""How long somebody else's peer may take to open or acknowledge a data channel."""
PROMISED_SECONDS: Final = 4.0
"""How long it may take to send what it may, but need not: a camera has to be started."""
NO_CHANNEL_TAKEN: Final = "the other end did not acknowledge ours"
NO_CHANNEL_OPENED: Final = "the other end did not open one"


class Arrival:
    """The steps from the answer to the first media; `pair` is the one that ICE selected."""

    def __init__(self, meeting: Meeting, steps: Steps, mode: Mode, limits: Limits) -> None:
        self._meeting, self._steps, self._mode, self._limits = meeting, steps, mode, limits
        self.pair: Pair | None = None

    async def all_steps(self) -> None:
        """Take the steps; what needs only DTLS is awaited together, each with its own time."""
        ends, limits = self._meeting.ends, self._limits

        def why_no_ice() -> str:
            stuck = [end for end in ends if end.connection.iceConnectionState != "completed"]
            return stuck[0].why_no_ice() if stuck else "ICE did not connect"

        async with self._steps.step("ice_connected", limits.ice, why_no_ice) as step:
            await self._meeting.each(end.reach_ice() for end in ends)
            self.pair = pair = ends[0].pair
            step.detail = _told(pair)
        async with self._steps.step("dtls", limits.dtls, "the DTLS handshake did not finish"):
            await self._meeting.each(end.reach_dtls() for end in ends)
        await _together(
            self._channel(),
            self._track("video", "first_video"),
            self._track("audio", "first_audio"),
        )

    async def _channel(self) -> None:
        """Wait for the data channel, which somebody else's peer need not have."""
        if reason := self._refused("application"):
            self._steps.skip("data_channel", reason)
            return
        ends, limit = self._meeting.ends, self._limits.channel
        late = "no SCTP association: the data channel did not open"
        async with self._steps.step("data_channel", limit, late):
            opened = self._meeting.each(end.watched(end.opened.wait()) for end in ends)
            await (opened if self._mode == "loop" else self._unless_none(opened))

    async def _unless_none(self, opened: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(OTHERS_SECONDS):
                await opened
        except TimeoutError:
            ours = self._mode == "viewer-only"
            raise SkippedError(NO_CHANNEL_TAKEN if ours else NO_CHANNEL_OPENED) from None

    async def _track(self, kind: str, key: str) -> None:
        """Wait for this kind of media at every end that the other agreed to send it to."""
        limit = self._limits.video if kind == "video" else self._limits.audio
        ends = [end for end in self._meeting.ends if end.receives(kind)]
        if not ends:
            await self._without(kind, key)
            return

        def late() -> str:
            waiting = (end for end in ends if not _arrived(end, kind).is_set())
            why = next(waiting, ends[0]).why_nothing(kind)
            return f"no {kind} could be decoded in {limit:g} s: {why}"

        async with self._steps.step(key, limit, late):
            if self._may_be_left_out(kind):
                await self._unless_silent(kind, ends)
            await self._meeting.each(end.watched(_arrived(end, kind).wait()) for end in ends)

    async def _without(self, kind: str, key: str) -> None:
        """Leave out what the other end does not send; fail where it is video that it refused."""
        reason = self._refused(kind)
        if reason is None or kind != "video":
            self._steps.skip(key, reason or f"the other end sends no {kind}")
            return
        async with self._steps.step(key, self._limits.video, reason):
            raise StepFailedError(reason)

    def _refused(self, kind: str) -> str | None:
        """Tell why there is none of what was offered, if so."""
        refused = (end.negotiation.refused.get(kind) for end in self._meeting.ends)
        return next(filter(None, refused), None)

    def _may_be_left_out(self, kind: str) -> bool:
        """Whether who may send it need not: a viewer may only watch, a camera have no microphone.

        `sendrecv` is what many say who send nothing.
        """
        return self._mode == "master-only" or (kind == "audio" and self._mode == "viewer-only")

    async def _unless_silent(self, kind: str, ends: Sequence[Peer]) -> None:
        """Wait for the first packet; raise `SkippedError` if none comes."""
        try:
            async with asyncio.timeout(PROMISED_SECONDS):
                await self._meeting.each(end.watched(end.hears(kind)) for end in ends)
        except TimeoutError:
            raise SkippedError(
                f"the other end's SDP says that it may send {kind}, but it sends none"
            ) from None


def _arrived(end: Peer, kind: str) -> asyncio.Event:
    return end.received.first_video if kind == "video" else end.received.first_audio


async def _together(*works: Coroutine[object, None, None]) -> None:
    """Await them all; the first that fails ends the others."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        await end_all(tasks)


def _told(pair: "Pair | None") -> str | None:
    if strange := unknown_version():
        return f"the selected pair is not known with {strange}"
    return None if pair is None else str(pair)
