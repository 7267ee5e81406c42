// Orders to servers: asked first, then given, then followed until their effect is there.

import { serverPath } from "./api.js";
import { byId, el, mark, setText } from "./dom.js";
import { orderInWords } from "./words.js";

/** Asks in a dialog; true if the answer is yes. `isGrave` has the button say so. */
export function ask({ title, words, warning, yes, isGrave = false }) {
  const dialog = byId("ask");
  setText(byId("ask-title"), title);
  const paragraphs = words.map((text) => el("p", { text }));
  if (warning) {
    const { root } = mark("warn");
    paragraphs.push(el("p", { class: "warning" }, root, el("span", { text: warning })));
  }
  byId("ask-words").replaceChildren(...paragraphs);
  setText(byId("ask-yes"), yes);
  byId("ask-yes").classList.toggle("grave", isGrave);
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

/** What became of something, where everybody sees it. It leaves by itself once it is settled. */
export class Outcome {
  #text = el("span", { class: "outcome-text" });
  #mark = mark("note");

  constructor(text) {
    const close = el("button", { type: "button", class: "quiet", text: "Close", on: { click: () => this.root.remove() } });
    this.root = el("div", { class: "outcome" }, this.#mark.root, this.#text, close);
    this.say("note", text);
    byId("outcomes").append(this.root);
  }

  /** Says how it stands. */
  say(level, text) {
    this.root.dataset.level = level;
    this.#mark.set(level);
    setText(this.#text, text);
  }

  /** Says how it ended. */
  settle(level, text) {
    this.say(level, text);
    setTimeout(() => this.root.remove(), level === "good" ? GOOD_SHOWN_MS : BAD_SHOWN_MS);
  }
}

/** The orders that were given here. */
export class Orders {
  #api;
  #pending = [];

  constructor(api) {
    this.#api = api;
  }

  /** Asks whether to, and gives the order. `nextEvent` is the number of the event that comes next. */
  async give(order, pool, server, nextEvent) {
    const { title, words, warning } = orderInWords(order, pool, server);
    const yes = VERBS[order];
    const isGrave = order === "flush" || warning !== null;
    if (!(await ask({ title, words, warning, yes, isGrave }))) return;
    const name = `${pool.name}/${server.name}`;
    const outcome = new Outcome(`${yes} ${name}: ordered …`);
    try {
      await this.#api.post(`${serverPath(pool.name, server.name)}/${order}`);
    } catch (error) {
      outcome.settle("bad", `${yes} ${name}: ${error.consequence}`);
      return;
    }
    const until = performance.now() + FOLLOWED_MS;
    this.#pending.push({ order, pool: pool.name, server: server.name, name, nextEvent, outcome, until });
  }

  /** Looks what became of them. */
  follow(status, events) {
    this.#pending = this.#pending.filter((it) => !this.#isSettled(it, status, events));
  }

  #isSettled(pending, status, events) {
    const { order, name, outcome, until } = pending;
    const pool = status.pools.find((it) => it.name === pending.pool);
    const server = pool?.servers.find((it) => it.name === pending.server);
    if (!server) {
      outcome.settle("warn", `${name} is no longer in the configuration.`);
      return true;
    }
    const done = effect(pending, server, events);
    if (done) {
      outcome.settle(done.level, `${name} ${done.text}`);
      return true;
    }
    if (performance.now() < until) return false;
    outcome.settle("warn", `${VERBS[order]} ${name}: ordered, without effect so far. It is ${server.state}.`);
    return true;
  }
}

function effect({ order, pool, server: name, nextEvent }, server, events) {
  const happened = (kind) => events.some((event) => {
    return event.number >= nextEvent && event.kind === kind && event.pool === pool && event.server === name;
  });
  switch (order) {
    case "drain":
    case "eject":
      return server.state === "drained" ? { level: "good", text: "is drained." } : null;
    case "readmit":
      if (server.state === "returning") return { level: "good", text: "is returning: it gets its keys back." };
      return server.is_usable ? { level: "good", text: `is back: it is ${server.state}.` } : null;
    default:
      if (happened("flush-refused")) return { level: "bad", text: "refuses to be flushed." };
      return happened("flushed") ? { level: "good", text: "has been flushed." } : null;
  }
}

/** The orders, as buttons say them. */
export const VERBS = { drain: "Drain", eject: "Eject", readmit: "Readmit", flush: "Flush" };

const FOLLOWED_MS = 15_000;
const GOOD_SHOWN_MS = 8_000;
const BAD_SHOWN_MS = 30_000;
