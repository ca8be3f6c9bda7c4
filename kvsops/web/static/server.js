// The page's own server: the link that lets in, the seat that it gives, and what the server says.

const RETRY_SECONDS = [0.3, 0.7, 1.5, 3, 5, 10];
const ASLEEP_SECONDS = 15;
// Signed URLs last 299 seconds, TURN's credentials as long.
const WAY_LASTS_SECONDS = 120;

/** Why the server let this page in no further; `why` is one of its codes, the message its words. */
export class Refusal extends Error {
  constructor(why, text) {
    super(text);
    this.why = why;
  }
}

/** Take the token of a link that was given, or of the one that this tab was opened by before. */
export function takeToken(given = location.hash.slice(1)) {
  if (given) {
    if (given !== sessionStorage.getItem("link")) sessionStorage.clear();
    sessionStorage.setItem("link", given);
  }
  return sessionStorage.getItem("link");
}

/**
 * Take the token out of the address bar; a reload finds it in the tab's own storage. Not while
 * connections are being opened: those of a page wait in the browser until its address bar is drawn.
 */
export function hideToken() {
  if (location.hash) history.replaceState(null, "", location.pathname);
}

/** Return the token of a link that somebody pasted, or the URL to open where it leads elsewhere. */
export function readLink(text) {
  const found = URL.canParse(text.trim()) ? new URL(text.trim()) : null;
  if (!found?.hash.slice(1) || !/^https?:$/.test(found.protocol)) return null;
  return found.origin === location.origin ? { token: found.hash.slice(1) } : { url: found.href };
}

/** Wait, or until the browser says that it is back on line. */
export function pause(seconds) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, seconds * 1000);
    addEventListener("online", done);
  });
}

/** Call back whenever the machine has slept, or has its network again. */
export function onWake(callback) {
  let seen = Date.now();
  setInterval(() => {
    const slept = Date.now() - seen > ASLEEP_SECONDS * 1000;
    seen = Date.now();
    // A hidden tab's timers are held back up to a minute: that is no sleep.
    if (slept && document.visibilityState === "visible") callback();
  }, 2000);
  addEventListener("online", callback);
}

/**
 * The server, over a WebSocket that is opened again whenever it is lost.
 *
 * Events: "message" (detail: what the server said), "lost", "over" (detail: a Refusal, for good).
 */
export class Server extends EventTarget {
  #socket = null;
  #over = false;
  #way = null; // what to connect with, and when it was told
  #asking = null;
  #seated = withResolvers();

  constructor(token) {
    super();
    this.token = token;
    onWake(() => this.#socket?.close());
  }

  /** The greeting, once the server has given this page a seat. */
  get seated() {
    return this.#seated.promise;
  }

  /** Stay connected until it is over. */
  async run() {
    for (let attempt = 0; !this.#over; attempt += 1) {
      if (await this.#connected()) attempt = 0;
      if (this.#over) return;
      this.dispatchEvent(new Event("lost"));
      await pause(RETRY_SECONDS[Math.min(attempt, RETRY_SECONDS.length - 1)]);
    }
  }

  /** Tell the server something; it is lost where the connection is. */
  say(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** Ask for what one connection needs: {url, iceServers, role, clientId}; throws a Refusal. */
  async connect({ fresh = false } = {}) {
    await this.seated;
    if (fresh) this.#know(await this.#ask(true));
    else if (Date.now() - (this.#way?.at ?? 0) > WAY_LASTS_SECONDS * 1000) {
      this.#asking ??= this.#ask(false).finally(() => (this.#asking = null));
      this.#know(await this.#asking);
    }
    return this.#way;
  }

  /** Keep what to connect with: without a URL of the service's, our server passes signaling on. */
  #know(way) {
    const seat = sessionStorage.getItem("seat");
    const relay = { url: wsUrl("/signaling"), hello: JSON.stringify({ seat }) };
    this.#way = { at: Date.now(), ...way, ...(way.url ? {} : relay) };
  }

  async #ask(fresh) {
    const response = await fetch(fresh ? "/connect?fresh=1" : "/connect", {
      method: "POST",
      headers: { Authorization: `Bearer ${sessionStorage.getItem("seat")}` },
    }).catch(() => {
      throw new Refusal("away", "kvsops does not answer");
    });
    const told = await response.json();
    if (!response.ok) throw new Refusal(told.why, told.text);
    return told;
  }

  /** Leave for good. */
  close() {
    this.#over = true;
    this.#socket?.close();
  }

  /** Serve one connection to its end; return whether it was let in. */
  #connected() {
    return new Promise((resolve) => {
      const { socket, heard } = begunSocket() ?? this.#begin();
      this.#socket = socket;
      let letIn = false;
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.type === "over") return this.#end(message);
        if (message.type === "seated") {
          letIn = true;
          sessionStorage.setItem("seat", message.seat);
          this.#way = null; // it was another seat's, perhaps
          if (message.way) this.#know(message.way);
          this.#seated.resolve(message);
        }
        this.dispatchEvent(new CustomEvent("message", { detail: message }));
      };
      socket.onclose = () => resolve(letIn);
      for (const each of heard) socket.onmessage(each);
    });
  }

  #begin() {
    const socket = new WebSocket(wsUrl("/events"));
    socket.onopen = () => this.say({ link: this.token, seat: sessionStorage.getItem("seat") });
    return { socket, heard: [] };
  }

  #end({ why, text }) {
    this.#over = true;
    if (why !== "displaced") sessionStorage.removeItem("seat");
    if (["unknown", "expired", "ended"].includes(why)) sessionStorage.removeItem("link");
    const refusal = new Refusal(why, text);
    this.#seated.promise.catch(() => {});
    this.#seated.reject(refusal);
    this.dispatchEvent(new CustomEvent("over", { detail: refusal }));
  }
}

/** The connection that the page began before its modules were there: once, and if it still is. */
function begunSocket() {
  const { socket, heard } = window.begun ?? {};
  if (socket) window.begun.socket = null;
  return socket?.readyState <= WebSocket.OPEN ? { socket, heard } : null;
}

const wsUrl = (path) => location.origin.replace("http", "ws") + path;

/** As Promise.withResolvers, which not every browser has. */
export function withResolvers() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}
