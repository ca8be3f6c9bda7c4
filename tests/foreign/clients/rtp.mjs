// RTP for stacks that encode nothing: prepared frames become packets, and what comes is counted.

import { readFileSync } from "node:fs";
import { join } from "node:path";

const MTU = 1100;
const RTP_HEADER = 12;
const VIDEO_TICKS = 90_000;
const FPS = 30;
const OPUS = { ticks: 960, every: 20 };

/** Send the prepared pictures, 30 a second, over and over; each begins anew with a key frame. */
export class Pictures {
  constructor(folder, codec, send, { ssrc = 1, payloadType = 96, drop = 0 } = {}) {
    this.frames = read(join(folder, codec));
    this.split = codec === "VP8" ? vp8 : h264;
    this.packets = new Packets(send, { ssrc, payloadType, drop });
    this.sent = 0;
  }

  start() {
    const began = performance.now();
    this.timer = setInterval(() => {
      while (this.sent < ((performance.now() - began) * FPS) / 1000) this.#next();
    }, 5);
  }

  stop() {
    clearInterval(this.timer);
  }

  #next() {
    const payloads = this.split(this.frames[this.sent % this.frames.length]);
    const timestamp = (this.sent * VIDEO_TICKS) / FPS;
    payloads.forEach((each, n) => this.packets.send(each, timestamp, n === payloads.length - 1));
    this.sent += 1;
  }
}

/** Send the prepared tone. */
export class Sound {
  constructor(folder, send, { ssrc = 2, payloadType = 111, drop = 0 } = {}) {
    this.frames = read(join(folder, "opus"));
    this.packets = new Packets(send, { ssrc, payloadType, drop });
  }

  start() {
    let [sent, began] = [0, performance.now()];
    this.timer = setInterval(() => {
      for (; sent < (performance.now() - began) / OPUS.every; sent++) {
        this.packets.send(this.frames[sent % this.frames.length], sent * OPUS.ticks, sent === 0);
      }
    }, 5);
  }

  stop() {
    clearInterval(this.timer);
  }
}

/**
 * Counts what comes of one track of video: packets, those missing, whole pictures by their marker,
 * and by their timestamps the pictures that were made for it at 30 a second.
 */
export class Arrivals {
  packets = 0;
  frames = 0;
  made = 0;
  #first = null;
  #last = 0;
  #timestamp = null;
  #before = { frames: 0, at: performance.now() };

  take(sequenceNumber, marker, timestamp) {
    this.packets += 1;
    const ticks = (timestamp - (this.#timestamp ?? timestamp)) | 0;
    if (ticks >= 0) this.#timestamp = timestamp;
    this.made += Math.max(ticks, 0) / (VIDEO_TICKS / FPS);
    if (marker) this.frames += 1;
    if (this.#first === null) this.#first = this.#last = sequenceNumber;
    const step = ((sequenceNumber - this.#last + 0x8000) & 0xffff) - 0x8000;
    this.#last += Math.max(step, 0); // beyond 16 bits: only its low ones are compared
  }

  get lost() {
    return this.#first === null ? 0 : Math.max(0, this.#last - this.#first + 1 - this.packets);
  }

  /** Pictures a second since this was last asked. */
  rate() {
    const [before, now] = [this.#before, { frames: this.frames, at: performance.now() }];
    this.#before = now;
    return (now.frames - before.frames) / ((now.at - before.at) / 1000);
  }
}

class Packets {
  constructor(send, numbers) {
    Object.assign(this, { out: send, sent: 0, dropped: 0, ...numbers });
  }

  send(payload, timestamp, marker) {
    const packet = Buffer.alloc(RTP_HEADER + payload.length);
    packet[0] = 0x80;
    packet[1] = (marker ? 0x80 : 0) | this.payloadType;
    packet.writeUInt16BE(this.sent & 0xffff, 2);
    packet.writeUInt32BE(timestamp >>> 0, 4);
    packet.writeUInt32BE(this.ssrc, 8);
    payload.copy(packet, RTP_HEADER);
    this.sent += 1;
    if (this.dropped < Math.floor(this.sent * this.drop)) this.dropped += 1;
    else this.out(packet);
  }
}

/** Read frames, each behind its length in four bytes. */
function read(path) {
  const [bytes, frames] = [readFileSync(path), []];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    frames.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return frames;
}

/** Split a VP8 frame: RFC 7741, the shortest descriptor, S on the first. */
function vp8(frame) {
  return pieces(frame, MTU).map((each, n) => Buffer.concat([Buffer.of(n === 0 ? 0x10 : 0), each]));
}

/** Split an H264 access unit in Annex B: RFC 6184, single units and FU-A. */
function h264(frame) {
  return units(frame).flatMap((unit) => {
    if (unit.length <= MTU) return [unit];
    const [indicator, kind] = [(unit[0] & 0xe0) | 28, unit[0] & 0x1f];
    const parts = pieces(unit.subarray(1), MTU);
    const ends = (n) => (n === 0 ? 0x80 : 0) | (n === parts.length - 1 ? 0x40 : 0);
    return parts.map((each, n) => Buffer.concat([Buffer.of(indicator, ends(n) | kind), each]));
  });
}

function units(frame) {
  const begins = [];
  for (let at = 0; at + 2 < frame.length; at++) {
    if (frame[at] === 0 && frame[at + 1] === 0 && frame[at + 2] === 1) begins.push(at + 3);
  }
  return begins.map((begin, n) => {
    let end = n + 1 < begins.length ? begins[n + 1] - 3 : frame.length;
    while (end > begin && frame[end - 1] === 0) end -= 1; // the longer start code's zero
    return frame.subarray(begin, end);
  });
}

function pieces(bytes, size) {
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, n) => bytes.subarray(n * size, (n + 1) * size));
}
