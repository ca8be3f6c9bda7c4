"""An imitation of AWS's C client, built on aiortc: what of it is known and troubles other peers.

It proves nothing of the client itself, which no registry has. Each fact, and where it was read in
https://github.com/awslabs/amazon-kinesis-video-streams-webrtc-sdk-c (1.10.2, unless marked):

- Of several fingerprints the last wins, and is taken for sha-256, whatever its algorithm:
  `setRemoteDescription` in src/source/PeerConnection/PeerConnection.c copies what comes 8
  characters into each. Mended in 2026: pull request 2262.
- As master it answers once all candidates are gathered, unless the session part of the offer has
  `a=ice-options:trickle`; then at once, and candidates follow: `handleOffer` and
  `onIceCandidateHandler` in samples/lib/SignalingMsgHandler.c.
- A silent STUN server lets gathering take 10 s:
  KVS_ICE_GATHER_REFLEXIVE_AND_RELAYED_CANDIDATE_TIMEOUT in src/source/Ice/IceAgent.h. AWS's own
  is asked (`stun.kinesisvideo.REGION.amazonaws.com:443`): silent, unless the names are served here.
- It uses the pair of the highest priority among those nominated: `iceAgentReadyStateSetup` goes
  through a list in that order. TURN allocations that it does not use are freed 30 s later (seen).
- A viewer id that it has a peer for gets no answer, "Peer connection … is in progress", until that
  peer has closed or failed: `signalingMessageReceived` in samples/lib/SignalingMsgHandler.c.
- It presigns for 604,800 s, asks for the subprotocol `wss`, writes the members of its messages
  with capitals, and names itself ProducerMaster to GetIceServerConfig (seen).
- An endpoint is a host at port 443: with a port it fails. Here a port is taken where there is one,
  for else little could be tried without being root; at AWS's own names STUN is asked at 443, too.
"""

import asyncio
import os
import re
import sys
from collections import defaultdict
from contextlib import suppress
from fractions import Fraction
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aioice import Connection
from aioice.ice import CandidatePair
from aiortc import (
    AudioStreamTrack,
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
    VideoStreamTrack,
    rtcicetransport,
)
from aiortc.rtcconfiguration import RTCIceTransportPolicy
from aiortc.sdp import candidate_from_sdp, candidate_to_sdp
from av import VideoFrame
from kvs import Channel, Signaling, Task, blocks, standard_input_closes, tell

EXPIRES_SECONDS = 604_800
GATHERING_SECONDS = 10.0
FREE_SECONDS = float(os.environ.get("IMITATED_FREE_SECONDS", "30"))
CLIENT_ID = "ProducerMaster"
FPS = 30
_WIDTH, _HEIGHT = 640, 480


class ByPriority(Connection):
    """aioice, but that it keeps the nominated pair of the highest priority, not the last."""

    def check_complete(self, pair: CandidatePair) -> None:
        """Choose again after each check."""
        super().check_complete(pair)
        done = CandidatePair.State.SUCCEEDED
        nominated = [each for each in self._check_list if each.nominated and each.state is done]
        if nominated:
            role = self.ice_controlling
            best = max(nominated, key=lambda each: rtc_priority(each, controlling=role))
            self._nominated[best.component] = best


def rtc_priority(pair: CandidatePair, *, controlling: bool) -> int:
    """Return the priority of a pair. Source: https://www.rfc-editor.org/rfc/rfc8445#section-6.1.2.3."""
    ours, theirs = pair.local_candidate.priority, pair.remote_candidate.priority
    first, second = (ours, theirs) if controlling else (theirs, ours)
    return (min(first, second) << 32) + 2 * max(first, second) + (first > second)


rtcicetransport.Connection = ByPriority  # type: ignore[attr-defined]


