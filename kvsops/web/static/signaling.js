// The browser's end of a signaling channel: one WebSocket after another, and the messages on them.
// https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/kvswebrtc-websocket-apis.html

import { onWake, pause } from "/server.js";

const RETRY_SECONDS = [0.4, 1, 2, 4, 8, 15];
const CONNECT_SECONDS = 10;
const DRAIN_SECONDS = 0.5;
// On one connection 5 descriptions and 20 candidates a second are allowed: so many at once, and
// then one each so often, are never more.
const PACE = {
  SDP_OFFER: { burst: 1, every: 0.25 },
  SDP_ANSWER: { burst: 1, every: 0.25 },
  ICE_CANDIDATE: { burst: 5, every: 0.067 },
};
// Closed so often, so soon: somebody else takes the place each time.
const FOUGHT = { times: 4, seconds: 10 };
const FINAL = ["gone", "denied", "unknown", "expired", "ended", "full", "displaced"];

/**
 * A place in the channel, kept through lost connections, sleep and GO_AWAY.
 *
 * `ask({fresh})` gives {url, iceServers, hello}, anew for each connection.
 * Events, each with a detail:
 *   "ready" {moved, iceServers}  about to connect: a description may be made, and sent, from now on
 *   "open" {first, moved, iceServers}   connected: the first time, or again; `moved` on GO_AWAY,
 *                                when nothing was lost
 *   "lost" {text}                it connects again by itself
 *   "over" {why, text}           it does not: the channel is gone, the link ended
 *   "offer", "answer" {from, description}; "candidate" {from, candidate}
 *   "refused" {text}             the service did not take a message
 *   "ice-servers" {iceServers}   those that there are have expired
 */
export class Signaling extends EventTarget {
  #ask;
  #socket = null;
  #opening = null;
  #moving = null;
  #over = false;
  #opened = 0;
  #soon = 0;
  #slots = {};
  #sent = new Map();

  constructor(ask) {
    super();
    this.#ask = ask;
    onWake(() => this.#socket?.close());
  }

  /** Connect, and again whenever the connection is lost, until `close`. */
  async run() {
    for (let attempt = 0; !this.#over; attempt += 1) {
      const openedAt = await this.#lived(attempt > 0);
      if (this.#over) return;
      if (openedAt !== null) attempt = 0;
      this.#soon = openedAt && seconds() - openedAt < FOUGHT.seconds ? this.#soon + 1 : 0;
      if (this.#soon >= FOUGHT.times) {
        return this.#end({ why: "fought", text: "the service closes the connection again and " +
          "again: another has this place in the channel" });
      }
      const wait = RETRY_SECONDS[Math.min(attempt, RETRY_SECONDS.length - 1)];
      await pause(wait * (1 + Math.random() / 4));
    }
  }

