// A small application: what it asks of the proxy, or of a server itself.

import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Sends memcached's text and gives the answer, up to the line that `last` matches. */
export function ask(address, text, last = /(STORED|END|OK|ERROR.*)\r\n$/) {
  const [, ip, port] = /^(.*):(\d+)$/.exec(address);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), ip, () => socket.write(text));
    let answer = "";
    socket.on("data", (bytes) => {
      answer += bytes;
      if (last.test(answer)) socket.end(() => resolve(answer));
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`${address} closed after ${JSON.stringify(answer)}`)));
  });
}

/** Stores a value. */
export function set(address, key, value) {
  return ask(address, `set ${key} 0 0 ${value.length}\r\n${value}\r\n`);
}

/** Whether a key is there. */
export async function has(address, key) {
  return (await ask(address, `get ${key}\r\n`)).startsWith("VALUE");
}

/** Writes and reads keys, at leisure, until it is stopped. */
export function beginLoad(address) {
  let isStopped = false;
  const run = async () => {
    for (let turn = 0; !isStopped; turn += 1) {
      // While a server hangs, what it should have answered fails: that is not the matter here.
      await set(address, keyOf(turn), "x".repeat(64)).catch(() => {});
      await has(address, keyOf(turn * 7)).catch(() => {});
      await sleep(PAUSE_MS);
    }
  };
  const running = [run(), run()];
  return async () => {
    isStopped = true;
    await Promise.all(running);
  };
}

/**
 * One of 200 keys. They differ where they begin: FNV-1a, the default, places keys that differ in
 * their last bytes alone so close together that all of them may be one server's.
 */
function keyOf(turn) {
  return `${turn % 200}-of-the-load`;
}

const PAUSE_MS = 5;
