// One RTCPeerConnection, negotiated over whatever carries its messages.

const GRACE_SECONDS = 4;

/**
 * A connection with one peer. Both ends may offer at any time where the other one can take it:
 * the polite one gives way (perfect negotiation). AWS's own peers can not: towards them, viewers
 * offer once, and a new Peer is made to begin anew.
 *
 * `send({description})`, `send({candidate})` carry messages to the other end; `take` takes its.
 * `offers` says whether it offers by itself when media or a data channel is added.
 * Events: "state" {state}: "connecting", "connected", "shaky" or "lost" (for good);
 * "track" {track, streams, transceiver}; "channel" {channel}.
 */
export class Peer extends EventTarget {
  #send;
  #polite;
  #making = false;
  #ignoring = false;
  #early = [];
  #timer = null;
  #state = "connecting";

  constructor({ iceServers = [], send, polite = true, offers = true }) {
    super();
    this.#send = send;
    this.#polite = polite;
    this.madeAt = performance.now();
    this.connection = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    this.connection.onicecandidate = ({ candidate }) => {
      // Of a TCP candidate that only calls others, they need not know (RFC 6544, 4.1).
      if (!candidate?.candidate || candidate.tcpType === "active") return;
      this.#send({ candidate: candidate.toJSON() });
    };
    if (offers) this.connection.onnegotiationneeded = () => this.offer();
    this.connection.ontrack = ({ track, streams, transceiver }) =>
      this.#tell("track", { track, streams, transceiver });
    this.connection.ondatachannel = ({ channel }) => this.#tell("channel", { channel });
    this.connection.onconnectionstatechange = () => this.#changed();
  }

  get state() {
    return this.#state;
  }

  /** Do what takes a browser a while at its first offer: then that is sent sooner. */
  prepare() {
    this.#fit();
    this.connection.createOffer().catch(() => {}); // it was closed meanwhile
  }

  /** Make an offer and send it. */
  async offer() {
    try {
      this.#making = true;
      this.#fit();
      await this.connection.setLocalDescription();
      this.#send({ description: this.#described() });
    } catch (error) {
      if (this.#state !== "lost") console.warn(error);
    } finally {
      this.#making = false;
    }
  }

  /** Take a description or candidate of the other end's; what is of no use is left. */
  async take({ description, candidate }) {
    const { connection } = this;
    try {
      if (candidate) {
        if (!connection.remoteDescription) this.#early.push(candidate);
        else if (!this.#ignoring) await connection.addIceCandidate(candidate);
        return;
      }
      const collides = description.type === "offer" &&
        (this.#making || connection.signalingState !== "stable");
      this.#ignoring = collides && !this.#polite;
      if (this.#ignoring) return;
      if (description.type === "answer" && connection.signalingState !== "have-local-offer") return;
      await connection.setRemoteDescription(description);
      if (description.type === "offer") {
        await connection.setLocalDescription();
        this.#send({ description: this.#described() });
      }
      for (const each of this.#early.splice(0)) connection.addIceCandidate(each).catch(() => {});
      this.#watchTransport();
    } catch (error) {
      console.warn(error);
      if (description) this.#tell("trouble", { text: error.message });
    }
  }

  /** Use these ICE servers from the next gathering on. */
  renew(iceServers) {
    this.connection.setConfiguration({ ...this.connection.getConfiguration(), iceServers });
  }

  close() {
    clearTimeout(this.#timer);
    this.#state = "lost";
    this.connection.close();
  }

  #described() {
    const { type, sdp } = this.connection.localDescription;
    return { type, sdp: tidy(sdp) };
  }

  /**
   * Offer only codecs that peers use: with all that a browser knows, an offer is too large. And
   * Firefox numbers those of a later part so that they clash with what a Chromium peer has chosen.
   */
  #fit() {
    for (const transceiver of this.connection.getTransceivers()) {
      if (transceiver.mid !== null) continue;
      const { codecs } = RTCRtpReceiver.getCapabilities(transceiver.receiver.track.kind);
      transceiver.setCodecPreferences?.(codecs.filter(isCommon));
    }
  }

  #changed() {
    const state = this.connection.connectionState;
    clearTimeout(this.#timer);
    if (state === "connected") this.#become("connected");
    else if (state === "disconnected") {
      this.#become("shaky");
      this.#timer = setTimeout(() => this.#become("lost"), GRACE_SECONDS * 1000);
    } else if (state === "failed" || state === "closed") this.#become("lost");
  }

  /** See at once that the other end has closed, which ICE would tell much later. */
  #watchTransport() {
    const transport = this.connection.sctp?.transport ??
      this.connection.getTransceivers().find(({ sender }) => sender.transport)?.sender.transport;
    if (!transport || transport === this.transport) return;
    this.transport = transport;
    transport.addEventListener("statechange", () => {
      if (["closed", "failed"].includes(transport.state)) this.#become("lost");
    });
  }

  #become(state) {
    if (this.#state === state || this.#state === "lost") return;
    this.#state = state;
    this.#tell("state", { state });
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** Do what takes a browser a while the first time, and never again: with no server, for nobody. */
export async function warmUp() {
  const peer = new Peer({ offers: false, send: () => {} });
  for (const kind of ["audio", "video"]) peer.connection.addTransceiver(kind);
  peer.connection.createDataChannel("");
  await peer.connection.createOffer();
  peer.close();
}

/** The pair of candidates over which all goes; not every browser tells it of the transport. */
export function selectedPair(report) {
  const all = [...report.values()];
  const transport = all.find(({ type }) => type === "transport");
  return report.get(transport?.selectedCandidatePairId) ??
    all.find(({ type, nominated, state }) =>
      type === "candidate-pair" && nominated && state === "succeeded") ?? {};
}

/**
 * Leave out what is said of codecs that a part does not have: Firefox says it of those that were
 * not preferred, and Chromium takes no such description.
 */
function tidy(sdp) {
  const parts = sdp.split(/^(?=m=)/m);
  return parts.map((part) => {
    const [, formats] = /^m=\S+ \S+ \S+ (.*)\r$/m.exec(part) ?? [];
    const has = formats && new Set(formats.split(" "));
    return has ? part.replaceAll(/^a=(?:rtpmap|fmtp|rtcp-fb):(\d+) .*\r\n/gm, (line, format) =>
      (has.has(format) ? line : "")) : part;
  }).join("");
}

/** Whether peers use the codec: those that WebRTC's endpoints have, and retransmission. */
const isCommon = ({ mimeType, sdpFmtpLine = "" }) => ({
  "audio/opus": true,
  "audio/PCMU": true,
  "audio/PCMA": true,
  "video/VP8": true,
  "video/VP9": /profile-id=0/.test(sdpFmtpLine),
  "video/H264": /packetization-mode=1/.test(sdpFmtpLine) && /profile-level-id=42/.test(sdpFmtpLine),
  "video/rtx": true,
})[mimeType];
