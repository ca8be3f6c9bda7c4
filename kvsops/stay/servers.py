"""The ICE servers of a stay: asked for anew for a new peer, once the old have expired."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from kvsops.core.wire.ice import IceServer
from kvsops.peers.ice import Ice, choose
from kvsops.peers.probe import probe_all

LIFE_SECONDS: Final = 300.0
"""How long credentials live that do not say so.

Source: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/kvswebrtc-limits.html
"""
MARGIN_SECONDS: Final = 60.0
"""How much longer they must live to be handed to a peer, which uses them again a while later."""


class Servers:
    """What `fetch` gives, probed; several who ask at once share one answer. By the clock's time."""

    def __init__(
        self, fetch: Callable[[], Awaitable[list[IceServer]]], clock: Callable[[], float]
    ) -> None:
        self.last: Ice | None = None
        """What was chosen last, fresh or not."""
        self._fetch, self._clock = fetch, clock
        self._until = 0.0
        self._asking = asyncio.Lock()

    def expire(self) -> None:
        """Take the servers for old, as RECONNECT_ICE_SERVER asks."""
        self._until = self._clock()

    async def get(self) -> Ice:
        """Return what a peer connects through; raises `KvsopsError`."""
        async with self._asking:
            if self.last is None or self._clock() >= self._until:
                self.last = await self._fresh()
            return self.last

    async def _fresh(self) -> Ice:
        asked_at, servers = self._clock(), await self._fetch()
        # The proof that they relay is left out: it is billed, and this is no test of them.
        ice = choose(servers, await probe_all(servers, prove=False))
        lives = [each.ttl_seconds for each in servers if each.ttl_seconds is not None]
        self._until = asked_at + max(min(lives, default=LIFE_SECONDS) - MARGIN_SECONDS, 0.0)
        return ice
