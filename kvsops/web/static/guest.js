// A guest's one call: with the host, which passes on the others.

import { fill, isRelayed, parsed, plain } from "/line.js";

const KINDS = ["audio", "video"];
const RETRY_SECONDS = [0.5, 1, 2, 4, 8];
const CONNECT_SECONDS = 30;
const SENT = { maxBitrate: 500_000 };

/**
 * Events: "called": the host is; "streams": who is seen or heard has changed; "state": the call's
 * state has.
 */
export class Guest extends EventTarget {
  #line;
  #media;
  #host = null; // as the server tells of it
  #peer = null;
  #number = 0;
  #ready = false;
  #streams = new Map();
  #shows = {};
  #retry = null;
  #attempt = 0;
  #closed = false;

  constructor(line, media) {
    super();
    this.#line = line;
    this.#media = media;
    line.addEventListener("ready", () => {
      this.#ready = true;
      if (this.state() !== "connected") this.#call();
    });
    line.addEventListener("answer", ({ detail: { description } }) => this.#take({ description }));
    line.addEventListener("candidate", ({ detail: { candidate } }) => this.#take({ candidate }));
    line.addEventListener("ice-servers", () => this.#renew());
    line.addEventListener("refused", () => this.#again());
    media.addEventListener("change", () => this.#send());
  }

  /** Take note who is in: the host is called when it comes, and when it has come anew. */
  see(people) {
    const host = people.find((each) => each.host) ?? null;
    const anew = host && host.page !== this.#host?.page;
    const back = host?.here && !this.#host?.here && this.state() !== "connected";
    this.#host = host;
    if (host?.here && (anew || back)) this.#call();
  }

  stream(id) {
    return this.#streams.get(id);
  }

  state() {
    return this.#host?.here ? this.#peer?.state ?? "connecting" : this.#peer?.state ?? "waiting";
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#peer?.close();
    this.#peer = null;
  }

  /** Our TURN server goes: call again if it relays. */
  async #renew() {
    if (this.#peer && await isRelayed(this.#peer)) this.#call();
  }

  async #call() {
    clearTimeout(this.#retry);
    if (this.#closed || !this.#ready || !this.#host?.here) return;
    const number = (this.#number += 1);
    this.#retry = setTimeout(() => this.#again(), CONNECT_SECONDS * 1000);
    let peer;
    try {
      peer = await this.#line.peer({ offers: false, send: (message) => this.#tell(number, message) });
    } catch {
      return this.#again();
    }
    if (number !== this.#number || this.#closed) return peer.close();
    this.#peer?.close();
    this.#peer = peer;
    peer.addEventListener("state", () => this.#changed(peer));
    peer.addEventListener("track", () => this.#sort());
    const stream = new MediaStream(); // one for both, so that they are kept in step
    for (const kind of KINDS) {
      const sent = this.#media.tracks[kind];
      peer.connection.addTransceiver(sent ?? kind, {
        direction: "sendrecv",
        streams: [stream],
        ...(kind === "video" && { sendEncodings: [SENT] }),
      });
    }
    peer.channel = peer.connection.createDataChannel("kvsops-meet");
    peer.channel.onmessage = ({ data }) => this.#told(peer, parsed(data));
    await peer.offer();
    this.dispatchEvent(new Event("state"));
    return undefined;
  }

  #tell(number, message) {
    if (number !== this.#number) return;
    const sent = plain(message);
    if (this.#peer?.channel?.readyState === "open") this.#peer.channel.send(JSON.stringify(sent));
    else if (sent.description?.type === "offer") {
      this.#line.send("offer", { ...sent.description, call: number })
        .then(() => this.dispatchEvent(new Event("called")));
    } else if (sent.candidate) this.#line.send("candidate", { ...sent.candidate, call: number });
  }

  /** Take what came over the channel, if it is of this call and not of one before. */
  #take(message) {
    const { call } = message.description ?? message.candidate;
    if (call === this.#number) this.#peer?.take(message);
  }

  async #told(peer, { description, candidate, shows, again }) {
    if (peer !== this.#peer) return;
    if (again) this.#call();
    if (shows && typeof shows === "object") this.#shows = shows;
    if (!description && !candidate) return;
    await peer.take({ description, candidate });
    if (description) this.#sort();
  }

  /** Sort what comes by whose it is: what is not said to be another's is the host's. */
  #sort() {
    if (!this.#peer || !this.#host) return;
    const tracks = new Map();
    for (const { mid, receiver, currentDirection, stopped } of this.#peer.connection.getTransceivers()) {
      if (stopped || currentDirection === "stopped" || mid === null) continue;
      const id = this.#shows[mid] ?? this.#host.id;
      tracks.set(id, [...tracks.get(id) ?? [], receiver.track]);
    }
    for (const id of [...this.#streams.keys()]) if (!tracks.has(id)) this.#streams.delete(id);
    for (const [id, all] of tracks) {
      this.#streams.set(id, fill(this.#streams.get(id) ?? new MediaStream(), all));
    }
    this.dispatchEvent(new Event("streams"));
  }

  #send() {
    for (const { sender, receiver, mid } of this.#peer?.connection.getTransceivers() ?? []) {
      if (mid === null || !(mid in this.#shows)) this.#replace(sender, receiver.track.kind);
    }
  }

  #replace(sender, kind) {
    const track = this.#media.tracks[kind];
    if (sender.track !== track) sender.replaceTrack(track).catch(() => {});
    if (kind !== "video") return;
    const parameters = sender.getParameters();
    if (!parameters.encodings?.length) return;
    parameters.encodings[0].maxBitrate = this.#media.screen ? 3 * SENT.maxBitrate : SENT.maxBitrate;
    sender.setParameters(parameters).catch(() => {});
  }

  #changed(peer) {
    if (peer !== this.#peer) return;
    if (peer.state === "connected") {
      this.#attempt = 0;
      clearTimeout(this.#retry);
    }
    if (peer.state === "lost") this.#again();
    this.dispatchEvent(new Event("state"));
  }

  /** Call again after a while, longer each time. */
  #again() {
    clearTimeout(this.#retry);
    if (this.state() === "connected") return;
    const wait = RETRY_SECONDS[Math.min(this.#attempt, RETRY_SECONDS.length - 1)];
    this.#attempt += 1;
    this.#retry = setTimeout(() => this.#call(), wait * 1000);
  }
}
