"""One viewer of a master of ours: our end of its call, what it gets, and how well."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from kvsops.core.wire.payload import Candidate, Description
from kvsops.errors import PeerError
from kvsops.peers.call import Call
from kvsops.peers.ice import Ice
from kvsops.peers.peer import KINDS, Codec, Peer
from kvsops.peers.sending import Sending, hear_wishes, one_way, pace, sender_of, sending
from kvsops.stay.outlet import Outlet
from kvsops.stay.studio import Studio

_SHORTEST_SECONDS: Final = 0.1
"""Of a time from which a rate is reckoned."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a viewer gets, over the last second or two; None where that is not known (yet)."""

    fps: float | None = None
    kbps: float | None = None
    round_trip_ms: float | None = None
    loss_percent: float | None = None
    relayed: bool | None = None
    frames: int = 0
    """How many pictures were sent so far, as `dropped` tells how many were not: it was too slow."""
    dropped: int = 0


class Viewer:
    """A viewer, from its offer on. `leaves` is why it is sent away, once it is."""

    def __init__(
        self, client_id: str, offer: Description, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.call = Call(client_id, offer=offer)
        self.codecs: dict[str, str] = {}
        """By kind, of what it gets."""
        self.without: dict[str, str] = {}
        """By kind, why it does not get what the source has."""
        self.joined_at: float | None = None
        self.leaves: str | None = None
        self.figures = Figures()
        """As of the last `measure`."""
        self._clock = clock
        self._outlets: dict[str, Outlet] = {}
        self._measured: tuple[float, int, int] | None = None

    @property
    def client_id(self) -> str:
        """What the channel knows it by."""
        return self.call.client_id

    @property
    def peer(self) -> Peer:
        """Our end of the call; raises `PeerError` where there is none yet."""
        if self.call.master is None:
            raise PeerError("it has not been answered")
        return self.call.master

    @property
    def seconds(self) -> float:
        """How long it has been there."""
        return 0.0 if self.joined_at is None else self._clock() - self.joined_at

    async def answer(
        self, ice: Ice, studio: Studio, codec: Codec | None, early: list[Candidate]
    ) -> Description:
        """Answer its offer with what the studio has; raises `PeerError` if it takes none of it."""
        kinds = KINDS if studio.kinds is None else [kind for kind in KINDS if kind in studio.kinds]
        add, remove = studio.add, studio.broadcast.remove
        self._outlets = {kind: Outlet(kind, add, remove) for kind in kinds}
        peer = Peer(self.client_id, ice, [*self._outlets.values()], codec=codec)
        self.call.master = peer
        for candidate in early:
            await self.call.add("master", candidate)
        if self.call.offer is not None:
            await self.call.accept("master", self.call.offer)
        one_way(peer.connection)
        answer = await peer.describe("answer")
        self._agree(peer, studio)
        return answer

    async def stands(self) -> None:
        """Wait until it is connected; raises `PeerError` if that fails."""
        await self.peer.reach_ice()
        await self.peer.reach_dtls()
        self.joined_at = self._clock()

    async def measure(self) -> Figures:
        """Work out what it got since it was last asked, and what it reported."""
        found = {
            kind: await sending(sender)
            for kind in self.codecs
            if (sender := sender_of(self.peer.connection, kind)) is not None
        }
        video = self._outlets["video"].feed if "video" in self.codecs else None
        frames, dropped = (0, 0) if video is None else (video.taken, video.dropped)
        now, size = self._clock(), sum(each.bytes_sent for each in found.values())
        since, frames_then, size_then = self._measured or (now, frames, size)
        seconds, self._measured = now - since, (now, frames, size)
        known = seconds >= _SHORTEST_SECONDS
        told = found.get("video") or found.get("audio") or Sending()
        trip, pair = told.round_trip_seconds, self.peer.pair
        self.figures = Figures(
            fps=round((frames - frames_then) / seconds, 1) if known and video else None,
            kbps=round((size - size_then) * 8 / seconds / 1000, 1) if known else None,
            round_trip_ms=None if trip is None else round(trip * 1000, 1),
            loss_percent=told.loss_percent,
            relayed=None if pair is None else pair.relayed,
            frames=frames,
            dropped=dropped,
        )
        return self.figures

    async def close(self) -> None:
        """End the call."""
        if self.call.master is not None:
            await self.call.master.close()

    def _agree(self, peer: Peer, studio: Studio) -> None:
        """Take note of what was agreed on, and let each track send in its codec."""
        sent = [each for each in peer.negotiated if each.direction == "sendonly" and each.codecs]
        self.codecs = {each.kind: each.codecs[0] for each in reversed(sent)}
        for kind, outlet in self._outlets.items():
            sender = sender_of(peer.connection, kind)
            if sender is None or kind not in self.codecs:
                self.without[kind] = peer.negotiation.refused.get(kind) or f"it takes no {kind}"
                continue
            outlet.codec = self.codecs[kind]
            if kind == "video":
                hear_wishes(sender, partial(studio.broadcast.wish, outlet.codec))
        if not self.codecs:
            raise PeerError("; ".join(self.without.values()) or "there is nothing to send")
        pace(peer.connection)
