"""One end of a call: a peer connection with its tracks, and the states it reaches."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from typing import Final, Literal

from aiortc import (
    MediaStreamTrack,
    RTCDataChannel,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.sdp import candidate_from_sdp

from kvsops.core.wire.payload import Candidate, Description
from kvsops.errors import PeerError
from kvsops.peers import consent, dtls, internals
from kvsops.peers.codecs import RETRANSMISSION, Negotiated, negotiated, payload_types
from kvsops.peers.heard import Heard, why_nothing
from kvsops.peers.ice import Ice
from kvsops.peers.negotiation import Negotiation
from kvsops.peers.pair import Pair, candidates, selected_pair
from kvsops.peers.reception import Reception
from kvsops.peers.streams import require_tap
from kvsops.peers.waits import Result, end_all, fail, unless

Codec = Literal["VP8", "H264"]
KINDS: Final = ("video", "audio")
CLOSE_SECONDS: Final = 3.0
_LOOK_SECONDS: Final = 0.05
_HIGHEST_PORT: Final = 65_535
_ENDED: Final = {
    "closed": "the other end closed the connection",
    "failed": "the other end went silent: it has answered no ICE checks for half a minute",
}
"""How a connection ends that stood. Source: https://www.rfc-editor.org/rfc/rfc7675#section-5.1"""
CANDIDATES: Final = 64
"""How many candidates of the other end are tried: each is paired with all of ours, one in 20 ms."""


