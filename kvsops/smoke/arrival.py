"""From two descriptions to media: ICE, DTLS, the data channel, the first frames."""

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Final

from kvsops.peers.meeting import Meeting
from kvsops.peers.waits import end_all
from kvsops.smoke.plan import Limits, Mode
from kvsops.smoke.steps import Steps

if TYPE_CHECKING:
    from kvsops.peers.pair import Pair

OTHERS_SECONDS: Final = 2.0
"""How long somebody else's peer may take for what it need not do: a data channel, audio."""


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
            step.detail = None if pair is None else str(pair)
        async with self._steps.step("dtls", limits.dtls, "the DTLS handshake did not end"):
            await self._meeting.each(end.reach_dtls() for end in ends)
        await _together(
            self._channel(),
            self._track("video", "first_video"),
            self._track("audio", "first_audio"),
        )

    async def _channel(self) -> None:
        if self._mode == "loop":
            late = "no SCTP association: the data channel did not open"
            async with self._steps.step("data_channel", self._limits.channel, late):
                await self._meeting.each(end.opened.wait() for end in self._meeting.ends)
            return
        await self._optional(
            "data_channel", self._meeting.ends[0].opened, "the other end opens none"
        )

    async def _track(self, kind: str, key: str) -> None:
        """Wait for every end that was promised this kind of media."""
        waiting = [end for end in self._meeting.ends if end.receives(kind)]
        if not waiting:
            self._steps.skip(key, f"the other end sends no {kind}")
            return
        received = [end.received for end in waiting]
        arrived = [each.first_video if kind == "video" else each.first_audio for each in received]
        if kind == "audio" and self._mode != "loop":
            await self._optional(key, arrived[0], "promised, but none came")
            return
        limit = self._limits.video if kind == "video" else self._limits.audio
        late = f"no {kind} could be decoded in {limit:g} s"
        async with self._steps.step(key, limit, late):
            await self._meeting.each(event.wait() for event in arrived)

    async def _optional(self, key: str, event: asyncio.Event, otherwise: str) -> None:
        """Wait a little for what somebody else's peer need not do."""
        step, at = self._steps.named(key), self._steps.elapsed()
        try:
            async with asyncio.timeout(OTHERS_SECONDS):
                await self._meeting.watched(event.wait())
        except TimeoutError:
            self._steps.skip(key, otherwise)
        else:
            self._steps.note(step, "ok", at, self._steps.elapsed() - at, None)


async def _together(*works: Coroutine[object, None, None]) -> None:
    """Await them all; the first that fails ends the others."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        await end_all(tasks)
