// The live page: asks Evenkeel how it is, more than once a second while somebody looks, and shows it.
//
// `api/v1/status` says all that is shown as of now; `api/v1/history` what is missing of the last
// minutes; the stream of events what has happened, at once. What cannot be had is said, with the
// age of what is shown instead.

import { Api, ApiError } from "./api.js";
import { ConfigurationView } from "./configuration.js";
import { byId, el, List, mark, setAttr, setText, show } from "./dom.js";
import { Events, EventView } from "./events.js";
import { History } from "./history.js";
import { LabView } from "./lab.js";
import { Orders } from "./orders.js";
import { Plots } from "./plots.js";
import { Cursor } from "./plot.js";
import { RouteView } from "./route.js";
import { keysOf, rulesOf, RoutesView } from "./routes.js";
import { PoolView } from "./servers.js";
import { withChanges } from "./timeline.js";
import { askToken } from "./token.js";
import { verdict } from "./verdict.js";
import { duration, plural, sentence, time } from "./words.js";

const LOOK_INTERVAL_MS = 800;
/** However many events there are. */
const LOOK_INTERVAL_MIN_MS = 200;
const FRESHNESS_INTERVAL_MS = 250;
const STALE_SECONDS = 1.9;
const STREAM_AGAIN_MS = 1_000;
const EVENTS_AT_START = 300;
const NOTES_MAX = 6;
/** With more, the list of servers is so long that events stand beside it, and bars in it. */
const FEW_SERVERS_MAX = 9;
const SIGNS = { note: "•", warn: "▲", bad: "✕" };

const api = new Api(askToken);
const cursor = new Cursor();
const history = new History();
const events = new Events();
const orders = new Orders(api);
const eventView = new EventView(events);
const routeView = new RouteView(api);
const routesView = new RoutesView();
const configurationView = new ConfigurationView(api);
const labView = new LabView(api);
const plots = new Plots({
  parent: byId("plot-grid"),
  cursor,
  history,
  events,
  onChoice: () => status === null || showAll(),
});

/** By server, when something other than a change of its state happened to it. */
let marks = new Map();

/** Which keys go where; none without routes. */
let rules = [];

/** What the parts of the page share. */
const shared = {
  cursor,
  pastOf: (pool, server) => history.end === null ? null : {
    states: withChanges(history.column(pool, server, "state", plots.seconds), history.end, events.changes(pool, server)),
    end: history.end,
    marks: marks.get(JSON.stringify([pool, server])) ?? [],
  },
  isMany: () => document.body.classList.contains("has-many"),
  rangeInWords: () => `${plots.seconds / 60} min ago`,
  drainInWords: (pool) => plots.drainInWords(pool),
  keysOf: (pool) => keysOf(pool, rules),
  plotServer: (pool, server) => plots.choose(pool, server),
  giveOrder: (order, pool, server) => orders.give(order, pool, server, status.next_event),
};
const poolList = new List(byId("pools"), () => new PoolView(shared));
const noteList = new List(byId("notes"), () => {
  const picture = mark("note");
  const text = el("span");
  let about = null;
  const button = el("button", { type: "button", class: "quiet", text: "Show", on: { click: () => showServer(about) } });
  const root = el("li", {}, picture.root, el("span", {}, text, " ", button));
  const update = (note) => {
    about = note.server;
    setAttr(root, "data-level", note.level);
    picture.set(note.level);
    setText(text, note.text);
    show(button, Boolean(about));
    if (about) setAttr(button, "aria-label", `Show ${about.name}`);
  };
  return { root, update };
});

/** The last answer, when it came, and why there is none since. */
let status = null;
let answeredAt = null;
let failure = null;

/** One look: what is as of now, and what is missing of the last minutes. */
async function look() {
  const now = Date.now() / 1_000;
  const asked = [api.get("api/v1/status"), api.get(`api/v1/history?seconds=${history.secondsMissing(now)}`)];
  const [told, past] = await Promise.allSettled(asked);
  if (told.status === "rejected") {
    failure = told.reason instanceof ApiError ? told.reason : new ApiError(0, String(told.reason));
    showFreshness();
    return;
  }
  failure = null;
  answeredAt = performance.now();
  take(told.value);
  if (past.status === "fulfilled") history.merge(past.value);
  showAll();
}

function take(answer) {
  const isOther = status === null || status.pid !== answer.pid || status.started_at !== answer.started_at;
  status = answer;
  if (!isOther) return;
  history.clear();
  events.begin(Math.max(0, answer.next_event - EVENTS_AT_START));
  stream.restart();
}

function showAll() {
  const { pools, listeners } = status;
  rules = rulesOf(listeners);
  showVerdict();
  showFreshness();
  showProcess();
  const servers = pools.reduce((len, pool) => len + pool.servers.length, 0);
  document.body.classList.toggle("has-many", servers > FEW_SERVERS_MAX);
  setText(byId("pools-count"), `${plural(servers, "server")} in ${plural(pools.length, "pool")}`);
  eventView.offer(pools);
  routeView.offer(pools, listeners, rules);
  routesView.update(rules, pools);
  marks = events.marks();
  poolList.update(pools, ({ name }) => name);
  plots.update(pools);
  orders.follow(status, events.kept);
  routeView.update();
  configurationView.update(status);
  labView.update(status);
  show(byId("forget-token"), api.hasToken);
  document.body.dataset.at = status.at;
}

