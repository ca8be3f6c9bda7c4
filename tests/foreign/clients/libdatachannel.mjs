// libdatachannel, by its bindings to Node: node-datachannel. It encodes nothing: see rtp.mjs.

import datachannel from "node-datachannel";
import { run } from "./kvs.mjs";
import { Arrivals, Pictures, Sound } from "./rtp.mjs";

const SSRC = { video: 1, audio: 2 };
const OFFERED = { VP8: 96, H264: 102, opus: 111 };
const H264 = "profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1";

class LibDataChannel {
  constructor(wish, iceServers, heard) {
    this.wish = wish;
    this.senders = [];
    this.arrivals = new Arrivals();
    this.connection = new datachannel.PeerConnection("foreign", {
      iceServers: iceServers.flatMap(servers),
      iceTransportPolicy: wish.transport === "direct" ? "all" : "relay",
      disableAutoNegotiation: true,
    });
    this.#listen(heard);
  }

  async offer() {
    const { send } = this.wish;
    for (const kind of ["video", "audio"]) {
      const direction = send.includes(kind) ? "SendRecv" : "RecvOnly";
      this.#add(kind, kind, direction, OFFERED[this.#codec(kind)]);
    }
    if (send.includes("data")) this.#take(this.connection.createDataChannel("foreign"));
    this.connection.setLocalDescription("offer");
    return this.local();
  }

  async answer(offer) {
    for (const section of offer.sdp.split(/^m=/m).slice(1)) {
      const [kind, mid] = [section.split(" ")[0], /^a=mid:(\S+)/m.exec(section)?.[1]];
      const payloadType = numbered(section, this.#codec(kind));
      if (payloadType === null) continue;
      const wanted = !/^a=(sendonly|inactive)/m.test(section) && this.wish.send.includes(kind);
      const sends = /^a=recvonly/m.test(section) ? "SendOnly" : "SendRecv";
      this.#add(kind, mid, wanted ? sends : "RecvOnly", payloadType);
    }
    this.connection.setRemoteDescription(offer.sdp, offer.type);
    this.connection.setLocalDescription("answer");
    return this.local();
  }

  async accept(answer) {
    this.connection.setRemoteDescription(answer.sdp, answer.type);
  }

  async add({ candidate, sdpMid }) {
    if (candidate) this.connection.addRemoteCandidate(candidate, sdpMid ?? "0");
  }

  gathered() {
    return new Promise((resolve) => {
      const look = () => this.connection.gatheringState() === "complete" && resolve();
      this.connection.onGatheringStateChange(look);
      look();
    });
  }

  local() {
    return this.connection.localDescription();
  }

  async stats() {
    const [pictures] = this.senders.filter((each) => each instanceof Pictures);
    const pair = this.connection.getSelectedCandidatePair();
    return {
      framesSent: pictures?.sent ?? null,
      framesDecoded: null,
      framesReceived: this.arrivals.frames,
      framesMade: this.arrivals.made,
      fps: this.arrivals.rate(),
      packetsReceived: this.arrivals.packets,
      packetsSent: pictures?.packets.sent ?? null,
      packetsLost: this.arrivals.lost,
      packetsLostRemotely: null,
      local: pair?.local.type ?? null,
      remote: pair?.remote.type ?? null,
      codec: this.wish.codec,
    };
  }

  close() {
    this.senders.forEach((each) => each.stop());
    this.connection.close();
  }

  #listen(heard) {
    const connection = this.connection;
    connection.onLocalCandidate((candidate, sdpMid) => {
      heard.candidate({ candidate: candidate.replace(/^a=/, ""), sdpMid, sdpMLineIndex: 0 });
    });
    connection.onStateChange((state) => {
      if (state === "connected") heard.connected();
      if (state === "failed") heard.failed("the connection failed");
    });
    connection.onDataChannel((channel) => this.#take(channel));
  }

  /** Send back what comes on a data channel. */
  #take(channel) {
    this.channel = channel; // else it is collected, and closed
    channel.onMessage((message) => {
      if (typeof message === "string") channel.sendMessage(message);
      else channel.sendMessageBinary(Buffer.from(message));
    });
  }

  #codec(kind) {
    return { video: this.wish.codec ?? "VP8", audio: "opus" }[kind];
  }

  #add(kind, mid, direction, payloadType) {
    const media = new datachannel[kind === "video" ? "Video" : "Audio"](mid, direction);
    if (kind === "audio") media.addOpusCodec(payloadType);
    else if (this.#codec(kind) === "VP8") media.addVP8Codec(payloadType);
    else media.addH264Codec(payloadType, H264);
    media.addSSRC(SSRC[kind], "foreign", "foreign", kind);
    const track = this.connection.addTrack(media);
    const session = new datachannel.RtcpReceivingSession();
    session.addToChain(new datachannel.RtcpNackResponder());
    track.setMediaHandler(session);
    (this.tracks ??= []).push(track);
    if (kind === "video") track.onMessage((packet) => this.#count(packet));
    if (direction !== "RecvOnly") track.onOpen(() => this.#send(kind, track, payloadType));
  }

  #send(kind, track, payloadType) {
    const { media, drop } = this.wish;
    const out = (packet) => track.isOpen() && track.sendMessageBinary(packet);
    const numbers = { ssrc: SSRC[kind], payloadType, drop };
    const sender =
      kind === "video"
        ? new Pictures(media, this.#codec(kind), out, numbers)
        : new Sound(media, out, numbers);
    this.senders.push(sender);
    sender.start();
  }

  #count(packet) {
    const rtcp = packet[1] >= 192 && packet[1] <= 223; // RFC 5761, section 4
    if (!rtcp) this.arrivals.take(packet.readUInt16BE(2), packet[1] >> 7 === 1, packet.readUInt32BE(4));
  }
}

/** Return the servers as libdatachannel takes them; of TURN only UDP: libjuice has no other. */
function servers({ urls, username, credential: password }) {
  return urls.flatMap((url) => {
    const [, scheme, hostname, port] = /^(\w+):(.+?):(\d+)/.exec(url);
    if (scheme === "stun") return [`stun:${hostname}:${port}`];
    if (scheme !== "turn" || url.endsWith("tcp")) return [];
    return [{ hostname, port: Number(port), username, password, relayType: "TurnUdp" }];
  });
}

/** Return the payload type of a codec in an m-section; of H264, one of the baseline. */
function numbered(section, codec) {
  const found = [...section.matchAll(/^a=rtpmap:(\d+) (\w+)\//gm)]
    .filter(([, , name]) => name.toUpperCase() === codec?.toUpperCase())
    .map(([, number]) => Number(number));
  const baseline = (number) =>
    new RegExp(`^a=fmtp:${number} .*profile-level-id=42`, "m").test(section) &&
    new RegExp(`^a=fmtp:${number} .*packetization-mode=1`, "m").test(section);
  return (codec === "H264" ? found.find(baseline) : found[0]) ?? null;
}

await run(LibDataChannel);
