// One small message at the bottom of the page, which goes by itself.

import { element } from "./dom.js";

const SHOWN_MS = 8000;
const GAP_PX = 12;

// There from the start: screen readers tell only what changes in a region that they know.
const place = element("div", { class: "toast-place", role: "status" });
document.body.append(place);

let timer = null;
let wasFocused = null; // where the focus was before it came here

/**
 * Show these words, in place of the last ones, with a button if `action` names one.
 *
 * With `announce: false` screen readers stay silent: what happened is told elsewhere.
 */
export function showToast(words, { action, onAction, announce = true } = {}) {
  clearTimeout(timer);
  place.setAttribute("aria-live", announce ? "polite" : "off");
  const toast = element("div", { class: "toast" }, element("span", { class: "toast-words", text: words }));
  if (action) toast.append(buildAction(action, onAction));
  place.replaceChildren(toast);
  keepClear(toast);
  waitToHide();
}

function hideToast() {
  clearTimeout(timer);
  const hadFocus = place.contains(document.activeElement);
  place.replaceChildren();
  if (hadFocus && wasFocused?.isConnected) wasFocused.focus();
}

function buildAction(words, onAction) {
  const act = () => {
    hideToast();
    onAction?.();
  };
  return element("button", { type: "button", class: "toast-button", text: words, onclick: act });
}

/** Not while somebody points at it or is in it. */
function waitToHide() {
  clearTimeout(timer);
  if (place.matches(":hover") || place.contains(document.activeElement)) return;
  timer = setTimeout(hideToast, SHOWN_MS);
}

/** Above the question box where that is at the bottom, and never over it. */
function keepClear(toast) {
  place.style.bottom = "";
  const box = document.getElementById("composer-place")?.getBoundingClientRect();
  const own = toast.getBoundingClientRect();
  if (!box || own.top > box.bottom || own.bottom < box.top) return;
  place.style.bottom = `${Math.max(0, innerHeight - box.top) + GAP_PX}px`;
}

for (const name of ["pointerenter", "focusin"]) place.addEventListener(name, () => clearTimeout(timer));
for (const name of ["pointerleave", "focusout"]) place.addEventListener(name, waitToHide);
place.addEventListener("focusin", (event) => {
  if (event.relatedTarget && !place.contains(event.relatedTarget)) wasFocused = event.relatedTarget;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || !place.children.length) return;
  // Taken: the same key must not stop an answer too.
  event.preventDefault();
  hideToast();
});
