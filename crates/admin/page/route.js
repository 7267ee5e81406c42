// Where a key goes, asked again as long as the answer is shown: it changes with the servers.

import { byId, el, setChoices, setText, show } from "./dom.js";
import { StateBadge } from "./servers.js";
import { listed, sentence } from "./words.js";

/** The box "Where does a key go?". */
export class RouteView {
  #api;
  #asked = null;
  #shown = null;

  constructor(api) {
    this.#api = api;
    byId("route-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#asked = { pool: byId("route-pool").value, key: byId("route-key").value };
      this.update();
    });
    byId("route-key").addEventListener("input", () => this.#forget());
    byId("route-pool").addEventListener("change", () => this.#forget());
  }

  /** Offers these pools. */
  offer(pools) {
    setChoices(byId("route-pool"), pools.map(({ name }) => ({ value: name, text: name })));
    show(byId("route-pool-label"), pools.length > 1);
  }

  /** Asks again what was asked. */
  async update() {
    const asked = this.#asked;
    if (!asked) return;
    try {
      const query = new URLSearchParams(asked);
      const route = await this.#api.get(`api/v1/route?${query}`);
      if (this.#asked === asked) this.#show(wordsOf(route));
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

/** The answer as plain data, so that it is drawn only when it changes. */
function wordsOf(route) {
  const { reads_go_to: reads, writes_go_to: writes, home, order, misplaced } = route;
  const goes = reads && reads === writes
    ? `Reads and writes go to ${reads}.`
    : `${reads ? `Reads go to ${reads}.` : "Reads are misses at once."} ${writes ? `Writes go to ${writes}.` : "Writes can go nowhere."}`;
  const words = [["p", "goes", goes], ["p", "soft", sentence(route.reason)]];
  if (misplaced) {
    const holder = misplaced.holder ? `its last write is at ${misplaced.holder}` : "no server has its last write";
    const stale = misplaced.stale.length > 0 ? `; ${listed(misplaced.stale)} may hold an old value` : "";
    words.push(["p", "", `The key is misplaced: ${holder}${stale}.`]);
  }
  const shown = order.slice(0, ORDER_SHOWN_MAX).map((it) => ({
    ...it,
    name: it.pool === route.pool ? it.server : `${it.pool}/${it.server}`,
    roles: rolesOf(it, { home, reads, writes }),
  }));
  words.push(["order", "", shown]);
  if (order.length > shown.length) words.push(["p", "soft", `and ${order.length - shown.length} more`]);
  return words;
}

function rolesOf({ server, is_usable: isUsable }, { home, reads, writes }) {
  const roles = [];
  if (server === home) roles.push("home");
  if (server === reads) roles.push("reads");
  if (server === writes) roles.push("writes");
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
