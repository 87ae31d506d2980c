// Asks a server with the official client and prints what it got, as JSON: `node client.mjs TASK`.
// The address and the key are those of the environment (OPENAI_BASE_URL, OPENAI_API_KEY).
import OpenAI from "openai";

const client = new OpenAI({ maxRetries: 0 });
const model = "websearch-agent";
const question = "Does HTTPX support HTTP/2?";
const asked = (text) => [{ role: "user", content: text }];
const parameters = { type: "object", properties: { x: { type: "integer" } } };
const chatTool = { type: "function", function: { name: "get_weather", parameters } };
const responsesTool = { type: "function", name: "get_weather", parameters, strict: false };

// Indices count code points, of which a string of JavaScript may need two units for one.
const wordsAt = (text, marks) =>
  marks.map(({ start_index, end_index }) => [...text].slice(start_index, end_index).join(""));

async function chat() {
  const body = { model, messages: asked(question) };
  const whole = await client.chat.completions.create(body);
  const message = whole.choices[0].message;
  let streamed = "";
  let last;
  for await (const chunk of await client.chat.completions.create({ ...body, stream: true })) {
    last = chunk.choices[0];
    streamed += last.delta.content ?? "";
  }
  const urlCitation = (annotation) => annotation.url_citation;
  return {
    whole: message.content,
    streamed,
    marks: wordsAt(message.content, message.annotations.map(urlCitation)),
    streamedMarks: wordsAt(streamed, last.delta.annotations.map(urlCitation)),
    citations: whole.citations,
    finishReasons: [whole.choices[0].finish_reason, last.finish_reason],
  };
}

async function responses() {
  const body = { model, input: question, tools: [{ type: "web_search" }] };
  const whole = await client.responses.create(body);
  const part = whole.output.find((item) => item.type === "message").content[0];
  let streamed = "";
  let lastEvent;
  for await (const event of await client.responses.create({ ...body, stream: true })) {
    if (event.type === "response.output_text.delta") streamed += event.delta;
    lastEvent = event.type;
  }
  const helper = await client.responses.stream(body).finalResponse();
  return {
    whole: whole.output_text,
    streamed,
    helper: helper.output_text,
    marks: wordsAt(part.text, part.annotations),
    lastEvent,
  };
}

async function functions() {
  const messages = asked("call get_weather");
  const body = { model, messages, tools: [chatTool] };
  const called = (await client.chat.completions.create(body)).choices[0].message;
  const call = called.tool_calls[0];
  const streamed = await client.chat.completions.stream(body).finalMessage();
  messages.push(called, { role: "tool", tool_call_id: call.id, content: "sun" });
  const answered = await client.chat.completions.create({ ...body, messages });
  const input = asked("call get_weather");
  const first = await client.responses.create({ model, input, tools: [responsesTool] });
  const item = first.output[0];
  input.push(item, { type: "function_call_output", call_id: item.call_id, output: "sun" });
  const second = await client.responses.create({ model, input, tools: [responsesTool] });
  return {
    arguments: [
      call.function.arguments,
      streamed.tool_calls[0].function.arguments,
      item.arguments,
    ],
    answers: [answered.choices[0].message.content, second.output_text],
  };
}

async function models() {
  const listed = [];
  for await (const one of client.models.list()) listed.push(one.id);
  return { models: listed };
}

async function errors() {
  const caught = async (asking) => {
    try {
      await asking;
    } catch (error) {
      return [error.constructor.name, error.status, error.code, error.param ?? null];
    }
    return [];
  };
  const body = { model, messages: asked(question) };
  const stranger = client.withOptions({ apiKey: "wsa_wrong" });
  return {
    model: await caught(client.chat.completions.create({ ...body, model: "gpt-4o" })),
    key: await caught(stranger.chat.completions.create(body)),
    value: await caught(client.chat.completions.create({ ...body, n: 2 })),
  };
}

async function failures() {
  const last = async (stream, shown) => {
    let seen;
    try {
      for await (const item of stream) seen = shown(item);
    } catch (error) {
      return [seen, error.constructor.name, error.code];
    }
    return [seen];
  };
  const body = { model, messages: asked(question), stream: true };
  const chunks = await client.chat.completions.create(body);
  const events = await client.responses.create({ model, input: question, stream: true });
  return {
    chat: await last(chunks, (chunk) => chunk.choices[0].delta.content),
    responses: await last(events, (event) => event.type),
  };
}

async function abort() {
  const body = { model, messages: asked(question), stream: true };
  const words = [];
  for await (const chunk of await client.chat.completions.create(body)) {
    const word = chunk.choices[0].delta.content;
    if (word) {
      words.push(word);
      break;
    }
  }
  return { words };
}

const tasks = { chat, responses, functions, models, errors, failures, abort };
console.log(JSON.stringify(await tasks[process.argv[2]]()));
