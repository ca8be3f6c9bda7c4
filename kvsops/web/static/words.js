// What the page of a meeting says of how it stands, and of its end. Nothing here changes anything.

const ENDINGS = {
  ended: ["The meeting has ended", "You can close this page."],
  expired: ["The link has expired", "It lets nobody new in, though the meeting may go on. Ask the host "
    + "to begin another one, and for its link."],
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
/** Ends after which the same link may lead in again. */
export const AGAIN = ["full", "busy", "left", "lost", "displaced"];

/** What stands beside a person's name. */
export function says(person, { mine = false, seen = true }) {
  return [
    mine && "you",
    person.host && "host",
    !person.here && "connecting again",
    person.screen && "shares the screen",
    !person.microphone && "muted",
    !seen && "not shown",
  ].filter(Boolean);
}

/** How the host's page stands with the others; `stateOf` tells the state of a guest's call. */
export function hostStands(guests, stateOf) {
  const waiting = guests.filter(({ id, here }) => here && stateOf(id) !== "connected");
  if (!guests.length) return "Nobody else is here yet. Send your guests the link.";
  if (waiting.length) return `Connecting with ${waiting.map(({ name }) => name).join(", ")}…`;
  return guests.length === 1 ? "1 guest is here." : `${guests.length} guests are here.`;
}

/** How a guest's page stands with the host, who may not be there. */
export function guestStands(host, state) {
  if (!host) return "Waiting for the host. You join by yourself when the host comes.";
  if (!host.here) return "The host is connecting again…";
  const states = { connected: "", shaky: "The connection is shaky…",
    lost: "The connection with the host was lost. Connecting again…" };
  return states[state] ?? "Connecting with the host…";
}

/** How the link for guests is headed on the host's page. */
export const linkUntil = (time) => `Link for guests, until ${time.toLocaleString([],
  { weekday: "short", hour: "2-digit", minute: "2-digit" })}`;

/** Who is in, for somebody at the door. */
export function atTheDoor(people, mine) {
  const names = people.filter(({ host }) => !host).map(({ name }) => name);
  if (names.length) return `Here: ${names.join(", ")}.`;
  return mine || people.some(({ host }) => host) ? ""
    : "The host is not here yet: you can join and wait.";
}

/** Heading and text of an end: why, in one of the words above, and what the server says of it. */
export function ending(why, text) {
  const [title, hint] = ENDINGS[why] ?? ["The meeting cannot go on", "Open the link again."];
  const told = text && ["ended", "service", "fought"].includes(why)
    ? `${text[0].toUpperCase()}${text.slice(1)}.` : "";
  return [title, [told, hint].filter(Boolean).join(" ")];
}