class Picture(VideoStreamTrack):
    """A bar that wanders over a grey picture, 30 times a second."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    async def recv(self) -> VideoFrame:
        """Draw the next picture when its time has come."""
        pts, time_base = await self.next_timestamp()
        frame = VideoFrame(_WIDTH, _HEIGHT, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes([128]) * plane.buffer_size)
        top = self.count * 4 % _HEIGHT
        line = frame.planes[0].line_size
        data = bytearray(frame.planes[0])
        data[top * line : (top + 4) * line] = bytes([self.count % 256]) * 4 * line
        frame.planes[0].update(bytes(data))
        frame.pts, frame.time_base = pts, Fraction(time_base)
        self.count += 1
        return frame


class Session:
    """One peer connection, with the viewer of this id; None is the master."""

    def __init__(
        self, task: Task, servers: list[dict[str, Any]], signaling: Signaling, other: str | None
    ) -> None:
        self._task, self._signaling, self.other = task, signaling, other
        policies = RTCIceTransportPolicy
        policy = policies.ALL if task.transport == "direct" else policies.RELAY
        configuration = RTCConfiguration(
            iceServers=_stun(task) + _chosen(servers, task.transport), iceTransportPolicy=policy
        )
        self.connection = RTCPeerConnection(configuration)
        self.is_connected, self._decoded, self._before = False, 0, 0
        self._picture = Picture()
        self._tasks: list[asyncio.Future[None]] = []
        self.connection.on("connectionstatechange", self._on_state)
        self.connection.on("track", self._on_track)
        self.connection.on("datachannel", _echo)

    @property
    def is_over(self) -> bool:
        """Whether the connection has closed or failed."""
        return self.connection.connectionState in {"closed", "failed"}

    async def offer(self) -> None:
        """Offer as its sample viewer does: audio, then video, then data."""
        self.connection.addTransceiver(AudioStreamTrack())
        self.connection.addTransceiver(self._picture)
        self._prefer()
        _echo(self.connection.createDataChannel("kvsDataChannel"))
        await self._describe("offer", "SDP_OFFER", trickle=self._task.trickle)

    async def answer(self, text: str) -> None:
        """Answer as its sample master does: at once only to an offer that says trickle."""
        session = text.partition("\nm=")[0]
        trickle = re.search(r"^a=ice-options:.*\btrickle\b", session, re.MULTILINE) is not None
        await self.connection.setRemoteDescription(_description("offer", _last_fingerprint(text)))
        self._send_media()
        self._prefer()
        await self._describe("answer", "SDP_ANSWER", trickle=trickle)

    async def accept(self, text: str) -> None:
        """Take an answer. As the controlling end it nominates one pair, once."""
        text = _last_fingerprint(text).replace("\r\nm=", "\r\na=ice-lite\r\nm=", 1)
        await self.connection.setRemoteDescription(_description("answer", text))

    async def add(self, payload: dict[str, Any]) -> None:
        """Take a candidate of the other end."""
        if text := payload.get("candidate"):
            candidate = candidate_from_sdp(text.removeprefix("candidate:"))
            candidate.sdpMid = payload.get("sdpMid")
            candidate.sdpMLineIndex = payload.get("sdpMLineIndex")
            await self.connection.addIceCandidate(candidate)

    async def close(self) -> None:
        """End it."""
        for task in self._tasks:
            task.cancel()
        await self.connection.close()

    async def stats(self) -> dict[str, Any]:
        """Return what was counted; see the contract in `peer.py`."""
        rows = (await self.connection.getStats()).values()
        found = {row.type: row for row in rows if getattr(row, "kind", "video") == "video"}
        fps, self._before = self._decoded - self._before, self._decoded
        pair = self._pair()
        sender = next(each for each in self.connection.getSenders() if each.kind == "video")
        return {
            "framesSent": self._picture.count,
            "framesDecoded": self._decoded,
            "fps": fps,
            "packetsReceived": getattr(found.get("inbound-rtp"), "packetsReceived", None),
            "packetsSent": getattr(found.get("outbound-rtp"), "packetsSent", None),
            "packetsLost": getattr(found.get("inbound-rtp"), "packetsLost", None),
            "packetsLostRemotely": getattr(found.get("remote-inbound-rtp"), "packetsLost", None),
            "local": pair.local_candidate.type if pair else None,
            "remote": pair.remote_candidate.type if pair else None,
            "codec": _codec_of(self.connection, sender),
        }

    async def _describe(self, kind: str, action: str, *, trickle: bool) -> None:
        """Send the description: before gathering, and candidates later; or after it, with all."""
        made = await getattr(self.connection, f"create{kind.title()}")()
        if trickle:
            await self._signaling.send(action, _sent(made, "a=ice-options:trickle"), self.other)
        began = asyncio.get_running_loop().time()
        await self.connection.setLocalDescription(made)
        if trickle:
            await self._trickle()
            return
        if not _stun(self._task):  # it is silent
            await asyncio.sleep(began + GATHERING_SECONDS - asyncio.get_running_loop().time())
        await self._signaling.send(action, _sent(self.connection.localDescription), self.other)

    async def _trickle(self) -> None:
        """Send the candidates of the only transport, each in a message."""
        first = self.connection.getTransceivers()[0]
        for candidate in first.sender.transport.transport.iceGatherer.getLocalCandidates():
            text = f"candidate:{candidate_to_sdp(candidate)}"
            payload = {"candidate": text, "sdpMid": first.mid, "sdpMLineIndex": 0}
            await self._signaling.send("ICE_CANDIDATE", payload, self.other)

    def _send_media(self) -> None:
        """Send what the offer has a line for."""
        for each in self.connection.getTransceivers():
            if each.kind in self._task.send:
                track = self._picture if each.kind == "video" else AudioStreamTrack()
                each.sender.replaceTrack(track)
                each.direction = "sendrecv"

    def _prefer(self) -> None:
        if self._task.codec is None:
            return
        capabilities = RTCRtpReceiver.getCapabilities("video")
        known = capabilities.codecs if capabilities else []
        names = {f"video/{self._task.codec}", "video/rtx"}
        wanted = [each for each in known if each.mimeType in names]
        for each in self.connection.getTransceivers():
            if each.kind == "video":
                each.setCodecPreferences(wanted)

    def _ice(self) -> Any:
        """Return aioice's connection of the only transport."""
        sender = self.connection.getTransceivers()[0].sender
        return sender.transport.transport._connection

    def _pair(self) -> CandidatePair | None:
        return next(iter(self._ice()._nominated.values()), None)

    def _on_state(self) -> None:
        state = self.connection.connectionState
        if state == "connected" and not self.is_connected:
            self.is_connected = True
            tell("connected", peer=self.other)
            self._tasks.append(asyncio.ensure_future(self._free_unused()))
        elif state == "failed":
            tell("failed", why="the connection failed: of the fingerprints the last counts")

    async def _free_unused(self) -> None:
        """Free the TURN allocations beside the pair in use."""
        await asyncio.sleep(FREE_SECONDS)
        pair, ice = self._pair(), self._ice()
        for protocol in list(ice._protocols):
            unused = pair is None or protocol is not pair.protocol
            if unused and protocol.local_candidate.type == "relay":
                ice._protocols.remove(protocol)
                await protocol.close()
                tell("freed")

    def _on_track(self, track: MediaStreamTrack) -> None:
        self._tasks.append(asyncio.ensure_future(self._receive(track)))

    async def _receive(self, track: MediaStreamTrack) -> None:
        with suppress(Exception):  # the track ends
            while True:
                frame = await track.recv()
                if isinstance(frame, VideoFrame):
                    self._decoded += 1
                    if self._decoded % FPS == 0:
                        plane = frame.planes[0]
                        size = (frame.width, frame.height, plane.line_size)
                        tell("picture", pixels=blocks(bytes(plane), *size))


