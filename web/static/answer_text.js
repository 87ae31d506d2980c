// The answer's text: blocks of the server's HTML, with working chips, labels, tables and code.

import { connectCitations, labelCitations, matchCitations } from "./citations.js";
import { element, showServerHtml } from "./dom.js";
import { updateChildren } from "./growing_block.js";
import { connectSupport, labelStatements } from "./support.js";
import { buildCodeCopy } from "./turn_tools.js";

export class AnswerText {
  /** `cards()` is the element with the source cards of the turn. */
  constructor(root, cards) {
    this.root = root;
    this.sources = [];
    this.citations = new Map(); // of each chip, once the answer is finished
    this.statements = new Map(); // those that were checked, by their start
    const findSource = (number) => this.findSource(number);
    connectCitations(root, { findSource, findCitation: (chip) => this.citations.get(chip), cards });
    connectSupport(root, (startIndex) => this.statements.get(startIndex));
  }

  isEmpty() {
    return this.root.children.length === 0;
  }

  restart() {
    this.root.replaceChildren();
    this.statements.clear();
  }

  /** One top-level block is new or has changed; empty HTML takes it away. */
  showBlock(block, html) {
    while (this.root.children.length <= block) this.root.append(element("div", { class: "block" }));
    const fresh = element("div");
    showServerHtml(fresh, html);
    this.prepare(fresh);
    updateChildren(this.root.children[block], fresh);
  }

  /** What the server's HTML cannot know: names of chips, labels, and that wide things scroll. */
  prepare(fresh) {
    labelCitations(fresh, (number) => this.findSource(number));
    this.label(fresh);
    for (const table of fresh.querySelectorAll("table")) {
      const frame = element("div", { class: "table-frame", tabindex: "0" });
      table.replaceWith(frame);
      frame.append(table);
    }
    for (const code of fresh.querySelectorAll("pre")) {
      const frame = element("div", { class: "code-frame" });
      code.tabIndex = 0;
      code.replaceWith(frame);
      frame.append(buildCodeHead(code), code);
    }
  }

  /** Take in statements that were checked; the server's HTML tells where they stand. */
  showSupport(statements) {
    for (const statement of statements) this.statements.set(statement.start_index, statement);
    this.label(this.root);
  }

  label(root) {
    labelStatements(root, (startIndex) => this.statements.get(startIndex));
  }

  showCitations(citations) {
    this.citations = matchCitations(this.root, citations);
    const findSource = (number) => this.findSource(number);
    labelCitations(this.root, findSource, (chip) => this.citations.get(chip));
  }

  findSource(number) {
    return this.sources.find((source) => source.number === number);
  }
}

function buildCodeHead(code) {
  const language = element("span", { class: "code-language", text: code.dataset.language ?? "" });
  return element("div", { class: "code-head" }, language, buildCodeCopy(code));
}
