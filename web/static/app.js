// The page: asks, shows conversations, and keeps the address in step.

import { ApiProblem, ConnectionLost, askQuestion, loadConversation } from "./api.js";
import { ConversationList } from "./conversations.js";
import { element } from "./dom.js";
import { translate, translatePage } from "./i18n.js";
import { watchModel } from "./model_banner.js";
import { visibleText } from "./plain_text.js";
import { hideTooltip, moveTooltip } from "./tooltip.js";
import { TurnView } from "./turn.js";

const byId = (id) => document.getElementById(id);
const thread = byId("thread");
const form = byId("composer");
const question = byId("question");
const askButton = byId("ask");
const stopButton = byId("stop");

const SEARCH_KEY = "websearch-agent.search";
const REFUSED_QUESTION = new Set(["invalid_request", "body_too_large"]);

let conversationId = null;
let running = null; // {controller, turn} while an answer is on its way

const conversations = new ConversationList({
  onOpen: (id) => openConversation(id, { push: true }),
  onDeleted: (id) => id === conversationId && startConversation(),
});

// ---- asking --------------------------------------------------------------------------------

async function ask(text, { replacing = null, search = chosenSearch() } = {}) {
  const turn = new TurnView(text, { onRetry: retry, announce, search });
  if (replacing) replacing.root.replaceWith(turn.root);
  else thread.append(turn.root);
  const controller = new AbortController();
  const work = { controller, turn };
  running = work;
  showState();
  announce(translate("thinking"));
  turn.root.scrollIntoView({ block: "start" });
  try {
    const body = { question: text, search };
    if (conversationId) body.conversation_id = conversationId;
    await askQuestion(body, {
      signal: controller.signal,
      onEvent: (name, data) => handleEvent(work, name, data),
    });
  } catch (error) {
    showAskError(turn, error);
  } finally {
    if (running === work) {
      running = null;
      showState();
    }
    conversations.refresh();
    // The question may have made the model ready, or shown that it cannot be.
    watchModel(byId("model-banner"));
  }
}

function handleEvent(work, name, data) {
  if (running !== work) return;
  const hidden = hiddenHeight(work.turn.answer);
  if (name === "answer_started") enterConversation(data.conversation_id);
  work.turn.handleEvent(name, data);
  if (name === "answer_failed" && REFUSED_QUESTION.has(data.code)) giveBack(work.turn);
  // Follow the writing, but only while the reader is where it happens; the sources below
  // never pull the text away.
  const more = hiddenHeight(work.turn.answer);
  if (name === "answer_html" && hidden < 48 && more > 0) scrollBy(0, more + 16);
}

function showAskError(turn, error) {
  if (error.name === "AbortError") turn.showStopped();
  else if (error instanceof ApiProblem) {
    turn.showFailure(translate("errorTitle"), error.message, error);
    if (REFUSED_QUESTION.has(error.code)) giveBack(turn);
  } else if (error instanceof ConnectionLost) {
    turn.showFailure(translate("lostTitle"), translate("lostText"));
  } else {
    turn.showFailure(translate("errorTitle"), String(error));
    console.error(error);
  }
}

/** The server did not take the question as it is: let the person change it. */
function giveBack(turn) {
  if (!question.value) {
    question.value = turn.question;
    fitQuestion();
  }
  turn.showEnding();
}

function retry(turn, { search } = {}) {
  if (!running) ask(turn.question, { replacing: turn, search });
}

function stop() {
  running?.controller.abort();
}

function submit() {
  const text = question.value.trim();
  if (!text || running) return;
  question.value = "";
  fitQuestion();
  ask(text);
}

// ---- conversations ---------------------------------------------------------------------------

/** The server gave the conversation its id: a reload leads back to it. */
function enterConversation(id) {
  if (id === conversationId) return;
  conversationId = id;
  conversations.markCurrent(id);
  history.pushState(null, "", `/c/${encodeURIComponent(id)}`);
  conversations.refresh();
}

/** Show an empty page. What was on its way is stopped. */
function startConversation({ push = true } = {}) {
  leave();
  conversationId = null;
  conversations.markCurrent(null);
  if (push && location.pathname !== "/") history.pushState(null, "", "/");
  document.title = "websearch-agent";
  showState();
  question.focus();
}

