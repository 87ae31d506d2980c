// One question and what becomes of it on the page.

import { ActivityView } from "./activity.js";
import { element, showServerHtml } from "./dom.js";
import { translate, translateCount } from "./i18n.js";
import { buildSources, connectCitations, labelCitations } from "./sources.js";

export class TurnView {
  /** `onRetry(turn)` is called by "Try again"; `announce(words)` speaks to screen readers. */
  constructor(question, { onRetry, announce }) {
    this.question = question;
    this.onRetry = onRetry;
    this.announce = announce;
    this.sources = [];
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
      this.ending,
      this.sourcesSlot,
    );
    connectCitations(this.answer, {
      findSource: (number) => this.findSource(number),
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
      answer_restarted: () => this.answer.replaceChildren(),
      reasoning_added: () => this.addThought(data.text),
      answer_html: () => this.showBlock(data),
      answer_finished: () => this.showFinished(data),
      answer_failed: () => this.showAnswerFailure(data),
    };
    handlers[name]?.();
  }

  showDecision(decision) {
    this.activity.removeModelStep();
    if (!decision.search) return;
    this.waiting.hidden = true;
    this.activity.showDecision(decision);
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
    const known = [...this.notices.children].some((notice) => notice.textContent === message);
    if (known) return;
    this.notices.hidden = false;
    this.notices.append(element("li", { text: message }));
  }

  addThought(text) {
    this.thoughts.hidden = false;
    this.thoughtsText.append(text);
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
    labelCitations(this.answer, (number) => this.findSource(number));
    if (answer.finish_reason === "length") this.addEnding(translate("cutShort"));
    if (answer.finish_reason === "stopped") this.addEnding(translate("stopped"));
    if (answer.dropped_markers > 0) {
      this.addEnding(translateCount(answer.dropped_markers, "droppedMarker", "droppedMarkers"));
    }
    this.announce(translate("finished"));
  }

  showStopped() {
    this.settle();
    this.addEnding(translate("stopped"));
    this.announce(translate("stoppedStatus"));
  }

  showAnswerFailure({ message, retryable }) {
    const title = this.answer.textContent ? "brokeOffTitle" : "errorTitle";
    this.showFailure(translate(title), message, retryable);
  }

  /** Say what happened; what was written so far stays above. */
  showFailure(title, message, retryable = true) {
    this.settle();
    const box = element(
      "div",
      { class: "failure", role: "alert" },
      element("p", { class: "failure-title", text: title }),
      element("p", { text: message }),
    );
    const retry = () => this.onRetry(this);
    const style = retryable ? "primary-button" : "plain-button";
    const words = translate("tryAgain");
    box.append(element("button", { type: "button", class: style, text: words, onclick: retry }));
    this.ending.append(box);
  }

  settle() {
    this.waiting.hidden = true;
    this.root.classList.remove("is-writing");
    this.activity.finish();
  }

  addEnding(words) {
    this.ending.append(element("p", { class: "ending-note", text: words }));
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
