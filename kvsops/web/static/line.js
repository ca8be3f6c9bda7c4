// A page's place in the channel, and its calls there. What goes over the channel is counted, since
// it is billed.

import { Peer, selectedPair } from "/peer.js";
import { Signaling } from "/signaling.js";

const HEARD = ["offer", "answer", "candidate", "refused", "ice-servers"];
const LOOK_SECONDS = 3;

/** Signaling as `Signaling` has it, and what it and the calls came to, by the names of the bill. */
export class Line extends Signaling {
  #server;
  #peers = new Set();
  #relayed = 0;
  #connects = 0;
  #sent = 0;
  #received = 0;
  #looking;

  constructor(server) {
    super((wish) => server.connect(wish));
    this.#server = server;
    this.addEventListener("open", () => (this.#connects += 1));
    for (const each of HEARD) this.addEventListener(each, () => (this.#received += 1));
    this.#looking = setInterval(() => this.#look(), LOOK_SECONDS * 1000);
  }

  send(...message) {
    this.#sent += 1;
    return super.send(...message);
  }

  /** Make a peer that has fresh ICE servers. */
  async peer(settings) {
    const { iceServers } = await this.#server.connect();
    const peer = new Peer({ iceServers, ...settings });
    this.#peers.add(peer);
    return peer;
  }

  get counted() {
    return { connects: this.#connects, sent: this.#sent, received: this.#received,
      turn_minutes: this.#relayed };
  }

  close() {
    clearInterval(this.#looking);
    super.close();
  }

  /** Count a minute for each call that TURN relays for us: an allocation is billed by the minute. */
  async #look() {
    const minute = Math.floor(Date.now() / 60_000);
    for (const peer of this.#peers) {
      if (peer.state === "lost") this.#peers.delete(peer);
      else if (peer.minute !== minute && await isRelayed(peer)) {
        peer.minute = minute;
        this.#relayed += 1;
      }
    }
  }
}

/** Whether our end of the selected pair is a relay. */
export async function isRelayed(peer) {
  const report = await peer.connection.getStats();
  const { localCandidateId } = selectedPair(report);
  return report.get(localCandidateId)?.candidateType === "relay";
}

/** A description or candidate as a plain object: the browser's own cannot be spread. */
export const plain = ({ description, candidate }) => (description
  ? { description: { type: description.type, sdp: description.sdp } } : { candidate });

/** Keep a stream to these tracks: a tile shows it all along. */
export function fill(stream, tracks) {
  for (const each of stream.getTracks()) if (!tracks.includes(each)) stream.removeTrack(each);
  for (const each of tracks) if (!stream.getTracks().includes(each)) stream.addTrack(each);
  return stream;
}

export const parsed = (text) => {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
};
