// The page of a viewer: it joins the channel, shows the master's picture, and tells how it stands.

import { Peer } from "/peer.js";
import { Server, hideToken, pause, readLink, takeToken, withResolvers } from "/server.js";
import { Signaling } from "/signaling.js";
import { ENDS, Stage } from "/stage.js";
import { Talk } from "/talk.js";

const LABEL = "kvsops-view";
// AWS keeps an offer for a master that is not there, for as long as the channel's message TTL.
const PATIENCE_SECONDS = 3;
const OFFER_AGAIN_SECONDS = 20;
const NO_PICTURE_SECONDS = 5;
const CONNECT_SECONDS = 20;
const SETTLE_SECONDS = 0.5;
const CALL_AGAIN_SECONDS = [0.2, 1, 2, 5, 10];
const FURNISH_SECONDS = 0.5;
const MEASURE_SECONDS = 1;

const at = (id) => document.getElementById(id);
// A page that is given a stream is not taken for loaded before the stream's first picture.
const loaded = document.readyState === "complete" ? null
  : new Promise((resolve) => addEventListener("load", resolve));

class View {
  #state = "joining"; // as the page says from the first
  #peer = null;
  #prepared = null; // the peer that calls next
  #failures = 0;
  #iceServers = [];
  #own = null;
  #timer = null;
  #over = false;
  #pictured = withResolvers(); // the first picture has come

  constructor() {
    this.stage = new Stage();
    this.talk = new Talk(at("lines"), at("talk"), at("line"), at("send"));
  }

