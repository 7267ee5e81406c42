// What has happened: kept here, and listed, newest first.

import { byId, el, List, mark, setChoices, setText, show } from "./dom.js";
import { time } from "./words.js";

/** The last events. */
export class Events {
  /** Oldest first. */
  kept = [];
  /** The number to ask for next. */
  next = 0;

  /** Begins anew with this number. */
  begin(next) {
    this.kept = [];
    this.next = next;
  }

  /** Takes one in; false if it is known. */
  add(event) {
    if (event.number < this.next) return false;
    this.kept.push(event);
    this.next = event.number + 1;
    if (this.kept.length > EVENTS_MAX) this.kept.shift();
    return true;
  }

  /** `{ second, state, from }` of the changes of state in a pool, or of one server. */
  changes(pool, server) {
    const isMeant = (event) => event.to && (!pool || event.pool === pool) && (!server || event.server === server);
    return this.kept.filter(isMeant).map((event) => ({ second: secondOf(event), state: event.to, from: event.from }));
  }

  /** By server, the seconds of all else that happened to it. */
  marks() {
    const marks = new Map();
    for (const event of this.kept.filter((it) => it.server && !it.to)) {
      const key = JSON.stringify([event.pool, event.server]);
      marks.set(key, [...(marks.get(key) ?? []), secondOf(event)]);
    }
    return marks;
  }
}

/** The list of events. */
export class EventView {
  #events;
  #list;

  constructor(events) {
    this.#events = events;
    this.#list = new List(byId("event-list"), rowOf);
    byId("events-scope").addEventListener("change", () => this.update());
  }

  /** Shows what is kept. */
  update() {
    const scope = byId("events-scope").value;
    const shown = this.#events.kept.filter((event) => isShown(event, scope)).slice(-ROWS_MAX).reverse();
    this.#list.update(shown, (event) => event.number);
    show(byId("events-none"), shown.length === 0);
    show(byId("event-list"), shown.length > 0);
  }

  /** Offers these pools. */
  offer(pools) {
    setChoices(byId("events-scope"), [
      { value: "", text: "everything" },
      { value: "state", text: "states only" },
      { value: "people", text: "orders and reloads" },
      ...(pools.length > 1 ? pools.map(({ name }) => ({ value: `pool ${name}`, text: name })) : []),
    ]);
  }
}

function isShown(event, scope) {
  switch (scope) {
    case "":
      return true;
    case "state":
      return event.kind === "state";
    case "people":
      return event.kind === "ordered" || event.kind.startsWith("configuration");
    default:
      return `pool ${event.pool}` === scope;
  }
}

/** An event never changes, and neither does its row. */
function rowOf(event) {
  const at = el("time", { datetime: event.at, title: event.at, text: time(event.at) });
  const picture = mark(event.to ?? markOf(event.kind)).root;
  const words = el("span", { class: "event-words" });
  if (event.to && event.server) {
    words.append(
      el("b", { text: `${event.pool}/${event.server}` }),
      ` ${event.from} → `,
      el("b", { class: "to", text: event.to }),
    );
    if (event.rule) words.append(` ${event.rule}: ${event.evidence ?? ""}`);
  } else {
    setText(words, event.text);
  }
  return { root: el("li", { "data-state": event.to ?? null, "data-kind": event.kind }, at, picture, words) };
}

function markOf(kind) {
  switch (kind) {
    case "flush-refused":
    case "writes-ejected":
    case "mass-failure":
    case "overflowed":
    case "configuration-refused":
      return "warn";
    default:
      return "event";
  }
}

function secondOf(event) {
  return Math.floor(Date.parse(event.at) / 1_000);
}

const EVENTS_MAX = 500;
const ROWS_MAX = 150;
