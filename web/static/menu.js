// One small menu beside the button that opened it.

import { element } from "./dom.js";

let menu = null;
let owner = null; // the button that it belongs to

/** Open a menu of `[{words, onChoose, isDangerous}]` at a button; the same button closes it. */
export function openMenu(button, entries) {
  menu ??= buildMenu();
  const wasOwner = owner;
  closeMenu();
  if (wasOwner === button) return;
  owner = button;
  menu.replaceChildren(...entries.map(buildEntry));
  menu.setAttribute("aria-label", button.getAttribute("aria-label"));
  menu.hidden = false;
  button.setAttribute("aria-expanded", "true");
  placeMenu(button.getBoundingClientRect());
  menu.firstElementChild.focus();
}

export function closeMenu() {
  if (!owner) return;
  owner.setAttribute("aria-expanded", "false");
  owner = null;
  menu.hidden = true;
}

function buildMenu() {
  const made = element("div", { class: "menu", role: "menu", hidden: true });
  made.addEventListener("keydown", handleKey);
  // In the sidebar, so that it stays reachable where what is behind the sidebar is inert.
  document.getElementById("sidebar").append(made);
  document.addEventListener("pointerdown", (event) => {
    if (owner && !made.contains(event.target) && !owner.contains(event.target)) closeMenu();
  });
  addEventListener("resize", closeMenu);
  document.getElementById("conversations").addEventListener("scroll", closeMenu, { passive: true });
  return made;
}

function buildEntry({ words, onChoose, isDangerous = false }) {
  const choose = () => {
    const button = owner;
    closeMenu();
    button.focus();
    onChoose();
  };
  const style = isDangerous ? "menu-entry is-dangerous" : "menu-entry";
  return element("button", {
    type: "button",
    class: style,
    role: "menuitem",
    tabindex: "-1",
    text: words,
    onclick: choose,
  });
}

function handleKey(event) {
  const entries = [...menu.children];
  const at = entries.indexOf(document.activeElement);
  const steps = { ArrowDown: at + 1, ArrowUp: at - 1 + entries.length, Home: 0, End: entries.length - 1 };
  if (event.key in steps) entries[steps[event.key] % entries.length].focus();
  else if (event.key === "Escape" || event.key === "Tab") {
    const button = owner;
    closeMenu();
    button.focus();
    // Tab goes on from the button.
    if (event.key === "Tab") return;
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

/** Below the button, or above it where there is no room. */
function placeMenu(at) {
  const box = menu.getBoundingClientRect();
  const below = at.bottom + 4;
  const top = below + box.height > innerHeight - 8 ? at.top - box.height - 4 : below;
  menu.style.top = `${Math.max(8, top)}px`;
  menu.style.left = `${Math.max(8, Math.min(at.right - box.width, innerWidth - box.width - 8))}px`;
}