  /** Make the peer that will call, ahead: it asks nobody for anything before it does. */
  prepare() {
    if (!this.#peer && !this.#over) this.#prepared ??= this.#made();
  }

  /** Join by the token of a link. */
  async run(token) {
    this.server = new Server(token);
    this.signaling = new Signaling((how) => this.server.connect(how));
    this.#listen();
    this.server.run();
    this.#furnish().catch(console.warn);
    setTimeout(() => this.prepare()); // after the call, if all that it needs is there
    const greeting = await this.server.seated;
    if (greeting.mirror) await this.#openCamera();
    this.signaling.run();
    at("channel").textContent = greeting.channel;
    at("region").textContent = greeting.place;
  }

  /** Show and load what is of use beside a picture: when that is there, or takes a while. */
  async #furnish() {
    const soon = Promise.race([this.#pictured.promise, pause(FURNISH_SECONDS)]);
    this.tools = soon.then(() => import("/tools.js"));
    await soon;
    hideToken();
    this.server.seated.then(({ channel }) => (document.title = `${channel} – kvsops view`), () => {});
    document.documentElement.classList.add("furnished");
    at("channel").focus();
    const { Measures } = await import("/measures.js");
    this.measures = new Measures(at("charts"), at("facts"));
    for (;;) {
      await this.#measure().catch(console.warn);
      await new Promise((resolve) => setTimeout(resolve, MEASURE_SECONDS * 1000));
    }
  }

  #listen() {
    const { server, signaling } = this;
    server.addEventListener("over", ({ detail }) => this.#end(detail.why, detail.message));
    server.addEventListener("lost", () => this.#serverLost());
    const on = (type, take) => signaling.addEventListener(type, ({ detail }) => take(detail));
    on("ready", ({ iceServers, moved }) => {
      this.#iceServers = iceServers;
      // What was offered to a master that was not there yet may be lost, but not by GO_AWAY.
      if (!moved && ["joining", "waiting", "offline", "away"].includes(this.#state)) this.#call();
    });
    on("lost", ({ text }) => {
      if (!this.#isConnected()) this.#show("offline", text);
    });
    on("over", ({ why, text }) => this.#end(why, text));
    on("answer", ({ description }) => this.#answered(description));
    on("candidate", ({ candidate }) => this.#peer?.take({ candidate }));
    on("refused", ({ kind, text }) => {
      if (kind === "offer") this.#show("waiting", text);
    });
    on("ice-servers", ({ iceServers }) => {
      this.#iceServers = iceServers;
      this.#peer?.renew(iceServers);
    });
  }

  #isConnected() {
    return this.#peer?.state === "connected";
  }

  /** Call the master: offer, and again every so often until it answers. */
  async #call() {
    clearTimeout(this.#timer);
    if (this.#over) return;
    try {
      this.#iceServers = (await this.server.connect()).iceServers;
    } catch (error) {
      if (ENDS[error.why] && error.why !== "busy") return this.#end(error.why, error.message);
    }
    if (this.#over) return;
    this.#hangUp();
    this.#begin();
    if (["offline", "away"].includes(this.#state)) this.#show("joining");
    this.#timer = setTimeout(() => {
      if (!this.#unanswered()) return;
      this.#show("waiting");
      this.#timer = setTimeout(() => this.#unanswered() && this.#call(), OFFER_AGAIN_SECONDS * 1000);
    }, (this.#state === "waiting" ? 0 : PATIENCE_SECONDS) * 1000);
  }

  /**
   * Take an answer. A master that comes late answers what was offered before, too, by this page or
   * by one that had its client id: with such an answer nothing connects, and a second one tells.
   */
  #answered(description) {
    const peer = this.#peer;
    if (!peer) return;
    peer.take({ description });
    if (["waiting", "joining", "offline"].includes(this.#state)) this.#show("connecting");
    clearTimeout(this.#timer);
    const wait = peer.answered ? SETTLE_SECONDS : CONNECT_SECONDS;
    peer.answered = true;
    if (this.#isConnected()) return;
    this.#timer = setTimeout(() => {
      if (peer !== this.#peer || peer.state !== "connecting") return;
      if (wait === CONNECT_SECONDS) this.#show("pathless");
      this.#callAgain();
    }, wait * 1000);
  }

  #unanswered() {
    return this.#peer?.connection.signalingState !== "stable";
  }

  #begin() {
    const peer = (this.#peer = this.#prepared ?? this.#made());
    this.#prepared = null;
    this.connectedAt = null;
    this.talk.attach(peer.channel);
    peer.renew(this.#iceServers);
    peer.offer();
  }

  /** Make a peer that is ready to call. */
  #made() {
    const peer = new Peer({
      offers: false,
      send: ({ description, candidate }) => description
        ? this.signaling.send(description.type, description)
        : this.signaling.send("candidate", candidate),
    });
    const stream = (peer.stream = new MediaStream());
    peer.addEventListener("track", ({ detail: { track } }) => {
      stream.addTrack(track);
      this.#open(peer);
      if (track.kind === "audio") {
        track.addEventListener("unmute", () => this.tools.then(({ soundCame }) => soundCame()));
      }
    });
    peer.addEventListener("channel", ({ detail: { channel } }) => this.talk.attach(channel));
    peer.addEventListener("state", ({ detail: { state } }) => this.#changed(peer, state));
    for (const kind of ["audio", "video"]) {
      const [own] = this.#own?.getTracks().filter((track) => track.kind === kind) ?? [];
      peer.connection.addTransceiver(own ?? kind, own
        ? { direction: "sendrecv", streams: [this.#own] } : { direction: "recvonly" });
    }
    peer.channel = peer.connection.createDataChannel(LABEL);
    peer.prepare();
    return peer;
  }

  /** Let what a peer sends be seen, from its first picture on. */
  async #open(peer) {
    await loaded;
    const picture = at("picture");
    if (peer !== this.#peer || picture.srcObject === peer.stream) return;
    picture.srcObject = peer.stream;
    picture.requestVideoFrameCallback?.(() => {
      if (peer === this.#peer && peer.state !== "lost") this.#uncover();
    });
  }

  #hangUp() {
    this.#peer?.close();
    this.#peer = null;
  }

  #changed(peer, state) {
    if (peer !== this.#peer || this.#over) return;
    if (state === "connected") {
      clearTimeout(this.#timer);
      this.#failures = 0;
      this.connectedAt ??= seconds();
      if (this.#state === "shaky") this.#uncover();
      return;
    }
    if (state === "shaky") return this.#show("shaky");
    const pathless = this.connectedAt === null;
    this.#show(pathless ? "pathless" : "lost");
    this.#callAgain();
  }

  async #callAgain() {
    clearTimeout(this.#timer);
    const last = CALL_AGAIN_SECONDS.length - 1;
    await pause(CALL_AGAIN_SECONDS[Math.min(this.#failures++, last)]);
    this.#call();
  }

  async #measure() {
    const connection = this.#isConnected() ? this.#peer.connection : null;
    const told = (this.told = await this.measures.read(connection));
    // Measured before the master went, or of the peer before: it says nothing of now.
    if (!told || !this.#isConnected() || connection !== this.#peer.connection) return;
    if (told.frames) this.#uncover();
    else if (seconds() - this.connectedAt > NO_PICTURE_SECONDS) this.#show("blank");
    this.#report();
  }

  /** Tell the terminal how it stands, when that changes. */
  #report() {
    const relayed = this.#state === "watching" && Boolean(this.told?.relayed);
    const report = JSON.stringify({ type: "state", state: this.#state, relayed });
    if (report === this.reported) return;
    this.reported = report;
    this.server.say(JSON.parse(report));
  }

  // What is shown

  #show(state, advice) {
    if (this.#over || this.#state === state) return;
    this.#state = state;
    const seen = ["shaky", "lost"].includes(state) && this.connectedAt;
    this.stage.cover(state, advice, Boolean(seen));
    this.#report();
  }

  #uncover() {
    if (at("picture").paused) at("picture").play().catch(() => {});
    this.stage.uncover();
    this.#state = "watching"; // the terminal is told once it was measured over which path
    this.#pictured.resolve();
  }

  #serverLost() {
    if (!this.#isConnected()) this.#show("away");
  }

  #end(why, text) {
    if (this.#over) return;
    this.stage.end(why, text);
    this.#over = true;
    clearTimeout(this.#timer);
    this.#hangUp();
    this.#prepared?.close();
    this.signaling.close();
    this.server.close();
    this.#own?.getTracks().forEach((track) => track.stop());
  }

  async #openCamera() {
    try {
      this.#own = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
      this.#prepared?.close();
      this.#prepared = null; // it sends nothing
      at("mirror").srcObject = this.#own;
      at("mirror").hidden = false;
    } catch (error) {
      this.stage.refuseCamera(error);
    }
  }
}

const seconds = () => performance.now() / 1000;

const view = new View();

function openPasted(event) {
  event.preventDefault();
  const found = readLink(at("link").value);
  at("link-problem").textContent = found ? ""
    : "That is no link of kvsops view: it begins with http and has a # in it.";
  if (found?.url) location.href = found.url;
  else if (found) begin(found.token);
}

/** Join by the link that there is, or ask for one. */
function begin(given) {
  const token = takeToken(given);
  document.documentElement.className = token ? "joins" : "starts";
  if (token) return view.run(token).catch((error) => error.why || console.error(error));
  at("start-title").focus();
  return view.prepare();
}

at("again").addEventListener("click", () => location.reload());
at("start-form").addEventListener("submit", openPasted);
// Another link in the address bar does not load the page by itself.
addEventListener("hashchange", () => location.hash.length > 1 && location.reload());

begin();
