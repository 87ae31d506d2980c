// One question and what becomes of it on the page.

import { ActivityView } from "./activity.js";
import { element, showServerHtml, splitCode } from "./dom.js";
import { translate, translateCount } from "./i18n.js";
import { connectCitations, labelCitations, matchCitations } from "./citations.js";
import { buildSources } from "./sources.js";
import { visibleText } from "./plain_text.js";
import { labelStatements, summarizeSupport } from "./support.js";

const NOTHING_FOUND = new Set(["no_engine_answered", "no_page_readable"]);

export class TurnView {
  /**
   * `onRetry(turn, {search})` asks again, with the switch as it stands if `search` is left out;
   * `announce(words)` speaks to screen readers; `search` is what this question was asked with.
   */
  constructor(question, { onRetry, announce, search = "auto" }) {
    this.question = question;
    this.onRetry = onRetry;
    this.announce = announce;
    this.search = search;
    this.sources = [];
    this.citations = new Map(); // of each chip, once the answer is finished
    this.statements = new Map(); // those that were checked, by their start
    this.noticed = new Set();
    this.build();
  }

  build() {
    this.activity = new ActivityView();
    this.waiting = element("p", { class: "waiting", text: translate("thinking") });
    this.notices = element("ul", { class: "notices", hidden: true });
    this.thoughts = element("details", { class: "thoughts", hidden: true });
    this.thoughtsText = element("p");
    this.thoughts.append(element("summary", { text: translate("thoughts") }), this.thoughtsText);
    this.answer = element("div", { class: "answer prose" });
    this.support = element("p", { class: "support-summary", hidden: true });
    this.ending = element("div", { class: "ending" });
    this.sourcesSlot = element("div");
    this.root = element(
      "article",
      { class: "turn" },
      element("h2", { class: "question", text: this.question }),
      this.activity.root,
      this.thoughts,
      this.notices,
      this.waiting,
      this.answer,
      this.support,
      this.ending,
      this.sourcesSlot,
    );
    connectCitations(this.answer, {
      findSource: (number) => this.findSource(number),
      findCitation: (chip) => this.citations.get(chip),
      cards: () => this.sourcesSlot,
    });
  }

  findSource(number) {
    return this.sources.find((source) => source.number === number);
  }

  /** Take in one event of the stream. Unknown events are of a newer server: left out. */
  handleEvent(name, data) {
    const handlers = {
      model_waiting: () => this.activity.showModelStatus(data.status),
      decision_made: () => this.showDecision(data),
      search_finished: () => this.showSearch(data),
      page_finished: () => this.activity.addPage(data),
      sources_selected: () => this.showSelected(data.sources),
      notice: () => this.addNotice(data.message),
      answer_restarted: () => this.restart(),
      statement_verified: () => this.showSupport([data.statement]),
      reasoning_added: () => this.addThought(data.text),
      answer_html: () => this.showBlock(data),
      answer_finished: () => this.showFinished(data),
      answer_failed: () => this.showAnswerFailure(data),
    };
    handlers[name]?.();
  }

  showDecision(decision) {
    this.activity.removeModelStep();
    if (!decision.search && !decision.reuse) return;
    this.waiting.hidden = true;
    if (decision.reuse) {
      this.activity.showReuse(decision);
      return;
    }
    this.activity.showDecision(decision, { wasAsked: this.search === "always" });
    this.announce(translate("searching"));
  }

  showSearch(search) {
    this.waiting.hidden = true;
    this.activity.showSearch(search);
    this.announce(translate("reading"));
  }

  showSelected(sources) {
    this.activity.showWorking(translate("writing"));
    this.announce(translate("writing"));
    this.showSources(sources);
  }

  showSources(sources, citedNumbers = null) {
    this.sources = sources;
    this.sourcesSlot.replaceChildren(...(sources.length ? [buildSources(sources, citedNumbers)] : []));
  }

  addNotice(message) {
    if (this.noticed.has(message)) return;
    this.noticed.add(message);
    this.notices.hidden = false;
    this.notices.append(element("li", {}, ...splitCode(message)));
  }

  restart() {
    this.answer.replaceChildren();
    this.statements.clear();
  }

  /** Take in statements that were checked; the server's HTML tells where they stand. */
  showSupport(statements) {
    for (const statement of statements) this.statements.set(statement.start_index, statement);
    this.labelSupport(this.answer);
  }

  labelSupport(root) {
    labelStatements(root, (startIndex) => this.statements.get(startIndex));
  }

  addThought(text) {
    this.thoughts.hidden = false;
    this.thoughtsText.append(visibleText(text));
  }

