// The public API of the server, as the page uses it.

import { translate } from "./i18n.js";

/** The server refused or failed: `code`, `message` and `retryable` are its own. */
export class ApiProblem extends Error {
  constructor(code, message, retryable) {
    super(message);
    this.code = code;
    this.retryable = retryable;
  }
}

/** The stream or the request broke off without a last event. */
export class ConnectionLost extends Error {}

export async function loadConversation(id) {
  const response = await send(`/api/conversations/${encodeURIComponent(id)}?render=true`);
  return response.json();
}

/** One turn, or the whole conversation without one, as Markdown with its sources. */
export async function loadMarkdown(conversationId, turnId) {
  return (await send(exportAddress(conversationId, turnId))).text();
}

export function exportAddress(conversationId, turnId) {
  const turn = turnId ? `&turn=${encodeURIComponent(turnId)}` : "";
  return `/api/conversations/${encodeURIComponent(conversationId)}/export?format=markdown${turn}`;
}

export async function loadFollowUps(conversationId, turnId, signal) {
  const ids = [conversationId, "turns", turnId].map(encodeURIComponent).join("/");
  const response = await send(`/api/conversations/${ids}/follow-ups`, { method: "POST", signal });
  return (await response.json()).questions;
}

export async function loadSuggestions(language) {
  return (await (await send(`/api/suggestions?language=${language}`)).json()).questions;
}

export async function readHealth() {
  const health = await (await send("/api/health")).json();
  // Without a login the server tells nothing of its model.
  return health.model ? health : goToLogin();
}

/** The session has ended: log in, and come back. Never resolves, for the page is left. */
function goToLogin() {
  location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
  return new Promise(() => {});
}

/** Resolves to a Response that is ok; rejects with ApiProblem, ConnectionLost or AbortError. */
export async function send(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ConnectionLost(error.message);
  }
  if (response.status === 401) return goToLogin();
  if (!response.ok) throw await readProblem(response);
  return response;
}

async function readProblem(response) {
  try {
    const problem = await response.json();
    return new ApiProblem(problem.code, problem.detail, Boolean(problem.retryable));
  } catch {
    // Not our server's form: a proxy in front of it.
    const message = translate("httpError", { status: response.status });
    return new ApiProblem("http_error", message, response.status >= 500);
  }
}
