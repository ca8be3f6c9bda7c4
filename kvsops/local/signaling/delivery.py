"""The messages between peers: delivered, kept for an absent peer, or mistreated on request.

Source: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/SendSdpOffer.html
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Protocol

from kvsops.core.wire.message import Received
from kvsops.local.faults import DELAY, DROP, DROP_AFTER, DUPLICATE, LATE, REORDER
from kvsops.local.settings import Settings
from kvsops.local.signaling import telling
from kvsops.local.signaling.admission import Place
from kvsops.local.signaling.channel_state import ChannelState, Peer, PeerId, PendingMessage
from kvsops.local.signaling.counters import Counters

Deliver = Callable[[], Awaitable[None]]
"""Delivers one message."""


class Recipient(Peer, Protocol):
    """Who can receive a message: a connection, or a caller that waits for an answer."""

    async def send(self, message: Received) -> bool:
        """Send it; return whether that was possible."""

    def give_way(self, *, close: bool) -> None:
        """Give way to another peer of the same name, and if asked, close."""


class Sender(Protocol):
    """A peer whose messages faults can strike."""

    overtaken: list[Deliver]

    def abort(self) -> None:
        """Break off its connection."""


class Delivery:
    """All channels' states in one emulator, and what is on its way; it runs on one event loop."""

    def __init__(self, settings: Settings, counters: Counters) -> None:
        self._settings, self._counters = settings, counters
        self._states: dict[str, ChannelState[Recipient]] = defaultdict(ChannelState)
        self._tasks: set[asyncio.Task[None]] = set()

    def state_of(self, place: Place) -> ChannelState[Recipient]:
        """Return the state of a channel; one that stays empty is forgotten soon."""
        return self._states[place.channel.arn]

    async def send(
        self, place: Place, sender: PeerId, recipient: PeerId, message: Received
    ) -> None:
        """Send a message to its recipient, or keep it for the channel's MessageTtlSeconds.

        On a channel whose media is stored nothing is relayed.
        """
        if place.channel.stream_arn is not None:
            telling.not_relayed(place.name, sender, message.message_type)
            return
        state = self.state_of(place)
        peer = state.peers.get(recipient)
        if peer is not None and await peer.send(message):
            self._counters.message(place)
            return
        ttl = timedelta(seconds=place.channel.message_ttl_seconds)
        state.keep(PendingMessage(sender, recipient, message, self._settings.clock() + ttl))

    async def dispatch(self, sender: Sender, deliver: Deliver, fault: str | None) -> None:
        """Deliver a message as the fault says, then those that waited for it to overtake them."""
        if fault is None:
            await deliver()
        elif fault in (DELAY, LATE):
            self.later(self._delivered_late(deliver, fault))
        elif fault == REORDER:
            sender.overtaken.append(deliver)
            self.later(self._not_overtaken(sender))
        elif fault != DROP:
            await self._delivered_and_more(sender, deliver, fault)
        if fault != REORDER:
            await self._catch_up(sender)

    async def wait(self, fault: str | None) -> None:
        """Wait as long as the fault says, if it is a delay."""
        waits = {DELAY: self._settings.delay_by, LATE: self._settings.late_by}
        if fault in waits:
            await asyncio.sleep(waits[fault].total_seconds())

    def later(self, what: Coroutine[None, None, None]) -> None:
        """Run something in the background."""
        task = asyncio.get_running_loop().create_task(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def forget(self) -> None:
        """Drop the messages that waited too long, and the states of empty channels."""
        now = self._settings.clock()
        for arn, state in [*self._states.items()]:
            state.forget(now)
            if state.is_empty:
                del self._states[arn]

    async def close(self) -> None:
        """Cancel whatever still runs."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _delivered_late(self, deliver: Deliver, fault: str) -> None:
        await self.wait(fault)
        await deliver()

    async def _delivered_and_more(self, sender: Sender, deliver: Deliver, fault: str) -> None:
        await deliver()
        if fault == DUPLICATE:
            await deliver()
        elif fault == DROP_AFTER:
            sender.abort()

    async def _not_overtaken(self, sender: Sender) -> None:
        await self.wait(DELAY)
        await self._catch_up(sender)

    async def _catch_up(self, sender: Sender) -> None:
        """Deliver what was overtaken."""
        if sender.overtaken:
            overtaken, sender.overtaken = sender.overtaken, []
            for deliver in overtaken:
                await deliver()
