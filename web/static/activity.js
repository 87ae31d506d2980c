// What the program does before it writes: one folded box above an answer.

import { element, siteOf, splitCode, webAddress } from "./dom.js";
import { describeReason, translate, translateCount } from "./i18n.js";

/** Bytes as words: 812.4 MB. */
function formatBytes(bytes) {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** The model's state as a line, with a bar while it downloads. */
export function buildModelStatus(status) {
  const line = element("div", { class: "model-status" });
  const words = { downloading: "modelDownloading", loading: "modelLoading", ready: "modelReady" };
  line.append(element("span", { text: translate(words[status.state] ?? "modelIdle") }));
  if (status.state === "downloading" && status.total_bytes > 0) {
    const percent = Math.floor((100 * status.done_bytes) / status.total_bytes);
    const values = {
      done: formatBytes(status.done_bytes),
      total: formatBytes(status.total_bytes),
      percent,
    };
    const label = translate("modelProgress", values);
    line.append(
      element("progress", { max: status.total_bytes, value: status.done_bytes, "aria-label": label }),
      element("span", { class: "model-detail", text: label }),
    );
  }
  return line;
}

export class ActivityView {
  constructor() {
    this.summary = element("summary");
    this.steps = element("ol", { class: "steps" });
    this.root = element("details", { class: "activity", hidden: true }, this.summary, this.steps);
    this.modelStep = null;
    this.pageSteps = null;
    this.queries = new Set();
    this.readCount = 0;
    this.reused = false;
    this.isStored = false;
    this.failedEngines = new Set();
    this.told = new Set();
    this.failedPageCount = 0;
  }

  /** Show the box, open and with this line as its head, while something is going on. */
  showWorking(words) {
    this.root.hidden = false;
    this.root.classList.add("is-working");
    if (this.summary.textContent === "") this.root.open = true;
    this.summary.textContent = words;
  }

  showModelStatus(status) {
    this.showWorking(translate(status.state === "downloading" ? "modelDownloading" : "modelLoading"));
    if (!this.modelStep) this.modelStep = this.addStep("");
    this.modelStep.replaceChildren(buildModelStatus(status));
    if (status.state === "ready") this.removeModelStep();
  }

  removeModelStep() {
    this.modelStep?.remove();
    this.modelStep = null;
    if (!this.steps.children.length) this.root.hidden = true;
  }

  /** `wasAsked`: the person wanted a search, so nobody had to decide. */
  showDecision({ queries, reason, probability }, { wasAsked = false } = {}) {
    this.removeModelStep();
    this.showWorking(translate("searching"));
    const step = this.addStep("is-done", translate(wasAsked ? "askedSearch" : "decidedSearch"));
    if (!wasAsked) this.addReason(step, reason, probability);
    this.addQueries(queries);
  }

  /** The sources of an earlier answer are read again instead of searching. */
  showReuse({ reason }) {
    this.removeModelStep();
    this.reused = true;
    this.showWorking(translate("writing"));
    this.addReason(this.addStep("is-done", translate("decidedReuse")), reason);
  }

  /** Why, in the model's words, and how sure it was where it tells that. */
  addReason(step, reason, probability = null) {
    const percent = Math.round((probability ?? 0) * 100);
    const sure = probability === null ? "" : translate("sureToSearch", { percent });
    const words = [reason, sure].filter(Boolean).join(" · ");
    if (words) step.append(element("p", { class: "step-detail", text: words }));
  }

  addQueries(queries) {
    const fresh = queries.filter((query) => !this.queries.has(query));
    if (!fresh.length) return;
    const chips = fresh.map((query) => element("li", { text: query }));
    for (const query of fresh) this.queries.add(query);
    const step = this.addStep("is-done", translate("queries"));
    step.append(element("ul", { class: "queries" }, ...chips));
  }

  showSearch({ queries, result_count: count, failures }) {
    this.addQueries(queries);
    this.showWorking(translate("reading"));
    this.addEngineFailures(failures);
    this.addStep("is-done", translateCount(count, "oneResult", "resultCount"));
    this.pageSteps = null;
  }

  addEngineFailures(failures) {
    const lines = failures.map((failure) => {
      const key = failure.code === "unsupported_filter" ? "engineLeftOut" : "engineFailed";
      return translate(key, { engine: failure.engine, reason: describeReason(failure) });
    });
    // Each query asks each engine: what was told once is not told again.
    for (const line of new Set(lines)) {
      if (!this.told.has(line)) this.addStep("is-failed", line);
      this.told.add(line);
    }
    for (const { engine } of failures) this.failedEngines.add(engine);
  }

  addPage({ url, title, failure }) {
    if (!this.pageSteps) {
      this.pageSteps = element("ul", { class: "page-steps" });
      this.addStep("is-plain").append(this.pageSteps);
    }
    if (failure) this.failedPageCount += 1;
    else this.readCount += 1;
    const name = element("span", { class: "page-title", text: title || siteOf(url) });
    const site = title && webAddress(url) ? siteOf(url) : "";
    const words = failure ? `${site ? `${site} · ` : ""}${describeReason(failure)}` : site;
    const spoken = translate(failure ? "pageFailed" : "pageRead");
    this.pageSteps.append(
      element(
        "li",
        { class: failure ? "is-failed" : "is-done" },
        element("span", { class: "visually-hidden", text: `${spoken}: ` }),
        name,
        words ? element("span", { class: "page-detail", text: words }) : null,
      ),
    );
  }

  addStep(state, words = "") {
    const step = element("li", { class: `step ${state}` });
    if (words) step.append(element("span", { class: "step-words" }, ...splitCode(words)));
    this.steps.append(step);
    return step;
  }

  /** Make room for the answer, which begins now. */
  fold() {
    this.removeModelStep();
    this.root.open = false;
  }

  /** Fold the box; its head tells what was done. Without any step it stays hidden. */
  finish() {
    this.removeModelStep();
    this.root.classList.remove("is-working");
    this.root.open = false;
    const counts = this.reused ? [translate("decidedReuse")] : [];
    if (this.queries.size) counts.push(translateCount(this.queries.size, "summaryOneQuery", "summaryQueries"));
    const [one, many] = this.isStored ? ["summaryOneSource", "summarySources"] : ["summaryOneRead", "summaryRead"];
    if (this.readCount) counts.push(translateCount(this.readCount, one, many));
    if (this.failedEngines.size) {
      counts.push(translateCount(this.failedEngines.size, "summaryOneEngineFailed", "summaryEnginesFailed"));
    }
    if (this.failedPageCount) {
      counts.push(translateCount(this.failedPageCount, "summaryOnePageFailed", "summaryPagesFailed"));
    }
    this.summary.textContent = counts.join(" · ");
    if (!counts.length) this.root.hidden = true;
  }

  /** Rebuild the box of a stored answer. */
  showStored(answer) {
    if (!answer.search_queries.length) return;
    this.root.hidden = false;
    this.addQueries(answer.search_queries);
    this.addEngineFailures(answer.engine_failures);
    for (const source of answer.sources) this.addPage({ url: source.url, title: source.title });
    // Which pages were read besides is not kept.
    this.isStored = true;
    for (const failure of answer.page_failures) this.addPage({ url: failure.url, title: "", failure });
    this.finish();
  }
}
