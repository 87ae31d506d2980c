// What one can do with a question and its answer: edit, ask again, copy, link, save.

import { exportAddress, loadMarkdown } from "./api.js";
import { copyText } from "./clipboard.js";
import { element, icon } from "./dom.js";
import { translate } from "./i18n.js";
import { showToast } from "./toast.js";

const PENCIL = "M4 20h4L19 9l-4-4L4 16zM13.5 6.5l4 4";
const COPY = "M9 9h11v11H9zM5 15H4V4h11v1";
const LINK = "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1";
const AGAIN = "M20 11a8 8 0 1 0-2.3 5.7M20 5v6h-6";
const SEARCH = "M10.5 4a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13M15.5 15.5L20 20";
const SAVE = "M12 4v11M7 11l5 5 5-5M5 20h14";

/** The row below an answer; `onSearch` is there for one that rests on no source. */
export function buildAnswerTools({ conversationId, turnId, onRegenerate, onSearch }) {
  const copyMarkdown = async () => copyText(await loadMarkdown(conversationId, turnId));
  const copyLink = () => copyText(turnAddress(conversationId, turnId));
  const save = element("a", { class: "tool", href: exportAddress(conversationId, turnId), download: "" });
  save.append(icon(SAVE), element("span", { text: translate("saveAnswer") }));
  return element(
    "div",
    { class: "answer-tools", role: "group", "aria-label": translate("answerTools") },
    buildTool(COPY, "copyAnswer", () => tellCopied(copyMarkdown)),
    buildTool(LINK, "copyLink", () => tellCopied(copyLink)),
    save,
    buildTool(AGAIN, "regenerate", onRegenerate, "tool regenerate of-last"),
    onSearch ? buildTool(SEARCH, "searchForIt", onSearch, "tool of-last") : null,
  );
}

export function buildEditButton(onclick) {
  const button = element("button", { type: "button", class: "edit-button icon-button", "aria-label": translate("editQuestion"), onclick });
  button.append(icon(PENCIL));
  return button;
}

/** A form in place of the question; `onSubmit(text)` asks it, `onCancel()` leaves it as it was. */
export function buildEditForm(question, { warns, onSubmit, onCancel }) {
  const box = element("textarea", { class: "edit-box", rows: 2, "aria-label": translate("editQuestion") });
  box.value = question;
  const submit = () => box.value.trim() && onSubmit(box.value.trim());
  box.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      onCancel();
    }
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    submit();
  });
  const form = element(
    "form",
    { class: "edit-form" },
    box,
    warns ? element("p", { class: "edit-note", text: translate("editReplacesLater") }) : null,
    element(
      "p",
      { class: "edit-buttons" },
      element("button", { type: "submit", class: "primary-button", text: translate("ask") }),
      element("button", { type: "button", class: "plain-button", text: translate("cancel"), onclick: onCancel }),
    ),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  return { form, box };
}

/** A copy button for a block of code. */
export function buildCodeCopy(code) {
  return buildTool(COPY, "copyCode", () => tellCopied(() => copyText(code.textContent)), "copy-code");
}

function turnAddress(conversationId, turnId) {
  return `${location.origin}/c/${encodeURIComponent(conversationId)}#turn-${encodeURIComponent(turnId)}`;
}

function buildTool(path, key, onclick, style = "tool") {
  const button = element("button", { type: "button", class: style, onclick });
  button.append(icon(path), element("span", { text: translate(key) }));
  return button;
}

async function tellCopied(copy) {
  try {
    await copy();
    showToast(translate("copied"));
  } catch {
    showToast(translate("copyFailed"));
  }
}
