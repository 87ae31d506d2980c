// The page: puts its parts together, and keeps the address in step.

import { exportAddress, loadSuggestions } from "./api.js";
import { Composer } from "./composer.js";
import { element } from "./dom.js";
import { language, translate } from "./i18n.js";
import { watchModel } from "./model_banner.js";
import { visibleText } from "./plain_text.js";
import { Sidebar } from "./sidebar.js";
import { onTabMessage } from "./tabs.js";
import { Thread } from "./thread.js";
import { showToast } from "./toast.js";

const NAME = "websearch-agent";
const byId = (id) => document.getElementById(id);

const sidebar = new Sidebar({
  onOpen: (id) => openConversation(id),
  onRemoved: (id) => id === thread.conversationId && startConversation(),
  onRenamed: (id, title) => id === thread.conversationId && showTitle(title),
});

const composer = new Composer({
  onSubmit: (text) => thread.ask(text),
  onEditLast: () => thread.editLast(),
});

const thread = new Thread(byId("thread"), {
  announce: (words) => (byId("status").textContent = words),
  readOptions: () => composer.options(),
  onState: showState,
  onEntered: enterConversation,
  onTaken: () => composer.forgetDraft(),
  onRefused: (text) => composer.giveBack(text),
  onSettled: () => {
    sidebar.refresh();
    // The question may have made the model ready, or shown that it cannot be.
    watchModel(byId("model-banner"));
  },
});

// ---- where we are ------------------------------------------------------------------------------

const pathOf = (id) => `/c/${encodeURIComponent(id)}`;

function enterConversation(id, title) {
  if (location.pathname !== pathOf(id)) history.pushState(null, "", pathOf(id));
  showTitle(title);
  sidebar.markCurrent(id);
  sidebar.refresh();
}

function showTitle(title) {
  const words = visibleText(title ?? "") || translate("untitled");
  document.title = thread.conversationId ? words : NAME;
  byId("conversation-title").textContent = words;
}

/** Show an empty page. What was on its way goes on, and is found in the list. */
function startConversation({ push = true } = {}) {
  composer.reset();
  thread.leave();
  sidebar.markCurrent(null);
  sidebar.close();
  if (push && location.pathname !== "/") history.pushState(null, "", "/");
  document.title = NAME;
  composer.focus();
}

function openConversation(id, { turnId = null, push = true } = {}) {
  sidebar.close();
  sidebar.markCurrent(id);
  if (push && location.pathname !== pathOf(id)) history.pushState(null, "", pathOf(id));
  thread.open(id, { turnId });
}

function followAddress() {
  const match = location.pathname.match(/^\/c\/([^/]+)$/);
  if (!match) return startConversation({ push: false });
  const id = decoded(match[1]);
  const turnId = decoded(location.hash.replace(/^#turn-/, ""));
  const isHere = id === thread.conversationId;
  if (!isHere) openConversation(id, { turnId, push: false });
}

/** A part of an address; one that somebody garbled stays as it is. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function showState() {
  const id = thread.conversationId;
  document.body.classList.toggle("is-empty", !thread.root.children.length && !id);
  byId("conversation-head").hidden = !id;
  if (id) byId("export").href = exportAddress(id);
  composer.setBusy(Boolean(thread.running));
  showWayDown();
}

// ---- reading along -------------------------------------------------------------------------------

/** Whether the end of the last answer is hidden below the question box. */
function hiddenBelow() {
  const last = thread.turns.at(-1);
  if (!last?.answer.children.length) return 0;
  return last.answer.getBoundingClientRect().bottom - byId("composer-place").getBoundingClientRect().top;
}

/** The page never scrolls by itself while somebody reads: a button leads to the newest words. */
function showWayDown() {
  byId("to-end").hidden = !thread.running || hiddenBelow() < 24;
}

function connectReading() {
  new ResizeObserver(showWayDown).observe(byId("thread"));
  addEventListener("scroll", showWayDown, { passive: true });
  byId("to-end").addEventListener("click", () => {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    scrollBy({ top: hiddenBelow() + 24, behavior: calm ? "auto" : "smooth" });
  });
}

// ---- the page's own parts ------------------------------------------------------------------------

async function showSuggestions() {
  let questions;
  try {
    questions = await loadSuggestions(language);
  } catch {
    return; // The page says elsewhere that the server is away.
  }
  const items = questions.map((text) => {
    const onclick = () => thread.ask(text);
    return element("li", {}, element("button", { type: "button", dir: "auto", text, onclick }));
  });
  byId("suggestions").replaceChildren(...items);
}

function connectButtons() {
  for (const button of document.querySelectorAll('[data-action="new-conversation"], a.brand')) {
    button.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      startConversation();
    });
  }
  byId("stop").addEventListener("click", () => {
    thread.stop();
    // On a phone that would open the keyboard over the answer.
    if (matchMedia("(hover: hover)").matches) composer.focus();
  });
  byId("share").addEventListener("click", share);
}

/** The dialog comes when it is wanted first. */
async function share() {
  try {
    const { ShareDialog } = await import("./share_view.js");
    const isOpen = document.querySelector("dialog[open]");
    if (!isOpen) await new ShareDialog(thread.conversationId).open();
  } catch {
    showToast(translate("serverAway"));
  }
}

const isTyping = (target) => target.closest?.("input, textarea, select, [contenteditable], dialog");

/** Whether nothing else is closed by the key. */
const isFree = (event) => !event.defaultPrevented && !document.querySelector("dialog[open]");

function connectKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape" && isFree(event)) thread.stop();
    if (event.key === "/" && !isTyping(event.target) && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      composer.focus();
    }
    if (event.key.toLowerCase() === "o" && event.shiftKey && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      startConversation();
    }
  });
}

/** Other tabs, and whatever happened while this one was not looked at. */
function connectTabs() {
  onTabMessage(({ kind, conversationId }) => {
    if (kind === "turn_started" && conversationId === thread.conversationId) thread.refresh();
    if (kind === "conversations_changed") thread.refresh();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible") return;
    thread.refresh();
    sidebar.refresh();
  });
}

connectButtons();
connectKeys();
connectReading();
connectTabs();
addEventListener("popstate", followAddress);
showSuggestions();
sidebar.refresh();
watchModel(byId("model-banner"));
followAddress();
