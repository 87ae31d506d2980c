// Citation chips in an answer: what they tell, and where they lead.

import { element, siteOf } from "./dom.js";
import { translate } from "./i18n.js";
import { plainText } from "./plain_text.js";
import { showSource } from "./sources.js";

let shownChip = null; // the chip that the tooltip belongs to

/** Give every chip a spoken name: a bare number says nothing to a screen reader. */
export function labelCitations(root, findSource) {
  for (const chip of root.querySelectorAll("a.citation")) {
    const number = numberOf(chip);
    const source = findSource(number);
    const label = translate("sourceNumber", { number });
    chip.setAttribute("aria-label", source ? `${label}: ${source.title || source.url}` : label);
  }
}

/**
 * Which citation each chip shows, as a Map. Chips and citations stand in the same order.
 *
 * Should they not, a source's chips are matched with its citations; a chip that could mean
 * several gets none, since a wrong quote is worse than none.
 */
export function matchCitations(answer, citations) {
  const chips = [...answer.querySelectorAll("a.citation")];
  const fits = (chip, index) => citations[index]?.source_number === numberOf(chip);
  if (chips.length === citations.length && chips.every(fits)) {
    return new Map(chips.map((chip, index) => [chip, citations[index]]));
  }
  const matched = chips.map((chip) => {
    const number = numberOf(chip);
    const same = citations.filter((citation) => citation.source_number === number);
    const siblings = chips.filter((other) => numberOf(other) === number);
    if (same.length === siblings.length) return [chip, same[siblings.indexOf(chip)]];
    return [chip, same.length === 1 ? same[0] : undefined];
  });
  return new Map(matched);
}

/** Make the chips inside `answer` work; the three functions are asked on use. */
export function connectCitations(answer, { findSource, findCitation, cards }) {
  let isTouch = false;
  const show = (event) => {
    const chip = chipOf(event);
    const source = chip && findSource(numberOf(chip));
    if (source) showTooltip(chip, source, findCitation(chip), isTouch);
  };
  answer.addEventListener("pointerdown", (event) => {
    isTouch = event.pointerType === "touch";
    // A finger cannot hover: its first tap tells, its second leads.
    const chip = chipOf(event);
    if (chip) chip.dataset.told = isTouch && shownChip !== chip ? "" : "yes";
  });
  answer.addEventListener("click", (event) => {
    const chip = chipOf(event);
    if (!chip) return;
    event.preventDefault();
    const wasTold = !isTouch || event.detail === 0 || chip.dataset.told === "yes";
    if (!wasTold) {
      show(event);
      return;
    }
    hideTooltip();
    const source = findSource(numberOf(chip));
    if (source) showSource(cards(), source, findCitation(chip)?.quote);
  });
  for (const name of ["mouseover", "focusin"]) answer.addEventListener(name, show);
  for (const name of ["mouseout", "focusout"]) answer.addEventListener(name, hideTooltip);
}

export function hideTooltip() {
  shownChip?.removeAttribute("aria-describedby");
  shownChip = null;
  document.getElementById("tooltip").hidden = true;
}

/** Keep the tooltip at its chip while the page scrolls. */
export function moveTooltip() {
  if (!shownChip) return;
  const at = shownChip.getBoundingClientRect();
  if (!shownChip.isConnected || at.bottom < 0 || at.top > innerHeight) hideTooltip();
  else placeTooltip(at);
}

function chipOf(event) {
  return event.target.closest?.("a.citation");
}

function numberOf(chip) {
  return Number(chip.dataset.source);
}

function showTooltip(chip, source, citation, isTouch) {
  if (shownChip !== chip) hideTooltip();
  shownChip = chip;
  chip.setAttribute("aria-describedby", "tooltip");
  const where = [source.site || siteOf(source.url), source.date].filter(Boolean).join(" · ");
  const lines = [
    element("strong", { text: source.title || source.url }),
    element("span", { class: "tooltip-site", text: where }),
  ];
  if (citation?.quote) {
    const words = translate("quoted", { quote: plainText(citation.quote) });
    lines.push(element("span", { class: "tooltip-quote", text: words }));
  }
  for (const [isShown, key] of [[citation?.added, "citationAdded"], [isTouch, "tapAgain"]]) {
    if (isShown) lines.push(element("span", { class: "tooltip-note", text: translate(key) }));
  }
  const tooltip = document.getElementById("tooltip");
  tooltip.replaceChildren(...lines);
  tooltip.hidden = false;
  placeTooltip(chip.getBoundingClientRect());
}

function placeTooltip(at) {
  const tooltip = document.getElementById("tooltip");
  const box = tooltip.getBoundingClientRect();
  const left = Math.min(Math.max(8, at.left + at.width / 2 - box.width / 2), innerWidth - box.width - 8);
  const above = at.top - box.height - 8;
  tooltip.style.left = `${left}px`;
  tooltip.style.top = `${above > 8 ? above : at.bottom + 8}px`;
}
