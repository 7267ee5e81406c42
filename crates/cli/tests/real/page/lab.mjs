// A lab, and its buttons on the page.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** Starts a lab on free ports: where its page is, and how it is ended. */
export async function startLab(evenkeel) {
  const program = spawn(evenkeel, ["lab", "--port", "0", "--admin-port", "0"], { stdio: ["pipe", "pipe", "inherit"] });
  const end = async () => {
    program.kill("SIGTERM");
    if (program.exitCode === null && program.signalCode === null) await once(program, "exit");
  };
  for await (const line of createInterface({ input: program.stdout })) {
    const url = /http:\/\/127\.0\.0\.1:\d+\//.exec(line);
    if (url) {
      // Whatever else it says is of no matter, but must be read.
      program.stdout.resume();
      return { url: url[0], end };
    }
  }
  throw new Error("the lab ended without saying where its page is");
}

/** Presses a button of the lab. */
export async function breakServer(page, server, fault) {
  const buttons = page.getByRole("group", { name: `What to do to ${server.name}` });
  await buttons.getByRole("button", { name: fault, exact: true }).click();
}
