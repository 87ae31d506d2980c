// The events of one answer, across lost connections: the server goes on writing meanwhile.

import { ApiProblem, ConnectionLost, send } from "./api.js";

const LAST_EVENTS = new Set(["answer_finished", "answer_failed"]);
// The server sends a comment every 15 s: who is silent for longer has gone, with or without saying so.
const SILENCE_MS = 40_000;
const RECONNECT_DELAYS_MS = [300, 1000, 2000, 4000, 8000];
const GIVE_UP_AFTER_MS = 180_000;

/** The server knows nothing of the answer any more: what became of it stands in the conversation. */
export class AnswerGone extends Error {}

/**
 * Ask a question, and read its answer to the last event.
 *
 * `onEvent(name, data)` is called for each event, `onLost(isLost)` when the connection is lost and
 * when it is back. Rejects with ApiProblem, ConnectionLost, AnswerGone, or the signal's AbortError;
 * an abort leaves the answer going on.
 */
export async function askQuestion(body, { signal, onEvent, onLost }) {
  const reading = new Reading({ signal, onEvent, onLost });
  await reading.run(() =>
    send("/api/answers", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
      body: JSON.stringify({ ...body, render: true, resumable: true }),
      signal,
    }),
  );
}

/** Read an answer that is being written already, from its first event. */
export async function followAnswer(turnId, { signal, onEvent, onLost }) {
  const reading = new Reading({ signal, onEvent, onLost });
  reading.turnId = turnId;
  await reading.run(() => reading.join());
}

/** The answer ends with what was written; its streams tell so. */
export async function stopAnswer(turnId) {
  await send(`/api/answers/${encodeURIComponent(turnId)}/stop`, { method: "POST" });
}

class Reading {
  constructor({ signal, onEvent, onLost }) {
    this.signal = signal;
    this.onEvent = onEvent;
    this.onLost = onLost;
    this.turnId = null;
    this.lastId = 0;
    this.isEnded = false;
  }

  async run(begin) {
    let open = begin;
    let attempts = 0;
    let lostSince = null;
    while (!this.isEnded) {
      const before = this.lastId;
      try {
        const response = await open();
        if (lostSince !== null) this.onLost(false);
        lostSince = null;
        await this.readAll(response.body);
      } catch (error) {
        // Before its first event nobody knows whether the question arrived.
        if (!(error instanceof ConnectionLost) || !this.turnId) throw error;
        if (this.lastId > before) attempts = 0;
        if (lostSince === null) this.onLost(true);
        lostSince ??= Date.now();
        if (Date.now() - lostSince > GIVE_UP_AFTER_MS) throw error;
        await waitToReconnect(RECONNECT_DELAYS_MS[attempts] ?? RECONNECT_DELAYS_MS.at(-1), this.signal);
        attempts += 1;
        open = () => this.join();
      }
    }
  }

  async join() {
    const path = `/api/answers/${encodeURIComponent(this.turnId)}?after=${this.lastId}`;
    try {
      return await send(path, { headers: { Accept: "text/event-stream" }, signal: this.signal });
    } catch (error) {
      if (error instanceof ApiProblem && error.code === "answer_not_found") throw new AnswerGone();
      // A proxy in front says 502 to 504 while the server starts again.
      if (error instanceof ApiProblem && error.code === "http_error" && error.retryable) {
        throw new ConnectionLost(error.message);
      }
      throw error;
    }
  }

  async readAll(stream) {
    for await (const { id, name, data } of readEvents(stream, this.signal)) {
      if (id !== null) this.lastId = id;
      if (name === "answer_started") this.turnId = data.turn_id;
      this.isEnded = LAST_EVENTS.has(name);
      this.onEvent(name, data);
      if (this.isEnded) return;
    }
    throw new ConnectionLost("the stream ended early");
  }
}

/** Resolves after the delay, or as soon as the browser is online again. */
function waitToReconnect(delayMs, signal) {
  return new Promise((resolve, reject) => {
    const finish = () => {
      clearTimeout(timer);
      removeEventListener("online", finish);
      signal.removeEventListener("abort", finish);
      if (signal.aborted) reject(new DOMException("left", "AbortError"));
      else resolve();
    };
    const timer = setTimeout(finish, delayMs);
    addEventListener("online", finish);
    signal.addEventListener("abort", finish);
  });
}

/** Yield `{id, name, data}` for each server-sent event; comments are skipped. */
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
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new ConnectionLost("the server is silent")), SILENCE_MS);
  });
  try {
    return await Promise.race([reader.read(), silence]);
  } catch (error) {
    if (signal.aborted) throw new DOMException("left", "AbortError");
    throw new ConnectionLost(error.message);
  } finally {
    clearTimeout(timer);
  }
}

function parseEvent(text) {
  let name = "message";
  let id = null;
  const data = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("event: ")) name = line.slice(7);
    else if (line.startsWith("id: ")) id = Number(line.slice(4));
    else if (line.startsWith("data: ")) data.push(line.slice(6));
  }
  return data.length ? { id, name, data: JSON.parse(data.join("\n")) } : null;
}
