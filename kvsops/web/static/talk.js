// The data-channel console: what was said on the connection's data channels.

const LINES = 200;
const LONGEST = 4000;

/** Shows what comes, and sends what is written, on the channel that was opened last. */
export class Talk {
  #channel = null;

  constructor(list, form, input, button) {
    Object.assign(this, { list, input, button });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
  }

  /** Show a channel, ours or the master's. */
  attach(channel) {
    channel.binaryType = "arraybuffer";
    const open = () => {
      this.#channel = channel;
      this.#able(true);
      this.#write("told", `channel “${channel.label}” is open`);
      channel.addEventListener("close", () => {
        this.#write("told", `channel “${channel.label}” was closed`);
        if (this.#channel === channel) this.#able(false);
      });
    };
    if (channel.readyState === "open") open();
    else channel.addEventListener("open", open);
    channel.addEventListener("message", ({ data }) => this.#write("got", readable(data)));
  }

  #send() {
    const text = this.input.value;
    if (!text || this.#channel?.readyState !== "open") return;
    this.#channel.send(text);
    this.#write("sent", text);
    this.input.value = "";
  }

  #able(able) {
    this.input.disabled = this.button.disabled = !able;
  }

  #write(kind, text) {
    const { list } = this;
    const below = list.scrollHeight - list.scrollTop - list.clientHeight < 20;
    const line = document.createElement("li");
    line.className = kind;
    line.textContent = text;
    list.append(line);
    while (list.children.length > LINES) list.firstChild.remove();
    if (below) list.scrollTop = list.scrollHeight;
  }
}

function readable(data) {
  if (typeof data !== "string") return `(${data.byteLength} bytes)`;
  return data.length > LONGEST ? `${data.slice(0, LONGEST)}… (${data.length} characters)` : data;
}