function showVerdict() {
  const { level, headline, notes } = verdict(status);
  setAttr(byId("verdict"), "data-level", level);
  setAttr(byId("verdict-mark"), "href", `#mark-${level}`);
  setText(byId("headline"), headline);
  const shown = notes.slice(0, NOTES_MAX);
  if (notes.length > NOTES_MAX) {
    shown.push({ level: "note", text: `… and ${plural(notes.length - NOTES_MAX, "more such line")}.` });
  }
  noteList.update(shown.map((note, idx) => ({ ...note, idx })), ({ idx }) => idx);
  document.title = level === "good" ? "Evenkeel" : `${SIGNS[level]} ${headline} – Evenkeel`;
}

/** Brings a server into view. */
function showServer({ pool, name }) {
  const isIt = (element) => element.dataset.server === name && element.closest("[data-pool]").dataset.pool === pool;
  const row = [...document.querySelectorAll("[data-server]")].find(isIt);
  row?.scrollIntoView({ block: "center" });
  row?.querySelector("button.open").focus();
}

/** Whether what is shown is as of now; and if not, why and how old it is. */
function showFreshness() {
  const age = answeredAt === null ? null : (performance.now() - answeredAt) / 1_000;
  const isFresh = failure === null && age !== null && age < STALE_SECONDS;
  setAttr(byId("freshness"), "data-fresh", String(isFresh));
  document.body.classList.toggle("is-stale", !isFresh && status !== null);
  if (isFresh) {
    setText(byId("age"), `live, as of ${time(status.at)}`);
    return;
  }
  const shown = status === null ? "Nothing is shown yet." : `What is shown is as of ${time(status.at)}, ${duration(age)} ago.`;
  setText(byId("age"), status === null ? "no answer" : `${duration(age)} old`);
  const needsToken = failure?.status === 401;
  const level = needsToken ? "note" : "bad";
  if (failure === null && age === null) return;
  setAttr(byId("verdict"), "data-level", level);
  setAttr(byId("verdict-mark"), "href", `#mark-${level}`);
  const headline = needsToken ? "Evenkeel asks for a token." : "Evenkeel does not answer this page.";
  setText(byId("headline"), headline);
  const why = failure === null ? "An answer is overdue." : sentence(failure.message);
  const text = `${why} ${shown} Whether the cache is served cannot be told from here.`;
  noteList.update([{ level, text: needsToken ? shown : text, idx: 0 }], ({ idx }) => idx);
  document.title = `${SIGNS[level]} ${headline} – Evenkeel`;
}

function showProcess() {
  const { version, pid, uptime_seconds: uptime, sessions_open: sessions, listeners } = status;
  const where = listeners.map(({ name, address }) => `${name} ${address}`).join(", ");
  const parts = [`version ${version}`, `process ${pid}`, `up for ${duration(uptime)}`];
  if (sessions !== undefined) parts.push(`${plural(sessions, "session")} open`);
  if (where) parts.push(where);
  setText(byId("process"), parts.join(" · "));
}

/** The stream of events, which is begun again whenever it ends; closed while nobody looks. */
const stream = {
  abort: new AbortController(),

  restart() {
    this.abort.abort();
    if (status === null || document.hidden) return;
    this.abort = new AbortController();
    this.follow(this.abort.signal);
  },

  async follow(signal) {
    while (!signal.aborted) {
      try {
        await api.stream(events.next, signal, (event) => signal.aborted || takeEvent(event));
      } catch {
        // Whether Evenkeel answers, the next look tells.
      }
      await sleep(STREAM_AGAIN_MS);
    }
  },
};

let isEventShown = false;

function takeEvent(event) {
  if (!events.add(event) || isEventShown) return;
  isEventShown = true;
  requestAnimationFrame(() => {
    isEventShown = false;
    eventView.update();
  });
  // What it changed is shown now, not at the next turn.
  clock.hurry();
}

/** When to look. */
const clock = {
  timer: null,
  lookedAt: 0,
  isLooking: false,

  async turn() {
    if (this.isLooking || document.hidden) return;
    this.isLooking = true;
    this.lookedAt = performance.now();
    try {
      await look();
    } catch (error) {
      // A fault of ours must not pass for news that all is well.
      failure = new ApiError(0, `This page has a fault: ${error.message}`);
      showFreshness();
      throw error;
    } finally {
      this.isLooking = false;
      this.plan(Math.max(0, this.lookedAt + LOOK_INTERVAL_MS - performance.now()));
    }
  },

  plan(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.turn(), ms);
  },

  hurry() {
    if (!this.isLooking) this.plan(Math.max(0, this.lookedAt + LOOK_INTERVAL_MIN_MS - performance.now()));
  },
};

function sleep(ms) {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}

document.addEventListener("visibilitychange", () => {
  stream.restart();
  clock.plan(0);
});
byId("forget-token").addEventListener("click", () => {
  api.forgetToken();
  stream.restart();
});
byId("only-unwell").addEventListener("change", ({ target }) => {
  byId("pools").classList.toggle("only-unwell", target.checked);
});
setInterval(showFreshness, FRESHNESS_INTERVAL_MS);
setText(byId("zone"), Intl.DateTimeFormat().resolvedOptions().timeZone);
clock.turn();
