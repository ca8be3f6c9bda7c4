// The host's calls: the channel's master, which every guest reaches, and guests reach nobody else.
// So what comes from each is passed on to the others: tracks are added to each one's connection,
// which is negotiated anew over its data channel.

import { fill, isRelayed, parsed, plain } from "/line.js";

const KINDS = ["audio", "video"];
// Bits a second. A browser encodes once for each connection, so what is passed on is small.
const OWN = { maxBitrate: 600_000, scaleResolutionDownBy: 1 };
const OWN_SCREEN = { maxBitrate: 1_500_000, scaleResolutionDownBy: 1 };
const PASSED_ON = { maxBitrate: 150_000, scaleResolutionDownBy: 2, maxFramerate: 15 };
const PASSED_ON_SCREEN = { maxBitrate: 600_000, scaleResolutionDownBy: 1, maxFramerate: 8 };
const EARLY_MAXIMUM = 60;

/** Events: "streams": who is seen or heard has changed; "state": a call's state has. */
export class Host extends EventTarget {
  #line;
  #media;
  #calls = new Map();
  #early = new Map(); // what came from somebody of whom the server has not told yet
  #people = [];
  #everybody = true;

  constructor(line, media) {
    super();
    this.#line = line;
    this.#media = media;
    line.addEventListener("offer", ({ detail }) => this.#offered(detail));
    line.addEventListener("candidate", ({ detail }) => this.#candidate(detail));
    line.addEventListener("ice-servers", () => this.#renew());
    media.addEventListener("change", () => this.#send());
  }

  /** Take note who is in, and whether guests are passed on to each other. */
  see(people, everybody) {
    this.#people = people.filter(({ host }) => !host);
    this.#everybody = everybody;
    const ids = this.#people.map(({ id }) => id);
    for (const [id, call] of this.#calls) if (!ids.includes(id)) this.#drop(id, call);
    for (const [id, early] of this.#early) {
      if (ids.includes(id)) this.#early.delete(id);
      if (ids.includes(id)) early.forEach((detail) => this.#again(detail));
    }
    this.#passOn();
  }

  stream(id) {
    return this.#calls.get(id)?.stream;
  }

  state(id) {
    return this.#calls.get(id)?.peer?.state ?? "waiting";
  }

  close() {
    for (const [id, call] of this.#calls) this.#drop(id, call);
  }

  #again(detail) {
    if (detail.description) this.#offered(detail);
    else this.#candidate(detail);
  }

  /** Answer a guest; one who calls again has lost the former call. Strangers are not answered. */
  async #offered(detail) {
    const { from, description } = detail;
    if (!this.#people.some(({ id }) => id === from)) return this.#keep(detail);
    const before = this.#calls.get(from);
    const call = { id: from, number: description.call, stream: new MediaStream(), relays: new Map(),
      early: [], peer: null, channel: null };
    this.#calls.set(from, call);
    before?.peer?.close();
    try {
      call.peer = await this.#line.peer({
        polite: false,
        send: (message) => this.#tell(call, message),
      });
    } catch {
      if (this.#calls.get(from) === call) this.#calls.delete(from); // it calls again
      return undefined;
    }
    if (this.#calls.get(from) !== call) return call.peer.close();
    this.#listen(call);
    await call.peer.take({ description });
    this.#bound(call); // before it sends: a change later would hold up the first picture
    for (const candidate of call.early.splice(0)) call.peer.take({ candidate });
    return undefined;
  }

  #listen(call) {
    const { peer } = call;
    peer.addEventListener("track", ({ detail: { track, transceiver } }) => {
      // Before the answer is made: so that it says that we send as well.
      transceiver.direction = "sendrecv";
      transceiver.sender.setStreams?.(call.stream);
      transceiver.sender.replaceTrack(this.#media.tracks[track.kind]);
      fill(call.stream, [...call.stream.getTracks().filter((each) => each.kind !== track.kind), track]);
      call[track.kind] = transceiver;
      this.#changed();
    });
    peer.addEventListener("channel", ({ detail: { channel } }) => {
      call.channel = channel;
      channel.onopen = () => this.#passOn();
      channel.onmessage = ({ data }) => {
        const message = parsed(data);
        if (message.description || message.candidate) peer.take(message);
      };
    });
    peer.addEventListener("state", () => {
      this.dispatchEvent(new Event("state"));
      if (peer.state === "connected") this.#send();
    });
  }

  #candidate(detail) {
    const { from, candidate } = detail;
    const call = this.#calls.get(from);
    if (!call) return this.#keep(detail);
    if (candidate.call !== undefined && candidate.call !== call.number) return undefined;
    if (call.peer) return call.peer.take({ candidate });
    if (call.early.length < EARLY_MAXIMUM) call.early.push(candidate);
    return undefined;
  }

  #keep(detail) {
    const kept = detail.description ? [] : this.#early.get(detail.from) ?? [];
    if (kept.length >= EARLY_MAXIMUM || this.#early.size > EARLY_MAXIMUM) return;
    this.#early.set(detail.from, [...kept, detail]);
  }

  /** Send a guest a description or candidate: over the data channel as soon as there is one. */
  #tell(call, message) {
    const sent = plain(message);
    if (call.channel?.readyState === "open") {
      call.channel.send(JSON.stringify({ ...sent, shows: this.#shows(call) }));
    } else if (sent.description?.type === "answer") {
      this.#line.send("answer", { ...sent.description, call: call.number }, call.id);
    } else if (sent.candidate) {
      this.#line.send("candidate", { ...sent.candidate, call: call.number }, call.id);
    }
  }

  /** Whose media is in which part of the description. */
  #shows(call) {
    const all = [...call.relays].flatMap(([id, relays]) => relays.map(({ mid }) => [mid, id]));
    return Object.fromEntries(all.filter(([mid]) => mid !== null));
  }

  /** Give each guest what the others send, and take away what they send no more. */
  #passOn() {
    for (const call of this.#calls.values()) {
      if (call.channel?.readyState !== "open") continue;
      const others = this.#everybody
        ? [...this.#calls.values()].filter((each) => each !== call && each.video) : [];
      for (const [id, relays] of call.relays) {
        if (others.some((each) => each.id === id)) continue;
        call.relays.delete(id);
        relays.forEach((each) => each.stop());
      }
      for (const other of others) this.#relay(call, other);
    }
  }

  #relay(call, other) {
    const known = call.relays.get(other.id);
    if (!known) {
      call.relays.set(other.id, KINDS.filter((kind) => other[kind]).map((kind) =>
        call.peer.connection.addTransceiver(other[kind].receiver.track, {
          direction: "sendonly",
          streams: [other.stream],
          ...(kind === "video" && { sendEncodings: [this.#passedOn(other.id)] }),
        })));
      return;
    }
    for (const { sender, mid, stopped } of known) {
      if (stopped) continue;
      const track = other[sender.track?.kind ?? "video"]?.receiver.track;
      if (track && sender.track !== track) sender.replaceTrack(track); // it called again
      if (mid !== null && track?.kind === "video") limit(sender, this.#passedOn(other.id));
    }
  }

  #passedOn(id) {
    const person = this.#people.find((each) => each.id === id);
    return person?.screen ? PASSED_ON_SCREEN : PASSED_ON;
  }

  /** Send what is on now to all. */
  #send() {
    for (const call of this.#calls.values()) {
      for (const kind of KINDS) {
        const [sender, track] = [call[kind]?.sender, this.#media.tracks[kind]];
        if (sender && sender.track !== track) sender.replaceTrack(track);
      }
      this.#bound(call);
    }
  }

  #bound({ video }) {
    if (video) limit(video.sender, this.#media.screen ? OWN_SCREEN : OWN);
  }

  /** Our TURN server goes: have those call again whom it relays. */
  async #renew() {
    for (const { peer, channel } of this.#calls.values()) {
      const isOpen = () => channel?.readyState === "open";
      if (isOpen() && await isRelayed(peer) && isOpen()) {
        channel.send(JSON.stringify({ again: true }));
      }
    }
  }

  #drop(id, call) {
    this.#calls.delete(id);
    call.peer?.close();
    this.#changed();
  }

  #changed() {
    this.#passOn();
    this.dispatchEvent(new Event("streams"));
  }
}

/** Bound what a sender of video uses. */
function limit(sender, bounds) {
  const parameters = sender.getParameters();
  const [encoding] = parameters.encodings ?? [];
  if (!encoding || Object.entries(bounds).every(([name, value]) => encoding[name] === value)) return;
  Object.assign(encoding, bounds);
  sender.setParameters(parameters).catch(() => {}); // it was stopped meanwhile
}
