// How well the sources say each statement of an answer, on the page.

import { element } from "./dom.js";
import { translate, translateCount } from "./i18n.js";
import { plainText } from "./plain_text.js";
import { hideTooltip, showTooltip } from "./tooltip.js";

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
  const label = element("button", {
    type: "button",
    class: `support-label is-${support.level}`,
    text: values ? `${words} · ${translate("contradicted", { values })}` : words,
  });
  const show = () => showTooltip(label, buildDetails(support, words));
  for (const name of ["mouseenter", "focus", "click"]) label.addEventListener(name, show);
  for (const name of ["mouseleave", "blur"]) label.addEventListener(name, hideTooltip);
  return label;
}

function buildDetails(support, words) {
  const lines = [element("strong", { text: words })];
  if (support.quote && support.source_number !== null) {
    const source = translate("sourceNumber", { number: support.source_number });
    const quote = translate("quoted", { quote: plainText(support.quote) });
    lines.push(element("span", { class: "tooltip-quote", text: `${source}: ${quote}` }));
  } else {
    lines.push(element("span", { class: "tooltip-quote", text: translate("nothingNear") }));
  }
  const note = translate(support.method === "model" ? "checkedByModel" : "checkedByWords");
  lines.push(element("span", { class: "tooltip-note", text: note }));
  return lines;
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
