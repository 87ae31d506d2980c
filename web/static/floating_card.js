// One card that floats beside what it tells about: a citation, or a statement's support.
//
// Pointing at its owner shows it until the pointer has left both. A click, a tap or Enter pins it: it
// then stays until Escape, a click elsewhere, or until the focus leaves it.

const SHOW_AFTER_MS = 90;
const HIDE_AFTER_MS = 220;

let card = null;
let owner = null;
let isPinned = false;
let timer = null;

function theCard() {
  if (!card) {
    card = document.createElement("div");
    card.className = "floating-card";
    card.id = "floating-card";
    card.hidden = true;
    card.addEventListener("mouseenter", () => clearTimeout(timer));
    card.addEventListener("mouseleave", () => hideSoon());
    card.addEventListener("focusout", (event) => {
      if (isPinned && event.relatedTarget && !card.contains(event.relatedTarget)) hideCard();
    });
    document.body.append(card);
  }
  return card;
}

/** Show the card, with what `build()` gives, when the pointer stays on `newOwner`. */
export function showSoon(newOwner, build) {
  clearTimeout(timer);
  if (isPinned || owner === newOwner) return;
  timer = setTimeout(() => showCard(newOwner, build()), SHOW_AFTER_MS);
}

export function hideSoon() {
  clearTimeout(timer);
  if (!isPinned) timer = setTimeout(hideCard, HIDE_AFTER_MS);
}

/** Show these nodes at once; `pin` keeps them, and `focus` leads the keyboard into them. */
export function showCard(newOwner, nodes, { pin = false, focus = false, label = "" } = {}) {
  clearTimeout(timer);
  hideCard();
  const shown = theCard();
  owner = newOwner;
  isPinned = pin;
  shown.replaceChildren(...nodes);
  shown.setAttribute("role", pin ? "dialog" : "tooltip");
  if (pin && label) shown.setAttribute("aria-label", label);
  else shown.removeAttribute("aria-label");
  if (!pin) owner.setAttribute("aria-describedby", shown.id);
  shown.hidden = false;
  shown.scrollTop = 0;
  placeCard();
  if (pin) keepOwnerInSight();
  if (focus) (shown.querySelector("a, button") ?? shown).focus({ preventScroll: true });
}

export function hideCard() {
  clearTimeout(timer);
  if (!owner) return;
  const hadFocus = card.contains(document.activeElement);
  const last = owner;
  owner.removeAttribute("aria-describedby");
  owner = null;
  isPinned = false;
  card.hidden = true;
  if (hadFocus && last.isConnected) last.focus({ preventScroll: true });
}

export function isCardOf(element) {
  return owner === element;
}

export function isCardPinned() {
  return isPinned;
}

/** Keep the card at its owner while the page scrolls; without it in sight there is no card. */
function followOwner() {
  if (!owner) return;
  const at = owner.getBoundingClientRect();
  if (!owner.isConnected || at.bottom < 0 || at.top > innerHeight) hideCard();
  else placeCard();
}

function placeCard() {
  const at = owner.getClientRects()[0] ?? owner.getBoundingClientRect();
  const box = card.getBoundingClientRect();
  const left = Math.min(Math.max(8, at.left + at.width / 2 - box.width / 2), innerWidth - box.width - 8);
  const below = at.bottom + 6;
  const fitsBelow = below + box.height < innerHeight - 8;
  const above = at.top - box.height - 6;
  card.style.left = `${Math.max(8, left)}px`;
  card.style.top = `${above > 8 || !fitsBelow ? Math.max(8, above) : below}px`;
}

/** On a phone the card lies at the bottom (turn.css), perhaps over the words that it is about. */
function keepOwnerInSight() {
  const isOver = getComputedStyle(card).bottom !== "auto" && card.getBoundingClientRect().width > innerWidth - 40;
  const hidden = owner.getBoundingClientRect().bottom - card.getBoundingClientRect().top;
  if (isOver && hidden > 0) scrollBy(0, hidden + 16);
}

addEventListener("scroll", followOwner, { passive: true });
addEventListener("resize", hideCard);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !owner) return;
  // Else the same key would also stop the answer.
  event.stopPropagation();
  hideCard();
}, { capture: true });
document.addEventListener("pointerdown", (event) => {
  if (owner && !owner.contains(event.target) && !card.contains(event.target)) hideCard();
});
