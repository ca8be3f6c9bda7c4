"""One viewer's share of what is encoded: a bounded queue, and the track that sends from it.

A viewer that is slow holds up nobody: what does not fit into its queue is dropped, of a picture
all until the next key frame, since what comes between cannot be decoded without.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from kvsops.stay.encoders import Encoded

QUEUED: Final = {"video": 30, "audio": 50}
"""How many packets wait at most: a second's."""


class Feed:
    """The packets of one codec on their way to one viewer."""

    def __init__(self, kind: str, codec: str) -> None:
        self.kind, self.codec = kind, codec
        self.taken = self.dropped = 0
        """How many packets were sent on, and how many did not fit."""
        self._queue: deque[Encoded] = deque()
        self._there = asyncio.Event()
        self._broken = kind == "video"

    def put(self, packet: Encoded) -> None:
        """Take in a packet, or drop what does not fit."""
        if self._broken and not packet.is_keyframe:
            self.dropped += self.taken > 0  # before the first key frame there is nothing to drop
            return
        self._broken = False
        if len(self._queue) >= QUEUED[self.kind]:
            self._make_room(packet)
        if not self._broken:
            self._queue.append(packet)
            self._there.set()

    def _make_room(self, packet: Encoded) -> None:
        if self.kind == "audio":
            self._queue.popleft()
            self.dropped += 1
            return
        self.dropped += len(self._queue)
        self._queue.clear()
        if not packet.is_keyframe:
            self._broken = True
            self.dropped += 1

    async def get(self) -> Encoded:
        """Return the next packet, once it is there."""
        while not self._queue:
            self._there.clear()
            await self._there.wait()
        self.taken += 1
        return self._queue.popleft()


class Outlet(MediaStreamTrack):
    """A track that sends packets as they are. `codec` is set once it is agreed on.

    Its feed is handed to `begin` when it is first asked for a packet, which is when the connection
    stands, and to `end` when it stops.
    """

    def __init__(
        self, kind: str, begin: Callable[[Feed], object], end: Callable[[Feed], object]
    ) -> None:
        super().__init__()
        self.kind = kind
        self.codec: str | None = None
        self.feed: Feed | None = None
        self._begin, self._end = begin, end

    async def recv(self) -> Encoded:
        """Return the next packet, once it is there."""
        if self.readyState != "live" or self.codec is None:
            raise MediaStreamError
        if self.feed is None:
            self.feed = Feed(self.kind, self.codec)
            self._begin(self.feed)
        return await self.feed.get()

    def stop(self) -> None:
        """Take no more."""
        super().stop()
        if self.feed is not None:
            self._end(self.feed)
