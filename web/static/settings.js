// The settings page: what is chosen, what the server works with, and the end of all data.

import { buildModelStatus } from "./activity.js";
import { readHealth } from "./api.js";
import { deleteAllConversations, describeError, findConversations, listEngines } from "./conversations_api.js";
import { element } from "./dom.js";
import { describeReason, language, translate, translateCount } from "./i18n.js";
import {
  chooseLanguage,
  chooseTheme,
  chosenLanguage,
  chosenTheme,
  keepPreference,
  readPreference,
} from "./preferences.js";
import { postToTabs } from "./tabs.js";

const MODEL_POLL_MS = 2000;
const ENGINES_POLL_MS = 10_000;
const MOST_COUNTED = 1000; // more the server does not list

const byId = (id) => document.getElementById(id);

// ---- what is chosen ------------------------------------------------------------------------------

function connectChoices() {
  connectChoice("theme", chosenTheme(), chooseTheme);
  connectChoice("language", chosenLanguage(), (value) => {
    chooseLanguage(value);
    location.reload();
  });
  connectChoice("follow_ups", readPreference("follow_ups") ?? "on", (value) => keepPreference("follow_ups", value));
  connectChoice("search", readPreference("search") ?? "auto", (value) => keepPreference("search", value));
  connectChoice("mode", readPreference("mode") ?? "balanced", (value) => keepPreference("mode", value));
}

function connectChoice(id, chosen, onChoose) {
  const select = byId(id);
  // Something that is no choice any more leaves the first one.
  if ([...select.options].some((option) => option.value === chosen)) select.value = chosen;
  select.addEventListener("change", () => onChoose(select.value));
}

// ---- model, engines --------------------------------------------------------------------------------

async function watchModel() {
  let again = MODEL_POLL_MS;
  try {
    const { status, model } = await readHealth();
    byId("model-name").textContent = model.name;
    showModelState(status, model);
    if (status !== "preparing") return;
  } catch {
    byId("model-state").textContent = translate("modelUnknown");
    again *= 3;
  }
  setTimeout(watchModel, again);
}

function showModelState(status, model) {
  const place = byId("model-state");
  place.classList.toggle("is-failed", status === "failed");
  if (status !== "failed") place.replaceChildren(buildModelStatus(model));
  else place.replaceChildren(element("span", { text: `${translate("modelFailed")} ${model.detail}` }));
}

/** Looked at again as long as one of them rests. */
async function watchEngines() {
  let engines;
  try {
    engines = await listEngines();
  } catch {
    byId("engines").replaceChildren(element("li", { text: translate("enginesFailed") }));
    return;
  }
  const lines = engines.map(buildEngine);
  if (!lines.length) lines.push(element("li", { text: translate("enginesNone") }));
  byId("engines").replaceChildren(...lines);
  if (engines.some((engine) => engine.rests_for_s !== null)) setTimeout(watchEngines, ENGINES_POLL_MS);
}

function buildEngine({ name, rests_for_s: seconds, code, reason }) {
  const isResting = seconds !== null;
  const words = isResting
    ? translate("engineRests", { seconds: Math.ceil(seconds), reason: describeReason({ code, reason }) })
    : translate("engineReady");
  return element(
    "li",
    {},
    element("span", { class: "engine-name", text: name }),
    element("span", { class: isResting ? "engine-state is-resting" : "engine-state", text: words }),
  );
}

// ---- the end of all data -------------------------------------------------------------------------------

function connectDeletion() {
  const dialog = byId("delete-dialog");
  byId("delete-all").addEventListener("click", () => openDeletion(dialog));
  byId("delete-cancel").addEventListener("click", () => dialog.close());
  byId("delete-form").addEventListener("submit", (event) => {
    event.preventDefault();
    deleteAll(dialog);
  });
}

async function openDeletion(dialog) {
  byId("delete-result").textContent = "";
  byId("delete-count").textContent = "";
  byId("delete-word").value = "";
  refuse("");
  dialog.showModal();
  byId("delete-word").focus();
  try {
    byId("delete-count").textContent = countWords((await findConversations({ limit: MOST_COUNTED })).length);
  } catch (error) {
    refuse(translate("deleteAllFailed", { reason: describeError(error) }));
  }
}

function countWords(count) {
  if (count >= MOST_COUNTED) return translate("deleteAllCountMany", { count: count.toLocaleString(language) });
  return translateCount(count, "deleteAllCountOne", "deleteAllCount");
}

async function deleteAll(dialog) {
  const word = translate("deleteAllWord");
  if (byId("delete-word").value.trim().toLowerCase() !== word) {
    refuse(translate("deleteAllRefused", { word }));
    byId("delete-word").focus();
    return;
  }
  byId("delete-submit").disabled = true;
  try {
    const count = await deleteAllConversations();
    postToTabs({ kind: "conversations_changed", removedAll: true });
    dialog.close();
    byId("delete-result").textContent = translateCount(count, "deleteAllDoneOne", "deleteAllDone");
  } catch (error) {
    refuse(translate("deleteAllFailed", { reason: describeError(error) }));
  } finally {
    byId("delete-submit").disabled = false;
  }
}

function refuse(words) {
  byId("delete-problem").textContent = words;
}


/** The key beside the space bar, as this machine calls it. */
function nameCommandKey() {
  if (!/Mac|iPhone|iPad/.test(navigator.platform)) return;
  for (const key of document.querySelectorAll("[data-command-key]")) key.textContent = "⌘";
}

connectChoices();
nameCommandKey();
connectDeletion();
watchModel();
watchEngines();
