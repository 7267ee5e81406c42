// Which keys go to which pool: all rules beside each other, and those that lead to one pool.
//
// A prefix is whatever bytes a key may begin with: what cannot be seen in it is written as a number.

import { byId, el, setAttr, setText, show } from "./dom.js";
import { listed, plural } from "./words.js";

/** The card "Routes". There is none where every key of a listener goes to its own pool. */
export class RoutesView {
  #shown = null;

  /** `rules` is what `rulesOf` makes. */
  update(rules, pools) {
    show(byId("routes"), rules.length > 0);
    const routes = rules.filter(({ prefix }) => prefix !== null).length;
    setText(byId("routes-count"), plural(routes, "route"));
    const shown = rules.filter(({ prefix }, idx) => prefix === null || idx < RULES_SHOWN_MAX);
    const all = pools.map(({ name, servers_usable: usable, servers }) => [name, { usable, len: servers.length }]);
    const usable = new Map(all);
    const rows = shown.map((rule) => [rule, standing(usable.get(rule.pool))]);
    const signature = JSON.stringify(rows);
    if (signature === this.#shown) return;
    this.#shown = signature;
    byId("routes-list").replaceChildren(...rows.map(([rule, standing]) => rowOf(rule, standing)));
    const left = rules.length - shown.length;
    setText(byId("routes-more"), left > 0 ? `and ${plural(left, "more route")}: look up a key to see its own` : "");
  }
}

/**
 * Where keys go, in the order of their prefixes, what no route fits at the end: nothing if there is
 * no route. `listeners` is null where a rule is for all of them; what no route fits has no prefix.
 */
export function rulesOf(listeners) {
  if (listeners.every(({ routes = [] }) => routes.length === 0)) return [];
  const rules = new Map();
  const add = (rule, listener) => {
    const key = JSON.stringify(rule);
    if (!rules.has(key)) rules.set(key, { ...rule, listeners: [] });
    rules.get(key).listeners.push(listener);
  };
  for (const { name, pool, routes = [] } of listeners) {
    for (const { prefix, pool, strip_prefix: isStripped, operations } of routes) {
      add({ prefix, pool, isStripped, operations }, name);
    }
    add({ prefix: null, pool, isStripped: false, operations: OPERATIONS }, name);
  }
  const all = [...rules.values()].map((rule) => {
    return { ...rule, listeners: rule.listeners.length === listeners.length ? null : rule.listeners };
  });
  // Every key, and then what is left, come last.
  const rank = ({ prefix }) => (prefix === null ? 2 : prefix === "" ? 1 : 0);
  return all.sort((a, b) => rank(a) - rank(b) || (a.prefix < b.prefix ? -1 : Number(a.prefix > b.prefix)));
}

/** Which keys a pool gets, in a few words; none where there is no route. */
export function keysOf(pool, rules) {
  const own = rules.filter((rule) => rule.pool === pool);
  if (own.length === 0) return "";
  const routed = own.filter(({ prefix }) => prefix !== null);
  const rest = own.filter(({ prefix }) => prefix === null);
  const words = routed.slice(0, KEYS_SHOWN_MAX).map((rule) => {
    const about = aboutOf(rule);
    const prefix = rule.prefix === "" ? "every key" : `“${isolated(clipped(visible(rule.prefix)))}”`;
    return about.length > 0 ? `${prefix} (${about.join("; ")})` : prefix;
  });
  if (routed.length > words.length) words.push(plural(routed.length - words.length, "more route"));
  words.push(...rest.map((rule) => ["every other key", ...aboutOf(rule)].join(" of ")));
  return `Keys: ${words.join(" · ")}`;
}

/** A prefix, or whatever is asked for, as it can be read: what is not seen becomes a number. */
export function visible(text) {
  return text.replace(/[\p{C}\p{Z}]/gu, (char) => `\\u{${char.codePointAt(0).toString(16)}}`);
}

function rowOf(rule, { level, words }) {
  const { prefix, pool } = rule;
  const keys = prefix === null || prefix === ""
    ? el("span", { class: "route-rest", text: prefix === null ? "every other key" : "every key" })
    : el("code", { text: visible(prefix), dir: "ltr" });
  const about = aboutOf(rule).join("; ");
  const row = el("li", {}, keys, el("span", { class: "route-pool" }, "→ ", el("b", { text: pool })));
  if (words) {
    const state = el("span", { class: "route-standing", text: words });
    setAttr(state, "data-level", level);
    row.append(state);
  }
  if (about) row.append(el("p", { class: "soft", text: about }));
  return row;
}

/** What is not plain of a rule: its operations, its listener, what is sent. */
function aboutOf({ operations, isStripped, listeners }) {
  const about = [];
  if (operations.length < OPERATIONS.length) about.push(`only ${listed(operations)}`);
  if (isStripped) about.push("sent without the prefix");
  if (listeners !== null) about.push(`listener${listeners.length === 1 ? "" : "s"} ${listed(listeners)}`);
  return about;
}

/** Whether the pool is as it should be, if it is not. */
function standing(pool) {
  if (!pool || pool.usable === pool.len) return { level: null, words: "" };
  return { level: pool.usable === 0 ? "bad" : "warn", words: `${pool.usable} of ${plural(pool.len, "server")} in use` };
}

/** So that a prefix that is written from right to left turns nothing around it. */
function isolated(text) {
  return /[^\x20-\x7e]/.test(text) ? `\u2068${text}\u2069` : text;
}

function clipped(text) {
  return text.length > CLIPPED_LEN_MAX ? `${text.slice(0, CLIPPED_LEN_MAX - 1)}…` : text;
}

/** All that a route may be for. */
export const OPERATIONS = ["get", "set", "delete", "touch", "arithmetic"];
/** More are no help to somebody who looks for one. */
const RULES_SHOWN_MAX = 200;
const KEYS_SHOWN_MAX = 6;
const CLIPPED_LEN_MAX = 40;
