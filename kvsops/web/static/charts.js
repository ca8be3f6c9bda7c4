// Small charts of the last minute: a line of text for everybody, a curve beside it.

const POINTS = 60;
const [WIDTH, HEIGHT] = [120, 30];
const SVG = "http://www.w3.org/2000/svg";

const svg = (name, attributes) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};

/** A figure over time; `format` writes a value, `least` is what the axis reaches at least. */
export class Chart {
  #values = [];
  #path = svg("path", {});
  #value = document.createElement("b");
  #drawing = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });

  constructor(list, name, format, least) {
    Object.assign(this, { name, format, least });
    const item = document.createElement("li");
    item.className = "chart";
    const head = document.createElement("div");
    const title = document.createElement("span");
    title.textContent = name;
    head.append(title, this.#value);
    const base = svg("line", { x1: 0, x2: WIDTH, y1: HEIGHT - 0.5, y2: HEIGHT - 0.5 });
    this.#drawing.append(base, this.#path);
    item.append(head, this.#drawing);
    list.append(item);
    this.add(null);
  }

  /** Add what was measured in this second; null where nothing could be. */
  add(value) {
    this.#values.push(value);
    if (this.#values.length > POINTS) this.#values.shift();
    this.#value.textContent = value === null ? "–" : this.format(value);
    const known = this.#values.filter((each) => each !== null);
    const top = Math.max(this.least, ...known);
    this.#path.setAttribute("d", this.#curve(top));
    this.#drawing.setAttribute("aria-label", known.length
      ? `${this.name} in the last minute: from ${this.format(Math.min(...known))} to ` +
        this.format(Math.max(...known))
      : `${this.name}: nothing was measured yet`);
  }

  clear() {
    this.#values = [];
    this.add(null);
  }

  #curve(top) {
    const from = POINTS - this.#values.length;
    let drawn = "";
    this.#values.forEach((value, at) => {
      if (value === null) return;
      const x = ((from + at) / (POINTS - 1)) * WIDTH;
      const y = HEIGHT - 1 - (value / top) * (HEIGHT - 3);
      const joined = at > 0 && this.#values[at - 1] !== null;
      drawn += `${joined ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    });
    return drawn;
  }
}
