"""The viewers that come to a master of ours: each has a call of its own, and its own troubles."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from kvsops.core.wire.message import Action, MessageType, Received
from kvsops.core.wire.payload import Candidate, read_candidate, read_description
from kvsops.errors import KvsopsError, MessageError
from kvsops.peers.peer import CANDIDATES, Codec
from kvsops.peers.sending import require_sending
from kvsops.stay.knock import mark_of
from kvsops.stay.presence import Presence
from kvsops.stay.studio import Studio
from kvsops.stay.viewer import Viewer

CONNECT_SECONDS: Final = 20.0
"""From the offer on: what does not stand by then will not."""
CALLS: Final = 50
"""How many calls there are at most: as many as a channel has TURN allocations.

Source: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/kvswebrtc-limits.html
"""
_EARLY_SECONDS: Final = 3.0
"""How long a candidate is kept for an offer that comes after it: the service may reorder them."""
_EARLY_SENDERS: Final = 50
REPLACED: Final = "it offered anew"
ENDED: Final = "play ended"


@dataclass(frozen=True, slots=True)
class Joined:
    """A viewer is connected, and what it gets begins."""

    viewer: Viewer


@dataclass(frozen=True, slots=True)
class Left:
    """A viewer that was connected has gone, and why."""

    viewer: Viewer
    why: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A viewer offered and was not connected, and why."""

    client_id: str
    why: str


Event = Joined | Left | Failed


class Audience:
    """Answers whoever offers, and ends each call when its viewer has gone.

    `deaf_to` are offers that are not answered, our own, by `mark_of`. `codec` is the video codec
    to insist on. `tell` hears of those who come and go.
    """

    def __init__(
        self,
        presence: Presence,
        studio: Studio,
        *,
        codec: Codec | None = None,
        deaf_to: frozenset[str] = frozenset(),
        tell: Callable[[Event], object] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        require_sending()
        self._presence, self._studio, self._codec = presence, studio, codec
        self._deaf_to, self._tell, self._clock = deaf_to, tell, clock
        self._calls: dict[str, Viewer] = {}
        self._tasks: dict[Viewer, asyncio.Task[None]] = {}
        self._early: dict[str, deque[tuple[float, Candidate]]] = {}

    @property
    def viewers(self) -> list[Viewer]:
        """Those who are connected, in the order in which they came."""
        there = [each for each in self._calls.values() if each.joined_at is not None]
        return sorted(there, key=lambda viewer: viewer.joined_at or 0.0)

    async def take(self, message: Received) -> None:
        """Take in what somebody sent, whatever it is."""
        client_id = message.sender_client_id or ""
        if not client_id:
            return
        with suppress(MessageError):  # of a stranger
            if message.message_type is MessageType.SDP_OFFER:
                self._take_offer(client_id, message)
            elif message.message_type is MessageType.ICE_CANDIDATE:
                await self._take_candidate(client_id, read_candidate(message.payload))

    async def close(self) -> None:
        """End all calls."""
        for viewer in self._calls.values():
            self._send_away(viewer, ENDED)
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _take_offer(self, client_id: str, message: Received) -> None:
        offer, before = read_description(message.payload), self._calls.get(client_id)
        if offer.type != "offer" or mark_of(offer) in self._deaf_to:
            return
        if before is not None and before.call.offer == offer:  # delivered twice
            return
        if before is not None:
            self._send_away(before, REPLACED)
        elif len(self._calls) >= CALLS:
            self._tell(Failed(client_id, f"there are {CALLS} calls already"))
            return
        viewer = self._calls[client_id] = Viewer(client_id, offer, self._clock)
        self._tasks[viewer] = asyncio.ensure_future(self._have(viewer))

    async def _take_candidate(self, client_id: str, candidate: Candidate) -> None:
        """Hand a candidate to the call; keep it as well, should its offer come only now."""
        if viewer := self._calls.get(client_id):
            await viewer.call.add("master", candidate)
        if client_id not in self._early and len(self._early) >= _EARLY_SENDERS:
            self._early.pop(next(iter(self._early)))
        early = self._early.setdefault(client_id, deque(maxlen=CANDIDATES))
        early.append((self._clock(), candidate))

    def _early_of(self, client_id: str) -> list[Candidate]:
        since = self._clock() - _EARLY_SECONDS
        return [each for at, each in self._early.pop(client_id, ()) if at >= since]

    def _send_away(self, viewer: Viewer, why: str) -> None:
        if viewer.leaves is None:
            viewer.leaves = why
            self._tasks[viewer].cancel()

    async def _have(self, viewer: Viewer) -> None:
        """Have a call from its offer to its end."""
        why = "its connection ended"
        try:
            await self._connect(viewer)
            self._tell(Joined(viewer))
            await viewer.peer.lost
        except asyncio.CancelledError:
            why = viewer.leaves or ENDED
        except TimeoutError:
            why = f"it was not connected within {CONNECT_SECONDS:.0f} s"
        except KvsopsError as error:
            why = str(error).removeprefix(f"{viewer.client_id}: ")
        except Exception as error:  # noqa: BLE001 - what a strange peer leads to ends its own call
            why = f"{type(error).__name__}: {error}"
        finally:
            if self._calls.get(viewer.client_id) is viewer:
                del self._calls[viewer.client_id]
            joined = viewer.joined_at is not None
            self._tell(Left(viewer, why) if joined else Failed(viewer.client_id, why))
            await viewer.close()
            del self._tasks[viewer]

    async def _connect(self, viewer: Viewer) -> None:
        async with asyncio.timeout(CONNECT_SECONDS):
            ice, early = await self._presence.ice(), self._early_of(viewer.client_id)
            answer = await viewer.answer(ice, self._studio, self._codec, early)
            payload = answer.to_payload()
            await self._presence.send(Action.SDP_ANSWER, payload, viewer.client_id)
            await viewer.stands()
