// What the other modules change the page with.
//
// Elements are made once and then changed in place, and only where something is different: forty
// servers cost little, and what somebody reads, selects or points at stays where it is.
//
// Texts are always set as text. Nothing here, or anywhere on the page, parses markup.

const SVG = "http://www.w3.org/2000/svg";

/** The element of the page with this id. */
export function byId(id) {
  return document.getElementById(id);
}

/** A new HTML element. `text`, `class` and `on` (listeners) are not attributes of that name. */
export function el(tag, options = {}, ...children) {
  return fill(document.createElement(tag), options, children);
}

/** A new SVG element. */
export function svg(tag, options = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), options, children);
}

function fill(element, options, children) {
  for (const [name, value] of Object.entries(options)) {
    if (name === "text") element.textContent = value;
    else if (name === "on") listen(element, value);
    else setAttr(element, name, value);
  }
  element.append(...children);
  return element;
}

function listen(element, listeners) {
  for (const [name, listener] of Object.entries(listeners)) {
    element.addEventListener(name, listener);
  }
}

/** Changes the text if it is another. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Changes an attribute if it is another. Null and false take it away. */
export function setAttr(element, name, value) {
  if (value === null || value === undefined || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/** Shows an element, or hides it. */
export function show(element, isShown) {
  if (element.hidden === isShown) element.hidden = !isShown;
}

/** One of the page's small pictures, which says the same as the word beside it. */
export function mark(name) {
  const use = svg("use", { href: `#mark-${name}` });
  const root = svg("svg", { class: "mark", viewBox: "0 0 16 16", "aria-hidden": "true" }, use);
  return { root, set: (other) => setAttr(use, "href", `#mark-${other}`) };
}

/**
 * A list that is changed in place, after what its parent has already. `create` makes what shows
 * one item: `{ root, update(item) }`.
 */
export class List {
  #parent;
  #create;
  #before;
  #shown = new Map();

  constructor(parent, create) {
    this.#parent = parent;
    this.#create = create;
    this.#before = parent.childElementCount;
  }

  /** Shows these items in this order. `keyOf` says which is which. */
  update(items, keyOf) {
    const before = this.#shown;
    this.#shown = new Map();
    for (const item of items) {
      const key = keyOf(item);
      const view = before.get(key) ?? this.#create(item);
      before.delete(key);
      this.#shown.set(key, view);
      view.update?.(item);
    }
    for (const gone of before.values()) gone.root.remove();
    let place = this.#parent.children[this.#before] ?? null;
    for (const { root } of this.#shown.values()) {
      if (root === place) place = place.nextElementSibling;
      else this.#parent.insertBefore(root, place);
    }
  }
}

/** The choices of a `<select>`, which keeps what is chosen. */
export function setChoices(select, choices) {
  const signature = JSON.stringify(choices);
  if (select.dataset.choices === signature) return;
  const chosen = select.value;
  const options = choices.map(({ value, text }) => el("option", { value, text }));
  select.replaceChildren(...options);
  select.dataset.choices = signature;
  if (choices.some(({ value }) => value === chosen)) select.value = chosen;
}
