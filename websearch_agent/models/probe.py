"""Finds out what a model server can do, with calls of a few tokens.

Each `probe_…` answers None where it could not be found out: the server was busy, failed, or said
something that decides nothing. None is never remembered as "cannot".
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from websearch_agent.models.capabilities import Capabilities, TokenFactors, TokenizeForm
from websearch_agent.models.http_errors import Asked, ModelNotServed, refusal, refuses_tools
from websearch_agent.models.request_body import BodyForm, response_format
from websearch_agent.models.server_window import OLLAMA_WINDOW, is_ollama, read_window
from websearch_agent.models.token_count import SAMPLES, measure_factors
from websearch_agent.models.window_words import is_count

PROBE_TIMEOUT_S = 20.0
# A call may be refused for one field after the other: max_tokens, temperature, the extensions.
MAX_ADAPTATIONS = 4
# A greeting takes a handful; who thinks aloud about it has closed the thoughts by then.
THOUGHTS_TOKENS = 200

_QUESTION = [{"role": "user", "content": "Say hello."}]
_ODD_WORD = "zebra"
_SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"w": {"type": "string", "enum": [_ODD_WORD]}},
    "required": ["w"],
    "additionalProperties": False,
}
_LOGPROBS: dict[str, object] = {"logprobs": True, "top_logprobs": 2}
_TOOL: dict[str, object] = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Look up a word.",
        "parameters": {
            "type": "object",
            "properties": {"word": {"type": "string"}},
            "required": ["word"],
        },
    },
}


@dataclass(slots=True)
class Server:
    """A server under examination.

    `entry` is what `/models` says of the model; `extra` are body fields that its profile wants,
    for example to switch thinking off. `form` grows with what the server refuses.
    `may_open_thoughts`: nothing is known of the model's family, so its template may.
    """

    http: httpx.AsyncClient
    asked: Asked
    entry: Mapping[str, Any] | None = None
    extra: Mapping[str, object] = field(default_factory=dict)
    form: BodyForm = field(default_factory=BodyForm)
    may_open_thoughts: bool = False


@dataclass(frozen=True, slots=True)
class Probed:
    """`complete`: every probe found something out, so it may be remembered."""

    capabilities: Capabilities
    complete: bool


async def probe_server(server: Server) -> Probed:
    """All probes, at once where they do not need each other.

    Raises ModelRejectedRequest where the server refuses the key or the model's name; the other
    probes are given up then.
    """
    try:
        async with asyncio.TaskGroup() as group:
            asked_tools = group.create_task(probe_tools(server))
            asked_forms = group.create_task(_probe_reply_forms(server))
            asked_tokenize = group.create_task(probe_tokenize(server))
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    tools, forms, tokenize = asked_tools.result(), asked_forms.result(), asked_tokenize.result()
    # By itself: on a slow server the others would run out of time behind it.
    opens_thoughts = server.may_open_thoughts and await probe_thoughts(server)
    # Ollama tells the window of a model that is loaded: after the calls.
    window, factors = await asyncio.gather(
        probe_window(server), measure_tokenizer(server, tokenize)
    )
    capabilities = Capabilities(
        tools=tools is not False,
        json_schema=forms.json_schema is not False,
        schema_refused=forms.schema_refused,
        logprobs=forms.logprobs is True,
        opens_thoughts=opens_thoughts is True,
        tokenize=tokenize,
        context_window=window,
        token_factors=factors,
    )
    return Probed(capabilities, None not in (tools, forms.json_schema, forms.logprobs))


async def probe_tools(server: Server) -> bool | None:
    """Whether a call with a tool is taken. Raises ModelRejectedRequest for key and model."""
    # Without `tool_choice`: `auto` goes without saying, and some servers know no other word.
    reply = await _ask(server, {"tools": [_TOOL]}, max_tokens=4)
    if reply is None:
        return None
    if reply.status_code == 200:
        return True
    if refuses_tools(reply.status_code, reply.text):
        return False
    error = refusal(reply.status_code, reply.text, server.asked, reply.headers)
    if reply.status_code == 401 or isinstance(error, ModelNotServed):
        raise error
    return None


async def probe_json_schema(server: Server) -> bool | None:
    """Whether a reply is held to a schema that the prompt would not lead to."""
    reply = await _ask(server, {"response_format": response_format(_SCHEMA)}, max_tokens=24)
    return _held_to_schema(reply)


async def probe_logprobs(server: Server) -> bool | None:
    """Whether the tokens' probabilities are told."""
    return _tells_logprobs(await _ask(server, _LOGPROBS, max_tokens=2))


async def probe_thoughts(server: Server) -> bool | None:
    """Whether a reply begins with thoughts that the chat template has opened, not the model."""
    reply = await _ask(server, {}, max_tokens=THOUGHTS_TOKENS)
    if reply is None or reply.status_code != 200:
        return None
    before, closed, _ = _content(reply).partition("</think>")
    if not closed:
        return False if _first_choice(reply).get("finish_reason") == "stop" else None
    return "<think>" not in before


async def probe_tokenize(server: Server) -> TokenizeForm | None:
    """Whose form of `/tokenize` the server answers."""
    forms: tuple[TokenizeForm, ...] = ("vllm", "llama-server")
    for form in forms:
        count = await count_on_server(server, form, "hello hello hello")
        if count is not None and 3 <= count <= 20:
            return form
    return None


