// What can be measured of how the page looks. These functions run in the page.

/** The texts that are not enough unlike what is behind them, and marks likewise. */
export function faintThings() {
  const parse = (color) => {
    const numbers = color.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0, 0];
    const scale = color.startsWith("color(") ? 255 : 1;
    return { rgb: numbers.slice(0, 3).map((it) => it * scale), alpha: numbers[3] ?? 1 };
  };
  const over = (top, bottom) => top.rgb.map((it, idx) => it * top.alpha + bottom[idx] * (1 - top.alpha));
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((it) => it / 255).map((it) => (it <= 0.03928 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  const ground = (element) => {
    if (!element) return [255, 255, 255];
    const color = parse(getComputedStyle(element).backgroundColor);
    return color.alpha === 1 ? color.rgb : over(color, ground(element.parentElement));
  };
  const faint = [];
  const check = (element, color, needed, what) => {
    const behind = ground(element);
    const found = contrast(over(parse(color), behind), behind);
    if (found < needed) faint.push(`${what}: ${found.toFixed(2)}, and ${needed} are needed`);
  };
  for (const element of document.querySelectorAll("body *")) {
    if (!element.checkVisibility() || element.matches(":disabled, option")) continue;
    const style = getComputedStyle(element);
    const hasText = [...element.childNodes].some((it) => it.nodeType === Node.TEXT_NODE && it.data.trim());
    const isBig = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    const name = `${element.tagName}.${element.getAttribute("class")} "${element.textContent.slice(0, 30)}"`;
    if (hasText) check(element, element.matches("svg text") ? style.fill : style.color, isBig ? 3 : 4.5, name);
    if (element.matches(".bar rect[data-state]")) check(element, style.fill, 3, `bar ${element.dataset.state}`);
    if (element.matches("path.line")) check(element, style.stroke, 3, `line ${element.getAttribute("class")}`);
    if (element.matches("button:not(.quiet):not(.go):not(.open), input, select")) {
      check(element, style.borderTopColor, 3, `border of ${name}`);
    }
  }
  return faint;
}

/** What sticks out of the page, or of its card, sideways. */
export function thingsThatStickOut() {
  const out = [];
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) {
    out.push(`the page is ${document.documentElement.scrollWidth} wide in ${width}`);
  }
  for (const element of document.querySelectorAll("main *")) {
    if (!element.checkVisibility() || element.closest("svg, pre, .hidden-words, thead, .menu-items")) continue;
    const box = element.getBoundingClientRect();
    const around = (element.closest(".card") ?? document.body).getBoundingClientRect();
    if (box.width > 1 && box.right > around.right + 1) {
      out.push(`${element.tagName}.${element.className}: ends at ${box.right}, its card at ${around.right}`);
    }
  }
  return out.slice(0, 5);
}

/** What can be pressed and has no name for those who cannot see it. */
export function namelessThings() {
  const all = [...document.querySelectorAll("button, input, select, summary, a, [role=img]")];
  const isNamed = (it) => it.getAttribute("aria-label") || it.textContent.trim() || it.labels?.length > 0;
  return all.filter((it) => it.checkVisibility() && !isNamed(it)).map((it) => it.outerHTML.slice(0, 120));
}
