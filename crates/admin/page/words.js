// Numbers, times and orders in words. Pure: it knows nothing of the page.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en", { maximumFractionDigits: 1, minimumFractionDigits: 1 });
const compact = new Intl.NumberFormat("en", { notation: "compact" });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const minute = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** What stands for a number that is not known. */
export const UNKNOWN = "–";

function isKnown(value) {
  return value !== null && value !== undefined && Number.isFinite(value);
}

/** A number that is counted. */
export function count(value) {
  if (!isKnown(value)) return UNKNOWN;
  if (value < 100_000) return whole.format(value);
  if (value < 10_000_000) return `${whole.format(value / 1_000)}k`;
  return `${tenths.format(value / 1_000_000)}M`;
}

/** A round number, as short as can be. */
export function short(value) {
  return compact.format(value).toLowerCase();
}

/** A number per second. */
export function rate(value) {
  if (!isKnown(value)) return UNKNOWN;
  return value > 0 && value < 9.95 ? tenths.format(value) : count(value);
}

/** A part of a hundred. Only all is 100. */
export function percent(value) {
  if (!isKnown(value)) return UNKNOWN;
  return value >= 100 ? "100 %" : `${tenths.format(Math.min(value, 99.9))} %`;
}

/** Bytes, in binary units. */
export function bytes(value) {
  if (!isKnown(value)) return UNKNOWN;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let idx = 0;
  while (value >= 1024 && idx < units.length - 1) [value, idx] = [value / 1024, idx + 1];
  return `${idx === 0 || value >= 100 ? whole.format(value) : tenths.format(value)} ${units[idx]}`;
}

/** Microseconds, in the unit that makes them short. */
export function latency(us) {
  if (!isKnown(us)) return UNKNOWN;
  if (us < 1_000) return `${whole.format(us)} µs`;
  if (us < 10_000) return `${tenths.format(us / 1_000)} ms`;
  if (us < 1_000_000) return `${whole.format(us / 1_000)} ms`;
  return `${tenths.format(us / 1_000_000)} s`;
}

/** Seconds, by their two largest units. */
export function duration(seconds) {
  if (!isKnown(seconds)) return UNKNOWN;
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3_600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86_400) return `${Math.floor(s / 3_600)} h ${Math.floor((s % 3_600) / 60)} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3_600)} h`;
}

/** A time of day, and the day if it is not today's. */
export function time(at) {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return String(at);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? clock.format(date) : `${day.format(date)} ${clock.format(date)}`;
}

/** Hours and minutes of a second since 1970. */
export function timeOfMinute(second) {
  return minute.format(new Date(second * 1_000));
}

/** The time of day of a second since 1970. */
export function timeOfSecond(second) {
  return clock.format(new Date(second * 1_000));
}

/** "1 server", "2 servers". */
export function plural(value, noun) {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** "a, b and c"; a long list is cut, and says so. */
export function listed(names, max = 4) {
  const shown = names.slice(0, max);
  if (names.length > max) return `${shown.join(", ")} and ${names.length - max} more`;
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}

/** With the full stop that it may have already. A name that it begins with stays as it is. */
export function sentence(text) {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** Why a server is as it is. */
export function reasonOf({ name, reason }) {
  const isName = name !== "" && reason.startsWith(name);
  return sentence(isName ? reason : reason.charAt(0).toUpperCase() + reason.slice(1));
}

/** Where a pool's keys go while their home is out of use. */
export function keysOfServerGo(pool) {
  if (pool.failover === "none") return "Its keys are misses until it is back.";
  if (pool.failover === "gutter") return `Its keys go to the gutter pool ${pool.gutter ?? ""}.`;
  return "Its keys go to the next servers in their order.";
}

/** What will happen by an order about a server: a title, sentences, and a warning if there is one. */
export function orderInWords(order, pool, server) {
  const others = pool.servers.filter((it) => it.name !== server.name && it.is_usable);
  const isLast = server.is_usable && others.length === 0;
  const lastWarning = pool.failover === "gutter"
    ? `It is the last usable server of ${pool.name}: the gutter pool gets everything.`
    : `It is the last usable server of ${pool.name}: after this the pool can serve nothing.`;
  const out = [
    `Evenkeel sends it no requests from now on. ${keysOfServerGo(pool)}`,
    "It stays out of use, whatever its canaries say, until somebody readmits it.",
    `What it holds stays there: ${rejoin(pool)}`,
  ];
  switch (order) {
    case "drain":
      return { title: `Drain ${server.name}?`, words: out, warning: isLast ? lastWarning : null };
    case "eject":
      return {
        title: `Eject ${server.name}?`,
        words: ["The same as drain, but noted as a fault of the server.", ...out],
        warning: isLast ? lastWarning : null,
      };
    case "readmit":
      return {
        title: `Readmit ${server.name}?`,
        words: [
          "Takes back drain or eject, and ends any hold. It is used again as soon as its canaries are good.",
          "Its keys come back by and by, over the ramp.",
          `When it is back: ${rejoin(pool)}`,
        ],
        warning: null,
      };
    default:
      return {
        title: `Flush ${server.name}?`,
        words: [
          "Deletes everything that it holds (flush_all). It is passed over until that is done.",
          "Every key of its own is then a miss until it is written again: whatever is behind the cache gets these reads.",
        ],
        warning: "What is deleted does not come back.",
      };
  }
}

function rejoin(pool) {
  if (pool.rejoin === "flush") return "it is flushed before it is used again.";
  if (pool.rejoin === "trust") return "it serves what it holds, which may be old (rejoin is “trust”).";
  return "keys that were written elsewhere meanwhile are deleted there first, so that nobody reads an old value.";
}
