// What is measured of a viewer's call, and shown beside the picture: charts, and facts in words.

import { Chart } from "/charts.js";
import { Figures } from "/figures.js";

const number = (value, unit, digits = 0) => `${value.toFixed(digits)} ${unit}`;
const CHARTS = [
  ["roundTrip", "Round trip", (value) => number(value, "ms"), 20],
  ["fps", "Frames per second", (value) => value.toFixed(0), 30],
  ["bitrate", "Bitrate", (value) => value < 1000 ? number(value, "kbit/s")
    : number(value / 1000, "Mbit/s", 1), 100],
  ["loss", "Packets lost", (value) => number(value, "%", 1), 5],
  ["jitter", "Jitter", (value) => number(value, "ms"), 20],
];
const FACTS = { path: "Path", local: "Here", remote: "Master", codec: "Video", sound: "Audio",
  size: "Picture" };

/** Shows what `read` measured; nothing is known while there is no connection. */
export class Measures {
  #figures = null;
  #connection = null;

  constructor(charts, facts) {
    this.facts = facts;
    this.charts = CHARTS.map(([key, ...rest]) => [key, new Chart(charts, ...rest)]);
  }

  /** Measure a connection, once a second; null where there is none now. Returns the figures. */
  async read(connection) {
    if (this.#connection !== connection) this.#figures = connection && new Figures();
    this.#connection = connection;
    const told = connection ? await this.#figures.read(connection) : null;
    for (const [key, chart] of this.charts) chart.add(told?.[key] ?? null);
    this.#tell(told ?? {});
    return told;
  }

  #tell(told) {
    const rows = Object.entries(FACTS).filter(([key]) => told[key]);
    this.facts.replaceChildren(...rows.flatMap(([key, name]) => {
      const [term, value] = [document.createElement("dt"), document.createElement("dd")];
      [term.textContent, value.textContent] = [name, told[key]];
      return [term, value];
    }));
  }
}
