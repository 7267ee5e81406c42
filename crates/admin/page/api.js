// What the page asks Evenkeel, and how it hears of events.
//
// Addresses are relative to where the page's own files are, so that it works under a prefix.

/** Why there is no answer. `status` is 0 if nothing answered. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }

  /** What it means for what was ordered. */
  get consequence() {
    if (this.status === 0) return `whether it was done is not known. ${this.message}.`;
    return `not done. Evenkeel says: ${this.message}`;
  }
}

/** The path of something of one server; names are arbitrary text. */
export function serverPath(pool, server) {
  return `api/v1/pools/${encodeURIComponent(pool)}/servers/${encodeURIComponent(server)}`;
}

/** Asks, with the token if there is one. */
export class Api {
  /** Asked for a token: `(isWrong) => Promise<token>`. */
  #askToken;
  #token = sessionStorage.getItem(TOKEN_KEY);
  #isAsking = false;

  constructor(askToken) {
    this.#askToken = askToken;
  }

  /** Whether a token is kept in this tab. */
  get hasToken() {
    return this.#token !== null;
  }

  /** Forgets it. */
  forgetToken() {
    this.#token = null;
    sessionStorage.removeItem(TOKEN_KEY);
  }

  /** What is at a path. */
  get(path) {
    return this.#ask("GET", path, ANSWER_TIMEOUT_MS);
  }

  /** Orders what a path says. */
  post(path) {
    return this.#ask("POST", path, ORDER_TIMEOUT_MS);
  }

  /** Calls `onEvent` for each event from number `since` on, until the stream or `signal` ends. */
  async stream(since, signal, onEvent) {
    const response = await this.#fetch("GET", `api/v1/events/stream?since=${since}`, signal);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (rest + value.replaceAll("\r", "")).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) deliver(block, onEvent);
    }
  }

  async #ask(method, path, timeoutMs) {
    const response = await this.#fetch(method, path, AbortSignal.timeout(timeoutMs));
    try {
      return await response.json();
    } catch (error) {
      throw unanswered(error);
    }
  }

  async #fetch(method, path, signal) {
    if (this.#isAsking) throw new ApiError(401, "it asks for a token");
    const token = this.#token;
    // A request with a header of our own cannot be sent unasked by a page from elsewhere.
    const headers = { "X-Evenkeel": "1" };
    if (token !== null) headers.Authorization = `Bearer ${token}`;
    let response;
    try {
      response = await fetch(new URL(path, BASE), { method, headers, signal, cache: "no-store", redirect: "error" });
    } catch (error) {
      throw unanswered(error);
    }
    if (response.ok) return response;
    const refused = await refusal(response);
    // Several requests may be refused at once; and one that was sent with a former token may be late.
    if (refused.status === 401 && token === this.#token && !this.#isAsking) this.#learnToken();
    throw refused;
  }

  async #learnToken() {
    this.#isAsking = true;
    const isWrong = this.hasToken;
    this.forgetToken();
    this.#token = await this.#askToken(isWrong);
    sessionStorage.setItem(TOKEN_KEY, this.#token);
    this.#isAsking = false;
  }
}

function deliver(block, onEvent) {
  const lines = block.split("\n").filter((line) => line.startsWith("data:"));
  if (lines.length === 0) return;
  onEvent(JSON.parse(lines.map((line) => line.slice(5).trimStart()).join("\n")));
}

function unanswered(error) {
  const words = error.name === "TimeoutError" ? "It has not answered in time" : "It cannot be reached";
  return new ApiError(0, words);
}

async function refusal(response) {
  let message = `answered ${response.status}`;
  try {
    message = (await response.json()).message ?? message;
  } catch {
    // What stands between us and Evenkeel may answer in its own way.
  }
  return new ApiError(response.status, message);
}

/** What the paths begin with: this file is in `page/`. */
const BASE = new URL("..", import.meta.url);
const TOKEN_KEY = "evenkeel-token";
const ANSWER_TIMEOUT_MS = 2_000;
const ORDER_TIMEOUT_MS = 10_000;
