// All that is known of one server, for who opens it.

import { el, setAttr, setText, show } from "./dom.js";
import { bytes, count, duration, latency, plural, reasonOf, time, UNKNOWN } from "./words.js";

const FACTS = [
  ["state", "Why"],
  ["address", "Address"],
  ["weight", "Weight"],
  ["connections", "Connections of Evenkeel"],
  ["totals", "Since the start"],
  ["says", "It says of itself"],
  ["memory", "Memory"],
  ["sessions", "Connections, from everybody"],
  ["items", "Items"],
];
const CLASSES = ["all", "read", "write", "delete"];
const PERCENTILES = ["p50", "p95", "p99"];

/** The details of one server. */
export class Details {
  #facts = new Map();
  #latencies = new Map();
  #gauges = { memory: gauge(), sessions: gauge() };

  /** `onPlot` is called by the button that has the plots show this server. */
  constructor(onPlot) {
    const list = el("dl", { class: "details-facts" });
    for (const [key, label] of FACTS) {
      const text = el("span");
      this.#facts.set(key, text);
      const extra = this.#gauges[key] ? [this.#gauges[key]] : [];
      list.append(el("div", {}, el("dt", { text: label }), el("dd", {}, ...extra, text)));
    }
    const button = el("button", { type: "button", text: "Plot this server alone", on: { click: onPlot } });
    this.root = el("div", { class: "details-body" }, list, el("div", {}, this.#table(), button));
  }

  update(server) {
    const { address, resolved, connections, totals, report = {} } = server;
    const told = {
      state: `${reasonOf(server)} Since ${time(server.since)} (${duration(server.for_seconds)}).`,
      address: resolved && resolved !== address ? `${address}, now ${resolved}` : address,
      weight: String(server.weight),
      connections: `${connections.open} open, ${connections.wanted} wanted`,
      totals: `${count(totals.requests)} requests, ${count(totals.hits)} hits, ${count(totals.misses)} misses, ${plural(totals.errors, "error")}`,
      says: server.report
        ? `version ${report.version ?? UNKNOWN}, up for ${duration(report.uptime_seconds)}, asked at ${time(report.at)}`
        : "it has not been asked yet",
      memory: outOf(report.memory_bytes, report.memory_bytes_max, bytes),
      sessions: outOf(report.connections, report.connections_max, count),
      items: `${count(report.items)}, ${count(report.evictions)} evicted`,
    };
    for (const [key, text] of Object.entries(told)) setText(this.#facts.get(key), text);
    fillGauge(this.#gauges.memory, report.memory_bytes, report.memory_bytes_max);
    fillGauge(this.#gauges.sessions, report.connections, report.connections_max);
    for (const [key, cell] of this.#latencies) {
      const [name, percentile] = key.split(" ");
      setText(cell, latency(server.latencies[name]?.[`${percentile}_us`]));
    }
  }

  #table() {
    const head = ["", ...PERCENTILES].map((text) => el("th", { scope: "col", text }));
    const rows = CLASSES.map((name) => {
      const cells = PERCENTILES.map((percentile) => {
        const cell = el("td", { class: "number" });
        this.#latencies.set(`${name} ${percentile}`, cell);
        return cell;
      });
      return el("tr", {}, el("th", { scope: "row", text: name }), ...cells);
    });
    return el(
      "table",
      { class: "latencies" },
      el("caption", { text: "Latency in the last ten seconds" }),
      el("thead", {}, el("tr", {}, ...head)),
      el("tbody", {}, ...rows),
    );
  }
}

function outOf(value, max, format) {
  return max ? `${format(value)} of ${format(max)}` : format(value);
}

function gauge() {
  return el("span", { class: "gauge", "aria-hidden": "true" }, el("i"));
}

function fillGauge(element, value, max) {
  const part = max ? Math.min(100, (100 * value) / max) : 0;
  element.firstElementChild.style.width = `${part}%`;
  setAttr(element, "data-level", part > 80 ? "warn" : null);
  show(element, Boolean(max));
}
