// Source cards, and the passages in them that citations lead to.

import { element, readableAddress, safeAddress, siteOf, webAddress } from "./dom.js";
import { describeReason, translate, translateCount } from "./i18n.js";
import { markQuote, plainText, visibleText } from "./plain_text.js";

const KIND_WORDS = {
  page: "kindPage",
  snippet: "kindSnippet",
  document: "kindDocument",
  builtin: "kindBuiltin",
};

// Of `filtered`: the field, and its words for one and for many.
const FILTERED_WORDS = [
  ["hidden_parts", "hiddenPart", "hiddenParts"],
  ["invisible_characters", "invisibleCharacter", "invisibleCharacters"],
  ["forged_marks", "forgedMark", "forgedMarks"],
];

export const OUTSIDE = "noopener noreferrer nofollow";

/** A document of the local index: our server shows it. */
export function isLocal(source) {
  return source.kind !== "page" && Boolean(source.document_id);
}

/** The address that a source opens, or null if there is none to open. */
export function sourceAddress(source, passage = source.passages[0]) {
  if (isLocal(source)) {
    const path = `/documents/${encodeURIComponent(source.document_id)}`;
    if (!passage) return path;
    return `${path}?start=${passage.start_index}&end=${passage.end_index}#passage`;
  }
  return webAddress(source.url);
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

/** Pages and engines that gave nothing, folded; null if there are none. */
export function buildFailures({ page_failures: pages, engine_failures: engines }) {
  const lines = engines.map((failure) => `${failure.engine}: ${describeReason(failure)}`);
  lines.push(...pages.map((failure) => `${siteOf(failure.url)}: ${describeReason(failure)}`));
  const distinct = [...new Set(lines)];
  if (!distinct.length) return null;
  const items = distinct.map((text) => element("li", { text }));
  const label = translate("gaveNothing", { count: distinct.length });
  return element("details", { class: "more failures" }, element("summary", { text: label }), element("ul", {}, ...items));
}

function buildCards(sources) {
  return element("ol", { class: "cards" }, ...sources.map(buildCard));
}

/**
 * Where a source is from: what it calls itself, and its host unless that is the same.
 *
 * A page can call itself anything, in its title too: only the host tells whose page it is.
 */
export function placesOf(source) {
  if (isLocal(source)) return [source.site || source.url];
  const host = siteOf(source.url);
  const named = (source.site || "").replace(/^www\./, "");
  return named && named.toLowerCase() !== host ? [named, host] : [host];
}

function buildCard(source) {
  const meta = element("p", { class: "card-meta" });
  const kind = translate(KIND_WORDS[source.kind] ?? "kindPage");
  for (const words of [...placesOf(source), source.author, source.date, kind]) {
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
      element("p", { class: "card-title" }, buildLink(source, titleOf(source))),
      meta,
      buildFiltered(source.filtered),
      buildPassages(source),
    ),
  );
}

export function titleOf(source) {
  return source.title || readableAddress(source.url);
}

/** What of the page neither the model nor the reader is shown, if there was such a thing. */
function buildFiltered(filtered) {
  const counts = FILTERED_WORDS.filter(([name]) => filtered?.[name] > 0);
  if (!counts.length) return null;
  const parts = counts.map(([name, one, many]) => translateCount(filtered[name], one, many));
  const words = translate("leftOut", { parts: parts.join(translate("listComma")) });
  return element("p", { class: "card-filtered", text: words });
}

function buildLink(source, words) {
  const address = sourceAddress(source);
  if (address === null) return element("span", { text: words });
  return element("a", { text: words, href: address, target: "_blank", rel: OUTSIDE });
}

function buildPassages(source) {
  const count = source.passages.length;
  if (!count) return null;
  const words = count === 1 ? translate("passageUsed") : translate("passagesUsed", { count });
  const details = element("details", { class: "passages" }, element("summary", { text: words }));
  for (const passage of source.passages) {
    const quote = element("blockquote", { tabindex: "0" });
    if (passage.heading) quote.append(element("p", { class: "passage-heading", text: plainText(passage.heading) }));
    quote.append(element("p", { class: "passage-text", text: plainText(passage.text) }));
    details.append(quote);
    const words = translate(isLocal(source) ? "showInDocument" : "showOnPage");
    const address = safeAddress(passage.link) ?? (isLocal(source) ? sourceAddress(source, passage) : null);
    if (address !== null) {
      const link = element("a", { text: words, href: address, target: "_blank", rel: OUTSIDE });
      details.append(element("p", { class: "passage-link" }, link));
    }
  }
  return details;
}

/**
 * Lead the reader to the card of a source, and to the words of a citation in its passage.
 *
 * Without a passage that holds the citation's quote the card alone is shown.
 */
export function showSource(section, source, citation) {
  const quote = citation?.quote ?? "";
  const card = section?.querySelector(`.card[data-number="${source.number}"]`);
  if (!card) return;
  clearShown();
  card.closest("details.more")?.setAttribute("open", "");
  card.classList.add("is-shown");
  const found = quote ? source.passages.findIndex(({ text }) => text.includes(quote)) : -1;
  const passage = card.querySelectorAll(".passages blockquote")[found];
  if (!passage) {
    reveal(card, card);
    return;
  }
  card.querySelector(".passages").open = true;
  passage.classList.add("is-quoted");
  const text = passage.querySelector(".passage-text");
  const parts = markQuote(source.passages[found].text, quote);
  if (parts) text.replaceChildren(visibleText(parts[0]), element("mark", { text: parts[1] }), visibleText(parts[2]));
  const link = passage.nextElementSibling?.querySelector("a");
  const address = safeAddress(citation.link);
  if (link && address) link.href = address;
  reveal(passage, text.querySelector("mark") ?? passage);
}

function clearShown() {
  for (const card of document.querySelectorAll(".card.is-shown")) card.classList.remove("is-shown");
  for (const passage of document.querySelectorAll(".is-quoted")) {
    passage.classList.remove("is-quoted");
    const text = passage.querySelector(".passage-text");
    text.textContent = text.textContent;
  }
}

function reveal(focused, seen) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  focused.focus({ preventScroll: true });
  seen.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
}
