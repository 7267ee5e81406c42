// Pools and their servers: states, reasons, figures, and what can be ordered.

import { el, List, mark, setAttr, setText, show } from "./dom.js";
import { Details } from "./details.js";
import { VERBS } from "./orders.js";
import { StateBar } from "./timeline.js";
import { bytes, duration, latency, percent, plural, rate, reasonOf, time, UNKNOWN } from "./words.js";

/** What heads each column, and the class of its cells. */
const COLUMNS = [
  ["state", "state"],
  ["server", "name"],
  ["states", "bar-cell"],
  ["requests/s", "requests"],
  ["hits", "hits"],
  ["errors/s", "errors"],
  ["p50", "p50"],
  ["p99", "p99"],
  ["memory", "memory"],
  ["", "actions"],
];

/** One pool. `page` is what all parts of the page share. */
export class PoolView {
  #page;
  #title = el("h2");
  #facts = el("p", { class: "soft facts" });
  #keys = el("p", { class: "soft facts keys" });
  #reason = el("p", { class: "pool-reason" });
  #misplaced = el("p", { class: "misplaced" });
  #caption = el("caption", { class: "hidden-words" });
  #rangeBegin = el("span");
  #axis = el("p", { class: "axis soft", "aria-hidden": "true" }, this.#rangeBegin, el("span", { text: "now" }));
  #servers;
  #pool = null;

