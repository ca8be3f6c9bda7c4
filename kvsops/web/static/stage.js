// What the viewer's page says of how it stands, over the picture, or in its place.

const SOON_SECONDS = 0.3;

const at = (id) => document.getElementById(id);

const STATES = {
  joining: ["Joining…", ""],
  waiting: ["Waiting for the master", "No camera has answered yet. This page joins by itself as " +
    "soon as one connects to the channel as master."],
  connecting: ["Connecting…", "The master has answered: a path to it is being found."],
  blank: ["Connected, but no picture has come", "The master sends no video, or its first whole " +
    "picture is still to come."],
  shaky: ["The connection is shaky", "Nothing comes at the moment."],
  lost: ["The master has gone", "It ended the connection, or lost it. This page calls it again."],
  pathless: ["No path to the master was found", "It answered, but no way between you works: a " +
    "firewall may block UDP and TURN. Trying again; kvsops smoke shows which servers answer."],
  offline: ["Connecting to the channel again…", ""],
  away: ["kvsops does not answer", "The terminal that runs kvsops view may have been closed, or " +
    "its machine sleeps. This page connects again by itself."],
};
export const ENDS = {
  ended: ["kvsops view has ended", "Run it again to watch on."],
  expired: ["The link has expired", "Ask for a new one: kvsops view prints it."],
  unknown: ["The link leads nowhere", "kvsops view was started again since, or a part of the link " +
    "is missing. Open its link again."],
  full: ["All places are taken", "As many pages as the link is for are open already.", true],
  displaced: ["Watched in another tab", "This page was opened again elsewhere.", true],
  gone: ["The channel is gone", "It was deleted. If it was created again, run kvsops view again."],
  denied: ["AWS does not let this page in", "The terminal's credentials may have expired, or lack " +
    "a permission: kvsops iam \"view NAME\" prints those it needs."],
  fought: ["Another viewer has this place", "It connects with the same client id.", true],
  busy: ["Too many requests", "Wait a moment.", true],
  malformed: ["The server does not understand this page", "Load it again.", true],
};
const CAMERA = {
  NotAllowedError: "The browser does not let this page use the camera and microphone: allow both " +
    "beside the address, then load the page again. You only watch for now.",
  NotFoundError: "No camera or microphone was found: connect one, then load the page again. You " +
    "only watch for now.",
  NotReadableError: "The camera or microphone is in use by another program: close that, then load " +
    "the page again. You only watch for now.",
};

/** The picture, and the curtain before it that says in words why nothing is seen. */
export class Stage {
  #saying = null; // the timer of words that may not be needed

  /** Say how it stands; `thin` lets the last picture shine through. */
  cover(state, advice, thin) {
    clearTimeout(this.#saying);
    const [words, more] = STATES[state];
    const say = () => this.#say(words, advice ?? more, `turning ${thin ? "thin" : ""}`);
    // The picture mostly comes so soon after the answer that words would only hold it up.
    if (state === "connecting") this.#saying = setTimeout(say, SOON_SECONDS * 1000);
    else say();
  }

  uncover() {
    clearTimeout(this.#saying);
    at("snapshot").disabled = false;
    if (at("curtain").hidden) return;
    at("curtain").hidden = true;
    at("state").textContent = at("advice").textContent = "";
    at("said").textContent = "Connected: the picture is shown.";
  }

  /** Say why it has ended: in one of the words above, or in the server's. */
  end(why, text) {
    clearTimeout(this.#saying);
    const [words, advice, again = false] = ENDS[why] ?? ["This page has ended", text ?? ""];
    this.#say(words, advice, "");
    at("again").hidden = !again;
    at("camera-problem").textContent = "";
  }

  refuseCamera(error) {
    at("camera-problem").textContent = CAMERA[error.name] ??
      `The camera could not be opened (${error.message}). You only watch for now.`;
  }

  #say(words, advice, how) {
    at("curtain").hidden = false;
    at("curtain").className = how;
    at("state").textContent = words;
    at("advice").textContent = advice;
    at("said").textContent = "";
    at("snapshot").disabled = true;
  }
}