async function openConversation(id, { push = false } = {}) {
  leave();
  conversationId = id;
  conversations.markCurrent(id);
  if (push) history.pushState(null, "", `/c/${encodeURIComponent(id)}`);
  document.body.classList.remove("is-empty");
  try {
    const loaded = await loadConversation(id);
    if (conversationId !== id || running) return;
    thread.replaceChildren(...loaded.turns.map(buildStoredTurn));
    document.title = visibleText(loaded.title || "websearch-agent");
    scrollTo({ top: document.body.scrollHeight });
  } catch (error) {
    if (conversationId === id) showLoadError(id, error);
  }
}

function buildStoredTurn(stored) {
  // Nothing is announced: the reader opened the conversation to read it.
  const turn = new TurnView(stored.question, { onRetry: retry, announce: () => {} });
  turn.showStored(stored);
  turn.announce = announce;
  return turn.root;
}

function showLoadError(id, error) {
  const missing = error.code === "conversation_not_found";
  const box = element(
    "div",
    { class: "failure", role: "alert" },
    element("p", { class: "failure-title", text: translate(missing ? "notFound" : "loadFailed") }),
  );
  if (missing) conversationId = null;
  else {
    const again = () => openConversation(id);
    const words = translate("tryAgain");
    box.append(element("button", { type: "button", class: "primary-button", text: words, onclick: again }));
  }
  thread.replaceChildren(box);
}

function leave() {
  stop();
  hideTooltip();
  running = null;
  thread.replaceChildren();
  closeSidebar();
  showState();
}

function followAddress() {
  const match = location.pathname.match(/^\/c\/([^/]+)$/);
  if (match) openConversation(decodeURIComponent(match[1]));
  else startConversation({ push: false });
}

// ---- the page's own parts ----------------------------------------------------------------------

function announce(words) {
  byId("status").textContent = words;
}

function showState() {
  document.body.classList.toggle("is-empty", !thread.children.length && !conversationId);
  askButton.hidden = Boolean(running);
  stopButton.hidden = !running;
}

/** How many pixels of the answer's end the question box covers, or the window's edge. */
function hiddenHeight(answer) {
  return answer.getBoundingClientRect().bottom - form.getBoundingClientRect().top;
}

function fitQuestion() {
  question.style.height = "auto";
  question.style.height = `${Math.min(question.scrollHeight, 240)}px`;
}

function closeSidebar() {
  document.body.classList.remove("is-sidebar-open");
  byId("sidebar-shade").hidden = true;
  byId("open-sidebar").setAttribute("aria-expanded", "false");
}

function openSidebar() {
  document.body.classList.add("is-sidebar-open");
  byId("sidebar-shade").hidden = false;
  byId("open-sidebar").setAttribute("aria-expanded", "true");
  byId("sidebar").querySelector("button").focus();
}

function showSuggestions() {
  const keys = ["suggestion1", "suggestion2", "suggestion3"];
  const items = keys.map((key) => {
    const words = translate(key);
    const choose = () => !running && ask(words);
    return element("li", {}, element("button", { type: "button", text: words, onclick: choose }));
  });
  byId("suggestions").replaceChildren(...items);
}

function chosenSearch() {
  return new FormData(form).get("search");
}

/** The switch stays as it was set, also after a reload. A browser may forbid storage. */
function connectSearchSwitch() {
  const switches = [...form.elements.search];
  try {
    const kept = localStorage.getItem(SEARCH_KEY);
    for (const one of switches) if (one.value === kept) one.checked = true;
  } catch {
    return;
  }
  for (const one of switches) {
    one.addEventListener("change", () => localStorage.setItem(SEARCH_KEY, chosenSearch()));
  }
}

function connectComposer() {
  connectSearchSwitch();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  question.addEventListener("input", fitQuestion);
  question.addEventListener("keydown", (event) => {
    // While an input method composes, Enter accepts its characters (229: Safari's way to say so).
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    submit();
  });
  stopButton.addEventListener("click", () => {
    stop();
    question.focus();
  });
}

function connectNavigation() {
  for (const button of document.querySelectorAll('[data-action="new-conversation"], a.brand')) {
    button.addEventListener("click", (event) => {
      event.preventDefault();
      startConversation();
    });
  }
  byId("open-sidebar").addEventListener("click", openSidebar);
  byId("sidebar-shade").addEventListener("click", closeSidebar);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    closeSidebar();
    hideTooltip();
  });
  document.addEventListener("pointerdown", (event) => {
    if (!event.target.closest("a.citation, .support-label")) hideTooltip();
  });
  addEventListener("scroll", moveTooltip, { passive: true });
  addEventListener("popstate", followAddress);
}

translatePage();
showSuggestions();
connectComposer();
connectNavigation();
conversations.refresh();
watchModel(byId("model-banner"));
followAddress();
