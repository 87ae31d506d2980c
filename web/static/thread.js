// The conversation on the page: its turns, the answer that is being written, and other tabs.

import { AnswerGone, askQuestion, followAnswer, stopAnswer } from "./answer_stream.js";
import { ApiProblem, ConnectionLost, loadConversation, loadFollowUps } from "./api.js";
import { element } from "./dom.js";
import { hideCard } from "./floating_card.js";
import { showChildren } from "./growing_block.js";
import { translate } from "./i18n.js";
import { readPreference } from "./preferences.js";
import { postToTabs } from "./tabs.js";
import { showToast } from "./toast.js";
import { TurnView } from "./turn.js";

const REFUSED_QUESTION = new Set(["invalid_request", "body_too_large", "context_too_long"]);
const LOOK_AGAIN_MS = 3000;

export class Thread {
  /**
   * `announce(words)`; `readOptions()` gives what is asked with; `onState()` after each change;
   * `onEntered(id, title)` when a conversation has its id or title; `onRefused(text)` gives a question back;
   * `onTaken()` when the server has a question; `onSettled()` after an answer.
   */
  constructor(root, callbacks) {
    this.root = root;
    this.callbacks = callbacks;
    this.conversationId = null;
    this.running = null; // {controller, turn} while an answer is on its way
    this.turns = [];
    this.loading = null; // settles when the conversation is there
    this.isStale = false; // something happened elsewhere while an answer was on its way
    this.followUps = null; // the AbortController of a question for follow-ups
    this.actions = {
      ask: (turn, changes) => this.askAgain(turn, changes),
      askNext: (text) => this.ask(text),
      isLast: (turn) => this.turns.at(-1) === turn,
      restore: () => this.restore(),
      conversationId: () => this.conversationId,
    };
  }

  // ---- asking --------------------------------------------------------------------------------

  async ask(text, { replacing = null, search } = {}) {
    if (this.running) {
      showToast(translate("answerRunning"));
      return;
    }
    const asked = this.conversationId;
    await this.settleBefore(replacing);
    // Meanwhile another question was asked, or another conversation opened.
    if (this.running || this.conversationId !== asked) {
      this.callbacks.onRefused(text);
      return;
    }
    const options = { ...this.callbacks.readOptions(), ...(search && { search }) };
    const turn = this.addTurn(text, { search: options.search, replacing });
    const body = { question: text, ...options };
    if (this.conversationId) body.conversation_id = this.conversationId;
    if (turn.replaces) body.replace_turn = turn.replaces;
    turn.root.scrollIntoView({ block: "start" });
    this.callbacks.announce(translate("thinking"));
    this.watch(turn, (reading) => askQuestion(body, reading));
  }

  /** What has to be on the page before another question: the turns that are still being loaded, and
   *  those that a failed replacement hides. */
  async settleBefore(replacing) {
    await this.loading;
    if (!replacing && this.turns.at(-1)?.replaces) await this.restore();
  }

  /** Show again what the server has kept in the place of turns without an answer. */
  async restore() {
    this.turns = this.turns.filter((turn) => !turn.replaces);
    await this.refresh();
  }

  askAgain(turn, { text = turn.question, search } = {}) {
    this.ask(text, { replacing: turn, search });
  }

  /** A turn at the end, or in the place of `replacing` and of those behind it. */
  addTurn(text, { search, replacing }) {
    this.cancelFollowUps();
    const { announce } = this.callbacks;
    const turn = new TurnView(text, { announce, actions: this.actions, search });
    if (replacing) {
      turn.replaces = replacing.replaces ?? replacing.id;
      const from = this.turns.indexOf(replacing);
      if (from >= 0) for (const gone of this.turns.splice(from)) gone.root.remove();
    }
    // What is left then is told of a conversation that is not there.
    if (!this.turns.length) this.root.replaceChildren();
    this.turns.push(turn);
    this.root.append(turn.root);
    return turn;
  }

