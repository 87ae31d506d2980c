// Source cards, and the citation chips that lead to them.

import { element, isWebAddress, siteOf } from "./dom.js";
import { translate } from "./i18n.js";

const KIND_WORDS = { page: "kindPage", document: "kindDocument", builtin: "kindBuiltin" };

/** The address that a source opens, or null if there is none to open. */
export function sourceAddress(source, passage = source.passages[0]) {
  if (source.kind !== "page" && source.document_id) {
    const path = `/documents/${encodeURIComponent(source.document_id)}`;
    if (!passage) return path;
    return `${path}?start=${passage.start_index}&end=${passage.end_index}#passage`;
  }
  return isWebAddress(source.url) ? source.url : null;
}

/** The section with all cards; sources that are not in `citedNumbers` (if given) are folded. */
export function buildSources(sources, citedNumbers = null) {
  const isCited = (source) => citedNumbers === null || citedNumbers.has(source.number);
  const cited = sources.filter(isCited);
  const others = sources.filter((source) => !isCited(source));
  const section = element("section", { class: "sources" });
  if (cited.length) {
    section.append(element("h3", { text: translate("sources") }), buildCards(cited));
  }
  if (others.length) {
    const label = translate("alsoRead", { count: others.length });
    section.append(
      element("details", { class: "more" }, element("summary", { text: label }), buildCards(others)),
    );
  }
  return section;
}

function buildCards(sources) {
  return element("ol", { class: "cards" }, ...sources.map(buildCard));
}

function buildCard(source) {
  const site = source.site || siteOf(source.url);
  const meta = element("p", { class: "card-meta" });
  for (const words of [site, source.date, translate(KIND_WORDS[source.kind] ?? "kindPage")]) {
    if (words) meta.append(element("span", { text: words }));
  }
  return element(
    "li",
    { class: "card", "data-number": source.number, tabindex: "-1" },
    element("span", {
      class: "card-number",
      text: source.number,
      "aria-label": translate("sourceNumber", { number: source.number }),
    }),
    element(
      "div",
      { class: "card-body" },
      element("p", { class: "card-title" }, buildLink(source, source.title || source.url)),
      meta,
      buildPassages(source),
    ),
  );
}

function buildLink(source, words, passage) {
  const address = sourceAddress(source, passage);
  if (address === null) return element("span", { text: words });
  const rel = "noopener noreferrer nofollow";
  return element("a", { text: words, href: address, target: "_blank", rel });
}

function buildPassages(source) {
  const count = source.passages.length;
  if (!count) return null;
  const words = count === 1 ? translate("passageUsed") : translate("passagesUsed", { count });
  const details = element("details", { class: "passages" }, element("summary", { text: words }));
  for (const passage of source.passages) {
    const quote = element("blockquote", { tabindex: "0" });
    if (passage.heading) quote.append(element("p", { class: "passage-heading", text: passage.heading }));
    quote.append(element("p", { class: "passage-text", text: passage.text }));
    details.append(quote);
    if (source.kind !== "page" && source.document_id) {
      const link = buildLink(source, translate("showInDocument"), passage);
      details.append(element("p", { class: "passage-link" }, link));
    }
  }
  return details;
}

/** Make the chips inside `answer` work; `findSource(number)` and `cards()` are asked on use. */
export function connectCitations(answer, { findSource, cards }) {
  const tooltip = document.getElementById("tooltip");
  const chipOf = (event) => event.target.closest?.("a.citation");
  answer.addEventListener("click", (event) => {
    const chip = chipOf(event);
    if (!chip) return;
    event.preventDefault();
    showCard(cards(), chip.dataset.source);
  });
  for (const name of ["mouseover", "focusin"]) {
    answer.addEventListener(name, (event) => {
      const chip = chipOf(event);
      const source = chip && findSource(Number(chip.dataset.source));
      if (source) showTooltip(tooltip, chip, source);
    });
  }
  for (const name of ["mouseout", "focusout"]) {
    answer.addEventListener(name, () => (tooltip.hidden = true));
  }
}

/** Give every chip a spoken name: a bare number says nothing to a screen reader. */
export function labelCitations(root, findSource) {
  for (const chip of root.querySelectorAll("a.citation")) {
    const number = Number(chip.dataset.source);
    const source = findSource(number);
    const label = translate("sourceNumber", { number });
    chip.setAttribute("aria-label", source ? `${label}: ${source.title || source.url}` : label);
  }
}

function showCard(section, number) {
  const card = section?.querySelector(`.card[data-number="${CSS.escape(number)}"]`);
  if (!card) return;
  card.closest("details.more")?.setAttribute("open", "");
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  card.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
  for (const other of document.querySelectorAll(".card.is-shown")) other.classList.remove("is-shown");
  card.classList.add("is-shown");
  card.focus({ preventScroll: true });
}

function showTooltip(tooltip, chip, source) {
  tooltip.replaceChildren(
    element("strong", { text: source.title || source.url }),
    element("span", { text: source.site || siteOf(source.url) }),
  );
  tooltip.hidden = false;
  const at = chip.getBoundingClientRect();
  const box = tooltip.getBoundingClientRect();
  const left = Math.min(Math.max(8, at.left + at.width / 2 - box.width / 2), innerWidth - box.width - 8);
  const above = at.top - box.height - 8;
  tooltip.style.left = `${left}px`;
  tooltip.style.top = `${above > 8 ? above : at.bottom + 8}px`;
}
