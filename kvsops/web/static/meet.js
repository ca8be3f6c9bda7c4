// The page of a meeting: the way in, the meeting, and its end, in words.

import { Guest } from "/guest.js";
import { Host } from "/host.js";
import { Line } from "/line.js";
import { Media, devices } from "/media.js";
import { Server, readLink, takeToken } from "/server.js";
import { Tiles, make, set } from "/tiles.js";

const at = (id) => document.getElementById(id);
const PAGE = crypto.randomUUID();
const COUNT_SECONDS = 1;
const OFF = "off";

const ENDINGS = {
  ended: ["The meeting has ended", "You can close this page."],
  expired: ["The link has expired", "Ask the host for a new one."],
  unknown: ["The link leads nowhere", "Ask the host for the link again, and open all of it."],
  full: ["The meeting is full", "All places are taken. Try again when somebody has left."],
  displaced: ["The meeting is open elsewhere", "It was opened in another tab. Go on there."],
  busy: ["The server is busy", "Wait a moment, then try again."],
  gone: ["The meeting's channel is gone", "Somebody deleted it. Ask the host for a new meeting."],
  denied: ["The meeting cannot be joined", "The host's credentials are not accepted by AWS: "
    + "the terminal in which kvsops meet runs may tell more."],
  fought: ["Somebody else hosts this channel", "Another master took the place again and again."],
  lost: ["The host's computer does not answer", "It may be off, or off line. The meeting is over "
    + "for you; open the link again if it goes on."],
  left: ["You have left the meeting", ""],
};
const AGAIN = ["full", "busy", "left", "lost", "displaced"];

const media = new Media();
const tiles = new Tiles(at("tiles"), () => (at("sound").hidden = false));
let server = null;
let line = null;
let call = null; // a Host or a Guest
let me = { id: "", role: "viewer", mesh: 0, grace: 30 };
let told = { people: [], everybody: true };
let joined = false;
let ending = false;
let away = null; // the timer of a server that does not answer
let signaled = true;
let listening = false;
let unread = 0;
let written = [];

function show(section) {
  for (const each of document.querySelectorAll("main > section")) each.hidden = each.id !== section;
  at(section).querySelector("h1").focus();
}

// The way in

function begin() {
  const token = takeToken();
  if (!token) return show("start");
  server = new Server(token);
  server.addEventListener("message", ({ detail }) => heard(detail));
  server.addEventListener("lost", lost);
  server.addEventListener("over", ({ detail: { why, message } }) => end(why, message));
  server.run();
  return server.seated.then(door, () => {});
}

at("start-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const found = readLink(at("link").value);
  if (!found) {
    return set(at("link-problem"), "This is no link to a meeting: it has a # and letters after it.");
  }
  if (found.url) return location.assign(found.url);
  location.hash = found.token;
  return begin();
});

async function door(greeting) {
  me = { ...me, ...greeting };
  const host = me.role === "master";
  set(at("door-title"), host ? "Start the meeting" : "Join the meeting");
  set(at("join"), host ? "Start" : "Join");
  set(at("leave"), host ? "End meeting" : "Leave");
  set(at("door-hint"), host ? "You are the host: your guests' pictures and voices pass through this "
    + "page. Keep it open; the meeting ends 30 seconds after it is closed."
    : "The host's page passes your picture and voice on to the other guests.");
  document.title = host ? "Meeting (host)" : "Meeting";
  const kept = JSON.parse(sessionStorage.getItem("me") ?? "null"); // this page was loaded anew
  at("name").value = kept?.name ?? localStorage.getItem("name") ?? "";
  if (kept) {
    media.chosen = kept.chosen;
    media.muted = kept.muted;
    await media.open(["audio", "video"].filter((kind) => kept.on.includes(kind)));
    return join();
  }
  show("door");
  at("name").focus();
  const problems = await media.open(["audio", "video"]);
  list(at("door-problems"), problems);
  await listDevices();
  return undefined;
}

async function listDevices() {
  for (const [kind, select] of [["audio", at("microphone-choice")], ["video", at("camera-choice")]]) {
    const known = await devices(kind);
    const any = { id: "", name: kind === "audio" ? "Microphone" : "Camera" };
    const options = [...known.length ? known : [any], { id: OFF, name: "None" }];
    select.replaceChildren(...options.map(({ id, name }) => make("option", { value: id }, name)));
    const { deviceId } = media.tracks[kind]?.getSettings() ?? {};
    const listed = options.some(({ id }) => id === deviceId);
    select.value = media.tracks[kind] ? (listed ? deviceId : options[0].id) : OFF;
  }
}

async function chosen(kind, value) {
  if (value === OFF) {
    if (kind === "video") media.closeCamera();
    else media.closeMicrophone();
    return list(at("door-problems"), []);
  }
  media.chosen[kind] = value;
  const problems = await media.open([kind]);
  list(at("door-problems"), problems);
  return listDevices();
}
at("camera-choice").addEventListener("change", ({ target }) => chosen("video", target.value));
at("microphone-choice").addEventListener("change", ({ target }) => chosen("audio", target.value));
navigator.mediaDevices?.addEventListener("devicechange", () => !joined && me.id && listDevices());

