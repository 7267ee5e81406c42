// The plots of the last minutes: of all pools, of one, or of one server.

import { byId, setChoices, setText } from "./dom.js";
import { largest, smallest, sum, together } from "./history.js";
import { linearScale, logScale, percentScale, Plot } from "./plot.js";
import { count, duration, latency, percent, rate, short } from "./words.js";

/** All plots, and what they are of. */
export class Plots {
  #history;
  #events;
  #pools = [];
  #plots;

  /** `onChoice` is called when something else is to be shown. */
  constructor({ parent, cursor, history, events, onChoice }) {
    this.#history = history;
    this.#events = events;
    const plot = (title, formats, scale, ...lines) => {
      const made = new Plot({ title, ...formats, scale, cursor, lines: lines.map(([key, label]) => ({ key, label })) });
      parent.append(made.root);
      return made;
    };
    this.#plots = {
      hits: plot("Hit ratio", { format: percent, axis: (part) => `${part} %` }, percentScale, ["hits", "hit ratio"]),
      requests: plot("Requests/s", { format: rate, axis: short }, linearScale, ["requests", "sent"], ["errors", "failed"]),
      latency: plot("Latency", { format: latency, axis: latencyTick }, logScale, ["p99", "p99"], ["p95", "p95"], ["p50", "p50"]),
      misplaced: plot("Misplaced keys", { format: count, axis: short }, linearScale, ["misplaced", "misplaced keys"]),
    };
    byId("scope").addEventListener("change", onChoice);
    byId("range").addEventListener("change", onChoice);
  }

  /** How many seconds are shown. */
  get seconds() {
    return Number(byId("range").value);
  }

  /** Shows one server alone. */
  choose(pool, server) {
    byId("scope").value = JSON.stringify([pool, server]);
    this.update(this.#pools);
    byId("plots").scrollIntoView({ behavior: "smooth", block: "start" });
  }

  /** Draws everything that is drawn over time. */
  update(pools) {
    this.#pools = pools;
    setChoices(byId("scope"), choicesOf(pools));
    setText(byId("range-words"), duration(this.seconds).replace(" 0 s", "").replace("min", "minutes"));
    if (this.#history.end === null) return;
    const [pool = null, server = null] = JSON.parse(byId("scope").value || "[]");
    const meant = pools.filter(({ name }) => pool === null || name === pool);
    const servers = meant.flatMap((it) => it.servers).filter(({ name }) => server === null || name === server);
    const marks = this.#events.changes(pool, server).filter(isMarked);
    const ofWholePool = server && "whole pool";
    this.#draw("hits", marks, {
      columns: { hits: this.#ofPools(meant, "hit_percent", smallest) },
      about: meant.length > 1 ? "lowest pool" : ofWholePool,
    });
    this.#draw("requests", marks, {
      columns: {
        requests: this.#ofServers(servers, "requests", sum),
        errors: this.#ofServers(servers, "errors", sum),
      },
    });
    this.#draw("latency", marks, {
      columns: {
        p50: this.#ofServers(servers, "p50_us", largest),
        p95: this.#ofServers(servers, "p95_us", largest),
        p99: this.#ofServers(servers, "p99_us", largest),
      },
      about: servers.length > 1 && "slowest server",
    });
    this.#draw("misplaced", marks, {
      columns: { misplaced: this.#ofPools(meant, "misplaced_keys", sum) },
      about: ofWholePool,
      note: meant.map(({ name }) => this.drainInWords(name)).find(Boolean),
    });
  }

  /** How fast misplaced keys get fewer, and how long it will take; nothing if they do not. */
  drainInWords(pool) {
    if (this.#history.end === null) return "";
    const keys = this.#history.column(pool, null, "misplaced_keys", DRAIN_SECONDS + 1).filter((it) => it !== null);
    const perSecond = (keys[0] - keys.at(-1)) / (keys.length - 1);
    if (!(perSecond > 0) || keys.at(-1) === 0) return "";
    return `${rate(perSecond)} fewer each second, about ${duration(Math.ceil(keys.at(-1) / perSecond))} left`;
  }

  #draw(name, marks, { columns, about, note = "" }) {
    const { end } = this.#history;
    this.#plots[name].update({ end, seconds: this.seconds, columns, marks, about, note });
  }

  #ofPools(pools, name, choose) {
    return together(pools.map((pool) => this.#history.column(pool.name, null, name, this.seconds)), choose);
  }

  #ofServers(servers, name, choose) {
    return together(servers.map((it) => this.#history.column(it.pool, it.name, name, this.seconds)), choose);
  }
}

function choicesOf(pools) {
  const all = pools.length > 1 ? [{ value: "[]", text: "all pools" }] : [];
  const each = pools.flatMap(({ name, servers }) => [
    { value: JSON.stringify([name]), text: name },
    ...servers.map((server) => ({ value: JSON.stringify([name, server.name]), text: `${name}/${server.name}` })),
  ]);
  return [...all, ...each];
}

/** Out of use, and wholly in use again. */
function isMarked({ state, from }) {
  return state === "down" || state === "drained" || (state === "up" && from !== "suspect");
}

function latencyTick(us) {
  return latency(us).replace(".0", "");
}

const DRAIN_SECONDS = 5;