class Peer:
    """A peer connection of ours.

    It sends these tracks, at most one of each kind, and stops them in the end.
    `kinds` is the media that it offers; an answer has what was offered, in that order. `received`
    takes in what comes.
    """

    def __init__(
        self,
        name: str,
        ice: Ice,
        tracks: Sequence[MediaStreamTrack] = (),
        *,
        codec: Codec | None = None,
        kinds: Collection[str] = KINDS,
        received: Reception | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        require_tap()
        self.name, self.received = name, received or Reception(clock)
        self.opened = asyncio.Event()
        """Set once the data channel is open."""
        self.channel: RTCDataChannel | None = None
        self.channel_closed_at: float | None = None
        """When the other end closed the data channel, while the connection stood."""
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Fails with a `PeerError` when a connection that stood ends, unless `close` ends it."""
        self.lost_at: float | None = None
        self.connection = RTCPeerConnection(ice.configuration())
        self.tracks = {track.kind: track for track in tracks}
        self.heard = Heard()
        self.negotiation = Negotiation(codec)
        self._ice, self._kinds, self._clock = ice, kinds, clock
        self._label: str | None = None
        self._payload_types: dict[int, RTCRtpCodecParameters] = {}
        self._stood = False
        self._changed = asyncio.Event()
        self._gathering: asyncio.Task[None] | None = None
        self._adding: list[asyncio.Task[None]] = []
        self._listen()

    def open_channel(self, label: str) -> None:
        """Let the offer have a data channel."""
        self._label = label

    async def describe(self, kind: Literal["offer", "answer"]) -> Description:
        """Gather candidates and return the description; raises `PeerError` if there are none."""
        if kind == "offer":
            self._add_all()
        make = self.connection.createOffer if kind == "offer" else self.connection.createAnswer
        internals.prepare(self.connection)
        dtls.prepare(self.connection)
        # Shielded: aioice, cancelled while it gathers, leaves allocations behind.
        self._gathering = asyncio.ensure_future(self.connection.setLocalDescription(await make()))
        await asyncio.shield(self._gathering)
        local, _ = candidates(self.connection)
        if local == "none":
            raise PeerError(self._no_candidates())
        self._hear()
        sdp = dtls.sha_256_alone(self.connection.localDescription.sdp)
        sent = self.negotiation.offer if kind == "offer" else self.negotiation.answer
        return Description(kind, sent(sdp))

    async def accept(self, description: Description) -> None:
        """Take the other end's description, which may be anybody's; raises `PeerError`."""
        offer, taken = description.type == "offer", self.negotiation
        try:
            read = taken.take_offer if offer else taken.take_answer
            await self.connection.setRemoteDescription(
                RTCSessionDescription(read(description.sdp), description.type)
            )
        except Exception as error:  # noqa: BLE001 - aiortc raises whatever a strange SDP leads to
            why = " ".join(str(error).split()) or type(error).__name__
            raise PeerError(f"{self.name} cannot use the {description.type}: {why}") from None
        if offer:
            self._send_tracks()
        for candidate in taken.to_resolve:
            await self.add(candidate)

    async def add(self, candidate: Candidate) -> None:
        """Take one more candidate of the other end; leave one too many, or that cannot be used."""
        if not candidate.candidate or len(self._adding) >= CANDIDATES:  # "" ends them
            return
        leads, mid = self.negotiation.leads_to(candidate)
        if leads:  # in a task: a name takes a second to resolve
            self._adding.append(asyncio.ensure_future(self._added(candidate, mid)))

    async def _added(self, candidate: Candidate, mid: str | None) -> None:
        with suppress(Exception):  # aiortc raises whatever a strange candidate leads to
            found = candidate_from_sdp(candidate.candidate.removeprefix("candidate:"))
            found.sdpMid, found.sdpMLineIndex = mid, 0 if mid is None else None
            if 0 < found.port <= _HIGHEST_PORT:
                await self.connection.addIceCandidate(found)

    async def reach_ice(self) -> None:
        """Wait until ICE is connected; raises `PeerError` if it fails."""
        await self._reach("completed", lambda: self.connection.iceConnectionState, self.why_no_ice)

    async def reach_dtls(self) -> None:
        """Wait until DTLS is connected; raises `PeerError` if it fails."""

        def why() -> str:
            return f"{self.name}: the DTLS handshake failed: {dtls.why_failed(self.connection)}"

        await self._reach("connected", lambda: self.connection.connectionState, why)

    def why_no_ice(self) -> str:
        """Tell what there was to try, where ICE did not connect."""
        local, remote = candidates(self.connection)
        if remote == "none":
            return f"{self.name}: the other end named no candidates"
        if internals.any_works(self.connection):
            return f"{self.name}: the other end nominated none of the pairs that work"
        return (
            f"{self.name}: no path between the two ends: {local} here, {remote} there; "
            "UDP may be blocked, or TURN refuses to relay (--relay shows which)"
        )

    def why_nothing(self, kind: str) -> str:
        """Tell what came of this kind of media where nothing of it could be decoded."""
        return why_nothing(self.heard, kind, self.negotiation)

    async def hears(self, kind: str) -> None:
        """Wait for the first packet of this kind of media, whether or not it can be decoded."""
        while not self.heard.of(kind, self.negotiation) and not self.received.packets(kind):
            await asyncio.sleep(_LOOK_SECONDS)

    def receives(self, kind: str) -> bool:
        """Whether the other end agreed to send this kind of media."""
        agreed = ("recvonly", "sendrecv")
        return any(
            each.kind == kind and each.currentDirection in agreed
            for each in self.connection.getTransceivers()
        )

    async def watched(self, work: Awaitable[Result]) -> Result:
        """Await the work, unless the connection is lost first: raises that `PeerError`."""
        return await unless(self.lost, work)

    async def answers(self, seconds: float) -> bool | None:
        """Whether the other end answers an ICE check in time; None where that is not known."""
        return await consent.answers(self.connection, seconds)

    @property
    def silent_at(self) -> float | None:
        """When anything came last, be it of ICE; None where that is not known."""
        silent = consent.silent_seconds(self.connection)
        return None if silent is None else self._clock() - silent

    def codec(self, payload_type: int) -> RTCRtpCodecParameters | None:
        """Return what a payload type is, where the descriptions name it."""
        if not self._payload_types and self.connection.signalingState == "stable":
            self._payload_types = payload_types(self.connection)
        return self._payload_types.get(payload_type)

    @property
    def negotiated(self) -> list[Negotiated]:
        """What was agreed on for each media."""
        return negotiated(self.name, self.connection, self.negotiation.agreed)

    @property
    def pair(self) -> Pair | None:
        """The candidate pair in use, by the packets that it carried."""
        return selected_pair(self.connection, self._ice.relay_transport)

    async def close(self) -> None:
        """End the connection; a TURN server that is gone is not waited for."""
        self.lost.cancel()
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
        connection.add_listener("connectionstatechange", self._watch_connection)
        connection.add_listener("track", self._watch_track)
        connection.add_listener("datachannel", self._take_channel)

    def _add_all(self) -> None:
        """Have media to offer: both ways, or only towards us; then the data channel."""
        for kind in KINDS:
            if kind in self._kinds:
                track = self.tracks.get(kind)
                direction = "recvonly" if track is None else "sendrecv"
                self.connection.addTransceiver(track or kind, direction=direction)
        if self._label is not None:
            self._take_channel(self.connection.createDataChannel(self._label))

    def _send_tracks(self) -> None:
        """Answer with a track of ours in the first section of its kind that takes one."""
        for kind, track in self.tracks.items():
            for transceiver in self.connection.getTransceivers():
                if transceiver.kind == kind and transceiver.mid in self.negotiation.receiving:
                    transceiver.sender.replaceTrack(track)
                    transceiver.direction = "sendrecv"
                    break

    def _hear(self) -> None:
        for transceiver in self.connection.getTransceivers()[:1]:  # all is bundled
            self.heard.listen(transceiver.receiver.transport)

    def _watch_connection(self) -> None:
        """Take note of the end of a connection that stood, and how it ended."""
        state = self.connection.connectionState
        self._stood = self._stood or state == "connected"
        if self._stood and state in ("failed", "closed") and not self.lost.done():
            self.lost_at = self._clock()
            fail(self.lost, PeerError(f"{self.name}: {_ENDED[state]}"))

    def _watch_track(self, track: MediaStreamTrack) -> None:
        [transceiver] = [
            each for each in self.connection.getTransceivers() if each.receiver.track is track
        ]
        self.received.watch(transceiver, self._clock_rate)

    def _clock_rate(self, payload_type: int) -> int | None:
        codec = self.codec(payload_type)
        return None if codec is None or codec.name == RETRANSMISSION else codec.clockRate

    def _take_channel(self, channel: RTCDataChannel) -> None:
        self.channel = channel
        channel.add_listener("open", self.opened.set)
        channel.add_listener("close", self._channel_closed)
        if channel.readyState == "open":
            self.opened.set()

    def _channel_closed(self) -> None:
        if self.channel_closed_at is None:
            self.channel_closed_at = self._clock()

    async def _reach(self, goal: str, state: Callable[[], str], why: Callable[[], str]) -> None:
        while state() != goal:
            if state() in ("failed", "closed"):
                raise PeerError(why())
            self._changed.clear()
            await self._changed.wait()

    def _no_candidates(self) -> str:
        if self._ice.relay_only:
            return f"{self.name}: no relay was allocated: see the probes"
        return (
            f"{self.name}: no candidates: this machine has no address but loopback, "
            "and no relay was allocated"
        )