def _chosen(servers: list[dict[str, Any]], transport: str) -> list[RTCIceServer]:
    """Return the TURN servers by UDP, or by TLS. aiortc takes the first of them."""
    begin, end = ("turns:", "tcp") if transport == "relay-tls" else ("turn:", "udp")
    return [
        RTCIceServer(uri, username=server["Username"], credential=server["Password"])
        for server in servers
        for uri in server["Uris"]
        if uri.startswith(begin) and uri.endswith(end)
    ]


def _stun(task: Task) -> list[RTCIceServer]:
    """Return AWS's STUN server, where the endpoint is at AWS's own names."""
    host = urlsplit(task.endpoint)
    if host.port is not None:
        return []
    return [RTCIceServer(f"stun:stun.{host.hostname}:443")]


def _last_fingerprint(text: str) -> str:
    """Keep the last fingerprint alone, as one by sha-256; media's win over the session's."""
    values = re.findall(r"^a=fingerprint:.{8}(.*?)\r?$", text, re.MULTILINE)
    rest = re.sub(r"^a=fingerprint:.*\r?\n", "", text, flags=re.MULTILINE)
    if not values:
        return rest
    line = f"\r\na=fingerprint:sha-256 {values[-1].strip()}"
    return re.sub(r"(\r\na=ice-pwd:.*?)(?=\r\n)", rf"\1{line}", rest)


