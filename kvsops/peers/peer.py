"""One end of one connection: what it sends, what it receives, and the states it reaches."""

import asyncio
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcconfiguration import RTCIceTransportPolicy
from aiortc.sdp import SessionDescription, candidate_from_sdp
from av import AudioFrame, VideoFrame

from kvsops.core.wire.payload import Candidate, Description
from kvsops.peers.meter import Meter
from kvsops.peers.pair import Pair, candidates, selected_pair
from kvsops.peers.picture import read
from kvsops.peers.tracks import NumberedVideo, Tone, audible
from kvsops.smoke.steps import StepFailedError

Codec = Literal["VP8", "H264"]
CHANNEL_LABEL: Final = "kvsops-smoke"
CLOSE_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Ice:
    """What a peer may connect through: at most one STUN and one TURN URI, as aiortc uses them."""

    servers: tuple[RTCIceServer, ...] = ()
    relay_only: bool = False
    relay_transport: str | None = None

    def configuration(self) -> RTCConfiguration:
        """Return aiortc's; a list even where it is empty: without one it asks Google's STUN."""
        policy = RTCIceTransportPolicy.RELAY if self.relay_only else RTCIceTransportPolicy.ALL
        return RTCConfiguration(
            iceServers=list(self.servers),
            iceTransportPolicy=policy,
            bundlePolicy=RTCBundlePolicy.MAX_BUNDLE,
        )


