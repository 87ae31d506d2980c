// One tooltip for the page: beside what it belongs to, until the pointer or the focus leaves.

let anchor = null; // the element that the tooltip belongs to

/** Show these lines above an element, or below it where there is no room. */
export function showTooltip(owner, lines) {
  if (anchor !== owner) hideTooltip();
  anchor = owner;
  owner.setAttribute("aria-describedby", "tooltip");
  const tooltip = document.getElementById("tooltip");
  tooltip.replaceChildren(...lines);
  tooltip.hidden = false;
  placeTooltip(owner.getBoundingClientRect());
}

export function hideTooltip() {
  anchor?.removeAttribute("aria-describedby");
  anchor = null;
  document.getElementById("tooltip").hidden = true;
}

export function isTooltipOf(element) {
  return anchor === element;
}

/** Keep the tooltip at its element while the page scrolls. */
export function moveTooltip() {
  if (!anchor) return;
  const at = anchor.getBoundingClientRect();
  if (!anchor.isConnected || at.bottom < 0 || at.top > innerHeight) hideTooltip();
  else placeTooltip(at);
}

function placeTooltip(at) {
  const tooltip = document.getElementById("tooltip");
  const box = tooltip.getBoundingClientRect();
  const left = Math.min(Math.max(8, at.left + at.width / 2 - box.width / 2), innerWidth - box.width - 8);
  const above = at.top - box.height - 8;
  tooltip.style.left = `${left}px`;
  tooltip.style.top = `${above > 8 ? above : at.bottom + 8}px`;
}
