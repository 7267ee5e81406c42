// Plays one scenario: node play.mjs SCENARIO JSON
//
// The JSON says where everything is. It ends with 0 if the scenario passed, and if the page wrote no
// error to the console and asked for nothing from elsewhere.

import { scenarios } from "./scenarios.mjs";
import { Browser } from "./browser.mjs";
import { startLab } from "./lab.mjs";

const [name, told] = process.argv.slice(2);
const stage = JSON.parse(told);
const lab = stage.evenkeel ? await startLab(stage.evenkeel) : null;
const browser = await Browser.launch({ ...stage, url: lab?.url ?? stage.url });
try {
  await scenarios[name](browser, stage);
  browser.assertNoFaults();
} catch (error) {
  console.error(error);
  await browser.describe();
  process.exitCode = 1;
} finally {
  for (const { pid } of stage.servers ?? []) if (pid) process.kill(pid, "SIGCONT");
  if (stage.proxyPid) process.kill(stage.proxyPid, "SIGCONT");
  await browser.close();
  await lab?.end();
}
// Whatever a failed scenario has left running ends with it.
process.exit();