/** Show how loud the microphone is, until the meeting is joined; browsers want a click or key first. */
function listen() {
  const sound = new AudioContext();
  const analyser = sound.createAnalyser();
  const samples = new Float32Array(analyser.fftSize);
  let [source, track] = [null, null];
  const timer = setInterval(() => {
    if (joined || ending) {
      clearInterval(timer);
      return sound.close();
    }
    if (track !== media.tracks.audio) {
      source?.disconnect();
      track = media.tracks.audio;
      source = track && sound.createMediaStreamSource(new MediaStream([track]));
      source?.connect(analyser);
    }
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, each) => sum + each * each, 0) / samples.length;
    at("level").value = source ? Math.min(1, Math.sqrt(power) * 4) : 0;
    return undefined;
  }, 100);
}
for (const each of ["pointerdown", "keydown"]) {
  at("door").addEventListener(each, () => (listening ||= !joined && (listen(), true)));
}

at("door-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!joined) join();
});

function join() {
  joined = true;
  localStorage.setItem("name", at("name").value);
  keep();
  show("room");
  at("invitation").hidden = !me.invitation;
  at("invitation-link").value = me.invitation ?? "";
  line = new Line(server);
  call = me.role === "master" ? new Host(line, media) : new Guest(line, media);
  call.addEventListener("streams", draw);
  call.addEventListener("state", draw);
  line.addEventListener("open", () => signal(true));
  line.addEventListener("lost", () => signal(false));
  line.addEventListener("over", ({ detail: { why, text } }) => end(why, text));
  media.addEventListener("change", () => {
    keep();
    server.say({ type: "shows", ...shown() });
    draw();
  });
  enter();
  line.run();
  let before = "";
  setInterval(() => {
    const counted = JSON.stringify(line.counted);
    if (counted === before) return;
    before = counted;
    server.say({ type: "counted", page: PAGE, ...line.counted });
  }, COUNT_SECONDS * 1000);
  draw();
}

/** Tell the server that we are in: again after each lost connection. */
function enter() {
  server.say({ type: "join", page: PAGE, name: at("name").value, ...shown() });
  if (line) server.say({ type: "counted", page: PAGE, ...line.counted });
}

const shown = () => ({ microphone: media.on("audio"), camera: media.on("video"),
  screen: media.screen });

function keep() {
  if (!joined || ending) return;
  const on = ["audio", "video"].filter((kind) => (kind === "audio" ? media.tracks.audio : media.camera));
  sessionStorage.setItem("me", JSON.stringify({ name: at("name").value, muted: media.muted,
    chosen: media.chosen, on }));
}

// What the server says

function heard(message) {
  clearTimeout(away);
  away = null;
  if (message.type === "seated" && joined) enter();
  if (message.type === "people") {
    told = message;
    call?.see(told.people, told.everybody);
    const names = told.people.filter(({ host }) => !host).map(({ name }) => name);
    const host = told.people.some((each) => each.host);
    set(at("door-who"), names.length ? `Here: ${names.join(", ")}.`
      : me.role === "master" || host ? "" : "The host is not here yet: you can join and wait.");
  }
  if (message.type === "written") {
    if (message.all) written = message.all;
    else written.push(message.new);
    write(message.new);
  }
  if (joined) draw();
}

/** A server that does not answer for long is gone, and with it the meeting. */
function lost() {
  away ??= setTimeout(() => end("lost"), 2 * me.grace * 1000);
  if (joined) draw();
}

function signal(there) {
  signaled = there;
  draw();
}

// The meeting

function draw() {
  if (!joined || ending) return;
  const own = told.people.find(({ id }) => id === me.id) ?? { id: me.id, name: at("name").value };
  const others = told.people.filter(({ id }) => id !== me.id);
  tiles.show([...others.map(other), { ...own, mine: true, stream: mine(), picture: media.on("video")
    || media.screen, screen: media.screen, says: ["you", ...says({ ...own, ...shown(), here: true })] }]);
  set(at("status"), state(others));
  set(at("note"), told.everybody || !others.length ? "" : "There are more than "
    + `${me.mesh} guest${me.mesh === 1 ? "" : "s"}, so guests see and hear the host only.`);
  set(at("mute"), media.on("audio") ? "Mute" : "Unmute");
  set(at("camera"), media.on("video") ? "Camera off" : "Camera on");
  set(at("screen"), media.screen ? "Stop sharing" : "Share screen");
  at("screen").hidden = !navigator.mediaDevices?.getDisplayMedia;
  set(at("talk"), unread ? `Chat (${unread})` : "Chat");
}

const ownStream = new MediaStream();
function mine() {
  const track = media.tracks.video;
  for (const each of ownStream.getTracks()) if (each !== track) ownStream.removeTrack(each);
  if (track) ownStream.addTrack(track);
  return ownStream;
}

