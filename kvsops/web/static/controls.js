// The buttons of a meeting, and what goes wrong with what they do, in words.

import { make, set } from "/tiles.js";

const at = (id) => document.getElementById(id);

/** Do what the buttons say with the camera, the microphone, the screen and the sound. */
export function listenToButtons(media, tiles) {
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
    const copied = await navigator.clipboard.writeText(at("invitation-link").value)
      .then(() => true, () => false);
    set(at("copied"), copied ? "Copied." : "Press Ctrl+C to copy.");
    setTimeout(() => set(at("copied"), ""), 4000);
  });
}

function problem(...texts) {
  for (const text of texts) {
    const row = make("div", {}, make("span", {}, text));
    row.append(make("button", { type: "button", onclick: () => row.remove() }, "Dismiss"));
    at("problems").append(row);
    while (at("problems").children.length > 3) at("problems").firstChild.remove();
  }
}
