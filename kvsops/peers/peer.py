"""One end of a call: a peer connection with its tracks, and the states it reaches."""

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Final, Literal

from aiortc import (
    MediaStreamTrack,
    RTCDataChannel,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.sdp import SessionDescription, candidate_from_sdp

from kvsops.core.wire.payload import Candidate, Description
from kvsops.errors import PeerError
from kvsops.peers import internals
from kvsops.peers.dtls import lacks_fingerprint, sha_256_alone, why_failed
from kvsops.peers.ice import Ice
from kvsops.peers.pair import Pair, candidates, selected_pair
from kvsops.peers.reception import Reception
from kvsops.peers.waits import end_all

Codec = Literal["VP8", "H264"]
KINDS: Final = ("video", "audio")
CLOSE_SECONDS: Final = 3.0
_HIGHEST_PORT: Final = 65_535
CANDIDATES: Final = 64
"""How many candidates of the other end are tried: each is paired with all of ours, one in 20 ms."""


class Peer:
    """A peer connection of ours.

    It sends these tracks, at most one of each kind, and stops them in the end.
    `kinds` is the media that it has: who answers may have none that was not offered.
    """

    def __init__(
        self,
        name: str,
        ice: Ice,
        tracks: Sequence[MediaStreamTrack] = (),
        *,
        codec: Codec | None = None,
        kinds: Collection[str] = KINDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.received = name, Reception(clock)
        self.opened = asyncio.Event()
        """Set once the data channel is open."""
        self.channel: RTCDataChannel | None = None
        self.connection = RTCPeerConnection(ice.configuration())
        self.tracks = {track.kind: track for track in tracks}
        self._ice = ice
        self._changed = asyncio.Event()
        self._gathering: asyncio.Task[None] | None = None
        self._adding: list[asyncio.Task[None]] = []
        self._listen()
        for kind in KINDS:
            if kind in kinds:
                self._add(kind, codec if kind == "video" else None)

    def open_channel(self, label: str) -> None:
        """Offer a data channel; after the media, or MAX_BUNDLE waits for ever."""
        self._take_channel(self.connection.createDataChannel(label))

    async def describe(self, kind: Literal["offer", "answer"]) -> Description:
        """Gather candidates and return the description; raises `PeerError` if there are none."""
        make = self.connection.createOffer if kind == "offer" else self.connection.createAnswer
        internals.prepare(self.connection)
        # Shielded: aioice, cancelled while it gathers, leaves allocations behind.
        self._gathering = asyncio.ensure_future(self.connection.setLocalDescription(await make()))
        await asyncio.shield(self._gathering)
        local, _ = candidates(self.connection)
        if local == "none":
            raise PeerError(self._no_candidates())
        return Description(kind, sha_256_alone(self.connection.localDescription.sdp))

    async def accept(self, description: Description) -> None:
        """Take the other end's description, which may be anybody's; raises `PeerError`."""
        if lacks_fingerprint(description.sdp):  # aiortc's task would die of it, unheard
            raise PeerError(f"{self.name} cannot use the {description.type}: no DTLS fingerprint")
        try:
            await self.connection.setRemoteDescription(
                RTCSessionDescription(description.sdp, description.type)
            )
        except Exception as error:  # noqa: BLE001 - aiortc raises whatever a strange SDP leads to
            why = " ".join(str(error).split()) or type(error).__name__
            raise PeerError(f"{self.name} cannot use the {description.type}: {why}") from None

    async def add(self, candidate: Candidate) -> None:
        """Take one more candidate of the other end; leave one too many, or that cannot be used."""
        if not candidate.candidate:  # the end of them, or AssertionError
            return
        if len(self._adding) < CANDIDATES:  # in a task: a name takes a second to resolve
            self._adding.append(asyncio.ensure_future(self._added(candidate)))

    async def _added(self, candidate: Candidate) -> None:
        with suppress(Exception):  # aiortc raises whatever a strange candidate leads to
            found = candidate_from_sdp(candidate.candidate.removeprefix("candidate:"))
            found.sdpMid, found.sdpMLineIndex = candidate.sdp_mid, candidate.sdp_m_line_index
            if found.sdpMid is None and found.sdpMLineIndex is None:
                found.sdpMLineIndex = 0  # all is bundled
            if 0 < found.port <= _HIGHEST_PORT:
                await self.connection.addIceCandidate(found)

    async def reach_ice(self) -> None:
        """Wait until ICE is connected; raises `PeerError` if it fails."""
        await self._reach("completed", lambda: self.connection.iceConnectionState, self.why_no_ice)

    async def reach_dtls(self) -> None:
        """Wait until DTLS is connected; raises `PeerError` if it fails."""

        def why() -> str:
            return f"{self.name}: the DTLS handshake failed: {why_failed(self.connection)}"

        await self._reach("connected", lambda: self.connection.connectionState, why)

    def why_no_ice(self) -> str:
        """Tell what there was to try, where ICE did not connect."""
        local, remote = candidates(self.connection)
        if remote == "none":
            return f"{self.name}: the other end named no candidates"
        if internals.any_works(self.connection):
            return f"{self.name}: the other end nominated none of the pairs that work"
        return (
            f"{self.name}: no way between the two ends: {local} here, {remote} there; "
            "UDP may be blocked, or TURN refuses to relay (--relay shows which)"
        )

    def receives(self, kind: str) -> bool:
        """Whether the other end agreed to send this kind of media."""
        agreed = ("recvonly", "sendrecv")
        return any(
            each.kind == kind and each.currentDirection in agreed
            for each in self.connection.getTransceivers()
        )

    @property
    def clock_rates(self) -> dict[str, int]:
        """Ticks a second of the timestamps of each kind of media, as the answer has it."""
        ends = (self.connection.localDescription, self.connection.remoteDescription)
        answer = SessionDescription.parse(next(end.sdp for end in ends if end.type == "answer"))
        return {each.kind: each.rtp.codecs[0].clockRate for each in answer.media if each.rtp.codecs}

    @property
    def pair(self) -> Pair | None:
        """The candidate pair in use, by the packets that it carried."""
        return selected_pair(self.connection, self._ice.relay_transport)

    async def close(self) -> None:
        """End the connection; a TURN server that is gone is not waited for."""
        await self.received.close()
        await end_all(self._adding)
        if self._gathering is not None:
            await asyncio.wait({self._gathering}, timeout=CLOSE_SECONDS)
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.connection.close()
                # Again: aiortc starts media that was connecting while it was closed.
                for transceiver in self.connection.getTransceivers():
                    await transceiver.stop()
        for track in self.tracks.values():
            track.stop()

    def _listen(self) -> None:
        connection = self.connection
        connection.add_listener("iceconnectionstatechange", self._changed.set)
        connection.add_listener("connectionstatechange", self._changed.set)
        connection.add_listener("track", self.received.watch)
        connection.add_listener("datachannel", self._take_channel)

    def _add(self, kind: str, codec: Codec | None) -> None:
        """Add media in both directions, or only towards us; the codec before any description."""
        track = self.tracks.get(kind)
        direction = "recvonly" if track is None else "sendrecv"
        transceiver = self.connection.addTransceiver(track or kind, direction=direction)
        if codec is not None:
            known = RTCRtpSender.getCapabilities(kind).codecs
            wanted = [each for each in known if each.mimeType in (f"{kind}/{codec}", f"{kind}/rtx")]
            transceiver.setCodecPreferences(wanted)

    def _take_channel(self, channel: RTCDataChannel) -> None:
        self.channel = channel
        channel.add_listener("open", self.opened.set)
        if channel.readyState == "open":
            self.opened.set()

    async def _reach(self, goal: str, state: Callable[[], str], why: Callable[[], str]) -> None:
        while state() != goal:
            if state() in ("failed", "closed"):
                raise PeerError(why())
            self._changed.clear()
            await self._changed.wait()

    def _no_candidates(self) -> str:
        if self._ice.relay_only:
            return f"{self.name}: no relay was allocated: see the probes"
        return f"{self.name}: no candidates: no address but loopback here, and no relay allocated"
