"""GStreamer's webrtcbin as a master or a viewer; the contract is that of `peer.py`.

It runs under the Python of the system, which has Debian's `python3-gi` and `python3-aiohttp`.
"""

import asyncio
import re
import threading
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstSdp, GstWebRTC  # noqa: E402 - after its versions are chosen
from kvs import Channel, Signaling, Task, blocks, standard_input_closes, tell  # noqa: E402

SOURCES = {
    "VP8": "vp8enc deadline=1 keyframe-max-dist=30 target-bitrate=600000 ! rtpvp8pay",
    "H264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=30 bitrate=600 ! "
    "video/x-h264,profile=constrained-baseline ! rtph264pay config-interval=-1 "
    "aggregate-mode=zero-latency",
}
DECODERS = {"VP8": "rtpvp8depay ! vp8dec", "H264": "rtph264depay ! h264parse ! avdec_h264"}
_VIDEO = "application/x-rtp,media=video,clock-rate=90000"
CAPS = {
    "VP8": f"{_VIDEO},encoding-name=VP8",
    "H264": f"{_VIDEO},encoding-name=H264,packetization-mode=(string)1",
}
OFFERED = {"VP8": 96, "H264": 98, "OPUS": 111}
FPS = 30
PICTURE = f"video/x-raw,width=640,height=480,framerate={FPS}/1"
VALVE = "valve name=valve drop=true"
"""It opens once connected: what is made before, webrtcbin holds back and sends all at once."""
READ = {
    "candidate-type",
    "local-candidate-id",
    "mime-type",
    "packets-lost",
    "packets-received",
    "packets-sent",
    "remote-candidate-id",
    "ssrc",
}
Row = dict[str, Any]
SPEAKS_TLS = False
"""libnice connects to a `turns:` server over TCP without TLS: what it sends there begins 00 03,
an Allocate request of TURN, where TLS would begin 16 03 (seen).

Source: https://gitlab.freedesktop.org/libnice/libnice/-/blob/0.1.21/agent/agent.c, where
NICE_RELAY_TYPE_TURN_TLS makes (pseudo) TLS in the modes of Google and of Office alone.
"""