  /** One top-level block of the answer is new or has changed; empty HTML takes it away. */
  showBlock({ block, html }) {
    this.waiting.hidden = true;
    this.root.classList.add("is-writing");
    if (block === 0 && this.answer.children.length === 0) this.activity.fold();
    while (this.answer.children.length <= block) {
      this.answer.append(element("div", { class: "block" }));
    }
    const container = this.answer.children[block];
    showServerHtml(container, html);
    this.prepareBlock(container);
  }

  /** What the server's HTML cannot know: names of chips, and wide things scroll by keyboard. */
  prepareBlock(container) {
    labelCitations(container, (number) => this.findSource(number));
    this.labelSupport(container);
    for (const table of container.querySelectorAll("table")) {
      const frame = element("div", { class: "table-frame", tabindex: "0" });
      table.replaceWith(frame);
      frame.append(table);
    }
    for (const code of container.querySelectorAll("pre")) code.tabIndex = 0;
  }

  showFinished(answer) {
    this.settle();
    for (const notice of answer.notices) this.addNotice(notice);
    const cited = new Set(answer.citations.map((citation) => citation.source_number));
    this.showSources(answer.sources, cited);
    this.citations = matchCitations(this.answer, answer.citations);
    const findCitation = (chip) => this.citations.get(chip);
    labelCitations(this.answer, (number) => this.findSource(number), findCitation);
    this.showSummary(answer);
    if (answer.finish_reason === "stopped") this.addStoppedEnding();
    if (answer.dropped_markers > 0) {
      this.addEnding(translateCount(answer.dropped_markers, "droppedMarker", "droppedMarkers"));
    }
    this.addFiltered(answer);
    this.announce([translate("finished"), this.support.textContent].filter(Boolean).join(". "));
  }

  /** What the program did not let the model do. */
  addFiltered({ removed_links: linkCount = 0, refused_queries: reasons = [] }) {
    if (linkCount > 0) this.addEnding(translateCount(linkCount, "removedLink", "removedLinks"));
    for (const reason of new Set(reasons)) this.addEnding(translate("refusedQuery", { reason }));
  }

  showSummary(answer) {
    this.showSupport(answer.statements.filter((statement) => statement.support));
    if (answer.unanswered) this.addNotice(translate("unanswered"));
    const summary = summarizeSupport(answer);
    this.support.hidden = summary === null;
    this.support.textContent = summary ?? "";
  }

  showStopped() {
    this.settle();
    this.addStoppedEnding();
    this.announce(translate("stoppedStatus"));
  }

  showAnswerFailure({ code, message, retryable }) {
    const title = this.answer.textContent ? "brokeOffTitle" : "errorTitle";
    this.showFailure(translate(title), message, { code, retryable });
  }

  /** Say what happened; what was written so far stays above. */
  showFailure(title, message, { code = "", retryable = true } = {}) {
    this.settle();
    const box = element(
      "div",
      { class: "failure", role: "alert" },
      element("p", { class: "failure-title", text: title }),
      element("p", {}, ...splitCode(message)),
    );
    const buttons = element("p", { class: "failure-buttons" });
    if (retryable) buttons.append(this.buildRetryButton("tryAgain"));
    if (NOTHING_FOUND.has(code)) {
      buttons.append(this.buildRetryButton("withoutSearch", { search: "never", style: "plain-button" }));
    }
    if (buttons.children.length) box.append(buttons);
    this.ending.append(box);
  }

  buildRetryButton(key, { search, style = "primary-button" } = {}) {
    const onclick = () => this.onRetry(this, { search });
    return element("button", { type: "button", class: style, text: translate(key), onclick });
  }

  showEnding() {
    // To the top: the question box covers the end of the window.
    this.ending.scrollIntoView({ block: "start" });
  }

  settle() {
    this.waiting.hidden = true;
    this.root.classList.remove("is-writing");
    this.activity.finish();
  }

  addEnding(words) {
    this.ending.append(element("p", { class: "ending-note", text: words }));
  }

  addStoppedEnding() {
    this.addEnding(translate(this.answer.textContent ? "stopped" : "stoppedEmpty"));
    this.ending.append(this.buildRetryButton("askAgain", { style: "plain-button" }));
  }

  /** Fill in a turn as `GET /api/conversations/{id}?render=true` tells it. */
  showStored(turn) {
    this.waiting.hidden = true;
    if (turn.answer) {
      this.activity.showStored(turn.answer);
      const container = element("div", { class: "block" });
      this.answer.append(container);
      showServerHtml(container, turn.answer.html);
      this.prepareBlock(container);
      this.showFinished(turn.answer);
    }
    if (turn.failure) {
      this.showAnswerFailure(turn.failure);
    } else if (!turn.answer) {
      this.showFailure(translate("errorTitle"), translate("interrupted"));
    }
  }
}
