// Takes the pictures of the page in docs/images: node screenshots.mjs EVENKEEL FOLDER
//
// They are of a real lab, while one of its servers is away and another one is drained.

import { setTimeout as sleep } from "node:timers/promises";

import { Browser, untilState } from "./browser.mjs";
import { breakServer, startLab } from "./lab.mjs";

const [evenkeel, folder] = process.argv.slice(2);

/** So long goes by between what happens, so that there is something to see. */
const PAUSE_MS = 12_000;

const SHAPES = [
  { name: "page-light", width: 1280, height: 1120 },
  { name: "page-dark", width: 1280, height: 1120, colorScheme: "dark" },
  { name: "page-phone", width: 390, height: 844, colorScheme: "dark", isPhone: true },
];

const lab = await startLab(evenkeel);
const browser = await Browser.launch(lab);
try {
  const pages = [];
  for (const shape of SHAPES) pages.push([shape, await browser.open(shape)]);
  const [[, page]] = pages;
  for (const [, it] of pages) await it.locator("#range").selectOption("120");
  await untilState(page, { name: "a" }, "up");
  await sleep(3 * PAUSE_MS);
  await breakServer(page, { name: "a" }, "crash");
  await untilState(page, { name: "a" }, "down");
  await sleep(PAUSE_MS);
  await breakServer(page, { name: "a" }, "heal");
  await untilState(page, { name: "a" }, "up");
  await sleep(PAUSE_MS);
  await breakServer(page, { name: "c" }, "stop");
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
  await lab.end();
}
