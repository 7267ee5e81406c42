// A headless Chromium, and the page in it as tests see it.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.env.EVENKEEL_TEST_MODULES}/`);
const { chromium } = require("playwright-core");

/** The program itself, where there is one, and not the script around it. */
const PROGRAMS = ["/usr/lib/chromium/chromium", "/usr/bin/chromium", "/usr/bin/google-chrome"];

/** How long anything may take on a machine that is busy with other tests. */
export const PATIENCE_MS = 20_000;

/** The browser, and all that its pages did wrong. */
export class Browser {
  #stage;
  #chromium;
  #pages = [];
  #faults = [];
  #allowed = [];

  static async launch(stage) {
    const executablePath = PROGRAMS.find((path) => existsSync(path));
    assert(executablePath, "there is no Chromium: run scripts/install-test-deps");
    const browser = new Browser();
    browser.#stage = stage;
    browser.#chromium = await chromium.launch({ executablePath });
    return browser;
  }

  /** Opens the page in a tab of its own. */
  async open({ width = 1280, height = 900, colorScheme = "light", isPhone = false } = {}) {
    const context = await this.#chromium.newContext({
      viewport: { width, height },
      colorScheme,
      isMobile: isPhone,
      hasTouch: isPhone,
      reducedMotion: "reduce",
    });
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    this.#watch(page);
    await page.goto(this.#stage.url);
    this.#pages.push(page);
    return page;
  }

  /** From now on the console may say this. */
  allow(pattern) {
    this.#allowed.push(pattern);
  }

  /** Fails if a page wrote an error, or asked for something from elsewhere. */
  assertNoFaults() {
    const faults = this.#faults.filter((fault) => !this.#allowed.some((pattern) => pattern.test(fault)));
    assert.deepEqual(faults, []);
  }

  /** For the reader of a failure. */
  async describe() {
    console.error("faults of the pages:", this.#faults);
    for (const page of this.#pages) console.error(await page.evaluate(() => document.body.innerText).catch(String));
  }

  async close() {
    await this.#chromium.close();
  }

  #watch(page) {
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.#faults.push(`${message.text()} (${message.location().url})`);
    });
    page.on("pageerror", (error) => this.#faults.push(error.stack));
    page.on("request", (request) => {
      if (!request.url().startsWith(this.#stage.url)) this.#faults.push(`asked for ${request.url()}`);
    });
  }
}

/** Waits until `condition`, run in the page with `given`, is true. */
export async function until(page, what, condition, given) {
  try {
    await page.waitForFunction(condition, given, { polling: 50, timeout: PATIENCE_MS });
  } catch (error) {
    throw new Error(`waited in vain for ${what}: ${error.message}`);
  }
}

/** The row of a server. */
export function row(page, server) {
  return page.locator(`tbody[data-server=${JSON.stringify(server.name)}]`);
}

/** Waits until the page shows a server in a state. */
export async function untilState(page, server, state) {
  await until(page, `${server.name} to be ${state}`, ([name, wanted]) => {
    const rows = [...document.querySelectorAll("tbody[data-server]")];
    return rows.some((it) => it.dataset.server === name && wanted.includes(it.dataset.state));
  }, [server.name, [state].flat()]);
}

/** Waits until an element's text matches. */
export async function untilText(page, selector, pattern) {
  await until(page, `${selector} to say ${pattern}`, ([css, source]) => {
    return [...document.querySelectorAll(css)].some((it) => new RegExp(source, "s").test(it.innerText));
  }, [selector, pattern.source]);
}

/** Gives Evenkeel an order without the page. */
export async function post(stage, path) {
  const response = await fetch(new URL(path, stage.url), { method: "POST", headers: { "X-Evenkeel": "1" } });
  assert(response.ok, `${path}: ${response.status} ${await response.text()}`);
}

/** The path of an order about a server of the pool main. */
export function orderPath(server, order) {
  return `api/v1/pools/main/servers/${encodeURIComponent(server.name)}/${order}`;
}
