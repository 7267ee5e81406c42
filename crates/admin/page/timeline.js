// A server's states over the last minutes, as one bar. Each state has a height of its own, so that
// nobody needs to see colours.

import { byId, el, setAttr, setText, show, svg } from "./dom.js";
import { timeOfSecond } from "./words.js";

const HEIGHTS = { up: 4, suspect: 7, returning: 9, drained: 10, down: 12 };
const HEIGHT = 12;

/** Seconds are told from here, because SVG reckons in single precision. */
const ORIGIN = Math.floor(Date.now() / 1_000);

/**
 * A column of states, one a second, the last of which is of second `end`, in which every change can
 * be seen: a server may go and come back within a second, and then the worst of that second counts.
 */
export function withChanges(states, end, changes) {
  for (const { second, state } of changes) {
    const idx = states.length - 1 - (end - second);
    const height = HEIGHTS[states[idx]] ?? 0;
    if (idx in states && HEIGHTS[state] > height) states[idx] = state;
  }
  return states;
}

/** One server's bar. */
export class StateBar {
  #cursor;
  #svg = svg("svg", { preserveAspectRatio: "none", role: "img" });
  #runs = svg("g");
  #marks = svg("g", { class: "bar-marks" });
  #line = svg("rect", { class: "bar-cursor", y: 0, height: HEIGHT, width: 0 });
  #shown = null;

  constructor(cursor) {
    this.#cursor = cursor;
    this.#svg.append(this.#runs, this.#marks, this.#line);
    this.root = el("div", { class: "bar" }, this.#svg);
    cursor.follow(this.root, (part) => this.#secondAt(part));
    cursor.listen(() => this.#point());
    this.root.addEventListener("pointermove", (event) => this.#tell(event));
    this.root.addEventListener("pointerleave", () => show(byId("tip"), false));
  }

  /** Shows these states, the last of which is of second `end`, and marks at some seconds. */
  update({ states, end, marks }) {
    this.#shown = { states, end };
    const begin = end - states.length + 1 - ORIGIN;
    setAttr(this.#svg, "viewBox", `${begin} 0 ${states.length} ${HEIGHT}`);
    const runs = runsOf(states);
    fit(this.#runs, runs.length);
    runs.forEach(({ from, to, state }, idx) => {
      // The ends may lie outside: so the first and the last run are not touched every second.
      const x = from === 0 ? Math.floor(begin / 600) * 600 : begin + from;
      const width = to === states.length ? 1_200 : begin + to - x;
      place(this.#runs.children[idx], { x, width, y: HEIGHT - HEIGHTS[state], height: HEIGHTS[state], "data-state": state });
    });
    const inside = marks.filter((second) => second > end - states.length && second <= end).slice(-MARKS_MAX);
    fit(this.#marks, inside.length);
    const width = states.length / 200;
    inside.forEach((second, idx) => {
      place(this.#marks.children[idx], { x: second - ORIGIN, y: 0, width, height: 3.5 });
    });
    setAttr(this.#svg, "aria-label", summaryOf(runs, end, states.length));
    this.#point();
  }

  #secondAt(part) {
    if (!this.#shown) return null;
    const { states, end } = this.#shown;
    const idx = Math.min(states.length - 1, Math.max(0, Math.floor(part * states.length)));
    return end - states.length + 1 + idx;
  }

  #point() {
    if (!this.#shown) return;
    const { states, end } = this.#shown;
    const second = this.#cursor.second;
    const isInside = second !== null && second > end - states.length && second <= end;
    place(this.#line, { x: isInside ? second - ORIGIN : 0, width: isInside ? states.length / 240 : 0 });
  }

  #tell(event) {
    const second = this.#cursor.second;
    if (!this.#shown || second === null) return;
    const { states, end } = this.#shown;
    const state = states[states.length - 1 - (end - second)] ?? "not known";
    const tip = byId("tip");
    setText(tip, `${timeOfSecond(second)} ${state}`);
    show(tip, true);
    tip.style.left = `${Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 8)}px`;
    tip.style.top = `${event.clientY + 16}px`;
  }
}

/** `{ from, to, state }` of each stretch of one known state. */
function runsOf(states) {
  const runs = [];
  states.forEach((state, idx) => {
    const last = runs.at(-1);
    if (last?.state === state && last.to === idx) last.to = idx + 1;
    else if (state in HEIGHTS) runs.push({ from: idx, to: idx + 1, state });
  });
  return runs;
}

function summaryOf(runs, end, seconds) {
  if (runs.length === 0) return "its states are not known";
  const told = runs.slice(-5).map(({ from, state }) => {
    return from === 0 ? state : `${state} since ${timeOfSecond(end - seconds + 1 + from)}`;
  });
  return `${runs.length > 5 ? "…, " : ""}${told.join(", then ")}`;
}

function fit(group, len) {
  while (group.children.length > len) group.lastElementChild.remove();
  while (group.children.length < len) group.append(svg("rect"));
}

function place(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) setAttr(element, name, value);
}

const MARKS_MAX = 40;