async def count_on_server(server: Server, form: TokenizeForm, text: str) -> int | None:
    """The served model's own count of a text's tokens, without special ones."""
    if form == "vllm":
        body = {"model": server.asked.model, "prompt": text, "add_special_tokens": False}
        count = (await _post_json(server, "/tokenize", body)).get("count")
    else:
        body = {"content": text, "add_special": False}
        tokens = (await _post_json(server, "/tokenize", body)).get("tokens")
        count = len(tokens) if isinstance(tokens, list) else None
    return count if is_count(count, 1, 10_000_000) else None


async def measure_tokenizer(server: Server, form: TokenizeForm | None) -> TokenFactors | None:
    """How the served model's tokenizer counts each script; None without `/tokenize`."""
    if form is None:
        return None
    counts = await asyncio.gather(
        *(count_on_server(server, form, text) for text in SAMPLES.values())
    )
    if any(count is None for count in counts):
        return None
    known = {name: count or 0 for name, count in zip(SAMPLES, counts, strict=True)}
    # Half a second of loading the token table: not on the event loop.
    return await asyncio.to_thread(measure_factors, known)


async def probe_window(server: Server) -> int | None:
    """Tokens that the server gives one conversation; Ollama's default of a model not loaded."""
    told = await read_window(server.http, server.asked, server.entry or {})
    if told is not None:
        return told
    return OLLAMA_WINDOW if await is_ollama(server.http, server.asked) else None


@dataclass(frozen=True, slots=True)
class _ReplyForms:
    json_schema: bool | None
    logprobs: bool | None
    schema_refused: bool = False


async def _probe_reply_forms(server: Server) -> _ReplyForms:
    """`json_schema` and `logprobs` in one call; in two where one of them is refused."""
    wanted = {"response_format": response_format(_SCHEMA)}
    reply = await _ask(server, {**wanted, **_LOGPROBS}, max_tokens=24)
    if reply is None or not _is_refusal(reply):
        return _ReplyForms(_held_to_schema(reply), _tells_logprobs(reply))
    schema = await _ask(server, wanted, max_tokens=24)
    spoken = await _ask(server, _LOGPROBS, max_tokens=2)
    held = _held_to_schema(schema)
    refused = held is False and schema is not None and schema.status_code != 200
    if refused and schema is not None and schema.status_code == 500:
        # No word of the reason: it was the schema if a call without one went well.
        refused = spoken is not None and spoken.status_code == 200
    return _ReplyForms(held, _tells_logprobs(spoken), refused)


def _is_refusal(reply: httpx.Response) -> bool:
    return 400 <= reply.status_code <= 501 and not _failed_for_now(reply)


def _held_to_schema(reply: httpx.Response | None) -> bool | None:
    if reply is None or _failed_for_now(reply):
        return None
    if reply.status_code != 200:
        return False if reply.status_code in (400, 404, 422, 500, 501) else None
    content = _content(reply)
    if not content.strip():
        return None  # Still thinking when its few tokens were used up.
    if content.lstrip().startswith(("<think", "<|channel|>")):
        return None
    try:
        return bool(json.loads(content) == {"w": _ODD_WORD})
    except ValueError:
        # Cut short while it held to the schema; anything else is prose.
        start = "".join(content.split())[:6]
        return '{"w":"'.startswith(start) and _cut_short(reply)


def _tells_logprobs(reply: httpx.Response | None) -> bool | None:
    if reply is None or _failed_for_now(reply):
        return None
    if reply.status_code != 200:
        return False
    told = _first_choice(reply).get("logprobs")
    content = told.get("content") if isinstance(told, dict) else None
    if not isinstance(content, list) or not content or not isinstance(content[0], dict):
        return False
    return bool(content[0].get("top_logprobs"))


def _failed_for_now(reply: httpx.Response) -> bool:
    return reply.status_code in (408, 429) or reply.status_code >= 502


def _content(reply: httpx.Response) -> str:
    message = _first_choice(reply).get("message")
    content = message.get("content") if isinstance(message, dict) else None
    return content if isinstance(content, str) else ""


def _cut_short(reply: httpx.Response) -> bool:
    return _first_choice(reply).get("finish_reason") == "length"


def _first_choice(reply: httpx.Response) -> dict[str, Any]:
    try:
        choice = reply.json()["choices"][0]
    except (ValueError, KeyError, IndexError, TypeError):
        return {}
    return choice if isinstance(choice, dict) else {}


async def _ask(
    server: Server, fields: Mapping[str, object], *, max_tokens: int
) -> httpx.Response | None:
    """One tiny call; None if it could not be made. Adapts `server.form` to refused fields."""
    body: dict[str, object] = {
        "model": server.asked.model,
        "messages": _QUESTION,
        "max_tokens": max_tokens,
        "temperature": 0.0,
        **server.extra,
        **fields,
    }
    extensions = frozenset(server.extra)
    url = f"{server.asked.url}/chat/completions"
    reply: httpx.Response | None = None
    for _ in range(MAX_ADAPTATIONS):
        sent = server.form.apply(body)
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                reply = await server.http.post(url, json=sent)
        except (httpx.HTTPError, TimeoutError):
            return None
        if reply.status_code not in (400, 422):
            return reply
        probed = {name: value for name, value in sent.items() if name not in fields}
        learned = server.form.learn(probed, reply.text, extensions)
        if learned is None or learned == server.form:
            return reply
        server.form = learned
    return reply


async def _post_json(server: Server, path: str, body: Mapping[str, object]) -> dict[str, Any]:
    """The object that the server answers, empty for anything else."""
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            reply = await server.http.post(server.asked.root + path, json=body)
        told = reply.json() if reply.status_code == 200 else {}
    except (httpx.HTTPError, TimeoutError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