  /** Read an answer to its end and show it, however that goes. */
  async watch(turn, read) {
    const controller = new AbortController();
    const work = { controller, turn };
    this.running = work;
    this.callbacks.onState();
    try {
      await read({
        signal: controller.signal,
        onEvent: (name, data) => this.running === work && this.handleEvent(turn, name, data),
        onLost: (isLost) => turn.showConnection(isLost),
      });
    } catch (error) {
      if (this.running === work) await this.showError(turn, error);
    } finally {
      if (this.running === work) this.settle(turn);
    }
  }

  settle(turn) {
    this.running = null;
    this.callbacks.onState();
    this.callbacks.onSettled();
    postToTabs({ kind: "conversations_changed" });
    if (this.isStale) {
      this.refresh();
      return;
    }
    const isWanted = readPreference("follow_ups") !== "off";
    if (turn.status === "finished" && isWanted) this.offerFollowUps(turn);
  }

  handleEvent(turn, name, data) {
    turn.handleEvent(name, data);
    if (name === "answer_started") {
      this.callbacks.onTaken();
      this.enter(data.conversation_id, turn.question);
      postToTabs({ kind: "turn_started", conversationId: data.conversation_id });
    }
    if (name === "answer_failed") this.giveBack(turn, data.code);
    // Begun by a program that wanted no HTML: the stored answer has it.
    if (name === "answer_finished" && data.text && turn.text.isEmpty()) {
      turn.status = "not rendered";
      this.isStale = true;
    }
  }

  /** A question that was not taken as it is can be changed; a long one would hide why. */
  giveBack(turn, code) {
    if (!REFUSED_QUESTION.has(code)) return;
    this.callbacks.onRefused(turn.question);
    turn.ending.scrollIntoView({ block: "start" });
  }

  async showError(turn, error) {
    if (error.name === "AbortError") {
      turn.showWithdrawn();
    } else if (error instanceof AnswerGone) {
      const isShown = await this.refresh({ force: true });
      if (!isShown) turn.showFailure(translate("lostTitle"), { message: translate("lostText") });
    } else if (error instanceof ApiProblem) {
      turn.showFailure(translate("errorTitle"), error);
      this.giveBack(turn, error.code);
    } else if (error instanceof ConnectionLost) {
      turn.showFailure(translate("lostTitle"), { message: translate(turn.id ? "lostText" : "unreachableText") });
    } else {
      turn.showFailure(translate("errorTitle"), { message: String(error) });
      console.error(error);
    }
  }

  /** End the answer; what was written stays. Before it has begun, the question is taken back. */
  async stop() {
    const { turn, controller } = this.running ?? {};
    if (!turn) return;
    if (!turn.id) {
      controller.abort();
      return;
    }
    try {
      await stopAnswer(turn.id);
    } catch (error) {
      // It has just ended: its last event is on its way.
      if (error.code !== "answer_not_found") showToast(translate("stopFailed"));
    }
  }

  editLast() {
    const last = this.turns.at(-1);
    if (!last || this.running) return false;
    last.edit();
    return true;
  }

  // ---- showing -------------------------------------------------------------------------------

  /** The server gave the conversation its id: a reload leads back to it. */
  enter(id, title) {
    if (id === this.conversationId) return;
    this.conversationId = id;
    this.callbacks.onEntered(id, title);
    this.callbacks.onState();
  }

  /** Show nothing. An answer on its way goes on without us. */
  leave() {
    const { turn, controller } = this.running ?? {};
    // Before the server has it, leaving takes the question back.
    if (turn && !turn.id) this.callbacks.onRefused(turn.question);
    controller?.abort();
    this.running = null;
    this.isStale = false;
    this.cancelFollowUps();
    hideCard();
    this.turns = [];
    this.conversationId = null;
    this.root.replaceChildren();
    this.callbacks.onState();
  }

  /** Show a stored conversation; `turnId` is the turn to scroll to, else the last one. */
  open(id, { turnId = null } = {}) {
    this.leave();
    this.conversationId = id;
    this.callbacks.onState();
    this.loading = this.load(id, turnId);
  }

