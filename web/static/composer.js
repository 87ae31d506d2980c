// The question box: what is asked, and how it is to be searched for.

import { translate, translateCount } from "./i18n.js";
import { readPreference } from "./preferences.js";

// Of each user: the next one at this browser must not see it.
const USER = document.querySelector(".account-name")?.title ?? "";
const DRAFT_KEY = `websearch-agent.draft.${USER}`;
const DEFAULTS = ["search", "mode"]; // chosen in the settings

export class Composer {
  /** `onSubmit(text)` asks; `onEditLast()` is wanted by the arrow up in the empty box. */
  constructor({ onSubmit, onEditLast }) {
    this.form = document.getElementById("composer");
    this.box = document.getElementById("question");
    this.told = document.getElementById("options-told");
    this.details = document.getElementById("options");
    this.onSubmit = onSubmit;
    this.onEditLast = onEditLast;
    this.isBusy = false;
    this.restoreChoices();
    this.connect();
    this.restoreDraft();
    this.tellOptions();
  }

  connect() {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.form.addEventListener("change", () => this.tellOptions());
    this.box.addEventListener("input", () => {
      this.fit();
      keepDraft(this.box.value);
    });
    this.box.addEventListener("keydown", (event) => this.handleKey(event));
    document.getElementById("clear-options").addEventListener("click", () => this.clearOptions());
    document.addEventListener("pointerdown", (event) => {
      if (!this.details.contains(event.target)) this.details.open = false;
    });
    this.details.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.matches("input")) {
        event.preventDefault();
        this.closeOptions();
      }
      if (event.key !== "Escape" || !this.details.open) return;
      event.stopPropagation();
      this.closeOptions();
    });
  }

  handleKey(event) {
    if (event.key === "ArrowUp" && !this.box.value) {
      if (this.onEditLast()) event.preventDefault();
      return;
    }
    // While an input method composes, Enter accepts its characters (229: Safari's way to say so).
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.submit();
  }

  submit() {
    const text = this.box.value.trim();
    if (!text || this.isBusy) return;
    this.details.open = false;
    this.box.value = "";
    this.fit();
    // Kept until the server has taken it: a login may come in between.
    keepDraft(text);
    this.onSubmit(text);
  }

  /** What a question is asked with, in the words of the API. */
  options() {
    const values = new FormData(this.form);
    const chosen = { search: values.get("search"), mode: values.get("mode") };
    if (values.get("time_range")) chosen.time_range = values.get("time_range");
    for (const name of ["include_domains", "exclude_domains"]) {
      const sites = splitSites(values.get(name));
      if (sites.length) chosen[name] = sites;
    }
    return chosen;
  }

  setBusy(isBusy) {
    this.isBusy = isBusy;
    document.getElementById("ask").hidden = isBusy;
    document.getElementById("stop").hidden = !isBusy;
  }

  /** Without scrolling: the box is in sight, and the reader stays where he is. */
  focus() {
    this.box.focus({ preventScroll: true });
  }

  /** The server did not take the question as it is: let the person change it. */
  giveBack(text) {
    if (this.box.value) return;
    this.box.value = text;
    keepDraft(text);
    this.fit();
  }

  forgetDraft() {
    keepDraft(this.box.value);
  }

  restoreDraft() {
    this.box.value ||= readDraft();
    this.fit();
  }

  restoreChoices() {
    for (const name of DEFAULTS) {
      const kept = readPreference(name);
      const options = [...this.form.querySelectorAll(`[name="${name}"][value], select[name="${name}"] option`)];
      const found = options.find((option) => option.value === kept);
      if (found) found[found.localName === "option" ? "selected" : "checked"] = true;
    }
  }

  /** As the settings have it; what is written stays. */
  reset() {
    const { value } = this.box;
    this.form.reset();
    this.box.value = value;
    this.restoreChoices();
    this.tellOptions();
  }

  clearOptions() {
    const { search } = this.options();
    this.reset();
    this.form.elements.search.value = search;
    this.closeOptions();
  }

  closeOptions() {
    this.details.open = false;
    this.details.querySelector("summary").focus();
  }

  /** What of the folded options is not as usual: nobody should be surprised by a filter. */
  tellOptions() {
    const { mode, time_range: time } = this.form.elements;
    const chosen = this.options();
    const parts = [];
    if (mode.value !== "balanced") parts.push(mode.selectedOptions[0].textContent);
    if (time.value) parts.push(time.selectedOptions[0].textContent);
    for (const [name, one, many] of [
      ["include_domains", "onlyOneSite", "onlySitesCount"],
      ["exclude_domains", "withoutOneSite", "withoutSites"],
    ]) {
      if (chosen[name]) parts.push(translateCount(chosen[name].length, one, many));
    }
    this.told.textContent = parts.join(translate("listComma"));
    this.details.classList.toggle("is-set", parts.length > 0);
  }

  fit() {
    this.box.style.height = "auto";
    this.box.style.height = `${Math.min(this.box.scrollHeight, 240)}px`;
  }
}

function splitSites(text) {
  return text.split(/[\s,;，、；]+/).filter(Boolean);
}

function keepDraft(text) {
  try {
    sessionStorage.setItem(DRAFT_KEY, text);
  } catch {
    // A browser may forbid storage: the draft then lasts as long as the page.
  }
}

function readDraft() {
  try {
    return sessionStorage.getItem(DRAFT_KEY) ?? "";
  } catch {
    return "";
  }
}
