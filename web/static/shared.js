// A shared conversation: its questions and answers, to be read only.

import { describeError, loadShared } from "./conversations_api.js";
import { formatDay } from "./dates.js";
import { translate } from "./i18n.js";
import { visibleText } from "./plain_text.js";
import { TurnView } from "./turn.js";

const byId = (id) => document.getElementById(id);

const token = decodeURIComponent(location.pathname.split("/").at(-1));

async function showShared() {
  let shared;
  try {
    shared = await loadShared(token);
  } catch (error) {
    tellFailure(error);
    return;
  }
  showHead(shared);
  byId("thread").replaceChildren(...shared.turns.map(buildTurn));
  byId("shared-note").textContent = shared.turns.length ? "" : translate("sharedEmpty");
}

function showHead({ title, created_at: time, turns }) {
  const words = visibleText(title).trim() || translate("untitled");
  document.title = words;
  const heading = byId("shared-title");
  heading.textContent = words;
  // Named after its first question, which stands right below it.
  const isRepeated = turns.length && visibleText(turns[0].question).startsWith(words.replace(/…$/, ""));
  heading.classList.toggle("visually-hidden", Boolean(isRepeated));
  byId("shared-line").textContent = `${translate("sharedReadOnly")} · ${formatDay(time)}`;
}

function buildTurn(stored) {
  // Nothing is announced: whoever opens the page came to read.
  const turn = new TurnView(stored.question, { isReadOnly: true, announce: () => {} });
  turn.showStored(stored);
  return turn.root;
}

function tellFailure(error) {
  const note = byId("shared-note");
  note.classList.add("is-failed");
  if (error.code === "share_not_found") {
    note.textContent = `${translate("sharedMissing")}. ${translate("sharedMissingText")}`;
    return;
  }
  note.textContent = translate("sharedFailed", { reason: describeError(error) });
}

showShared();