def _sent(made: RTCSessionDescription, *session: str) -> dict[str, str]:
    """Return a description as it is sent: with the one fingerprint that it knows."""
    text = re.sub(r"^a=fingerprint:(?!sha-256 ).*\r?\n", "", made.sdp, flags=re.MULTILINE)
    for line in session:
        text = text.replace("\r\nm=", f"\r\n{line}\r\nm=", 1)
    return {"type": made.type, "sdp": text}


def _description(kind: str, text: str) -> RTCSessionDescription:
    return RTCSessionDescription(type=kind, sdp=text)


def _codec_of(connection: RTCPeerConnection, sender: object) -> str | None:
    """Return the codec that was agreed on for video."""
    [video] = [each for each in connection.getTransceivers() if each.sender is sender]
    codecs = video._codecs
    return codecs[0].mimeType.partition("/")[2] if codecs else None


def _echo(channel: RTCDataChannel) -> None:
    channel.on("message", channel.send)


class Client:
    """What it does with messages, in the order in which they come."""

    def __init__(self, task: Task, channel: Channel, signaling: Signaling) -> None:
        self._task, self._channel, self._signaling = task, channel, signaling
        self.sessions: dict[str, Session] = {}
        self._pending: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._answering: set[asyncio.Future[None]] = set()

    async def heed(self) -> None:
        """Meet whoever comes, until the connection to the service ends."""
        if self._task.role == "viewer":
            await self._begin("", None).offer()
        async for kind, sender, payload in self._signaling.received():
            key = "" if self._task.role == "viewer" else sender or ""
            if kind == "SDP_OFFER":
                self._take_offer(key, payload["sdp"])
            elif kind == "SDP_ANSWER" and key in self.sessions:
                await self.sessions[key].accept(payload["sdp"])
                await self._take_pending(key)
            elif kind == "ICE_CANDIDATE":
                self._pending[key].append(payload)
                await self._take_pending(key)

    def _begin(self, key: str, other: str | None) -> Session:
        client_id = CLIENT_ID if self._task.role == "master" else self._task.clientId
        servers = self._channel.ice_servers(client_id)
        self.sessions[key] = Session(self._task, servers, self._signaling, other)
        return self.sessions[key]

    def _take_offer(self, key: str, text: str) -> None:
        before = self.sessions.get(key)
        if before is not None and not before.is_over:
            sys.stderr.write(f"Peer connection {key} is in progress\n")
            return
        work = asyncio.ensure_future(self._answer(self._begin(key, key), key, text))
        self._answering.add(work)
        work.add_done_callback(self._answering.discard)

    async def _answer(self, session: Session, key: str, text: str) -> None:
        await session.answer(text)
        await self._take_pending(key)

    async def _take_pending(self, key: str) -> None:
        """Hand over the candidates, once there is a description that they belong to."""
        session = self.sessions.get(key)
        if session is None or session.connection.remoteDescription is None:
            return
        while self._pending[key]:
            await session.add(self._pending[key].pop(0))

    async def report(self) -> None:
        """Tell the statistics of each session, once a second."""
        while True:
            await asyncio.sleep(1)
            for session in list(self.sessions.values()):
                if session.is_connected and not session.is_over:
                    tell("stats", **await session.stats())


async def main() -> None:
    """Do the task of standard input."""
    task = Task.read()
    channel = Channel(task, EXPIRES_SECONDS)
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(
            channel.presigned_url(), ssl=task.tls(), headers={"Sec-WebSocket-Protocol": "wss"}
        ) as connected,
    ):
        tell("ready")
        client = Client(task, channel, Signaling(connected, capitals=True))
        works = [client.heed(), client.report(), standard_input_closes()]
        tasks = [asyncio.ensure_future(work) for work in works]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for each in tasks:
            each.cancel()
        for each in done:
            await each
    await asyncio.gather(*(session.close() for session in client.sessions.values()))
    tell("closed")


if __name__ == "__main__":
    asyncio.run(main())
