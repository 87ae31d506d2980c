// One question and what becomes of it on the page.

import { ActivityView } from "./activity.js";
import { AnswerText } from "./answer_text.js";
import { element, splitCode } from "./dom.js";
import { describeFailure, translate, translateCount } from "./i18n.js";
import { visibleText } from "./plain_text.js";
import { buildFailures, buildSources } from "./sources.js";
import { summarizeSupport } from "./support.js";
import { buildAnswerTools, buildEditButton, buildEditForm } from "./turn_tools.js";

const LONG_QUESTION = 600; // characters
const NOTHING_FOUND = new Set(["no_engine_answered", "no_page_readable"]);

export class TurnView {
  /**
   * `announce(words)` speaks to screen readers; `search` is the switch that it was asked with.
   * `actions`: `ask(turn, {text, search})` asks it again, in its place, with what is given changed;
   * `askNext(text)` asks after it; `isLast(turn)`; `restore()` shows what the server has kept;
   * `conversationId()`. Without them it can only be read.
   */
  constructor(question, { announce = () => {}, actions = null, search = "auto", isReadOnly = false } = {}) {
    this.question = question;
    this.announce = announce;
    this.actions = isReadOnly ? null : actions;
    this.search = search;
    this.id = null; // the server's, once it has one
    this.replaces = null; // the turn that comes back if this one has no answer
    this.status = "running";
    this.noticed = new Set();
    this.build();
  }

  build() {
    this.activity = new ActivityView();
    this.waiting = element("p", { class: "waiting", text: translate("thinking") });
    this.connection = element("p", { class: "connection-note", hidden: true, text: translate("reconnecting") });
    this.notices = element("ul", { class: "notices", hidden: true });
    this.thoughts = element("details", { class: "thoughts", hidden: true });
    this.thoughtsText = element("p");
    this.thoughts.append(element("summary", { text: translate("thoughts") }), this.thoughtsText);
    this.answer = element("div", { class: "answer prose" });
    this.text = new AnswerText(this.answer, () => this.sourcesSlot);
    this.support = element("p", { class: "support-summary", hidden: true });
    this.ending = element("div", { class: "ending" });
    this.tools = element("div", { class: "tools-slot" });
    this.sourcesSlot = element("div");
    this.next = element("div");
    this.heading = element("h2", { class: "question", text: this.question, dir: "auto", tabindex: "-1" });
    this.head = element("div", { class: "question-head" }, this.heading);
    if (this.actions) this.head.append(buildEditButton(() => this.edit()));
    if (this.question.length > LONG_QUESTION) this.foldQuestion();
    const parts = [this.head, this.folded, this.activity.root, this.thoughts, this.notices, this.waiting, this.answer];
    parts.push(this.connection, this.support, this.ending, this.tools, this.sourcesSlot, this.next);
    this.root = element("article", { class: "turn" }, ...parts);
  }

  foldQuestion() {
    this.heading.classList.add("is-folded");
    const unfold = () => {
      this.heading.classList.remove("is-folded");
      more.remove();
      this.heading.focus();
    };
    const more = element("button", { type: "button", class: "link-button", text: translate("wholeQuestion"), onclick: unfold });
    this.folded = more;
  }

  setId(id) {
    this.id = id;
    this.root.id = `turn-${id}`;
  }

  // ---- as it comes ---------------------------------------------------------------------------

