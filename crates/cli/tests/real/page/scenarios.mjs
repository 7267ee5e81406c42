// What is asked of the page.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";

import { orderPath, post, row, until, untilState, untilText } from "./browser.mjs";
import { faintThings, namelessThings, thingsThatStickOut } from "./looks.mjs";
import { breakServer } from "./lab.mjs";
import { beginLoad, has, set } from "./memcached.mjs";

export const scenarios = { states, orders, questions, routes, configuration, looks, token, silence, many, lab, report };

/** A server hangs, goes out of use, and comes back. */
async function states(browser, stage) {
  const [, server] = stage.servers;
  const page = await browser.open();
  for (const it of stage.servers) await untilState(page, it, "up");
  await untilText(page, "#headline", /All is well: 3 servers in 1 pool/);
  const endLoad = beginLoad(stage.proxy);
  process.kill(server.pid, "SIGSTOP");
  await untilState(page, server, "down");
  await untilText(page, "#headline", /1 of 3 servers is out of use/);
  await untilText(page, "#notes", /is down \(\w+: .+\)\. Its keys go to the next servers/);
  await untilText(page, `tbody[data-server="${server.name}"] .reason`, /Down/);
  await untilText(page, ".misplaced", /[1-9]\d* misplaced key/);
  await untilText(page, "#event-list", /suspect → down/);
  assert.match(await page.title(), /out of use/);
  process.kill(server.pid, "SIGCONT");
  await untilState(page, server, ["returning", "up"]);
  await untilState(page, server, "up");
  await until(page, "misplaced keys to be cleaned", () => document.querySelector(".misplaced").hidden);
  await untilText(page, "#event-list", /returning → up/);
  await untilText(page, "#headline", /All is well/);
  // What has passed stays to be seen: in the bar, and in the plots.
  const bar = `tbody[data-server="${server.name}"] .bar rect[data-state="down"]`;
  await until(page, "the bar to show it", (css) => document.querySelector(css) !== null, bar);
  for (const line of ["hits", "requests", "p99", "misplaced"]) {
    const path = `.plot-area path.line-${line}`;
    await until(page, `a line of ${line}`, (css) => document.querySelector(css).getAttribute("d")?.includes("L"), path);
  }
  await endLoad();
}

/** Drain, readmit, flush and eject, by pointer and by keyboard. */
async function orders(browser, stage) {
  const [server] = stage.servers;
  const page = await browser.open();
  await untilState(page, server, "up");
  const line = row(page, server);
  // No is no.
  await line.getByRole("button", { name: "Drain" }).click();
  await untilText(page, "#ask", /Drain .*sends it no requests from now on.*until somebody readmits it/);
  await page.keyboard.press("Escape");
  await page.locator("#ask").waitFor({ state: "hidden" });
  await line.getByRole("button", { name: "Flush" }).click();
  await page.locator("#ask").getByRole("button", { name: "Cancel" }).click();
  assert.deepEqual((await allEvents(stage)).filter(({ kind }) => kind === "ordered"), []);
  // Yes is drained, and back.
  await line.getByRole("button", { name: "Drain" }).click();
  await page.locator("#ask").getByRole("button", { name: "Drain" }).click();
  await untilState(page, server, "drained");
  await untilText(page, "#outcomes", /is drained/);
  await line.getByRole("button", { name: "Readmit" }).click();
  await page.locator("#ask").getByRole("button", { name: "Readmit" }).click();
  await untilText(page, "#outcomes", /gets its keys back|is back/);
  await untilState(page, server, "up");
  // A flush empties it.
  await set(server.name, "there", "1");
  await line.getByRole("button", { name: "Flush" }).click();
  await untilText(page, "#ask", /Deletes everything that it holds/);
  await page.locator("#ask").getByRole("button", { name: "Flush" }).click();
  await untilText(page, "#outcomes", /has been flushed/);
  assert.equal(await has(server.name, "there"), false);
  await ejectByKeyboard(page, server);
  await untilText(page, "#event-list", /operator: drain.*/);
}

async function allEvents(stage) {
  const response = await fetch(new URL("api/v1/events?since=0&limit=1000", stage.url));
  return (await response.json()).events;
}

