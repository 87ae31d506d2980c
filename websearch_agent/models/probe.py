"""Finds out what a model server can do, with calls of a few tokens.

Each `probe_…` answers None where it could not be found out: the server was busy, failed, or said
something that decides nothing. None is never remembered as "cannot".
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

import httpx

from websearch_agent.models.capabilities import Capabilities, TokenFactors, TokenizeForm
from websearch_agent.models.http_errors import Asked, ModelNotServed, refusal, refuses_tools
from websearch_agent.models.request_body import BodyForm, response_format
from websearch_agent.models.token_count import SAMPLES, measure_factors

PROBE_TIMEOUT_S = 20.0
# A call may be refused for one field after the other: max_tokens, temperature, the extensions.
MAX_ADAPTATIONS = 4
LEAST_WINDOW = 512
MOST_WINDOW = 20_000_000
OLLAMA_WINDOW = 4096

_QUESTION = [{"role": "user", "content": "Say hello."}]
_ODD_WORD = "zebra"
_SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"w": {"type": "string", "enum": [_ODD_WORD]}},
    "required": ["w"],
    "additionalProperties": False,
}
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
    """

    http: httpx.AsyncClient
    asked: Asked
    entry: Mapping[str, Any] | None = None
    extra: Mapping[str, object] = field(default_factory=dict)
    form: BodyForm = field(default_factory=BodyForm)

    @property
    def root(self) -> str:
        """The base URL without `/v1`: `/tokenize`, `/props` and Ollama's own API stand there."""
        return self.asked.url.removesuffix("/v1")


@dataclass(frozen=True, slots=True)
class Probed:
    """`complete`: every probe found something out, so it may be remembered."""

    capabilities: Capabilities
    complete: bool


async def probe_server(server: Server) -> Probed:
    """All probes, at once where they do not need each other.

    Raises ModelRejectedRequest where the server refuses the key or the model's name.
    """
    (tools, (json_schema, logprobs), tokenize) = await asyncio.gather(
        probe_tools(server), _probe_reply_forms(server), probe_tokenize(server)
    )
    # Ollama tells the window of a model that is loaded: after the calls.
    window, factors = await asyncio.gather(
        probe_window(server), measure_tokenizer(server, tokenize)
    )
    capabilities = Capabilities(
        tools=tools is not False,
        json_schema=json_schema is not False,
        logprobs=logprobs is True,
        tokenize=tokenize,
        context_window=window,
        token_factors=factors,
    )
    return Probed(capabilities, None not in (tools, json_schema, logprobs))


async def probe_tools(server: Server) -> bool | None:
    """Whether a call with a tool is taken. Raises ModelRejectedRequest for key and model."""
    reply = await _ask(server, {"tools": [_TOOL], "tool_choice": "auto"}, max_tokens=4)
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
    reply = await _ask(server, {"logprobs": True, "top_logprobs": 2}, max_tokens=2)
    return _tells_logprobs(reply)


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
    return count if _is_count(count, 1, 10_000_000) else None


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
    """Tokens that the server gives one conversation, which may be far below the model's own."""
    entry = server.entry or {}
    told = _as_window(entry.get("max_model_len"))  # vLLM, SGLang
    if told is not None:
        return told
    settings = (await _get_json(server, "/props")).get(
        "default_generation_settings"
    )  # llama-server
    meta = entry.get("meta")
    candidates = (
        settings.get("n_ctx") if isinstance(settings, dict) else None,
        meta.get("n_ctx") if isinstance(meta, dict) else None,
        entry.get("loaded_context_length"),  # LM Studio
        entry.get("context_length"),  # OpenRouter, Together
        entry.get("context_window"),  # Groq
        entry.get("max_context_length"),  # Mistral
    )
    windows = [window for window in map(_as_window, candidates) if window is not None]
    return windows[0] if windows else await _probe_ollama_window(server)


async def _probe_ollama_window(server: Server) -> int | None:
    """Ollama cuts a longer prompt without a word, so its own small default counts."""
    running = (await _get_json(server, "/api/ps")).get("models")
    if not isinstance(running, list):
        return None
    name = server.asked.model.removesuffix(":latest")
    for model in running:
        if isinstance(model, dict) and str(model.get("name")).removesuffix(":latest") == name:
            return _as_window(model.get("context_length")) or OLLAMA_WINDOW
    return OLLAMA_WINDOW


async def _probe_reply_forms(server: Server) -> tuple[bool | None, bool | None]:
    """`json_schema` and `logprobs` in one call; in two where one of them is refused."""
    both = {
        "response_format": response_format(_SCHEMA),
        "logprobs": True,
        "top_logprobs": 2,
    }
    reply = await _ask(server, both, max_tokens=24)
    if reply is not None and 400 <= reply.status_code < 500 and reply.status_code != 429:
        return await probe_json_schema(server), await probe_logprobs(server)
    return _held_to_schema(reply), _tells_logprobs(reply)


def _held_to_schema(reply: httpx.Response | None) -> bool | None:
    if reply is None or _failed_for_now(reply):
        return None
    if reply.status_code != 200:
        return False if reply.status_code in (400, 404, 422, 500, 501) else None
    choice = _first_choice(reply)
    message = choice.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, str) or not content.strip():
        return None  # Still thinking when its few tokens were used up.
    if content.lstrip().startswith(("<think", "<|channel|>")):
        return None
    try:
        return bool(json.loads(content) == {"w": _ODD_WORD})
    except ValueError:
        # Cut short while it held to the schema; anything else is prose.
        start = "".join(content.split())[:6]
        return '{"w":"'.startswith(start) and choice.get("finish_reason") == "length"


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
    return await _read_json(
        server, server.http.build_request("POST", server.root + path, json=body)
    )


async def _get_json(server: Server, path: str) -> dict[str, Any]:
    return await _read_json(server, server.http.build_request("GET", server.root + path))


async def _read_json(server: Server, request: httpx.Request) -> dict[str, Any]:
    """The object that the server answers, empty for anything else."""
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            reply = await server.http.send(request)
        body = reply.json() if reply.status_code == 200 else {}
    except (httpx.HTTPError, TimeoutError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}


def _as_window(value: object) -> int | None:
    """A window that can be true: 0 (a model not loaded) and 10^18 are said too."""
    return value if _is_count(value, LEAST_WINDOW, MOST_WINDOW) else None


def _is_count(value: object, least: int, most: int) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
