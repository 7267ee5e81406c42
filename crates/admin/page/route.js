// Where a key goes, asked again as long as the answer is shown: it changes with the servers.

import { byId, el, setChoices, setText, show } from "./dom.js";
import { OPERATIONS, visible } from "./routes.js";
import { StateBadge } from "./servers.js";
import { listed, sentence } from "./words.js";

/** The box "Where does a key go?". */
export class RouteView {
  #api;
  #asked = null;
  #shown = null;
  /** Whether some route is for some operations only. */
  #isByOperation = false;

  constructor(api) {
    this.#api = api;
    byId("route-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const by = JSON.parse(byId("route-by").value || "{}");
      const operation = "pool" in by || !this.#isByOperation ? {} : { operation: byId("route-operation").value };
      this.#asked = { ...by, ...operation, key: byId("route-key").value };
      this.update();
    });
    byId("route-key").addEventListener("input", () => this.#forget());
    byId("route-operation").addEventListener("change", () => this.#forget());
    byId("route-by").addEventListener("change", () => {
      this.#forget();
      this.#offerOperations();
    });
    setChoices(byId("route-operation"), OPERATIONS.map((text) => ({ value: text, text })));
  }

  /** Offers to ask by the routes, if there are some, and by each of these pools. */
  offer(pools, listeners, rules) {
    const choice = (query, text) => ({ value: JSON.stringify(query), text });
    const areAlike = rules.every((rule) => rule.listeners === null);
    const byRoutes = areAlike
      ? listeners.slice(0, 1).map(({ name }) => choice({ listener: name }, "routes"))
      : listeners.map(({ name }) => choice({ listener: name }, `routes of ${name}`));
    const isRouted = rules.length > 0;
    const byPool = pools.map(({ name }) => choice({ pool: name }, isRouted ? `pool ${name}` : name));
    setChoices(byId("route-by"), isRouted ? [...byRoutes, ...byPool] : byPool);
    setText(byId("route-by-words"), isRouted ? "By" : "Pool");
    show(byId("route-by-label"), isRouted || pools.length > 1);
    this.#isByOperation = rules.some(({ operations }) => operations.length < OPERATIONS.length);
    this.#offerOperations();
  }

  #offerOperations() {
    const isByPool = "pool" in JSON.parse(byId("route-by").value || "{}");
    show(byId("route-operation-label"), this.#isByOperation && !isByPool);
  }

  /** Asks again what was asked. */
  async update() {
    const asked = this.#asked;
    if (!asked) return;
    try {
      const query = new URLSearchParams(asked);
      const route = await this.#api.get(`api/v1/route?${query}`);
      if (this.#asked === asked) this.#show([...wordsOfRoute(route, asked), ...wordsOf(route, asked)]);
    } catch (error) {
      // Nothing is said while Evenkeel does not answer, and what it refuses is asked once.
      if (error.status === 0 || this.#asked !== asked) return;
      this.#asked = null;
      this.#show([["p", "wrong", sentence(error.message)]]);
    }
  }

  #forget() {
    this.#asked = null;
    this.#show([]);
  }

  #show(answer) {
    const signature = JSON.stringify(answer);
    if (signature === this.#shown) return;
    this.#shown = signature;
    byId("route-answer").replaceChildren(...answer.map(elementOf));
  }
}

/** Which route it takes, if it was asked for by the routes. */
function wordsOfRoute({ pool, prefix, sent_as: sentAs }, asked) {
  if ("pool" in asked) return [];
  if (prefix === undefined) return [["p", "", `No route fits: it goes to ${pool}.`]];
  const keys = prefix === "" ? "The route of every key" : `The route “${visible(prefix)}”`;
  const sent = sentAs === undefined ? "" : `, whose servers are sent “${visible(sentAs)}”`;
  return [["p", "", `${keys} leads to ${pool}${sent}.`]];
}

/** The answer as plain data, so that it is drawn only when it changes. */
function wordsOf(route, { operation }) {
  const { order, misplaced } = route;
  const words = [["p", "goes", goesInWords(route, operation)], ["p", "soft", sentence(route.reason)]];
  if (misplaced) {
    const holder = misplaced.holder ? `its last write is at ${misplaced.holder}` : "no server has its last write";
    const stale = misplaced.stale.length > 0 ? `; ${listed(misplaced.stale)} may hold an old value` : "";
    words.push(["p", "", `The key is misplaced: ${holder}${stale}.`]);
  }
  const shown = order.slice(0, ORDER_SHOWN_MAX).map((it) => ({
    ...it,
    name: it.pool === route.pool ? it.server : `${it.pool}/${it.server}`,
    roles: rolesOf(it, route, operation),
  }));
  words.push(["order", "", shown]);
  if (order.length > shown.length) words.push(["p", "soft", `and ${order.length - shown.length} more`]);
  return words;
}

/** An answer is about one operation where a route is: others may go to another pool. */
function goesInWords({ reads_go_to: reads, writes_go_to: writes }, operation) {
  if (operation === "get") return reads ? `get goes to ${reads}.` : "get is a miss at once.";
  if (operation !== undefined) return writes ? `${operation} goes to ${writes}.` : `${operation} can go nowhere.`;
  if (reads && reads === writes) return `Reads and writes go to ${reads}.`;
  return `${reads ? `Reads go to ${reads}.` : "Reads are misses at once."} ${writes ? `Writes go to ${writes}.` : "Writes can go nowhere."}`;
}

function rolesOf({ server, is_usable: isUsable }, { home, reads_go_to: reads, writes_go_to: writes }, operation) {
  const roles = [];
  if (server === home) roles.push("home");
  if (server === reads && (operation ?? "get") === "get") roles.push(operation ?? "reads");
  if (server === writes && operation !== "get") roles.push(operation ?? "writes");
  if (!isUsable) roles.push("not usable for it");
  return roles;
}

function elementOf([kind, name, content]) {
  if (kind === "p") return el("p", { class: name, text: content });
  const list = el("ol", { class: "order", "aria-label": "The key’s order" });
  for (const { name: server, state, roles } of content) {
    const badge = new StateBadge();
    badge.update({ state });
    const tags = roles.map((text) => el("span", { class: "tag", text }));
    const label = el("span", { class: "order-server" });
    setText(label, server);
    list.append(el("li", {}, badge.root, label, ...tags));
  }
  return list;
}

const ORDER_SHOWN_MAX = 5;
