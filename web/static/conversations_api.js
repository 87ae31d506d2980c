// The API of conversations, links to them and settings, as sidebar, dialogs and settings page use it.

import { send } from "./api.js";
import { describeFailure, translate } from "./i18n.js";

/** Why a request failed; where the server said nothing, that. */
export function describeError(error) {
  return error.code ? describeFailure(error).words : translate("serverAway");
}

function pathOf(id, rest = "") {
  return `/api/conversations/${encodeURIComponent(id)}${rest}`;
}

async function sendJson(path, method, body) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  return send(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
}

/** The one used last first; with `search` those that hold these words. */
export async function findConversations({ search = "", limit = 100 } = {}) {
  const query = new URLSearchParams({ limit: String(limit) });
  if (search) query.set("search", search);
  return (await (await send(`/api/conversations?${query}`)).json()).conversations;
}

/** Resolves to the conversation's summary. */
export async function renameConversation(id, title) {
  return (await sendJson(pathOf(id), "PATCH", { title })).json();
}

/** For an hour, `restoreConversation` can undo it. */
export async function deleteConversation(id) {
  await sendJson(pathOf(id), "DELETE");
}

export async function restoreConversation(id) {
  return (await sendJson(pathOf(id, "/restore"), "POST")).json();
}

/** Erase everything at once; resolves to how many conversations there were. */
export async function deleteAllConversations() {
  return (await (await sendJson("/api/conversations", "DELETE")).json()).deleted;
}

/** The link to a conversation as `{path, created_at, turn_count}`, or null if there is none. */
export async function loadShare(id) {
  try {
    return await (await send(pathOf(id, "/share"))).json();
  } catch (error) {
    if (error.code === "share_not_found") return null;
    throw error;
  }
}

/** Make the link, or let the one there is show the conversation as it is now. */
export async function shareConversation(id) {
  return (await sendJson(pathOf(id, "/share"), "PUT")).json();
}

export async function endShare(id) {
  await sendJson(pathOf(id, "/share"), "DELETE");
}

export async function loadShared(token) {
  return (await send(`/api/shared/${encodeURIComponent(token)}?render=true`)).json();
}

/** Search engines as `{name, rests_for_s, code, reason}`. */
export async function listEngines() {
  return (await (await send("/api/engines")).json()).engines;
}