/** The menu opens, the dialog asks, and the focus goes where one left off. */
async function ejectByKeyboard(page, server) {
  const line = row(page, server);
  await untilState(page, server, "up");
  await line.locator("summary").focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await untilText(page, "#ask", /Eject .*noted as a fault/);
  const focused = await page.evaluate(() => document.activeElement.textContent);
  assert.equal(focused, "Cancel", "what does nothing is what Enter does");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await untilState(page, server, "drained");
  await untilText(page, "#notes", /is ejected by hand/);
}

/** Where a key goes, and the details of a server. */
async function questions(browser, stage) {
  // The browser says so of every answer that refuses something.
  browser.allow(/status of 400/);
  const page = await browser.open();
  await untilState(page, stage.servers[0], "up");
  assert.equal(await page.locator("#routes").isVisible(), false, "there is no route");
  assert.equal(await page.locator(".keys").first().isVisible(), false, "there is no route");
  await page.getByLabel("Key", { exact: true }).fill("user:1 & co/ü");
  await page.keyboard.press("Enter");
  await untilText(page, "#route-answer .wrong", /\w/);
  await page.getByLabel("Key", { exact: true }).fill("user:1/ü");
  await page.keyboard.press("Enter");
  await untilText(page, "#route-answer .goes", /Reads and writes go to 127/);
  const home = (await page.locator("#route-answer .order-server").first().textContent()).trim();
  await post(stage, orderPath({ name: home }, "drain"));
  await untilText(page, "#route-answer", new RegExp(`drained.*${home}.*home`));
  await until(page, "the answer to follow", (name) => {
    return !document.querySelector("#route-answer .goes").textContent.includes(name);
  }, home);
  const [server] = stage.servers.filter(({ name }) => name !== home);
  await row(page, server).getByRole("button", { name: server.name, exact: true }).click();
  await untilText(page, ".details-body", /2 open, 2 wanted.*Latency in the last ten seconds/);
  await untilText(page, ".details-body", /version 1\.\d.*of 64\.0 MiB.*of 4,096/);
  await page.getByRole("button", { name: "Plot this server alone" }).click();
  assert.equal(await page.locator("#scope option:checked").textContent(), `main/${server.name}`);
}

/** Which keys go where: from a key, from a prefix and from a pool. */
async function routes(browser, stage) {
  const page = await browser.open();
  await untilText(page, "#routes-count", /^54 routes$/);
  const rules = await page.locator("#routes-list li").allInnerTexts();
  const told = rules.map((text) => text.replace(/\s+/g, " ").trim());
  assert.equal(told[0], "/east/ → users sent without the prefix; listener other");
  assert(told.includes("copy: → users only get"), told[1]);
  assert(told.includes("<img/src=x> → users"), "what is markup elsewhere is text");
  assert(told.includes("\\u{202e}\\u{a0}: → users"), "what is not seen is a number");
  assert.deepEqual(told.slice(-1), ["every other key → main"]);
  await untilText(page, "[data-pool=main] .keys", /^Keys: every other key$/);
  await untilText(page, "[data-pool=users] .keys", /“\/east\/” \(sent without the prefix; listener other\).* · 48 more routes$/);
  const ask = async (key, by, operation) => {
    await page.getByLabel("Key", { exact: true }).fill(key);
    await page.locator("#route-by").selectOption({ label: by });
    if (operation) await page.locator("#route-operation").selectOption(operation);
    await page.getByRole("button", { name: "Look up" }).click();
  };
  const [main, users] = stage.servers.map(({ name }) => name);
  await ask("copy:1", "routes of main", "get");
  await untilText(page, "#route-answer", new RegExp(`The route “copy:” leads to users.*get goes to ${users}`));
  await ask("copy:1", "routes of main", "delete");
  await untilText(page, "#route-answer", new RegExp(`No route fits: it goes to main.*delete goes to ${main}`));
  await ask("/east/1", "routes of other", "set");
  await untilText(page, "#route-answer", /leads to users, whose servers are sent “1”/);
  await ask("/east/1", "pool main");
  await untilText(page, "#route-answer", new RegExp(`^Reads and writes go to ${main}`));
  // A pool whose server is out of use shows where its keys are looked for.
  await post(stage, `api/v1/pools/users/servers/${encodeURIComponent(users)}/drain`);
  await untilText(page, "#routes-list", /copy:\s*→ users\s*0 of 1 server in use/);
  for (const shape of [SHAPES[1], SHAPES.at(-1)]) {
    const other = await browser.open(shape);
    await untilText(other, "#routes-list", /in use/);
    assert.deepEqual(await other.evaluate(thingsThatStickOut), [], JSON.stringify(shape));
    assert.deepEqual(await other.evaluate(faintThings), [], JSON.stringify(shape));
    assert.deepEqual(await other.evaluate(namelessThings), []);
    await other.close();
  }
}