  constructor(page) {
    this.#page = page;
    const table = el("table", { class: "servers", role: "table" }, this.#caption, head());
    this.#servers = new List(table, () => new ServerView(page, () => this.#pool));
    this.root = el(
      "section",
      { class: "card pool" },
      el("div", { class: "card-head" }, this.#title, this.#facts),
      this.#keys,
      this.#reason,
      this.#misplaced,
      table,
      this.#axis,
    );
  }

  update(pool) {
    this.#pool = pool;
    const { name, servers } = pool;
    setAttr(this.root, "aria-label", `Pool ${name}`);
    setAttr(this.root, "data-pool", name);
    setText(this.#title, name);
    const failover = pool.failover === "gutter" ? `gutter ${pool.gutter ?? ""}` : pool.failover;
    setText(
      this.#facts,
      `${pool.servers_usable} of ${servers.length} in use · ${pool.distribution} · failover ${failover} · rejoin ${pool.rejoin}`,
    );
    const keys = this.#page.keysOf(name);
    setText(this.#keys, keys);
    show(this.#keys, keys !== "");
    setText(this.#caption, `Servers of ${name}`);
    setText(this.#reason, pool.is_ready ? "" : (pool.reason ?? "No server is usable."));
    show(this.#reason, !pool.is_ready);
    this.#tellMisplaced(pool);
    setText(this.#rangeBegin, this.#page.rangeInWords());
    show(this.#axis, !this.#page.isMany());
    this.#servers.update(servers, (server) => server.name);
  }

  #tellMisplaced(pool) {
    const { misplaced_keys: keys, misplaced_bytes: used, misplaced_bytes_max: max, totals } = pool;
    const parts = [];
    if (keys > 0) {
      parts.push(`${plural(keys, "misplaced key")} (${bytes(used)} of ${bytes(max)})`);
      parts.push(this.#page.drainInWords(pool.name));
    }
    if (totals.keys_given_up > 0) {
      parts.push(`${plural(totals.keys_given_up, "misplaced key")} given up since the start: there were too many`);
    }
    setText(this.#misplaced, parts.filter(Boolean).join(" · "));
    show(this.#misplaced, parts.length > 0);
  }
}

function head() {
  const cells = COLUMNS.map(([text, name]) => el("th", { scope: "col", role: "columnheader", class: name, text }));
  return el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ...cells));
}

/** One server: a row of figures, a row of words if there is something to say, and details. */
class ServerView {
  #page;
  #poolOf;
  #server = null;
  #badge = new StateBadge();
  #toggle = el("button", { type: "button", class: "open", "aria-expanded": "false" });
  #address = el("span", { class: "soft address" });
  #bar;
  #cells = {};
  #buttons = [];
  #menu;
  #words = new Words();
  #barCell = el("td", { role: "cell", class: "bar-cell" });
  #barRow;
  #wordsRow;
  #details = null;
  #detailsRow;

  constructor(page, poolOf) {
    this.#page = page;
    this.#poolOf = poolOf;
    this.#bar = new StateBar(page.cursor);
    this.#barRow = wideRow("timeline");
    this.#wordsRow = wideRow("words", this.#words.root);
    this.#detailsRow = wideRow("details");
    this.#toggle.addEventListener("click", () => this.#toggleDetails());
    this.root = el(
      "tbody",
      { class: "server", role: "rowgroup" },
      this.#figuresRow(),
      this.#barRow,
      this.#wordsRow,
      this.#detailsRow,
    );
  }

  update(server) {
    this.#server = server;
    setAttr(this.root, "data-server", server.name);
    setAttr(this.root, "data-state", server.state);
    this.#badge.update(server);
    setText(this.#toggle, server.name);
    setText(this.#address, server.address === server.name ? "" : server.address);
    this.#updateFigures(server);
    this.#words.update(server);
    show(this.#wordsRow, this.#words.hasSome);
    for (const { order, place, button } of this.#buttons) {
      show(button, placeOf(order, server) === place);
      setAttr(button, "aria-label", `${VERBS[order]} ${server.name}`);
    }
    show(this.#menu, this.#buttons.some(({ place, button }) => place === "menu" && !button.hidden));
    setAttr(this.#toggle, "title", server.address);
    setAttr(this.root, "data-well", server.state === "up" && !this.#words.hasSome);
    this.#placeBar();
    const past = this.#page.pastOf(server.pool, server.name);
    if (past) this.#bar.update(past);
    this.#details?.update(server);
  }

  /** Few servers have a row for their bars; many have a column. */
  #placeBar() {
    const isMany = this.#page.isMany();
    const cell = isMany ? this.#barCell : this.#barRow.firstElementChild;
    if (this.#bar.root.parentElement !== cell) cell.append(this.#bar.root);
    show(this.#barRow, !isMany);
  }

  #figuresRow() {
    const cell = (key, label) => {
      this.#cells[key] = el("td", { role: "cell", class: `number ${key}`, "data-label": label });
      return this.#cells[key];
    };
    const button = (order, place) => {
      const on = { click: () => this.#give(order) };
      const made = el("button", { type: "button", class: order, text: VERBS[order], on });
      this.#buttons.push({ order, place, button: made });
      return made;
    };
    this.#menu = menu(button("drain", "menu"), button("eject", "menu"));
    const actions = [button("drain", "row"), button("readmit", "row"), button("flush", "row"), this.#menu];
    return el(
      "tr",
      { class: "figures", role: "row" },
      el("td", { role: "cell", class: "state" }, this.#badge.root),
      el("th", { scope: "row", role: "rowheader", class: "name" }, this.#toggle, this.#address),
      this.#barCell,
      cell("requests", "requests/s"),
      cell("hits", "hits"),
      cell("errors", "errors/s"),
      cell("p50", "p50"),
      cell("p99", "p99"),
      cell("memory", "memory"),
      el("td", { role: "cell", class: "actions" }, ...actions),
    );
  }

  #updateFigures({ rates, latencies, report }) {
    const reads = rates.hits + rates.misses;
    setText(this.#cells.requests, rate(rates.requests));
    setText(this.#cells.hits, percent(reads > 0 ? (100 * rates.hits) / reads : null));
    setText(this.#cells.errors, rate(rates.errors));
    setAttr(this.#cells.errors, "data-level", rates.errors > 0 ? "warn" : null);
    setText(this.#cells.p50, latency(latencies.all?.p50_us));
    setText(this.#cells.p99, latency(latencies.all?.p99_us));
    const max = report?.memory_bytes_max;
    setText(this.#cells.memory, max ? `${Math.round((100 * report.memory_bytes) / max)} %` : UNKNOWN);
  }

  #toggleDetails() {
    const isOpen = this.#detailsRow.hidden;
    this.#details ??= new Details(() => this.#page.plotServer(this.#server.pool, this.#server.name));
    this.#detailsRow.firstElementChild.replaceChildren(this.#details.root);
    this.#details.update(this.#server);
    show(this.#detailsRow, isOpen);
    setAttr(this.#toggle, "aria-expanded", String(isOpen));
  }

  #give(order) {
    this.#page.giveOrder(order, this.#poolOf(), this.#server);
  }
}

/** A state as a picture and a word. */
export class StateBadge {
  #mark = mark("up");
  #word = el("span");

  constructor() {
    this.root = el("span", { class: "badge" }, this.#mark.root, this.#word);
  }

  update({ state }) {
    setAttr(this.root, "data-state", state);
    this.#mark.set(state);
    setText(this.#word, state);
  }
}

/** Why a server is as it is. */
class Words {
  #reason = el("span", { class: "reason" });
  #since = el("span", { class: "soft" });
  #gauge = el("span", { class: "gauge", "aria-hidden": "true" }, el("i"));
  #share = el("span");
  #ramp = el("span", { class: "chip ramp" }, this.#gauge, this.#share);
  #misplaced = el("span", { class: "chip" });
  #connections = el("span", { class: "chip" });
  #writes = el("span", { class: "chip warn-chip", text: "takes no writes" });
  #flush = el("span", { class: "chip warn-chip", text: "to be flushed before use" });
  hasSome = false;

  constructor() {
    const chips = [this.#ramp, this.#misplaced, this.#connections, this.#writes, this.#flush];
    this.root = el("div", { class: "words-line" }, this.#reason, this.#since, ...chips);
  }

  update(server) {
    const { connections } = server;
    setText(this.#reason, reasonOf(server));
    setText(this.#since, `since ${time(server.since)} (${duration(server.for_seconds)})`);
    show(this.#ramp, server.is_usable && server.share_percent < 100);
    setText(this.#share, `serves ${server.share_percent} % of its keys`);
    this.#gauge.firstElementChild.style.width = `${server.share_percent}%`;
    show(this.#misplaced, server.misplaced_keys > 0);
    setText(this.#misplaced, `${plural(server.misplaced_keys, "misplaced key")} to clean here`);
    show(this.#connections, connections.open < connections.wanted);
    setText(this.#connections, `${connections.open} of ${connections.wanted} connections`);
    show(this.#writes, server.is_usable && !server.takes_writes);
    show(this.#flush, server.is_flush_required);
    const chips = [this.#ramp, this.#misplaced, this.#connections, this.#writes, this.#flush];
    this.hasSome = server.state !== "up" || chips.some((chip) => !chip.hidden);
  }
}

/** Where an order is offered, so that a row has two buttons and what is seldom wanted is in the menu. */
function placeOf(order, { state, takes_writes: takesWrites }) {
  const isReadmitted = state === "drained" || state === "down" || !takesWrites;
  switch (order) {
    case "readmit":
      return isReadmitted ? "row" : "nowhere";
    case "drain":
      if (state === "drained") return "nowhere";
      return isReadmitted ? "menu" : "row";
    case "eject":
      return state === "drained" ? "nowhere" : "menu";
    default:
      return "row";
  }
}

/** A menu of what is seldom wanted. It closes when one looks elsewhere. */
function menu(...items) {
  const summary = el("summary", { "aria-label": "More", text: "⋯" });
  const list = el("div", { class: "menu-items" }, ...items);
  const root = el("details", { class: "menu" }, summary, list);
  root.addEventListener("focusout", ({ relatedTarget }) => {
    if (!root.contains(relatedTarget)) root.open = false;
  });
  root.addEventListener("keydown", ({ key }) => {
    if (key === "Escape" && root.open) {
      root.open = false;
      summary.focus();
    }
  });
  list.addEventListener("click", () => {
    root.open = false;
  });
  return root;
}

function wideRow(name, ...children) {
  const cell = el("td", { role: "cell", colspan: COLUMNS.length }, ...children);
  return el("tr", { class: name, role: "row", hidden: true }, cell);
}