class Peer:
    """A peer connection of ours. `send` is the number it signs its pictures with, if it sends.

    `kinds` is the media that it has: who answers may have none that was not offered.
    `drawn` is when the other end drew which picture, where that end is here too: then each
    picture's number is read, and must be the one of `expect`.
    """

    def __init__(
        self,
        name: str,
        ice: Ice,
        *,
        send: int | None,
        size: tuple[int, int],
        codec: Codec | None = None,
        kinds: Collection[str] = ("video", "audio"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.meter = name, Meter()
        self.expect: int | None = None
        self.drawn: dict[int, float] = {}
        self.video = None if send is None else NumberedVideo(send, size, clock)
        self.first_video, self.first_audio, self.opened = (asyncio.Event() for _ in range(3))
        self.last_frame: VideoFrame | None = None
        self.channel: RTCDataChannel | None = None
        self.connection = RTCPeerConnection(ice.configuration())
        self._ice, self._clock = ice, clock
        self._changed = asyncio.Event()
        self._watchers: list[asyncio.Task[None]] = []
        self._gathering: asyncio.Task[None] | None = None
        self._listen()
        if "video" in kinds:
            self._add("video", self.video, codec)
        if "audio" in kinds:
            self._add("audio", None if send is None else Tone())

    def open_channel(self) -> None:
        """Offer a data channel; after the media, or MAX_BUNDLE waits for ever."""
        self._take_channel(self.connection.createDataChannel(CHANNEL_LABEL))

    async def describe(self, kind: Literal["offer", "answer"]) -> Description:
        """Gather candidates and return the description, or tell that there is no way out."""
        make = self.connection.createOffer if kind == "offer" else self.connection.createAnswer
        # Shielded: aioice, cancelled while it gathers, leaves allocations behind.
        self._gathering = asyncio.ensure_future(self.connection.setLocalDescription(await make()))
        await asyncio.shield(self._gathering)
        local, _ = candidates(self.connection)
        if local == "none":
            raise StepFailedError(self._no_candidates())
        return Description(kind, self.connection.localDescription.sdp)

    async def accept(self, description: Description) -> None:
        """Take the other end's description; it may be anybody's."""
        try:
            await self.connection.setRemoteDescription(
                RTCSessionDescription(description.sdp, description.type)
            )
        except Exception as error:  # noqa: BLE001 - aiortc raises whatever a strange SDP leads to
            why = " ".join(str(error).split()) or type(error).__name__
            raise StepFailedError(f"{self.name} cannot use the {description.type}: {why}") from None

    async def add(self, candidate: Candidate) -> None:
        """Take one more candidate of the other end, and leave one that cannot be used."""
        if not candidate.candidate:  # the end of them, or AssertionError
            return
        with suppress(ValueError, AssertionError, IndexError):
            found = candidate_from_sdp(candidate.candidate.removeprefix("candidate:"))
            found.sdpMid, found.sdpMLineIndex = candidate.sdp_mid, candidate.sdp_m_line_index
            if found.sdpMid is None and found.sdpMLineIndex is None:
                found.sdpMLineIndex = 0  # all is bundled
            await self.connection.addIceCandidate(found)

    async def reach_ice(self) -> None:
        """Wait until ICE is connected, as long as the caller lets it."""
        await self._reach(
            lambda: self.connection.iceConnectionState == "completed",
            lambda: self.connection.iceConnectionState in ("failed", "closed"),
            self.why_no_ice,
        )

    async def reach_dtls(self) -> None:
        """Wait until DTLS is connected, as long as the caller lets it."""
        await self._reach(
            lambda: self.connection.connectionState == "connected",
            lambda: self.connection.connectionState in ("failed", "closed"),
            lambda: (
                f"{self.name}: the DTLS handshake failed: the certificate of the other end is "
                "not the one of its SDP, or it speaks no DTLS-SRTP"
            ),
        )

    def why_no_ice(self) -> str:
        """Tell what there was to try, where no way was found."""
        local, remote = candidates(self.connection)
        if remote == "none":
            return f"{self.name}: the other end named no candidates"
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
        """The way that ICE chose."""
        return selected_pair(self.connection, self._ice.relay_transport)

    async def close(self) -> None:
        """End the connection; a TURN server that is gone is not waited for."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        if self._gathering is not None:
            await asyncio.wait({self._gathering}, timeout=CLOSE_SECONDS)
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.connection.close()
                # Again: aiortc starts media that was connecting while it was closed.
                for transceiver in self.connection.getTransceivers():
                    await transceiver.stop()
        if self.video is not None:
            self.video.stop()

    def _listen(self) -> None:
        connection = self.connection
        connection.add_listener("iceconnectionstatechange", self._changed.set)
        connection.add_listener("connectionstatechange", self._changed.set)
        connection.add_listener("track", self._watch)
        connection.add_listener("datachannel", self._take_channel)

    def _add(self, kind: str, track: MediaStreamTrack | None, codec: Codec | None = None) -> None:
        """Add media both ways, or only towards us; the codec before any description."""
        direction = "recvonly" if track is None else "sendrecv"
        transceiver = self.connection.addTransceiver(track or kind, direction=direction)
        if codec is not None:
            known = RTCRtpSender.getCapabilities(kind).codecs
            wanted = [each for each in known if each.mimeType in (f"{kind}/{codec}", f"{kind}/rtx")]
            transceiver.setCodecPreferences(wanted)

    def _watch(self, track: MediaStreamTrack) -> None:
        watch = self._watch_video if track.kind == "video" else self._watch_audio
        self._watchers.append(asyncio.ensure_future(watch(track)))

    async def _watch_video(self, track: MediaStreamTrack) -> None:
        with suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                if isinstance(frame, VideoFrame):
                    self._saw(frame)

    def _saw(self, frame: VideoFrame) -> None:
        """Note a picture; ours counts as the first only where its number could be read."""
        at, self.last_frame = self._clock(), frame
        if self.expect is None:
            self.meter.saw(at)
            self.first_video.set()
            return
        mark = read(frame)
        if mark is None or mark.sender != self.expect:
            self.meter.saw(at)
            return
        self.meter.saw(at, mark.number, self.drawn.get(mark.number))
        self.first_video.set()

    async def _watch_audio(self, track: MediaStreamTrack) -> None:
        with suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                ours = self.expect is not None
                if isinstance(frame, AudioFrame) and (not ours or audible(frame)):
                    self.first_audio.set()

    def _take_channel(self, channel: RTCDataChannel) -> None:
        self.channel = channel
        channel.add_listener("open", self.opened.set)
        if channel.readyState == "open":
            self.opened.set()

    async def _reach(
        self, there: Callable[[], bool], lost: Callable[[], bool], why: Callable[[], str]
    ) -> None:
        while not there():
            if lost():
                raise StepFailedError(why())
            self._changed.clear()
            await self._changed.wait()

    def _no_candidates(self) -> str:
        if self._ice.relay_only:
            return f"{self.name}: no relay was allocated: see the probes"
        return f"{self.name}: no candidates: no address but loopback here, and no relay allocated"
