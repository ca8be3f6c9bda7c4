// werift, WebRTC in TypeScript. It encodes nothing: see rtp.mjs.

import { readFileSync } from "node:fs";
import { MediaStreamTrack, RTCPeerConnection, useH264, useOPUS, useVP8 } from "werift";
import { run } from "./kvs.mjs";
import { Arrivals, Pictures, Sound } from "./rtp.mjs";
import { PeerConnection } from "./w3c.mjs";

class Werift extends PeerConnection {
  constructor(wish, iceServers, heard) {
    const codecs = { VP8: useVP8(), H264: useH264() };
    const connection = new RTCPeerConnection({
      iceServers: iceServers.map(usable),
      iceTransportPolicy: wish.transport === "direct" ? "all" : "relay",
      codecs: { video: wish.codec ? [codecs[wish.codec]] : Object.values(codecs), audio: [useOPUS()] },
      turnTlsOptions: { ca: readFileSync(wish.ca) },
    });
    super(connection, wish, heard);
    this.senders = [];
    this.arrivals = new Arrivals();
  }

  async stats() {
    const all = [...(await this.connection.getStats()).values()];
    const [pictures] = this.senders.filter((each) => each instanceof Pictures);
    const pair = this.connection.iceTransports[0]?.getSelectedCandidatePair();
    const lost = all.find((each) => each.type === "remote-inbound-rtp" && each.kind === "video");
    return {
      framesSent: pictures?.sent ?? null,
      framesDecoded: null,
      framesReceived: this.arrivals.frames,
      framesMade: this.arrivals.made,
      fps: this.arrivals.rate(),
      packetsReceived: this.arrivals.packets,
      packetsSent: pictures?.packets.sent ?? null,
      packetsLost: this.arrivals.lost,
      packetsLostRemotely: lost?.packetsLost ?? null,
      local: kind(pair?.local),
      remote: kind(pair?.remote),
      codec: this.wish.codec,
    };
  }

  stop() {
    this.senders.forEach((each) => each.stop());
  }

  watch(track) {
    track.onReceiveRtp.subscribe(({ header }) => {
      this.arrivals.take(header.sequenceNumber, header.marker, header.timestamp);
    });
  }

  /** Send from the moment on when it is connected: before that werift drops packets. */
  send(kind) {
    const track = new MediaStreamTrack({ kind });
    this.connection.addTrack(track);
    const out = (packet) => track.writeRtp(packet);
    const { media, codec, drop } = this.wish;
    const sender =
      kind === "video"
        ? new Pictures(media, codec ?? "VP8", out, { drop })
        : new Sound(media, out, { drop });
    this.senders.push(sender);
    this.connection.connectionStateChange.subscribe((state) => {
      if (state === "connected" && !sender.timer) sender.start();
    });
  }
}

/** Return the server without URIs that werift cannot use: it takes the first of a kind. */
function usable({ urls, username, credential }) {
  const known = urls.filter((url) => !(url.startsWith("turns:") && url.endsWith("udp")));
  return { urls: known, username, credential };
}

function kind(candidate) {
  return / typ (\w+)/.exec(candidate?.candidate)?.[1] ?? null;
}

await run(Werift);