  async load(id, turnId) {
    try {
      const loaded = await loadConversation(id);
      if (this.conversationId !== id || this.running) return;
      this.show(loaded);
      const wanted = this.turns.find((turn) => turn.id === turnId) ?? this.turns.at(-1);
      if (wanted && this.turns.length > 1) wanted.root.scrollIntoView({ block: "start" });
    } catch (error) {
      if (this.conversationId === id) this.showLoadError(id, error);
    }
  }

  /** Take over what has changed elsewhere; turns that are the same stay as they are. */
  async refresh({ force = false } = {}) {
    const id = this.conversationId;
    const mayShow = () => this.conversationId === id && (force || !this.running);
    if (!id || !mayShow()) {
      // Made up for when the answer has ended.
      this.isStale = Boolean(id);
      return false;
    }
    try {
      const loaded = await loadConversation(id);
      this.isStale = !mayShow();
      if (this.isStale) return false;
      this.running = null;
      this.show(loaded);
      return true;
    } catch (error) {
      const isMissing = error.code === "conversation_not_found" && mayShow();
      if (isMissing) this.showLoadError(id, error);
      return isMissing;
    }
  }

  show(loaded) {
    this.callbacks.onEntered(loaded.id, loaded.title);
    const shown = new Map(this.turns.map((turn) => [turn.id, turn]));
    const isSame = (turn, stored) => turn && turn.status === stored.status && stored.status !== "running";
    const kept = loaded.turns.map((stored) => {
      const turn = shown.get(stored.id);
      // The server broke down, and has not kept what the page has.
      if (turn?.hasMoreThan(stored)) turn.showInterrupted(stored.status);
      return isSame(turn, stored) || turn?.editedText() ? turn : this.buildStored(stored);
    });
    // A question that never reached the server is nowhere else, nor is an edit that nobody sent.
    const unsent = this.turns.filter((turn) => !turn.id && !turn.replaces);
    for (const gone of this.turns.filter((turn) => !kept.includes(turn))) {
      if (gone.editedText()) this.callbacks.onRefused(gone.editedText());
    }
    this.turns = [...kept, ...unsent];
    showChildren(this.root, this.turns.map((turn) => turn.root));
    this.callbacks.onState();
    const last = loaded.turns.at(-1);
    if (last?.status === "running") this.follow(kept.at(-1), last.id);
    else if (last?.follow_ups?.length) kept.at(-1).showFollowUps(last.follow_ups);
  }

  buildStored(stored) {
    // Nothing is announced: the reader opened the conversation to read it.
    const turn = new TurnView(stored.question, { actions: this.actions });
    if (stored.status === "running") turn.setId(stored.id);
    else turn.showStored(stored);
    turn.announce = this.callbacks.announce;
    return turn;
  }

  /** An answer that somebody began elsewhere, or before a reload. */
  follow(turn, turnId) {
    turn.setId(turnId);
    this.watch(turn, async (reading) => {
      try {
        await followAnswer(turnId, reading);
      } catch (error) {
        if (!(error instanceof AnswerGone)) throw error;
        // A program asked it, whose stream is its own: look until it is stored.
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
        throw error;
      }
    });
  }

  showLoadError(id, error) {
    const isMissing = error.code === "conversation_not_found";
    const words = translate(isMissing ? "notFound" : "loadFailed");
    const title = element("h1", { class: "failure-title", text: words });
    const box = element("div", { class: "failure", role: "alert" }, title);
    if (isMissing) this.conversationId = null;
    else {
      const again = () => this.open(id);
      box.append(element("button", { type: "button", class: "primary-button", text: translate("tryAgain"), onclick: again }));
    }
    this.turns = [];
    this.root.replaceChildren(box);
    this.callbacks.onState();
  }

  // ---- what could come next ----------------------------------------------------------------------

  async offerFollowUps(turn) {
    const controller = new AbortController();
    this.followUps = controller;
    try {
      const questions = await loadFollowUps(this.conversationId, turn.id, controller.signal);
      if (!controller.signal.aborted) turn.showFollowUps(questions);
    } catch {
      // They are an offer: without them nothing is missing.
    }
  }

  cancelFollowUps() {
    this.followUps?.abort();
    this.followUps = null;
    for (const turn of this.turns) turn.clearFollowUps();
  }
}
