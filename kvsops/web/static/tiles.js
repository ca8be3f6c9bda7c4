// The people of the meeting, a tile each. What strangers wrote is only ever text here.

/** Make an element of a tag, with these properties and children. */
export function make(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Shows each person's picture, or where there is none their initial, and how they are. */
export class Tiles {
  #list;
  #tiles = new Map();
  #blocked;

  /** `blocked` is called when the browser plays no sound before somebody has clicked. */
  constructor(list, blocked) {
    this.#list = list;
    this.#blocked = blocked;
  }

  /** Show these: {id, name, mine, host, stream, picture, screen, says} each, in their order. */
  show(people) {
    for (const [id, { tile }] of this.#tiles) {
      if (people.some((each) => each.id === id)) continue;
      tile.querySelector("video").srcObject = null;
      tile.remove();
      this.#tiles.delete(id);
    }
    this.#list.style.setProperty("--columns", Math.ceil(Math.sqrt(people.length)));
    people.forEach((person, at) => {
      const known = this.#tiles.get(person.id) ?? this.#added(person);
      this.#fill(known, person);
      if (this.#list.children[at] !== known.tile) {
        this.#list.insertBefore(known.tile, this.#list.children[at] ?? null);
      }
    });
  }

  /** Play all with sound, after a click. */
  play() {
    for (const [, { tile, video }] of this.#tiles) {
      video.muted = tile.classList.contains("mine");
      this.#play(video);
    }
  }

  #added({ id, mine }) {
    const video = make("video", { autoplay: true, playsInline: true, muted: Boolean(mine) });
    const [initial, name, says] = [make("span", { className: "initial" }), make("bdi"), make("span")];
    initial.setAttribute("aria-hidden", "true");
    const tile = make("li", { className: "tile" }, initial, video, make("p", {}, name, says));
    const made = { tile, video, initial, name, says };
    this.#tiles.set(id, made);
    return made;
  }

  #fill({ tile, video, initial, name, says }, person) {
    tile.dataset.person = person.id;
    tile.classList.toggle("mine", Boolean(person.mine));
    tile.classList.toggle("picture", Boolean(person.picture));
    tile.classList.toggle("screen", Boolean(person.screen));
    set(name, person.name);
    set(initial, [...person.name][0]?.toUpperCase() ?? "?");
    set(says, person.says.map((each) => ` · ${each}`).join(""));
    video.setAttribute("aria-label", `Picture of ${person.name}`);
    const stream = person.stream ?? null;
    if (video.srcObject !== stream) {
      video.srcObject = stream;
      if (stream) this.#play(video);
    }
  }

  /** Play it, without sound where the browser wants a click before there is any. */
  #play(video) {
    if (!video.srcObject) return;
    video.play().catch((error) => {
      if (error.name !== "NotAllowedError" || video.muted) return;
      video.muted = true;
      this.#blocked();
      this.#play(video);
    });
  }
}

/** Change a text only where it is another: a screen reader would say it again. */
export function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
