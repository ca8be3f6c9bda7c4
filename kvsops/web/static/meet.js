// The page of a meeting: the way in, the meeting, and its end, in words.

import { Chat } from "/chat.js";
import { Choices } from "/choices.js";
import { listenToButtons } from "/controls.js";
import { Guest } from "/guest.js";
import { Host } from "/host.js";
import { listen } from "/level.js";
import { Line, fill } from "/line.js";
import { Media } from "/media.js";
import { warmUp } from "/peer.js";
import { Server, hideToken, readLink, takeToken } from "/server.js";
import { Tiles, make, set } from "/tiles.js";
import { AGAIN, atTheDoor, ending as endingWords, guestStands, hostStands, linkUntil, says }
  from "/words.js";

const at = (id) => document.getElementById(id);
const PAGE = crypto.randomUUID();
const COUNT_SECONDS = 1;
const CALL_SECONDS = 0.3;

const media = new Media();
const tiles = new Tiles(at("tiles"), () => (at("sound").hidden = false));
const chat = new Chat({ panel: at("chat"), button: at("talk"), lines: at("lines"),
  form: at("chat-form"), say: (text) => server.say({ type: "write", text }) });
const choices = new Choices(media,
  { audio: at("microphone-choice"), video: at("camera-choice") },
  (problems) => list(at("door-problems"), problems));
let server = null;
let line = null;
let call = null; // a Host or a Guest
let me = { id: "", role: "viewer", mesh: 0, grace: 30 };
let told = { people: [], everybody: true };
let [joined, inside, settled, ending] = [false, false, false, false];
let away = null; // the timer of a server that does not answer
let [signaled, listening] = [true, false];

function show(section) {
  for (const each of document.querySelectorAll("main > section")) each.hidden = each.id !== section;
  at(section).querySelector("h1").focus();
}

// The way in

function begin(given) {
  const token = takeToken(given);
  hideToken();
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
  return begin(found.token);
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
  await choices.list();
  warmUp();
  return undefined;
}

navigator.mediaDevices?.addEventListener("devicechange", () => !joined && me.id && choices.list());

for (const each of ["pointerdown", "keydown"]) {
  at("door").addEventListener(each, () => {
    if (joined || ending) return;
    if (!listening) listen(media, at("level"), () => joined || ending);
    listening = true;
    server.connect().catch(() => {}); // what was told long ago is told anew before we join
  });
}

at("door-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!joined) join();
});

function join() {
  joined = true;
  at("preview").pause();
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
  line.run();
  enter();
  call.see(told.people, told.everybody); // a guest calls a host who is here while signaling opens
  // The room is laid out while the host answers, and one's own picture drawn after the host's, if
  // that comes soon: it comes sooner so.
  call.addEventListener("called", goIn);
  setTimeout(settle, me.role === "master" ? 0 : CALL_SECONDS * 1000);
  let before = "";
  setInterval(() => {
    const counted = JSON.stringify(line.counted);
    if (counted === before) return;
    before = counted;
    server.say({ type: "counted", page: PAGE, ...line.counted });
  }, COUNT_SECONDS * 1000);
}

function settle() {
  settled = true;
  goIn();
  draw();
}

function goIn() {
  if (inside || ending) return;
  inside = true;
  at("preview").srcObject = null;
  localStorage.setItem("name", at("name").value);
  keep();
  show("room");
  at("invitation").hidden = !me.invitation;
  at("invitation-link").value = me.invitation ?? "";
  if (me.invitation) set(at("invitation-label"), linkUntil(new Date(me.until)));
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
    set(at("door-who"), atTheDoor(told.people, me.role === "master"));
  }
  if (message.type === "written") {
    if (message.all) chat.replace(message.all);
    else chat.add(message.new, message.new.id === me.id);
  }
  draw();
}

/** A server that does not answer for long is gone, and with it the meeting. */
function lost() {
  away ??= setTimeout(() => end("lost"), 2 * me.grace * 1000);
  draw();
}

function signal(there) {
  signaled = there;
  draw();
}

// The meeting

function draw() {
  if (!inside || ending) return;
  const own = told.people.find(({ id }) => id === me.id) ?? { id: me.id, name: at("name").value };
  const others = told.people.filter(({ id }) => id !== me.id);
  tiles.show([...others.map(other), { ...own, mine: true, stream: mine(), screen: media.screen,
    picture: media.on("video") || media.screen,
    says: says({ ...own, ...shown(), here: true }, { mine: true }) }]);
  set(at("status"), state(others));
  set(at("note"), told.everybody || !others.length ? "" : "There are more than "
    + `${me.mesh} guest${me.mesh === 1 ? "" : "s"}, so guests see and hear the host only.`);
  set(at("mute"), media.on("audio") ? "Mute" : "Unmute");
  set(at("camera"), media.on("video") ? "Camera off" : "Camera on");
  set(at("screen"), media.screen ? "Stop sharing" : "Share screen");
  at("screen").hidden = !navigator.mediaDevices?.getDisplayMedia;
}

const ownStream = new MediaStream();
const mine = () => fill(ownStream, media.tracks.video && (settled || call.state() === "connected")
  ? [media.tracks.video] : []);

function other(person) {
  const stream = call.stream(person.id);
  const track = stream?.getVideoTracks()[0];
  if (track) track.onmute = track.onunmute = draw;
  const seen = told.everybody || me.role === "master" || person.host;
  return { ...person, stream, says: says(person, { seen }),
    picture: person.here && track && !track.muted && (person.camera || person.screen) };
}

function state(others) {
  if (away) return "The host's computer does not answer. Trying again…";
  if (!signaled) return "The connection to the service was lost. Connecting again…";
  if (me.role === "master") return hostStands(others, (id) => call.state(id));
  return guestStands(others.find(({ host }) => host), call.state());
}

function list(element, texts) {
  element.replaceChildren(...texts.map((text) => make("li", {}, text)));
}

media.addEventListener("change", () => {
  if (joined) return;
  at("preview").srcObject = media.camera ? new MediaStream([media.camera]) : null;
  at("no-preview").hidden = Boolean(media.camera);
});

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
  const [title, said] = endingWords(why, text);
  set(at("over-title"), title);
  set(at("over-text"), said);
  at("again").hidden = !AGAIN.includes(why);
  show("over");
}

listenToButtons(media, tiles);
begin();