/** A configuration that is refused stays to be seen until it is mended. */
async function configuration(browser, stage) {
  const page = await browser.open();
  await untilText(page, "#configuration-facts", /In effect since .*toml/);
  await page.getByText("All settings in effect").click();
  await untilText(page, "#configuration-toml pre", /\[pool\.main\]/);
  const { file } = await (await fetch(new URL("api/v1/configuration", stage.url))).json();
  const text = await readFile(file, "utf8");
  await writeFile(file, `${text}\nadress = "127.0.0.1:1"\n`);
  await reload(page);
  await untilText(page, "#outcomes", /Reload: refused, 1 fault/);
  await untilText(page, "#configuration-facts", /Last reload.*refused.*adress.*address/);
  await untilText(page, "#notes", /The last reload was refused/);
  await writeFile(file, text.replace('ramp = "1s"', 'ramp = "2s"'));
  await reload(page);
  await untilText(page, "#outcomes", /Reload: (applied, 1 change|the file says what was in effect)/);
  await untilText(page, "#headline", /All is well/);
  await untilText(page, "#configuration-toml pre", /ramp = "2s"/);
  await untilText(page, "#event-list", /refused/);
}

async function reload(page) {
  await page.getByRole("button", { name: "Reload" }).click();
  await page.locator("#ask").getByRole("button", { name: "Reload" }).click();
}

/** Every state, readable by everybody on everything. */
async function looks(browser, stage) {
  const [hung, drained] = stage.servers;
  const endLoad = beginLoad(stage.proxy);
  process.kill(hung.pid, "SIGSTOP");
  await post(stage, orderPath(drained, "drain"));
  for (const shape of SHAPES) {
    const page = await browser.open(shape);
    await untilState(page, hung, "down");
    await untilState(page, drained, "drained");
    await row(page, hung).locator("button.open").click();
    await page.getByLabel("Key", { exact: true }).fill("user:1");
    await page.keyboard.press("Enter");
    await untilText(page, "#route-answer", /home/);
    await until(page, "the plots", () => document.querySelectorAll(".grid text").length > 8);
    assert.deepEqual(await page.evaluate(thingsThatStickOut), [], JSON.stringify(shape));
    assert.deepEqual(await page.evaluate(faintThings), [], JSON.stringify(shape));
    assert.deepEqual(await page.evaluate(namelessThings), []);
    await row(page, drained).getByRole("button", { name: "Flush" }).click();
    assert.deepEqual(await page.evaluate(faintThings), [], `the dialog, ${JSON.stringify(shape)}`);
    await page.close();
  }
  await endLoad();
}

const SHAPES = [
  { width: 1280 },
  { width: 1280, colorScheme: "dark" },
  { width: 820 },
  { width: 360, height: 740, isPhone: true },
];

/** A wrong one is refused; the right one is kept while the tab is open, and forgotten on request. */
async function token(browser, stage) {
  browser.allow(/status of 401/);
  const page = await browser.open();
  await page.locator("#token[open]").waitFor();
  assert.equal(await page.locator("tbody[data-server]").count(), 0);
  await page.locator("#token-text").fill("something-that-is-wrong");
  await page.keyboard.press("Enter");
  await untilText(page, "#token-wrong", /not it/);
  await page.locator("#token-text").fill(stage.token);
  await page.keyboard.press("Enter");
  await untilState(page, stage.servers[0], "up");
  await page.reload();
  await untilState(page, stage.servers[0], "up");
  // The stream of events has it too.
  await fetchWithToken(stage, orderPath(stage.servers[0], "drain"));
  await untilText(page, "#event-list", /up → drained/);
  await page.getByRole("button", { name: "Forget the token" }).press("Enter");
  await page.locator("#token[open]").waitFor();
  assert.equal(await page.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage })), "{}");
}

async function fetchWithToken(stage, path) {
  const headers = { "X-Evenkeel": "1", Authorization: `Bearer ${stage.token}` };
  const response = await fetch(new URL(path, stage.url), { method: "POST", headers });
  assert(response.ok, `${path}: ${response.status}`);
}

