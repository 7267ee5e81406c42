// The configuration in effect, the last reload, and a button to reload.

import { byId, el, setText, show } from "./dom.js";
import { ask, Outcome } from "./orders.js";
import { plural, sentence, time } from "./words.js";

/** The card about the configuration. */
export class ConfigurationView {
  #api;
  /** What the answer that is shown was asked for. */
  #asked = null;
  #file = null;

  constructor(api) {
    this.#api = api;
    byId("reload").addEventListener("click", () => this.#reload());
  }

  /** Asks again if something has changed. */
  async update(status) {
    const asked = JSON.stringify([status.pid, status.started_at, status.last_reload?.at]);
    if (asked === this.#asked) return;
    this.#asked = asked;
    try {
      this.#show(await this.#api.get("api/v1/configuration"));
    } catch (error) {
      if (error.status === 404) this.#showNone(error.message);
      else this.#asked = null;
    }
  }

  #show(configuration) {
    const { file, applied_at: appliedAt, toml, last_reload: reload } = configuration;
    this.#file = file ?? null;
    byId("reload").disabled = this.#file === null;
    const facts = [el("p", {}, "In effect since ", el("b", { text: time(appliedAt) }), file ? `, from ${file}.` : ".")];
    if (!file) facts.push(el("p", { class: "soft", text: "There is no file: a reload has nothing to read." }));
    if (reload) facts.push(...reloadInWords(reload));
    byId("configuration-facts").replaceChildren(...facts);
    show(byId("configuration-toml"), true);
    setText(byId("configuration-toml").querySelector("pre"), toml);
  }

  #showNone(why) {
    byId("reload").disabled = true;
    show(byId("configuration-toml"), false);
    byId("configuration-facts").replaceChildren(el("p", { class: "soft", text: sentence(why) }));
  }

  async #reload() {
    const isWanted = await ask({
      title: "Reload the configuration?",
      words: [
        `Evenkeel reads ${this.#file} and checks all of it.`,
        "Without a fault it takes effect at once: no session is dropped, and servers that stay keep their connections and states.",
        "With one, nothing changes, and the faults are listed here.",
      ],
      warning: null,
      yes: "Reload",
    });
    if (!isWanted) return;
    const outcome = new Outcome("Reload: ordered …");
    try {
      const reload = await this.#api.post("api/v1/reload");
      outcome.settle(reload.outcome === "refused" ? "warn" : "good", summaryOf(reload));
    } catch (error) {
      outcome.settle("bad", `Reload: ${error.consequence}`);
    }
    this.#asked = null;
  }
}

function reloadInWords(reload) {
  const words = [el("p", { class: `reload-${reload.outcome}`, text: `Last reload, ${time(reload.at)}: ${reload.outcome}.` })];
  for (const [title, lines] of [["Faults", whole(reload.faults)], ["Know this", reload.warnings], ["Changes", reload.changes]]) {
    if (lines.length === 0) continue;
    const items = lines.map((text) => el("li", { text }));
    words.push(el("p", { class: "soft", text: title }), el("ul", { class: title.toLowerCase().replace(" ", "-") }, ...items));
  }
  return words;
}

/** Each fault as one text: the lines that show its place in the file are indented and belong to it. */
function whole(lines) {
  return lines.reduce((faults, line) => {
    const isFirst = faults.length === 0 || !/^\s/.test(line);
    return isFirst ? [...faults, line] : [...faults.slice(0, -1), `${faults.at(-1)}\n${line}`];
  }, []);
}

function summaryOf({ outcome, changes, faults, warnings }) {
  switch (outcome) {
    case "applied":
      return `Reload: applied, ${plural(changes.length, "change")}${warnings.length > 0 ? `, ${plural(warnings.length, "warning")}` : ""}.`;
    case "unchanged":
      return "Reload: the file says what was in effect already.";
    default:
      return `Reload: refused, ${plural(whole(faults).length, "fault")}. What was in effect still is.`;
  }
}
