// In the lab only: buttons that break servers. Nobody is asked first: that is what they are for.

import { byId, el, List, setAttr, setText, show } from "./dom.js";
import { Outcome } from "./orders.js";

/** The card of the lab. */
export class LabView {
  #api;
  #list;

  constructor(api) {
    this.#api = api;
    this.#list = new List(byId("lab-servers"), () => this.#row());
  }

  /** Asks how the servers are, in a lab. */
  async update(status) {
    show(byId("lab"), status.is_lab);
    show(byId("lab-badge"), status.is_lab);
    if (!status.is_lab) return;
    try {
      this.#show(await this.#api.get("api/v1/lab"));
    } catch {
      // The next look will tell.
    }
  }

  #show({ servers, faults }) {
    const rows = servers.map((server) => ({ ...server, faults }));
    this.#list.update(rows, ({ server }) => server);
  }

  #row() {
    const name = el("b");
    const state = el("span", { class: "soft" });
    const group = el("div", { class: "faults", role: "group" });
    let server = null;
    const buttons = new List(group, ({ name: fault }) => {
      const button = el("button", { type: "button", text: fault, on: { click: () => this.#break(server, fault) } });
      return {
        root: button,
        update: ({ summary, isSet }) => {
          setAttr(button, "title", summary);
          setAttr(button, "aria-pressed", String(isSet));
        },
      };
    });
    const update = (row) => {
      server = row.server;
      setText(name, server);
      setText(state, row.fault ? ` ${row.fault}` : " well");
      setAttr(group, "aria-label", `What to do to ${server}`);
      buttons.update(row.faults.map((fault) => ({ ...fault, isSet: fault.name === row.fault })), (it) => it.name);
    };
    return { root: el("div", { class: "lab-server" }, el("p", {}, name, state), group), update };
  }

  async #break(server, fault) {
    try {
      this.#show(await this.#api.post(`api/v1/lab/servers/${encodeURIComponent(server)}/${encodeURIComponent(fault)}`));
    } catch (error) {
      new Outcome("").settle("bad", `${fault} ${server}: ${error.consequence}`);
    }
  }
}