class Peer:
    """One peer connection and its pipeline; callbacks come from GStreamer's threads."""

    def __init__(
        self, task: Task, servers: list[dict[str, Any]], signaling: Signaling, other: str | None
    ) -> None:
        self._task, self._signaling, self.other = task, signaling, other
        self._loop = asyncio.get_running_loop()
        self._pipeline = Gst.Pipeline.new(None)
        self._webrtc = Gst.ElementFactory.make("webrtcbin", "webrtc")
        self._webrtc.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self._pipeline.add(self._webrtc)
        self._gathered, self._mids = asyncio.Event(), list[str]()
        self._waiting: list[tuple[int, str]] = []
        self._counts, self._lock = {"sent": 0, "decoded": 0}, threading.Lock()
        self._before = 0
        self._valves: list[Gst.Element] = []
        self._codec: str | None = None
        self.connected = False
        for name, heard in {
            "on-ice-candidate": self._on_candidate,
            "pad-added": self._on_pad,
            "on-data-channel": self._on_data_channel,
            "notify::ice-gathering-state": self._on_gathering,
            "notify::connection-state": self._on_connection,
        }.items():
            self._webrtc.connect(name, heard)
        if task.transport != "direct":
            self._relay_only(servers)

    def _relay_only(self, servers: list[dict[str, Any]]) -> None:
        """Use TURN by UDP, from an address that can reach it.

        libnice pins packets to their interface: from another one none reaches 127.0.0.1.
        """
        # Python takes over the only reference there is: it has to live as long as its element.
        self._agent = self._webrtc.get_property("ice-agent")
        policy = GstWebRTC.WebRTCICETransportPolicy.RELAY
        self._webrtc.set_property("ice-transport-policy", policy)
        for server in servers:
            user, password = (quote(server[name], safe="") for name in ("Username", "Password"))
            for uri in server["Uris"]:
                if not (uri.startswith("turn:") and uri.endswith("udp")):
                    continue
                host = urlsplit(f"//{uri.removeprefix('turn:').partition('?')[0]}")
                self._webrtc.emit(
                    "add-turn-server", f"turn://{user}:{password}@{host.netloc}?transport=udp"
                )
                if (host.hostname or "").startswith("127."):
                    self._agent.emit("add-local-ip-address", host.hostname)

    async def offer(self) -> None:
        """Offer what is sent and received, as a viewer."""
        self._add_video(self._task.codec, OFFERED, receive=True)
        if "audio" in self._task.send:
            self._send_audio(OFFERED["OPUS"])
        self._pipeline.set_state(Gst.State.PLAYING)
        if "data" in self._task.send:
            self._listen(self._webrtc.emit("create-data-channel", "kvsDataChannel", None))
        await self._describe("offer", "SDP_OFFER")

    async def answer(self, text: str) -> None:
        """Answer an offer, as a master."""
        self._pipeline.set_state(Gst.State.PLAYING)
        await self._set_remote(text, GstWebRTC.WebRTCSDPType.OFFER)
        types = payload_types(text)
        if "video" in self._task.send and (codec := chosen(types, self._task.codec)):
            self._add_video(codec, types, receive=False)
        if "audio" in self._task.send and "OPUS" in types:
            self._send_audio(types["OPUS"])
        await self._describe("answer", "SDP_ANSWER")

    async def accept(self, text: str) -> None:
        """Take the answer to an offer."""
        await self._set_remote(text, GstWebRTC.WebRTCSDPType.ANSWER)

    def add(self, candidate: dict[str, Any]) -> None:
        """Take a candidate of the other end."""
        if text := candidate.get("candidate"):
            index = candidate.get("sdpMLineIndex") or 0
            self._webrtc.emit("add-ice-candidate", index, text)

    def close(self) -> None:
        """End it."""
        self._pipeline.set_state(Gst.State.NULL)

    async def stats(self) -> dict[str, Any]:
        """Return what the stack counts, and the frames that its elements passed on."""
        _promise, found = await self._asked("get-stats", None)
        rows = _rows(found)
        received, out, reported = (
            _of_video(rows, way) for way in ("inbound", "outbound", "remote-inbound")
        )
        with self._lock:
            sent, decoded = self._counts["sent"], self._counts["decoded"]
        fps, self._before = decoded - self._before, decoded
        return {
            "framesSent": sent,
            "framesDecoded": decoded,
            "fps": fps,
            "packetsReceived": received.get("packets-received"),
            "packetsSent": out.get("packets-sent"),
            "packetsLost": received.get("packets-lost"),
            "packetsLostRemotely": reported.get("packets-lost"),
            "local": _candidate(rows, "local"),
            "remote": _candidate(rows, "remote"),
            "codec": self._codec,
        }

    def _add_video(self, codec: str | None, types: dict[str, int], *, receive: bool) -> None:
        """Send the picture, or only wait for one."""
        if "video" in self._task.send:
            name = codec or "VP8"
            self._codec = name
            self._send(
                f"videotestsrc is-live=true pattern=ball ! {PICTURE} ! {VALVE} ! videoconvert ! "
                f"{SOURCES[name]} name=pay pt={types[name]} ! "
                f"capsfilter caps={CAPS[name]},payload={types[name]}",
                counted=True,
            )
        elif receive:
            names = [codec] if codec else ["VP8", "H264"]
            caps = ";".join(
                f"{CAPS[name]},payload={types[name]},rtcp-fb-nack-pli=(boolean)true"
                for name in names
            )
            direction = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
            self._webrtc.emit("add-transceiver", direction, Gst.Caps.from_string(caps))

    def _send_audio(self, payload_type: int) -> None:
        self._send(
            f"audiotestsrc is-live=true volume=0.1 ! {VALVE} ! opusenc ! "
            f"rtpopuspay pt={payload_type} ! capsfilter "
            f"caps=application/x-rtp,media=audio,encoding-name=OPUS,payload={payload_type}"
        )

    def _send(self, description: str, *, counted: bool = False) -> None:
        source = Gst.parse_bin_from_description(description, True)  # noqa: FBT003 - GStreamer's
        self._pipeline.add(source)
        source.link(self._webrtc)
        self._valves.append(source.get_by_name("valve"))
        if counted:
            pad = source.get_by_name("pay").get_static_pad("sink")
            pad.add_probe(Gst.PadProbeType.BUFFER, self._on_sent)
        source.sync_state_with_parent()

    def _on_sent(self, *_: object) -> Gst.PadProbeReturn:
        with self._lock:
            self._counts["sent"] += self.connected
        return Gst.PadProbeReturn.OK

    def _on_pad(self, _webrtc: Gst.Element, pad: Gst.Pad) -> None:
        """Decode a stream that comes in; what it is for is its caps."""
        if pad.get_direction() is not Gst.PadDirection.SRC:
            return
        stream = pad.get_current_caps().get_structure(0)
        name = stream.get_string("encoding-name")
        if name in DECODERS:
            self._codec = name
            chain = f"{DECODERS[name]} ! videoconvert ! video/x-raw,format=GRAY8 ! appsink name=end"
            decoded = Gst.parse_bin_from_description(chain, True)  # noqa: FBT003 - GStreamer's
            end = decoded.get_by_name("end")
            for setting, value in {"sync": False, "max-buffers": 1, "drop": True}.items():
                end.set_property(setting, value)
            end.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self._on_decoded)
        else:
            decoded = Gst.ElementFactory.make("fakesink", None)
            decoded.set_property("async", False)  # noqa: FBT003 - GStreamer's
        self._pipeline.add(decoded)
        decoded.sync_state_with_parent()
        pad.link(decoded.get_static_pad("sink"))

    def _on_decoded(self, pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        """Count a picture; show one of each second's."""
        with self._lock:
            self._counts["decoded"] += 1
            shown = self._counts["decoded"] % FPS == 0
        if shown:
            buffer, caps = info.get_buffer(), pad.get_current_caps().get_structure(0)
            width, height = caps.get_value("width"), caps.get_value("height")
            data, stride = buffer.extract_dup(0, buffer.get_size()), -(-width // 4) * 4
            tell("picture", pixels=blocks(data, width, height, stride))
        return Gst.PadProbeReturn.OK

    def _on_data_channel(self, _webrtc: Gst.Element, channel: GstWebRTC.WebRTCDataChannel) -> None:
        self._listen(channel)

    def _listen(self, channel: GstWebRTC.WebRTCDataChannel) -> None:
        """Send back what comes, so that the other end can measure."""
        channel.connect("on-message-string", lambda data, text: data.emit("send-string", text))

    def _on_connection(self, webrtc: Gst.Element, _name: object) -> None:
        state = webrtc.get_property("connection-state")
        if state is GstWebRTC.WebRTCPeerConnectionState.CONNECTED and not self.connected:
            self.connected = True
            for valve in self._valves:
                valve.set_property("drop", False)  # noqa: FBT003 - GStreamer's
            tell("connected", peer=self.other)
        elif state is GstWebRTC.WebRTCPeerConnectionState.FAILED:
            tell("failed", why="webrtcbin's connection-state is failed")

    def _on_gathering(self, webrtc: Gst.Element, _name: object) -> None:
        state = webrtc.get_property("ice-gathering-state")
        if state is GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            self._loop.call_soon_threadsafe(self._gathered.set)

    def _on_candidate(self, _webrtc: Gst.Element, index: int, text: str) -> None:
        self._loop.call_soon_threadsafe(self._trickle, index, text)

    def _trickle(self, index: int, text: str) -> None:
        """Send a candidate, once its description has left."""
        if not self._mids:
            self._waiting.append((index, text))
            return
        payload = {"candidate": text, "sdpMid": self._mids[index], "sdpMLineIndex": index}
        sent = self._signaling.send("ICE_CANDIDATE", payload, self.other)
        self._sending = asyncio.ensure_future(sent)

    async def _describe(self, kind: str, action: str) -> None:
        """Make, set and send our description; without trickle, after all candidates are found."""
        _promise, reply = await self._asked(f"create-{kind}", None)
        description = reply.get_value(kind)
        await self._asked("set-local-description", description)
        text = description.sdp.as_text()
        if not self._task.trickle:
            await self._gathered.wait()
            text = with_candidates(text, self._waiting)
        await self._signaling.send(action, {"type": kind, "sdp": text}, self.other)
        if not self._task.trickle:
            return
        self._mids = re.findall(r"^a=mid:(\S+)", text, re.MULTILINE)
        for index, candidate in self._waiting:
            self._trickle(index, candidate)

    async def _set_remote(self, text: str, kind: GstWebRTC.WebRTCSDPType) -> None:
        _, message = GstSdp.SDPMessage.new_from_text(text)
        description = GstWebRTC.WebRTCSessionDescription.new(kind, message)
        await self._asked("set-remote-description", description)

    async def _asked(self, action: str, *arguments: object) -> tuple[Gst.Promise, Gst.Structure]:
        """Emit an action with a promise, and return it and its reply.

        What is read from either lives as long as they do: Python does not copy it.
        """
        promise = Gst.Promise.new()
        self._webrtc.emit(action, *arguments, promise)
        await self._loop.run_in_executor(None, promise.wait)
        return promise, promise.get_reply()


def with_candidates(text: str, candidates: list[tuple[int, str]]) -> str:
    """Write the candidates into the media sections that they belong to."""
    session, *sections = re.split(r"^(?=m=)", text, flags=re.MULTILINE)
    for index, candidate in candidates:
        sections[index] += f"a={candidate}\r\n"
    return "".join([session, *sections])


def payload_types(text: str) -> dict[str, int]:
    """Return the first payload type of each codec of an offer; H264's in packetization mode 1."""
    found: dict[str, int] = {}
    for number, name in re.findall(r"^a=rtpmap:(\d+) ([\w-]+)/", text, re.MULTILINE):
        parameters = re.search(rf"^a=fmtp:{number} (.*)", text, re.MULTILINE)
        fits = name.upper() != "H264" or (
            parameters is not None
            and "packetization-mode=1" in parameters[1]
            and "profile-level-id=42e0" in parameters[1].lower()
        )
        if fits:
            found.setdefault(name.upper(), int(number))
    return found


def chosen(types: dict[str, int], wanted: str | None) -> str | None:
    """Choose the video codec to send: the one wanted, else the first that both ends have."""
    names = [wanted] if wanted else list(SOURCES)
    return next((name for name in names if name in types), None)


def _rows(found: Gst.Structure) -> dict[str, Row]:
    """Return the rows of statistics by their ids; their types and kinds are not to be relied on.

    GStreamer 1.22 calls local candidates remote ones, and gives each stream of a bundle the kind
    of the last.
    """
    names = [found.nth_field_name(number) for number in range(found.n_fields())]
    rows = {name: found.get_value(name) for name in names}
    return {name: _fields(row) for name, row in rows.items() if isinstance(row, Gst.Structure)}


def _fields(row: Gst.Structure) -> Row:
    names = [row.nth_field_name(number) for number in range(row.n_fields())]
    return {name: row.get_value(name) for name in names if name in READ}


def _of_video(rows: dict[str, Row], way: str) -> Row:
    """Find the row of the video stream, by the SSRC that its codec's row gives."""
    codecs = [row for name, row in rows.items() if name.startswith("codec-stats")]
    for codec in codecs:
        stream = rows.get(f"rtp-{way}-stream-stats_{codec.get('ssrc')}")
        if stream and (codec.get("mime-type") or "").startswith("video/"):
            return stream
    return {}


def _candidate(rows: dict[str, Row], side: str) -> str | None:
    """Find the type of one end of the selected pair."""
    pairs = [row for name, row in rows.items() if name.startswith("ice-candidate-pair")]
    ends = [rows.get(pair.get(f"{side}-candidate-id", ""), {}) for pair in pairs]
    return next((end.get("candidate-type") for end in ends), None)


async def heed(task: Task, channel: Channel, signaling: Signaling, peers: dict[str, Peer]) -> None:
    """Meet whoever comes, until the connection to the service ends."""

    def make(other: str | None) -> Peer:
        return Peer(task, channel.ice_servers(task.clientId), signaling, other)

    if task.role == "viewer":
        peers[""] = make(None)
        await peers[""].offer()
    async for kind, sender, payload in signaling.received():
        key = "" if task.role == "viewer" else sender or ""
        if kind == "SDP_OFFER":
            if key in peers:
                peers.pop(key).close()
            peers[key] = make(sender)
            await peers[key].answer(payload["sdp"])
        elif kind == "SDP_ANSWER" and key in peers:
            await peers[key].accept(payload["sdp"])
        elif kind == "ICE_CANDIDATE" and key in peers:
            peers[key].add(payload)
        elif kind == "STATUS_RESPONSE":
            tell("failed", why=str(payload))


async def report(peers: dict[str, Peer]) -> None:
    """Tell the statistics of each peer, once a second."""
    while True:
        await asyncio.sleep(1)
        for peer in list(peers.values()):
            if peer.connected:
                tell("stats", **await peer.stats())


async def main() -> None:
    """Do the task of standard input."""
    task = Task.read()
    if task.transport == "relay-tls" and not SPEAKS_TLS:
        tell("failed", why="not possible: libnice has no TLS to a TURN server")
        return
    Gst.init(None)
    channel = Channel(task)
    peers: dict[str, Peer] = {}
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(channel.presigned_url(), ssl=task.tls()) as connected,
    ):
        tell("ready")
        works = [heed(task, channel, Signaling(connected), peers), report(peers)]
        tasks = [asyncio.ensure_future(work) for work in (*works, standard_input_closes())]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for each in tasks:
            each.cancel()
        with suppress(asyncio.CancelledError):
            for each in done:
                await each
    for peer in peers.values():
        peer.close()
    tell("closed")


if __name__ == "__main__":
    asyncio.run(main())
