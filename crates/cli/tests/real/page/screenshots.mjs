// Takes the pictures of the page in docs/images: node screenshots.mjs EVENKEEL FOLDER
//
// They are of a real lab, while one of its servers is away and another one is drained.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import { Browser, untilState } from "./browser.mjs";

const [evenkeel, folder] = process.argv.slice(2);

/** So long goes by between what happens, so that there is something to see. */
const PAUSE_MS = 12_000;

const SHAPES = [
  { name: "page-light", width: 1280, height: 1120 },
  { name: "page-dark", width: 1280, height: 1120, colorScheme: "dark" },
  { name: "page-phone", width: 390, height: 844, colorScheme: "dark", isPhone: true },
];

const lab = spawn(evenkeel, ["lab", "--port", "0", "--admin-port", "0"], { stdio: ["pipe", "pipe", "inherit"] });
const browser = await Browser.launch({ url: await urlOf(lab) });
try {
  const pages = [];
  for (const shape of SHAPES) pages.push([shape, await browser.open(shape)]);
  const [[, page]] = pages;
  for (const [, it] of pages) await it.locator("#range").selectOption("120");
  await untilState(page, { name: "a" }, "up");
  await sleep(3 * PAUSE_MS);
  await press(page, "a", "crash");
  await untilState(page, { name: "a" }, "down");
  await sleep(PAUSE_MS);
  await press(page, "a", "heal");
  await untilState(page, { name: "a" }, "up");
  await sleep(PAUSE_MS);
  await press(page, "c", "stop");
  await untilState(page, { name: "c" }, "down");
  await sleep(PAUSE_MS);
  for (const [{ name }, it] of pages) {
    await it.bringToFront();
    await it.locator("#route-key").fill("user:42");
    await it.locator("#route-key").press("Enter");
    await it.locator("#route-answer .goes").waitFor();
    await it.evaluate(() => document.activeElement.blur());
    // A page in the background asks nothing: now it does.
    await sleep(2_000);
    await it.evaluate(() => scrollTo(0, 0));
    await it.screenshot({ path: `${folder}/${name}.png` });
  }
} finally {
  await browser.close();
  lab.stdin.end();
  lab.kill("SIGTERM");
  await once(lab, "exit");
}

/** Where a lab says that its page is. */
async function urlOf(program) {
  for await (const line of createInterface({ input: program.stdout })) {
    const url = /http:\/\/127\.0\.0\.1:\d+\//.exec(line);
    if (url) {
      // Whatever else it says is of no matter, but must be read.
      program.stdout.resume();
      return url[0];
    }
  }
  throw new Error("the lab ended without saying where its page is");
}

async function press(page, server, fault) {
  await page.getByRole("group", { name: `What to do to ${server}` }).getByRole("button", { name: fault, exact: true }).click();
}
