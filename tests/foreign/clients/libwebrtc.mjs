// libwebrtc, by its bindings to Node: @roamhq/wrtc. It encodes and decodes by itself.

import wrtc from "@roamhq/wrtc";
import { run } from "./kvs.mjs";
import { PeerConnection } from "./w3c.mjs";

const { RTCVideoSource, RTCVideoSink, RTCAudioSource } = wrtc.nonstandard;
const [WIDTH, HEIGHT, FPS] = [640, 480, 30];
const [COLUMNS, ROWS] = [20, 15];

class LibWebRtc extends PeerConnection {
  constructor(wish, iceServers, heard) {
    const iceTransportPolicy = wish.transport === "direct" ? "all" : "relay";
    super(new wrtc.RTCPeerConnection({ iceServers, iceTransportPolicy }), wish, heard);
    this.timers = [];
  }

  async stats() {
    const all = [...(await this.connection.getStats()).values()];
    const one = (type, more = () => true) => all.find((each) => each.type === type && more(each));
    const video = (each) => each.kind === "video";
    const [inbound, outbound] = [one("inbound-rtp", video), one("outbound-rtp", video)];
    const byId = (id) => all.find((each) => each.id === id);
    const pair = byId(one("transport")?.selectedCandidatePairId);
    const codec = byId(outbound?.codecId ?? inbound?.codecId);
    return {
      framesSent: outbound?.framesSent ?? null,
      framesDecoded: inbound?.framesDecoded ?? null,
      framesReceived: inbound?.framesReceived ?? null,
      framesMade: this.made ?? null,
      fps: inbound?.framesPerSecond ?? null,
      packetsReceived: inbound?.packetsReceived ?? null,
      packetsSent: outbound?.packetsSent ?? null,
      packetsLost: inbound?.packetsLost ?? null,
      packetsLostRemotely: one("remote-inbound-rtp", video)?.packetsLost ?? null,
      local: byId(pair?.localCandidateId)?.candidateType ?? null,
      remote: byId(pair?.remoteCandidateId)?.candidateType ?? null,
      codec: codec?.mimeType.split("/")[1] ?? null,
    };
  }

  stop() {
    this.timers.forEach(clearInterval);
    this.sink?.stop();
  }

  send(kind) {
    this.connection.addTrack(kind === "audio" ? this.#tone() : this.#movingPicture());
  }

  prefer() {
    if (this.wish.codec === null) return;
    const known = wrtc.RTCRtpSender.getCapabilities("video").codecs;
    const wanted = known.filter((each) => each.mimeType.split("/")[1] === this.wish.codec);
    if (!wanted.length) throw new Error(`this build has no ${this.wish.codec}`);
    for (const each of this.connection.getTransceivers()) {
      if (each.receiver.track.kind === "video") each.setCodecPreferences(wanted);
    }
  }

  #movingPicture() {
    const source = new RTCVideoSource();
    const data = new Uint8ClampedArray(WIDTH * HEIGHT * 1.5).fill(128);
    let [number, began] = [0, performance.now()];
    const draw = () => {
      for (; number < ((performance.now() - began) * FPS) / 1000; number++) {
        const row = (number * 4) % HEIGHT;
        data.fill((number * 3) % 256, row * WIDTH, (row + 4) * WIDTH);
        source.onFrame({ width: WIDTH, height: HEIGHT, data });
      }
    };
    this.timers.push(setInterval(draw, 5));
    return source.createTrack();
  }

  #tone() {
    const [source, rate] = [new RTCAudioSource(), 48_000];
    const samples = Int16Array.from({ length: rate / 100 }, (_, n) => 8000 * Math.sin(n * 0.0654498));
    const sound = () => source.onData({ samples, sampleRate: rate, bitsPerSample: 16, channelCount: 1 });
    this.timers.push(setInterval(sound, 10));
    return source.createTrack();
  }

  /** Show once a second how bright each block is of what was decoded, and note its number. */
  watch(track, heard) {
    this.sink = new RTCVideoSink(track);
    let count = 0;
    this.sink.addEventListener("frame", ({ frame }) => {
      const levels = blocks(frame);
      this.made = number(levels) ?? this.made;
      if (count++ % FPS === FPS - 1) heard.picture(levels);
    });
  }
}

/** Return the brightness in the middle of each block of the picture, row by row. */
function blocks({ data, width, height }) {
  const at = (column, row) => {
    const x = Math.floor(((column + 0.5) * width) / COLUMNS);
    const y = Math.floor(((row + 0.5) * height) / ROWS);
    return data[y * width + x];
  };
  return Array.from({ length: COLUMNS * ROWS }, (_, n) => at(n % COLUMNS, Math.floor(n / COLUMNS)));
}

/** Return the number that kvsops' test picture carries; null where it carries none. */
function number(levels) {
  const bits = levels.slice(0, 40).map((level) => (level > 128 ? "1" : "0"));
  const bytes = bits.join("").match(/.{8}/g).map((each) => parseInt(each, 2));
  const check = bytes.slice(0, 4).reduce((sum, byte) => (sum * 31 + byte) & 0xff, 0xa5);
  return check === bytes[4] ? (bytes[1] << 16) | (bytes[2] << 8) | bytes[3] : null;
}

await run(LibWebRtc);
