// The last minutes, second by second, as far as they are known here.
//
// Every column is as long as all others and ends with the same second. What is not known is null.

/** How much is kept. */
export const SECONDS_MAX = 600;

const OF_POOL = ["hit_percent", "misplaced_keys"];
const OF_SERVER = ["state", "requests", "errors", "p50_us", "p95_us", "p99_us"];

/** What `api/v1/history` has said so far. */
export class History {
  /** The last second that is known, since 1970; null before the first answer. */
  end = null;
  #columns = new Map();

  /** Forgets everything: the process is another. */
  clear() {
    this.end = null;
    this.#columns.clear();
  }

  /** How many seconds must be asked for, so that nothing is missing at `second`. */
  secondsMissing(second) {
    if (this.end === null) return SECONDS_MAX;
    return Math.min(SECONDS_MAX, Math.max(0, Math.ceil(second - this.end)) + OVERLAP_SECONDS);
  }

  /** Takes an answer in. */
  merge(answer) {
    if (answer.len === 0) return;
    const first = Math.round(Date.parse(answer.first_at) / 1_000);
    const interval = answer.interval_seconds;
    const end = first + answer.len * interval - 1;
    if (this.end !== null && Math.abs(end - this.end) > SECONDS_MAX) this.clear();
    this.#shift(Math.max(0, end - (this.end ?? end)));
    this.end = Math.max(end, this.end ?? end);
    const told = new Set();
    const take = (key, values) => {
      told.add(key);
      this.#write(key, first, interval, values);
    };
    for (const pool of answer.pools) {
      for (const name of OF_POOL) take(keyOf(pool.pool, null, name), pool[name]);
      for (const server of pool.servers) {
        for (const name of OF_SERVER) take(keyOf(pool.pool, server.server, name), server[name]);
      }
    }
    for (const key of this.#columns.keys()) if (!told.has(key)) this.#columns.delete(key);
  }

  /** A column's last `seconds` elements. The server is null for a column of the whole pool. */
  column(pool, server, name, seconds) {
    const column = this.#columns.get(keyOf(pool, server, name));
    return column ? column.slice(SECONDS_MAX - seconds) : new Array(seconds).fill(null);
  }

  #shift(seconds) {
    if (seconds === 0) return;
    const nulls = new Array(Math.min(seconds, SECONDS_MAX)).fill(null);
    for (const column of this.#columns.values()) {
      column.splice(0, nulls.length);
      column.push(...nulls);
    }
  }

  #write(key, first, interval, values) {
    let column = this.#columns.get(key);
    if (!column) {
      column = new Array(SECONDS_MAX).fill(null);
      this.#columns.set(key, column);
    }
    const begin = SECONDS_MAX - 1 - (this.end - first);
    values.forEach((value, idx) => {
      const at = begin + idx * interval;
      for (let i = Math.max(0, at); i < Math.min(SECONDS_MAX, at + interval); i += 1) column[i] = value;
    });
  }
}

/** Several columns as one: at each second the sum, the largest or the smallest of what is known. */
export function together(columns, choose) {
  const len = columns[0]?.length ?? 0;
  return Array.from({ length: len }, (_, idx) => {
    const known = columns.map((column) => column[idx]).filter((value) => value !== null && value !== undefined);
    return known.length === 0 ? null : choose(known);
  });
}

export const sum = (values) => values.reduce((a, b) => a + b, 0);
export const largest = (values) => Math.max(...values);
export const smallest = (values) => Math.min(...values);

function keyOf(pool, server, name) {
  return JSON.stringify([pool, server, name]);
}

/** The last second may have been asked for before it was over. */
const OVERLAP_SECONDS = 2;
