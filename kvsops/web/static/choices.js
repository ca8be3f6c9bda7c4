// The choice of camera and microphone, before somebody goes in.

import { devices } from "/media.js";
import { make } from "/tiles.js";

const NAMES = { audio: "Microphone", video: "Camera" };
const OFF = "off";

/** Lists the devices of each kind in its `<select>`; `problems` hears why one was not opened. */
export class Choices {
  #media;
  #lists;
  #problems;

  constructor(media, lists, problems) {
    this.#media = media;
    this.#lists = lists;
    this.#problems = problems;
    for (const [kind, list] of Object.entries(lists)) {
      list.addEventListener("change", () => this.#choose(kind, list.value));
    }
  }

  /** List what there is now; what is sent is chosen. */
  async list() {
    for (const [kind, list] of Object.entries(this.#lists)) {
      const known = await devices(kind);
      const any = { id: "", name: NAMES[kind] };
      const options = [...known.length ? known : [any], { id: OFF, name: "None" }];
      list.replaceChildren(...options.map(({ id, name }) => make("option", { value: id }, name)));
      const track = this.#media.tracks[kind];
      const { deviceId } = track?.getSettings() ?? {};
      const listed = options.some(({ id }) => id === deviceId);
      list.value = track ? (listed ? deviceId : options[0].id) : OFF;
    }
  }

  async #choose(kind, id) {
    if (id === OFF) {
      if (kind === "video") this.#media.closeCamera();
      else this.#media.closeMicrophone();
      return this.#problems([]);
    }
    this.#media.chosen[kind] = id;
    this.#problems(await this.#media.open([kind]));
    return this.list();
  }
}
