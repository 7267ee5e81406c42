// Lines over the last minutes, drawn by hand as SVG.

import { el, setAttr, setText, svg } from "./dom.js";
import { duration, timeOfMinute, timeOfSecond, UNKNOWN } from "./words.js";

/** The second that somebody points at, shared by all that is drawn over time. */
export class Cursor {
  second = null;
  #listeners = [];

  /** Calls `listener` when it moves. */
  listen(listener) {
    this.#listeners.push(listener);
  }

  /** Moves it; null takes it away. */
  set(second) {
    if (second === this.second) return;
    this.second = second;
    for (const listener of this.#listeners) listener();
  }

  /** Follows the pointer over an element. `secondAt` says which second is at a part of its width. */
  follow(element, secondAt) {
    element.addEventListener("pointermove", (event) => {
      const box = element.getBoundingClientRect();
      this.set(secondAt((event.clientX - box.left) / box.width, box.width));
    });
    element.addEventListener("pointerleave", () => this.set(null));
  }
}

/** One plot: a title, the figures of now or of the cursor, and lines. */
export class Plot {
  #title;
  #lines;
  #format;
  #axis;
  #scale;
  #cursor;
  #about = el("span", { class: "about" });
  #now = el("p", { class: "plot-now" });
  #beside = el("p", { class: "plot-beside soft" });
  #note = el("span");
  #svg = svg("svg", { role: "img", class: "plot-area", tabindex: "0" });
  #grid = svg("g", { class: "grid" });
  #marks = svg("g", { class: "event-marks" });
  #paths = new Map();
  #values = new Map();
  #cursorLine = svg("line", { class: "cursor", visibility: "hidden" });
  #shown = null;
  #size = { width: 0, height: 0 };

