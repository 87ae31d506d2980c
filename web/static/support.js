// How well the sources say each statement of an answer, on the page.

import { element } from "./dom.js";
import { hideSoon, showCard, showSoon } from "./floating_card.js";
import { translate, translateCount } from "./i18n.js";
import { plainText } from "./plain_text.js";

const LABELLED = { partial: "supportPartial", unsupported: "supportUnsupported" };

/**
 * Put a label behind each statement of `root` that is not wholly supported.
 *
 * The server's HTML marks where statements end; `findStatement(startIndex)` gives what was checked.
 */
export function labelStatements(root, findStatement) {
  for (const end of root.querySelectorAll(".statement-end")) {
    const support = findStatement(Number(end.dataset.start))?.support;
    // A label that stays as it is keeps the focus.
    const told = JSON.stringify(support ?? null);
    if (end.dataset.told === told) continue;
    end.dataset.told = told;
    const key = LABELLED[support?.level];
    end.replaceChildren(...(key ? [" ", buildLabel(support, key)] : []));
  }
}

function buildLabel(support, key) {
  const words = translate(key);
  const values = support.contradicted.join(", ");
  return element("button", {
    type: "button",
    class: `support-label is-${support.level}`,
    text: values ? `${words} · ${translate("contradicted", { values })}` : words,
  });
}

/** Let the labels inside `answer` tell why; `findStatement(startIndex)` is asked on use. */
export function connectSupport(answer, findStatement) {
  const labelOf = (event) => event.target.closest?.(".support-label");
  const nodesOf = (label) => {
    const start = Number(label.closest(".statement-end").dataset.start);
    const support = findStatement(start)?.support;
    return support ? buildDetails(support) : [];
  };
  const onPoint = (event) => {
    const label = labelOf(event);
    if (label) showSoon(label, () => nodesOf(label));
  };
  answer.addEventListener("mouseover", onPoint);
  answer.addEventListener("mouseout", (event) => labelOf(event) && hideSoon());
  answer.addEventListener("focusin", (event) => {
    const label = labelOf(event);
    if (label?.matches(":focus-visible")) showCard(label, nodesOf(label));
  });
  answer.addEventListener("focusout", (event) => labelOf(event) && hideSoon());
  answer.addEventListener("click", (event) => {
    const label = labelOf(event);
    if (label) showCard(label, nodesOf(label), { pin: true, label: label.textContent });
  });
}

function buildDetails(support) {
  const nodes = [element("p", { class: "floating-title", text: translate(LABELLED[support.level]) })];
  if (support.quote && support.source_number !== null) {
    const number = support.source_number;
    nodes.push(
      element("p", { class: "floating-note", text: translate("nearestWords", { number }) }),
      element("blockquote", { class: "floating-quote", dir: "auto" }, element("mark", { text: plainText(support.quote) })),
    );
  } else {
    nodes.push(element("p", { class: "floating-note", text: translate("nothingNear") }));
  }
  const note = translate(support.method === "model" ? "checkedByModel" : "checkedByWords");
  nodes.push(element("p", { class: "floating-note", text: note }));
  return nodes;
}

/** One line that counts the statements by their support; null if none could be checked. */
export function summarizeSupport(answer) {
  const checked = answer.statements.map((one) => one.support).filter(isChecked);
  if (!answer.verification || !checked.length) return null;
  const supported = checked.filter((support) => support.level === "supported");
  const partly = checked.filter((support) => support.level === "partial").length;
  const unsupported = checked.length - supported.length - partly;
  const parts = [supportedWords(supported, partly, checked.length)];
  if (partly && checked.length > 1) parts.push(translateCount(partly, "partlyOne", "partlyCount"));
  if (unsupported && unsupported < checked.length) {
    parts.push(translateCount(unsupported, "unsupportedOne", "unsupportedCount"));
  }
  if (answer.repaired) parts.push(translate("repaired"));
  return parts.join(" · ");
}

function supportedWords(supported, partly, count) {
  if (supported.length && count === 1) return translate("oneSupported");
  if (supported.length) {
    const sources = new Set(supported.map((support) => support.source_number)).size;
    const key = sources === 1 ? "supportedByOne" : "supportedBy";
    return translate(key, { supported: supported.length, count, sources });
  }
  if (partly) return translateCount(count, "oneInPart", "noneWholly");
  return translateCount(count, "oneNotSupported", "noneSupported");
}

function isChecked(support) {
  return support && support.level !== "not_checkable";
}