  /** Take in one event of the stream. Unknown events are of a newer server: left out. */
  handleEvent(name, data) {
    const handlers = {
      answer_started: () => this.setId(data.turn_id),
      model_waiting: () => this.activity.showModelStatus(data.status),
      decision_made: () => this.showDecision(data),
      search_finished: () => this.showSearch(data),
      page_finished: () => this.activity.addPage(data),
      sources_selected: () => this.showSelected(data.sources),
      notice: () => this.addNotice(data.message),
      answer_restarted: () => this.text.restart(),
      statement_verified: () => this.text.showSupport([data.statement]),
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
    this.text.sources = sources;
  }

  /** What is told after the first word stands below the answer: nothing moves under the reader. */
  addNotice(message) {
    if (this.noticed.has(message)) return;
    this.noticed.add(message);
    const line = element("li", {}, ...splitCode(message));
    if (this.text.isEmpty()) {
      this.notices.hidden = false;
      this.notices.append(line);
      return;
    }
    this.lateNotices ??= element("ul", { class: "notices" });
    if (!this.lateNotices.isConnected) this.ending.append(this.lateNotices);
    this.lateNotices.append(line);
  }

  addThought(text) {
    this.thoughts.hidden = false;
    this.thoughtsText.append(visibleText(text));
  }

  showBlock({ block, html }) {
    this.waiting.hidden = true;
    this.root.classList.add("is-writing");
    if (this.text.isEmpty()) this.activity.fold();
    this.text.showBlock(block, html);
  }

  showConnection(isLost) {
    this.connection.hidden = !isLost;
    if (isLost) this.announce(translate("reconnecting"));
  }

  // ---- its end -------------------------------------------------------------------------------

  showFinished(answer) {
    this.status = answer.finish_reason === "stopped" ? "stopped" : "finished";
    if (this.status === "finished" || answer.text) this.replaces = null;
    this.settle();
    for (const notice of answer.notices) this.addNotice(notice);
    this.showAnswer(answer);
    if (this.status === "stopped") this.addStoppedEnding(answer);
    this.addRemarks(answer);
    this.showTools();
    const spoken = translate(this.status === "stopped" ? "stoppedStatus" : "finished");
    this.announce([spoken, this.support.textContent].filter(Boolean).join(". "));
  }

  showAnswer(answer) {
    const cited = new Set(answer.citations.map((citation) => citation.source_number));
    this.text.sources = answer.sources;
    if (answer.sources.length) this.sourcesSlot.replaceChildren(buildSources(answer.sources, cited));
    const failures = buildFailures(answer);
    if (failures) this.sourcesSlot.append(failures);
    this.text.showCitations(answer.citations);
    this.text.showSupport(answer.statements.filter((statement) => statement.support));
    if (answer.unanswered) this.addNotice(translate("unanswered"));
    const summary = summarizeSupport(answer);
    this.support.hidden = summary === null;
    this.support.textContent = summary ?? "";
  }

  /** What the program did not let the model do. */
  addRemarks(answer) {
    const { dropped_markers: markerCount = 0, removed_links: linkCount = 0 } = answer;
    if (markerCount > 0) this.addEnding(translateCount(markerCount, "droppedMarker", "droppedMarkers"));
    if (linkCount > 0) this.addEnding(translateCount(linkCount, "removedLink", "removedLinks"));
    for (const reason of new Set(answer.refused_queries ?? [])) this.addEnding(translate("refusedQuery", { reason }));
  }

  addStoppedEnding({ text }) {
    this.addEnding(translate(text ? "stopped" : "stoppedEmpty"));
    if (this.actions && !text) this.ending.append(this.buildRetryButtons("askAgain"));
  }

  hasMoreThan({ status, answer }) {
    return status !== "running" && !answer && this.status === "running" && !this.text.isEmpty();
  }

  showInterrupted(status) {
    this.showFailure(translate("brokeOffTitle"), { message: translate("interrupted") });
    this.status = status;
  }

  /** Stopped before the server had begun with it. */
  showWithdrawn() {
    this.status = "stopped";
    this.settle();
    this.addStoppedEnding({ text: "" });
    this.announce(translate("stoppedStatus"));
  }

  showAnswerFailure({ code, message, retryable }) {
    const title = this.text.isEmpty() ? "errorTitle" : "brokeOffTitle";
    this.showFailure(translate(title), { code, message, retryable });
  }

  /** Say what happened; what was written so far stays above. */
  showFailure(title, { code = "", message, retryable = true }) {
    this.status = "failed";
    this.settle();
    const { words, detail } = describeFailure({ code, message });
    const box = element(
      "div",
      { class: "failure", role: "alert" },
      element("p", { class: "failure-title", text: title }),
      element("p", {}, ...splitCode(words)),
      detail ? element("p", { class: "failure-detail", lang: "en" }, ...splitCode(detail)) : null,
    );
    if (this.actions && (retryable || this.replaces)) box.append(this.buildRetryButtons(retryable && "tryAgain", code));
    this.ending.append(box);
  }

  buildRetryButtons(key, code = "") {
    const row = element("p", { class: "failure-buttons" });
    const add = (words, style, onclick) => row.append(element("button", { type: "button", class: style, text: translate(words), onclick }));
    if (key) add(key, "primary-button", () => this.actions.ask(this));
    if (NOTHING_FOUND.has(code)) add("withoutSearch", "plain-button", () => this.actions.ask(this, { search: "never" }));
    if (this.replaces) add("earlierAnswer", "plain-button", () => this.actions.restore());
    return row;
  }

  showTools() {
    const conversationId = this.actions?.conversationId();
    if (!conversationId || !this.id || this.text.isEmpty()) return;
    const onRegenerate = () => this.actions.ask(this);
    const onSearch = this.text.sources.length ? null : () => this.actions.ask(this, { search: "always" });
    this.tools.replaceChildren(buildAnswerTools({ conversationId, turnId: this.id, onRegenerate, onSearch }));
  }

  /** Questions that could come next; asked by a click. */
  showFollowUps(questions) {
    if (!questions.length || !this.actions) return;
    const buttons = questions.map((text) =>
      element("li", {}, element("button", { type: "button", dir: "auto", text, onclick: () => this.actions.askNext(text) })),
    );
    const heading = element("h3", { text: translate("followUps") });
    this.next.replaceChildren(element("section", { class: "follow-ups" }, heading, element("ul", {}, ...buttons)));
  }

  clearFollowUps() {
    this.next.replaceChildren();
  }

  settle() {
    this.waiting.hidden = true;
    this.connection.hidden = true;
    this.root.classList.remove("is-writing");
    this.activity.finish();
  }

  addEnding(words) {
    this.ending.append(element("p", { class: "ending-note", text: words }));
  }

  // ---- again -----------------------------------------------------------------------------------

  edit() {
    if (this.head.querySelector("form")) return;
    const leave = () => {
      form.remove();
      this.heading.classList.remove("visually-hidden");
      this.head.querySelector(".edit-button").hidden = false;
      this.head.querySelector(".edit-button").focus();
    };
    const warns = !this.actions.isLast(this);
    const onSubmit = (text) => this.actions.ask(this, { text });
    const { form, box } = buildEditForm(this.question, { warns, onSubmit, onCancel: leave });
    this.heading.classList.add("visually-hidden");
    this.head.prepend(form);
    this.head.querySelector(".edit-button").hidden = true;
    box.focus();
    box.setSelectionRange(box.value.length, box.value.length);
  }

  /** What was written into the open edit form and not sent; empty without one. */
  editedText() {
    const text = this.head.querySelector(".edit-box")?.value.trim() ?? "";
    return text === this.question ? "" : text;
  }

  /** Fill in a turn as `GET /api/conversations/{id}?render=true` tells it. */
  showStored(turn) {
    this.waiting.hidden = true;
    this.setId(turn.id);
    this.status = turn.status;
    if (turn.answer) {
      this.activity.showStored(turn.answer);
      for (const notice of turn.answer.notices) this.addNotice(notice);
      if (turn.answer.html) this.text.showBlock(0, turn.answer.html);
      if (turn.failure) this.showAnswer(turn.answer);
      else this.showFinished(turn.answer);
    }
    if (turn.failure) this.showAnswerFailure(turn.failure);
    else if (!turn.answer) this.showFailure(translate("errorTitle"), { message: translate("interrupted") });
    this.status = turn.status;
  }
}