  /**
   * `lines` are `{ key, label }`, the most telling first; `scale` is one of those below; `axis` is
   * the format of its ticks.
   */
  constructor({ title, lines, format, axis = format, scale, cursor }) {
    this.#title = title;
    this.#lines = lines;
    this.#format = format;
    this.#axis = axis;
    this.#scale = scale;
    this.#cursor = cursor;
    this.#svg.append(this.#grid, this.#marks);
    // The most telling line lies on top.
    for (const { key } of [...lines].reverse()) {
      const path = svg("path", { class: `line line-${key}` });
      this.#paths.set(key, path);
      this.#svg.append(path);
    }
    this.#svg.append(this.#cursorLine);
    this.root = el(
      "div",
      { class: "plot" },
      el("h3", {}, title, this.#about),
      this.#now,
      this.#beside,
      this.#svg,
    );
    const [first, ...others] = lines.map(({ key, label }) => this.#legend(key, label));
    this.#now.append(first);
    this.#beside.append(...others, this.#note);
    this.#listen();
  }

  /**
   * Shows these columns, which end with second `end`. `marks` are `{ second, state }`; `about` says
   * what it is of, `note` what else there is to say.
   */
  update({ end, seconds, columns, marks, about, note }) {
    this.#shown = { end, seconds, columns, marks };
    setText(this.#about, about ? ` · ${about}` : "");
    setText(this.#note, note);
    this.#draw();
  }

  #legend(key, label) {
    const value = el("span", { class: "value", text: UNKNOWN });
    this.#values.set(key, value);
    const sample = svg(
      "svg",
      { class: "sample", viewBox: "0 0 20 6", "aria-hidden": "true" },
      svg("path", { class: `line line-${key}`, d: "M1 3H19" }),
    );
    const isAlone = this.#lines.length === 1;
    return el("span", { class: "legend" }, ...(isAlone ? [] : [sample, ` ${label} `]), value);
  }

  #listen() {
    new ResizeObserver(([{ contentRect }]) => {
      this.#size = { width: Math.round(contentRect.width), height: Math.round(contentRect.height) };
      this.#draw();
    }).observe(this.#svg);
    this.#cursor.follow(this.#svg, (part, width) => this.#secondAt(part * width));
    this.#cursor.listen(() => this.#point());
    this.#svg.addEventListener("keydown", (event) => this.#moveCursor(event));
    this.#svg.addEventListener("blur", () => this.#cursor.set(null));
  }

  #moveCursor(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Escape") this.#cursor.set(null);
    if (!step || !this.#shown) return;
    const { end, seconds } = this.#shown;
    const second = (this.#cursor.second ?? end) + step * (event.shiftKey ? 10 : 1);
    this.#cursor.set(Math.min(end, Math.max(end - seconds + 1, second)));
    event.preventDefault();
  }

  #secondAt(x) {
    if (!this.#shown) return null;
    const { end, seconds } = this.#shown;
    const part = (x - LEFT) / (this.#size.width - LEFT - RIGHT);
    return end - seconds + 1 + Math.min(seconds - 1, Math.max(0, Math.floor(part * seconds)));
  }

  #x(second) {
    const { end, seconds } = this.#shown;
    const part = (second - (end - seconds) - 0.5) / seconds;
    return LEFT + part * (this.#size.width - LEFT - RIGHT);
  }

  #draw() {
    const { width, height } = this.#size;
    if (!this.#shown || width === 0) return;
    const { columns } = this.#shown;
    setAttr(this.#svg, "viewBox", `0 0 ${width} ${height}`);
    const known = this.#lines.flatMap(({ key }) => columns[key]).filter((value) => value !== null);
    const { ticks, part } = this.#scale(known);
    const y = (value) => TOP + (1 - part(value)) * (height - TOP - BOTTOM);
    this.#drawGrid(ticks, y);
    this.#drawMarks();
    for (const { key } of this.#lines) {
      setAttr(this.#paths.get(key), "d", this.#pathOf(columns[key], y));
    }
    setAttr(this.#svg, "aria-label", this.#summary(columns[this.#lines[0].key]));
    this.#point();
  }

  #drawGrid(ticks, y) {
    const { width, height } = this.#size;
    const { end, seconds } = this.#shown;
    const parts = ticks.flatMap((tick) => [
      svg("line", { x1: LEFT, x2: width - RIGHT, y1: y(tick), y2: y(tick) }),
      svg("text", { x: LEFT - 5, y: y(tick) + 3.5, "text-anchor": "end", text: this.#axis(tick) }),
    ]);
    const step = seconds / 60 > (width / 75) ? Math.ceil(seconds / 60 / (width / 75)) * 60 : 60;
    for (let at = Math.ceil((end - seconds + 1) / step) * step; at <= end; at += step) {
      const x = this.#x(at);
      parts.push(svg("line", { x1: x, x2: x, y1: TOP, y2: height - BOTTOM, class: "minute" }));
      if (x > LEFT + 14 && x < width - RIGHT - 14) {
        parts.push(svg("text", { x, y: height - 3, "text-anchor": "middle", text: timeOfMinute(at) }));
      }
    }
    this.#grid.replaceChildren(...parts);
  }

  #drawMarks() {
    const { end, seconds, marks } = this.#shown;
    const inside = marks.filter(({ second }) => second > end - seconds && second <= end);
    // So many would hide what they are to explain.
    const shown = inside.length > MARKS_MAX ? [] : inside;
    const lines = shown.map(({ second, state }) => {
      const x = this.#x(second);
      return svg("line", { x1: x, x2: x, y1: TOP, y2: this.#size.height - BOTTOM, "data-state": state });
    });
    this.#marks.replaceChildren(...lines);
  }

  #pathOf(column, y) {
    const first = this.#shown.end - column.length + 1;
    let path = "";
    let isDown = false;
    column.forEach((value, idx) => {
      if (value === null) {
        isDown = false;
        return;
      }
      const point = `${this.#x(first + idx).toFixed(1)} ${y(value).toFixed(1)}`;
      // A point without neighbours is a dot.
      path += isDown ? `L${point}` : `M${point}h.01`;
      isDown = true;
    });
    return path;
  }

  /** The figures, and the line, of the cursor; or the figures of now. */
  #point() {
    if (!this.#shown) return;
    const { end, seconds, columns } = this.#shown;
    const second = this.#cursor.second;
    const isInside = second !== null && second > end - seconds && second <= end;
    setAttr(this.#cursorLine, "visibility", isInside ? "visible" : "hidden");
    if (isInside) {
      const x = this.#x(second);
      for (const [name, value] of Object.entries({ x1: x, x2: x, y1: TOP, y2: this.#size.height - BOTTOM })) {
        setAttr(this.#cursorLine, name, value);
      }
    }
    setAttr(this.root, "data-at", isInside ? timeOfSecond(second) : null);
    for (const { key } of this.#lines) {
      const column = columns[key];
      const value = isInside ? column[column.length - 1 - (end - second)] : latest(column);
      setText(this.#values.get(key), this.#format(value));
    }
  }

  #summary(column) {
    const known = column.filter((value) => value !== null);
    const over = `the last ${duration(this.#shown.seconds)}`;
    if (known.length === 0) return `${this.#title}: nothing is known of ${over}.`;
    const [now, min, max] = [latest(column), Math.min(...known), Math.max(...known)].map(this.#format);
    return `${this.#title}, ${this.#lines[0].label}: now ${now}; from ${min} to ${max} over ${over}.`;
  }
}

/** From 0 to 100. */
export function percentScale() {
  return { ticks: [0, 50, 100], part: (value) => value / 100 };
}

/** From 0 to a round number. */
export function linearScale(known) {
  const max = roundUp(Math.max(1, ...known));
  return { ticks: [0, max / 2, max], part: (value) => value / max };
}

/** By powers of ten. */
export function logScale(known) {
  const positive = known.filter((value) => value > 0);
  if (positive.length === 0) return { ticks: [], part: () => 0 };
  const low = Math.floor(Math.log10(Math.min(...positive)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...positive))));
  const ticks = Array.from({ length: high - low + 1 }, (_, idx) => 10 ** (low + idx));
  return { ticks, part: (value) => (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low) };
}

function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((factor) => factor * power).find((it) => it >= value);
}

/** The last second is not always known yet; an older one is not now. */
function latest(column) {
  return column.slice(-3).findLast((value) => value !== null) ?? null;
}

const LEFT = 45;
const RIGHT = 4;
const TOP = 6;
const BOTTOM = 16;
const MARKS_MAX = 24;
