// Whether all is well, in words. Pure.
//
// Levels: `bad` when applications get nothing, `warn` when somebody should look, `note` when
// something is going on that needs nobody, `good`.

import { keysOfServerGo, listed, percent, plural, sentence } from "./words.js";

const LEVELS = ["good", "note", "warn", "bad"];

/** `{ level, headline, notes: [{ level, text, server }] }` of a status; `server` if it is about one. */
export function verdict(status) {
  const notes = [...status.pools.flatMap(notesOfPool), ...notesOfReload(status)];
  notes.sort((a, b) => LEVELS.indexOf(b.level) - LEVELS.indexOf(a.level));
  const level = notes[0]?.level ?? "good";
  return { level, headline: headline(level, status), notes };
}

function headline(level, status) {
  const servers = status.pools.flatMap((pool) => pool.servers);
  const out = servers.filter((server) => !server.is_usable);
  const silent = status.pools.filter((pool) => !pool.is_ready);
  const all = `${plural(servers.length, "server")} in ${plural(status.pools.length, "pool")}`;
  if (silent.length > 0) {
    return `${silent.length === 1 ? "Pool" : "Pools"} ${listed(silent.map((it) => it.name))} can serve nothing.`;
  }
  if (out.length > 0) {
    const are = out.length === 1 ? "is" : "are";
    const state = out.every((it) => it.state === "drained") ? "drained" : "out of use";
    return `${out.length} of ${plural(servers.length, "server")} ${are} ${state}; the cache is being served.`;
  }
  if (level === "warn") return "The cache is being served; somebody should look at this.";
  if (level === "note") return "All is served. Evenkeel is at work.";
  return `All is well: ${all}, all in use.`;
}

function notesOfPool(pool) {
  const notes = [];
  if (!pool.is_ready) {
    notes.push({ level: "bad", text: `${pool.name}: ${sentence(pool.reason ?? "no server is usable")}` });
  }
  const used = pool.misplaced_bytes / pool.misplaced_bytes_max;
  if (used > 0.8) {
    notes.push({
      level: "warn",
      text: `${pool.name}: what it remembers of misplaced keys takes ${percent(used * 100)} of its limit. Past that, servers are flushed before use.`,
    });
  }
  return [...notes, ...pool.servers.flatMap((server) => notesOfServer(pool, server))];
}

function notesOfServer(pool, server) {
  const name = `${pool.name}/${server.name}`;
  const because = server.evidence ? ` (${server.rule}: ${server.evidence})` : "";
  const notes = [];
  switch (server.state) {
    case "down":
      notes.push({ level: "warn", text: `${name} is down${because}. ${keysOfServerGo(pool)}` });
      break;
    case "drained":
      notes.push({
        level: "note",
        text: `${name} is ${server.rule === "eject" ? "ejected" : "drained"} by hand. It waits to be readmitted.`,
      });
      break;
    case "suspect":
      notes.push({ level: "note", text: `${name} is suspect${because}. A canary is on its way.` });
      break;
    case "returning":
      notes.push({
        level: "note",
        text: `${name} is returning and serves ${server.share_percent} % of its keys.`,
      });
      break;
    default:
  }
  if (server.is_usable && !server.takes_writes) {
    notes.push({ level: "warn", text: `${name} refuses writes. They go elsewhere; reads stay.` });
  }
  if (server.is_flush_required) {
    notes.push({ level: "warn", text: `${name} is to be flushed before it is used.` });
  }
  const { connections, connections_max: max } = server.report ?? {};
  if (max && connections / max > 0.8) {
    notes.push({ level: "warn", text: `${name} has ${connections} of ${max} connections in use.` });
  }
  return notes.map((note) => ({ ...note, server }));
}

function notesOfReload(status) {
  const reload = status.last_reload;
  if (reload?.outcome !== "refused") return [];
  return [{
    level: "warn",
    text: "The last reload was refused: what was in effect before still is. The faults are under Configuration.",
  }];
}