/** Evenkeel itself hangs, and goes on; and ends. */
async function silence(browser, stage) {
  browser.allow(/ERR_|Failed to load resource/);
  const page = await browser.open();
  await untilState(page, stage.servers[0], "up");
  process.kill(stage.proxyPid, "SIGSTOP");
  await untilText(page, "#headline", /does not answer this page/);
  await untilText(page, "#notes", /What is shown is as of .*, [2-9] s ago/);
  await untilText(page, "#age", /[2-9] s old/);
  process.kill(stage.proxyPid, "SIGCONT");
  await untilText(page, "#headline", /All is well/);
  process.kill(stage.proxyPid, "SIGKILL");
  await untilText(page, "#headline", /does not answer this page/);
  await untilText(page, "#notes", /cannot be reached/);
  stage.proxyPid = null;
}

/** Buttons break a server and heal it. */
async function lab(browser) {
  // A lab was configured by its own code: there is nothing to show of it.
  browser.allow(/status of 404.*api\/v1\/configuration/);
  const page = await browser.open();
  const server = { name: "b" };
  await untilState(page, server, "up");
  await breakServer(page, server, "crash");
  await untilState(page, server, "down");
  await untilText(page, ".lab-server", /b crash/);
  await breakServer(page, server, "heal");
  await untilText(page, ".lab-server", /b well/);
  await untilState(page, server, ["returning", "up"]);
}

/** Forty servers: readable, cheap, and updated more than once a second. */
async function many(browser, stage) {
  const endLoad = beginLoad(stage.proxy);
  const page = await browser.open();
  await until(page, "all servers", (len) => document.querySelectorAll("tbody[data-server]").length === len, stage.servers.length);
  // Names are text, whatever they look like.
  assert.equal(await page.locator("img").count(), 0);
  await untilText(page, "tbody[data-server] button.open", /<img\/src=x>&amp;"3/);
  assert.deepEqual(await page.evaluate(thingsThatStickOut), []);
  const { gaps, busy } = await measure(page);
  await endLoad();
  const largest = Math.max(...gaps);
  console.log(`${gaps.length} updates in ${MEASURED_MS} ms, at most ${largest.toFixed(0)} ms apart; the browser was busy for ${busy.toFixed(1)} %`);
  assert(largest <= 1_000, `${largest} ms without an update`);
  await page.setViewportSize({ width: 360, height: 740 });
  assert.deepEqual(await page.evaluate(thingsThatStickOut), []);
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.getByLabel("only servers that are not well").check();
  await until(page, "no server that is well", () => {
    return ![...document.querySelectorAll("tbody[data-well]")].some((it) => it.checkVisibility());
  });
}

/** The times between updates, and how busy the page's thread was, in per cent. */
async function measure(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  const taskSeconds = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration").value;
  };
  const before = await taskSeconds();
  const gaps = await page.evaluate((ms) => new Promise((resolve) => {
    const times = [performance.now()];
    new MutationObserver(() => times.push(performance.now())).observe(document.body, { attributeFilter: ["data-at"] });
    setTimeout(() => resolve(times.slice(1).map((time, idx) => time - times[idx])), ms);
  }), MEASURED_MS);
  const busy = (100_000 * ((await taskSeconds()) - before)) / MEASURED_MS;
  return { gaps, busy };
}

const MEASURED_MS = 5_000;

/** The page that evenkeel doctor has written of servers whose words are markup. */
async function report(browser, stage) {
  const phone = { width: 360, height: 800, isPhone: true };
  for (const shape of [{}, { colorScheme: "dark" }, phone, { ...phone, colorScheme: "dark" }]) {
    const page = await browser.open(shape);
    for (const summary of await page.locator("summary").all()) await summary.click();
    assert.deepEqual(await page.evaluate(thingsThatStickOut), [], JSON.stringify(shape));
    assert.deepEqual(await page.evaluate(faintThings), [], JSON.stringify(shape));
    assert.deepEqual(await page.evaluate(namelessThings), []);
    const text = await page.locator("main").innerText();
    for (const words of stage.words) assert(text.includes(words), `${words} is not on the page: ${text}`);
    assert.equal(await page.locator("img, script, b.theirs").count(), 0);
    const dots = await page.locator(".strip").first().locator("circle").count();
    assert(dots > 100, `only ${dots} answers are shown`);
  }
}