function other(person) {
  const stream = call.stream(person.id);
  const track = stream?.getVideoTracks()[0];
  if (track) track.onmute = track.onunmute = draw;
  return { ...person, stream, says: says(person, stream),
    picture: person.here && track && !track.muted && (person.camera || person.screen) };
}

function says(person) {
  const seen = person.id === me.id || told.everybody || me.role === "master" || person.host;
  return [
    person.host && "host",
    !person.here && "connecting again",
    person.screen && "shares the screen",
    !person.microphone && "muted",
    !seen && "not shown",
  ].filter(Boolean);
}

function state(others) {
  if (away) return "The host's computer does not answer. Trying again…";
  if (!signaled) return "The connection to the service was lost. Connecting again…";
  if (me.role === "master") {
    const waiting = others.filter(({ id, here }) => here && call.state(id) !== "connected");
    if (!others.length) return "Nobody else is here yet. Send your guests the link.";
    if (waiting.length) return `Connecting with ${waiting.map(({ name }) => name).join(", ")}…`;
    return others.length === 1 ? "1 guest is here." : `${others.length} guests are here.`;
  }
  const host = others.find((each) => each.host);
  if (!host) return "Waiting for the host. You join by yourself when the host comes.";
  if (!host.here) return "The host is connecting again…";
  const states = { connected: "", shaky: "The connection is shaky…",
    lost: "The connection with the host was lost. Connecting again…" };
  return states[call.state()] ?? "Connecting with the host…";
}

function problem(...texts) {
  for (const text of texts) {
    const row = make("div", {}, make("span", {}, text));
    row.append(make("button", { type: "button", onclick: () => row.remove() }, "Dismiss"));
    at("problems").append(row);
    while (at("problems").children.length > 3) at("problems").firstChild.remove();
  }
}

function list(element, texts) {
  element.replaceChildren(...texts.map((text) => make("li", {}, text)));
}

media.addEventListener("change", () => {
  at("preview").srcObject = media.camera ? new MediaStream([media.camera]) : null;
  at("no-preview").hidden = Boolean(media.camera);
});
media.addEventListener("lost", ({ detail }) => problem(`The ${detail} was unplugged or taken away. `
  + `Turn the ${detail} on again when it is back.`));

at("mute").addEventListener("click", async () => {
  if (media.tracks.audio) return media.mute(!media.muted);
  media.muted = false;
  return problem(...await media.open(["audio"]));
});
at("camera").addEventListener("click", async () => {
  if (media.on("video")) media.closeCamera();
  else problem(...await media.open(["video"]));
});
at("screen").addEventListener("click", async () => {
  if (media.screen) media.unshare();
  else problem(...await media.share());
});
at("sound").addEventListener("click", () => {
  at("sound").hidden = true;
  tiles.play();
});
at("copy").addEventListener("click", async () => {
  at("invitation-link").select();
  const copied = await navigator.clipboard.writeText(me.invitation).then(() => true, () => false);
  set(at("copied"), copied ? "Copied." : "Press Ctrl+C to copy.");
  setTimeout(() => set(at("copied"), ""), 4000);
});

// The chat

at("talk").addEventListener("click", () => {
  at("chat").hidden = !at("chat").hidden;
  at("talk").setAttribute("aria-expanded", String(!at("chat").hidden));
  if (at("chat").hidden) return;
  unread = 0;
  write();
  at("line").focus();
  draw();
});
at("chat-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = at("line").value.trim();
  if (text) server.say({ type: "write", text });
  at("line").value = "";
});

/** Show a new line at the end, or all of them. */
function write(line_) {
  const row = ({ name, text }) => make("li", {}, make("bdi", {}, name), ": ", make("bdi", {}, text));
  const lines = at("lines");
  if (line_) lines.append(row(line_));
  else lines.replaceChildren(...written.map(row));
  while (lines.children.length > 200) lines.firstChild.remove();
  lines.scrollTop = lines.scrollHeight;
  if (line_ && at("chat").hidden && line_.id !== me.id) unread += 1;
}

// The end

at("leave").addEventListener("click", () => {
  if (me.role === "master") return at("sure").showModal();
  server.say({ type: "leave" });
  return end("left");
});
at("sure").addEventListener("close", () => {
  if (at("sure").returnValue === "yes") server.say({ type: "end" });
});
at("again").addEventListener("click", () => location.reload());

function end(why, text = "") {
  if (ending) return;
  ending = true;
  clearTimeout(away);
  call?.close();
  line?.close();
  media.close();
  server.close();
  at("sure").open && at("sure").close();
  tiles.show([]);
  sessionStorage.removeItem("me");
  const [title, hint] = ENDINGS[why] ?? ["The meeting cannot go on", "Open the link again."];
  const said = text && why in { ended: 1, service: 1, fought: 1 } ? sentence(text) : "";
  set(at("over-title"), title);
  set(at("over-text"), [said, hint].filter(Boolean).join(" "));
  at("again").hidden = !AGAIN.includes(why);
  show("over");
}

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`;

begin();