  /** Send an "offer", "answer" or "candidate"; a master's needs a recipient. */
  async send(kind, payload, recipient) {
    const action = { offer: "SDP_OFFER", answer: "SDP_ANSWER" }[kind] ?? "ICE_CANDIDATE";
    await this.#turn(action);
    await this.#opening;
    await this.#moving;
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    const correlationId = `${Date.now()}-${this.#sent.size}`;
    if (this.#sent.size > 500) this.#sent.clear();
    this.#sent.set(correlationId, kind);
    this.#socket.send(JSON.stringify({ action, messagePayload: encode(payload), correlationId,
      ...(recipient ? { recipientClientId: recipient } : {}) }));
  }

  /** Leave the channel. */
  close() {
    this.#over = true;
    this.#socket?.close();
  }

  /** Serve one connection, and those that follow it on GO_AWAY; return when it was opened. */
  async #lived(fresh) {
    let socket;
    try {
      socket = await this.#open(fresh);
    } catch (error) {
      if (FINAL.includes(error.why)) this.#end(error);
      else this.#tell("lost", { text: error.message });
      return null;
    }
    const openedAt = seconds();
    for (let next = socket; next; next = await this.#ended(next)) socket = next;
    if (!this.#over) this.#tell("lost", { text: "the signaling connection was lost" });
    return openedAt;
  }

  /** Open a connection; throws with the reason. */
  async #open(fresh, moved = false) {
    const { url, hello, iceServers } = await this.#ask({ fresh });
    const socket = new WebSocket(url);
    const opened = new Promise((resolve, reject) => {
      const late = setTimeout(() => socket.close(), CONNECT_SECONDS * 1000);
      socket.onopen = resolve;
      socket.onclose = ({ reason }) =>
        reject(new Error(reason || "the signaling connection was refused"));
      socket.addEventListener("open", () => clearTimeout(late));
    });
    this.#opening = opened.catch(() => {});
    this.#tell("ready", { moved, iceServers });
    await opened;
    if (hello) socket.send(hello);
    socket.onmessage = ({ data }) => this.#take(data, socket);
    this.#socket = socket;
    this.#slots = {};
    this.#tell("open", { first: !this.#opened++, moved, iceServers });
    return socket;
  }

  /** Wait for the connection's end; return the one that took over, if one did. */
  #ended(socket) {
    return new Promise((resolve) => {
      const done = async () => {
        await this.#moving; // the service may let the old one go before we know the new one
        resolve(this.#socket === socket ? null : this.#socket);
      };
      if (socket.readyState > WebSocket.OPEN) done();
      else socket.onclose = done;
    });
  }

  #take(data, socket) {
    const message = parse(data);
    if (!message) return; // an empty text keeps the connection alive
    const { messageType, senderClientId: from = "master" } = message;
    const payload = parse(decode(message.messagePayload));
    if (messageType === "SDP_OFFER" && payload) this.#tell("offer", { from, description: payload });
    else if (messageType === "SDP_ANSWER" && payload) {
      this.#tell("answer", { from, description: payload });
    } else if (messageType === "ICE_CANDIDATE" && payload) {
      this.#tell("candidate", { from, candidate: payload });
    } else if (messageType === "STATUS_RESPONSE") this.#refused(message.statusResponse ?? {});
    else if (messageType === "GO_AWAY") this.#move(socket);
    else if (messageType === "RECONNECT_ICE_SERVER") this.#renew();
  }

  /** Obey GO_AWAY: connect anew, and only then let the old connection go. */
  #move(old) {
    if (this.#socket !== old || this.#moving) return;
    this.#moving = this.#open(true, true)
      .then(() => setTimeout(() => old.close(), DRAIN_SECONDS * 1000), () => {})
      .finally(() => (this.#moving = null));
  }

  async #renew() {
    try {
      const { iceServers } = await this.#ask({ fresh: true });
      this.#tell("ice-servers", { iceServers });
    } catch {
      // The next connection asks again.
    }
  }

  #refused({ correlationId, statusCode, errorType, description }) {
    const what = this.#sent.get(correlationId) ?? "message";
    const why = [statusCode, errorType, description].filter(Boolean).join(" ");
    this.#tell("refused", { kind: what, text: `the service refused the ${what}: ${why}` });
  }

  /** Wait until a message of this kind may be sent: a burst would be refused. */
  async #turn(action) {
    const [{ burst, every }, now] = [PACE[action], seconds()];
    const slot = Math.max(this.#slots[action] ?? 0, now - (burst - 1) * every);
    this.#slots[action] = slot + every;
    if (slot > now) await new Promise((resolve) => setTimeout(resolve, (slot - now) * 1000));
  }

  #end({ why, text, message }) {
    this.#over = true;
    this.#tell("over", { why, text: text ?? message });
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

const seconds = () => performance.now() / 1000;

/** Base64 of the JSON's UTF-8. */
function encode(payload) {
  const bytes = new TextEncoder().encode(JSON.stringify(payload));
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/** The text in a payload, whose base64 may be URL-safe and unpadded. */
function decode(text) {
  try {
    const binary = atob((text ?? "").replaceAll("-", "+").replaceAll("_", "/"));
    return new TextDecoder().decode(Uint8Array.from(binary, (each) => each.charCodeAt(0)));
  } catch {
    return "";
  }
}

function parse(text) {
  try {
    const value = JSON.parse(text);
    return value && typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}
