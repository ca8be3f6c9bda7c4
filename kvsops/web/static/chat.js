// The chat: what was written, in order, and how much of it was not seen yet.

import { make, set } from "/tiles.js";

const LINES_MAXIMUM = 200;

/** A panel of the chat, and the button that shows it. `say(text)` sends a line. */
export class Chat {
  #panel;
  #button;
  #lines;
  #unread = 0;

  constructor({ panel, button, lines, form, say }) {
    this.#panel = panel;
    this.#button = button;
    this.#lines = lines;
    const input = form.querySelector("input");
    button.addEventListener("click", () => {
      panel.hidden = !panel.hidden;
      button.setAttribute("aria-expanded", String(!panel.hidden));
      if (panel.hidden) return;
      this.#count(0);
      lines.scrollTop = lines.scrollHeight;
      input.focus();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = input.value.trim();
      if (text) say(text);
      input.value = "";
    });
  }

  /** Show these lines, {name, text} each, in the place of all that were. */
  replace(all) {
    this.#lines.replaceChildren();
    for (const each of all) this.#add(each);
  }

  /** Show one more; it counts as unread if the panel is closed, and it is not one's own. */
  add(line, mine) {
    this.#add(line);
    if (this.#panel.hidden && !mine) this.#count(this.#unread + 1);
  }

  #add({ name, text }) {
    this.#lines.append(make("li", {}, make("bdi", {}, name), ": ", make("bdi", {}, text)));
    while (this.#lines.children.length > LINES_MAXIMUM) this.#lines.firstChild.remove();
    this.#lines.scrollTop = this.#lines.scrollHeight;
  }

  #count(unread) {
    this.#unread = unread;
    set(this.#button, unread ? `Chat (${unread})` : "Chat");
  }
}
