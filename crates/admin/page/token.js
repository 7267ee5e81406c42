// Asks for the token.

import { byId, setText } from "./dom.js";

/** Asks until there is one. `isWrong` if one was refused. */
export function askToken(isWrong) {
  const dialog = byId("token");
  const input = byId("token-text");
  setText(byId("token-wrong"), isWrong ? "That was not it." : "");
  input.value = "";
  if (!dialog.open) dialog.showModal();
  return new Promise((resolve) => {
    const form = byId("token-form");
    // Without one there is nothing to show: it cannot be put off.
    const stay = (event) => event.preventDefault();
    dialog.addEventListener("cancel", stay);
    form.addEventListener("submit", () => {
      dialog.removeEventListener("cancel", stay);
      resolve(input.value.trim());
      input.value = "";
    }, { once: true });
  });
}
