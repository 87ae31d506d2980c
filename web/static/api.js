// The public API of the server, as the page uses it.

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

const LAST_EVENTS = new Set(["answer_finished", "answer_failed"]);

/**
 * Ask a question; `onEvent(name, data)` is called for each event, the last one included.
 *
 * Rejects with ApiProblem, ConnectionLost, or the signal's AbortError.
 */
export async function askQuestion(body, { signal, onEvent }) {
  const response = await send("/api/answers", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
    body: JSON.stringify({ ...body, render: true }),
    signal,
  });
  for await (const { name, data } of readEvents(response.body, signal)) {
    onEvent(name, data);
    if (LAST_EVENTS.has(name)) return;
  }
  throw new ConnectionLost("the stream ended early");
}

export async function listConversations() {
  const response = await send("/api/conversations");
  return (await response.json()).conversations;
}

export async function loadConversation(id) {
  const response = await send(`/api/conversations/${encodeURIComponent(id)}?render=true`);
  return response.json();
}

export async function deleteConversation(id) {
  await send(`/api/conversations/${encodeURIComponent(id)}`, { method: "DELETE" });
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

async function send(path, options = {}) {
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
    return new ApiProblem("http_error", `HTTP ${response.status}`, response.status >= 500);
  }
}

/** Yield `{name, data}` for each server-sent event; comments are skipped. */
async function* readEvents(stream, signal) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  try {
    while (true) {
      const { done, value } = await readPiece(reader, signal);
      if (done) return;
      const parts = (waiting + value).split("\n\n");
      waiting = parts.pop();
      for (const part of parts) {
        const event = parseEvent(part);
        if (event) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

async function readPiece(reader, signal) {
  try {
    return await reader.read();
  } catch (error) {
    if (signal.aborted) throw new DOMException("stopped", "AbortError");
    throw new ConnectionLost(error.message);
  }
}

function parseEvent(text) {
  let name = "message";
  const data = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("event: ")) name = line.slice(7);
    else if (line.startsWith("data: ")) data.push(line.slice(6));
  }
  return data.length ? { name, data: JSON.parse(data.join("\n")) } : null;
}
