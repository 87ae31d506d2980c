// Citation chips in an answer: what they tell, and where they lead.

import { element } from "./dom.js";
import { translate } from "./i18n.js";
import { plainText } from "./plain_text.js";
import { placesOf, showSource, titleOf } from "./sources.js";
import { hideTooltip, isTooltipOf, showTooltip } from "./tooltip.js";

const SUPPORT_WORDS = {
  supported: "sourceSupports",
  partial: "sourceSupportsPartly",
  unsupported: "sourceSupportsNot",
};

/**
 * Give every chip a spoken name: a bare number says nothing to a screen reader.
 *
 * `findCitation(chip)`, once it is known, tells which chips the model did not write.
 */
export function labelCitations(root, findSource, findCitation = () => undefined) {
  for (const chip of root.querySelectorAll("a.citation")) {
    const number = numberOf(chip);
    const source = findSource(number);
    const label = translate("sourceNumber", { number });
    const isAdded = Boolean(findCitation(chip)?.added);
    chip.classList.toggle("is-added", isAdded);
    const added = isAdded ? ` (${translate("addedMark")})` : "";
    chip.setAttribute("aria-label", source ? `${label}${added}: ${titleOf(source)}` : label);
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
    if (source) showTooltip(chip, buildDetails(source, findCitation(chip), isTouch));
  };
  answer.addEventListener("pointerdown", (event) => {
    isTouch = event.pointerType === "touch";
    // A finger cannot hover: its first tap tells, its second leads.
    const chip = chipOf(event);
    if (chip) chip.dataset.told = isTouch && !isTooltipOf(chip) ? "" : "yes";
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
    if (source) showSource(cards(), source, findCitation(chip));
  });
  for (const name of ["mouseover", "focusin"]) answer.addEventListener(name, show);
  for (const name of ["mouseout", "focusout"]) answer.addEventListener(name, hideTooltip);
}

function chipOf(event) {
  return event.target.closest?.("a.citation");
}

function numberOf(chip) {
  return Number(chip.dataset.source);
}

function buildDetails(source, citation, isTouch) {
  const where = element("span", { class: "tooltip-site" });
  for (const words of [...placesOf(source), source.date].filter(Boolean)) {
    where.append(where.childNodes.length ? " · " : "", element("bdi", { text: words }));
  }
  const lines = [element("strong", { text: titleOf(source) }), where];
  if (citation?.quote) {
    const words = translate("quoted", { quote: plainText(citation.quote) });
    lines.push(element("span", { class: "tooltip-quote", text: words }));
  }
  const notes = [SUPPORT_WORDS[citation?.support], citation?.added && "citationAdded", isTouch && "tapAgain"];
  for (const key of notes) {
    if (key) lines.push(element("span", { class: "tooltip-note", text: translate(key) }));
  }
  return lines;
}
