// Citation chips in an answer: what they tell, and where they lead.

import { element, safeAddress } from "./dom.js";
import { hideCard, hideSoon, isCardOf, isCardPinned, showCard, showSoon } from "./floating_card.js";
import { translate } from "./i18n.js";
import { markQuote, plainText, visibleText } from "./plain_text.js";
import { OUTSIDE, isLocal, placesOf, showSource, sourceAddress, titleOf } from "./sources.js";

const SUPPORT_WORDS = {
  supported: "sourceSupports",
  partial: "sourceSupportsPartly",
  unsupported: "sourceSupportsNot",
};
// So much of a passage stands around the quoted words, in characters on each side.
const CONTEXT_CHARS = 140;

/**
 * Give every chip a spoken name: a bare number says nothing to a screen reader.
 *
 * `findCitation(chip)`, once it is known, tells what is known of the place.
 */
export function labelCitations(root, findSource, findCitation = () => undefined) {
  for (const chip of root.querySelectorAll("a.citation")) {
    const number = numberOf(chip);
    const source = findSource(number);
    const citation = findCitation(chip);
    const parts = [translate("sourceNumber", { number })];
    chip.classList.toggle("is-added", Boolean(citation?.added));
    if (citation?.added) parts[0] += ` (${translate("addedMark")})`;
    const label = source ? `${parts[0]}: ${titleOf(source)}` : parts[0];
    const support = SUPPORT_WORDS[citation?.support];
    chip.setAttribute("aria-label", support ? `${label}. ${translate(support)}` : label);
    chip.dataset.support = citation?.support ?? "";
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
  const nodesOf = (chip) => {
    const source = findSource(numberOf(chip));
    return source ? buildCard(source, findCitation(chip), cards) : null;
  };
  const onPoint = (event) => {
    const chip = chipOf(event);
    if (chip && findSource(numberOf(chip))) showSoon(chip, () => nodesOf(chip));
  };
  answer.addEventListener("mouseover", onPoint);
  answer.addEventListener("mouseout", (event) => chipOf(event) && hideSoon());
  answer.addEventListener("focusin", (event) => {
    const chip = chipOf(event);
    const nodes = chip?.matches(":focus-visible") && !isCardOf(chip) && nodesOf(chip);
    if (nodes) showCard(chip, nodes);
  });
  answer.addEventListener("focusout", (event) => chipOf(event) && hideSoon());
  answer.addEventListener("click", (event) => {
    const chip = chipOf(event);
    if (!chip) return;
    event.preventDefault();
    if (isCardOf(chip) && isCardPinned()) return hideCard();
    const nodes = nodesOf(chip);
    const label = chip.getAttribute("aria-label");
    // A click of the keyboard has no count: the keys then lead into the card.
    if (nodes) showCard(chip, nodes, { pin: true, focus: event.detail === 0, label });
  });
}

function chipOf(event) {
  return event.target.closest?.("a.citation");
}

function numberOf(chip) {
  return Number(chip.dataset.source);
}

function buildCard(source, citation, cards) {
  const where = element("p", { class: "floating-site" });
  for (const words of [...placesOf(source), source.date].filter(Boolean)) {
    where.append(where.childNodes.length ? " · " : "", element("bdi", { text: words }));
  }
  const title = element("p", { class: "floating-title", dir: "auto" });
  title.append(element("span", { class: "card-number", text: source.number, "aria-hidden": "true" }), visibleText(titleOf(source)));
  const nodes = [title, where];
  if (citation?.quote) nodes.push(buildQuote(source, citation.quote));
  else if (citation) nodes.push(element("p", { class: "floating-note", text: translate("noWordsKnown") }));
  for (const key of [SUPPORT_WORDS[citation?.support], citation?.added && "citationAdded"]) {
    if (key) nodes.push(element("p", { class: "floating-note", text: translate(key) }));
  }
  nodes.push(buildLinks(source, citation, cards));
  return nodes;
}

/** The words that support the statement, marked, with a little of what stands around them. */
function buildQuote(source, quote) {
  const shown = element("blockquote", { class: "floating-quote", dir: "auto" });
  const passage = source.passages.find(({ text }) => text.includes(quote));
  const parts = passage && markQuote(passage.text, quote);
  if (!parts) {
    shown.append(element("mark", { text: plainText(quote) }));
    return shown;
  }
  const [before, marked, after] = parts;
  const head = before.length > CONTEXT_CHARS ? `…${before.slice(-CONTEXT_CHARS)}` : before;
  const tail = after.length > CONTEXT_CHARS ? `${after.slice(0, CONTEXT_CHARS)}…` : after;
  shown.append(visibleText(head), element("mark", { text: marked }), visibleText(tail));
  return shown;
}

function buildLinks(source, citation, cards) {
  const links = element("p", { class: "floating-links" });
  const address = safeAddress(citation?.link) ?? sourceAddress(source);
  if (address !== null) {
    const key = isLocal(source) ? "showInDocument" : citation?.quote ? "showOnPage" : "openPage";
    links.append(element("a", { text: translate(key), href: address, target: "_blank", rel: OUTSIDE }));
  }
  const show = () => {
    hideCard();
    showSource(cards(), source, citation);
  };
  if (cards()?.querySelector(".card")) {
    links.append(element("button", { type: "button", class: "link-button", text: translate("showInSources"), onclick: show }));
  }
  return links;
}
