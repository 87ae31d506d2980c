"""Tries out what a model's server does, one thing after the other, as the agent will use it."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Literal

from websearch_agent.errors import (
    AgentError,
    ContextTooLong,
    ModelRejectedRequest,
    ModelUnavailable,
)
from websearch_agent.model_calls import ModelFinished, ReasoningDelta, TextDelta, Tool
from websearch_agent.models.checked_server import CheckedServer, ask, call_of
from websearch_agent.models.client import OpenAICompatibleModel
from websearch_agent.models.profile import DialectName

CheckStatus = Literal["ok", "no", "skipped"]

# A processor may read the long prompts of these checks for a minute.
CHECK_TIMEOUT_S = 180.0
# A refusal comes at once; a server that reads the whole prompt instead would take minutes.
TIMEOUTS_S = {"too long": 20.0}
# A prompt longer than the largest window that is worth filling for a check.
MAX_FILLED_WINDOW = 65_536
LONG_REPLY_TOKENS = 400
SHORT_REPLY_TOKENS = 6
MAX_SHOWN_NAMES = 5
UNKNOWN_MODEL = "websearch-agent-no-such-model"
COUNTING = "Write the numbers from one to two hundred in words, separated by commas."
SEARCH_TOOL = Tool(
    name="search_web",
    description="Search the web.",
    parameters={
        "type": "object",
        "properties": {"query": {"type": "string", "maxLength": 60}},
        "required": ["query"],
        "additionalProperties": False,
    },
)
# Bounded: a model that writes nonsense comes to its end too.
SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {
        "reason": {"type": "string", "maxLength": 40},
        "colour": {"type": "string", "enum": ["red", "green"]},
    },
    "required": ["reason", "colour"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found. `needed`: the agent cannot work with this server without it."""

    name: str
    status: CheckStatus
    detail: str
    seconds: float
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check says of itself, before it is named and timed."""

    status: CheckStatus
    detail: str


Check = Callable[[CheckedServer], Awaitable[Finding]]


async def check_server(
    server: CheckedServer, *, on_start: Callable[[str], None] = lambda _name: None
) -> AsyncGenerator[CheckResult, None]:
    """Yield each result as it is found; only the first one if the model cannot be reached.

    `on_start` is told the name of each check before it is tried.
    """
    on_start("reachable")
    first = await run_check("reachable", check_reachable, server)
    yield replace(first, needed=True)
    if first.status != "ok":
        return
    for name, check in CHECKS.items():
        on_start(name)
        timeout_s = TIMEOUTS_S.get(name, CHECK_TIMEOUT_S)
        result = await run_check(name, check, server, timeout_s=timeout_s)
        yield replace(result, needed=name in needed_checks(server.dialect()))
    yield CheckResult("profile", "ok", f"{server.profile.name} ({server.profile.title})", 0.0)
    yield CheckResult("dialect", "ok", _explain_dialect(server), 0.0)


def needed_checks(dialect: DialectName) -> frozenset[str]:
    """The checks that must not fail for a dialect. `markers` asks for nothing but text."""
    own = {"tools": ("tools (auto)",), "schema": ("JSON schema",), "markers": ()}[dialect]
    return frozenset(("streaming", "stopping", *own))


async def run_check(
    name: str, check: Check, server: CheckedServer, *, timeout_s: float = CHECK_TIMEOUT_S
) -> CheckResult:
    """One check with its time; an error of the model's is a finding, not the end.

    After `timeout_s` the check's request is closed.
    """
    started = time.monotonic()
    try:
        async with asyncio.timeout(timeout_s):
            finding = await check(server)
    except TimeoutError:
        finding = Finding("no", f"not answered within {timeout_s:g} s")
    except AgentError as error:
        finding = Finding("no", error.message)
    return CheckResult(name, finding.status, finding.detail, time.monotonic() - started)


def _explain_dialect(server: CheckedServer) -> str:
    used, wanted = server.dialect(), server.profile.dialect
    if server.settings.model_dialect != "auto":
        return f"{used} (WEBSEARCH_MODEL_DIALECT)"
    if used == wanted:
        return f"{used} (the profile's)"
    why = "the embedded model decides so" if server.listener is None else "no tools here"
    return f"{used} ({why}; the profile says {wanted})"


# ---- the checks --------------------------------------------------------------------------


async def check_reachable(server: CheckedServer) -> Finding:
    if isinstance(server.model, OpenAICompatibleModel):
        await server.model.probe_again()
    else:
        await server.model.prepare()
    return Finding("ok", server.settings.model_url or "the embedded model is loaded")


async def check_model_name(server: CheckedServer) -> Finding:
    name = server.model.name
    listed = server.listener.listed_names if server.listener else ()
    # Ollama takes a name without its tag.
    if not listed or {name, f"{name}:latest"} & set(listed):
        return Finding("ok", name)
    shown = ", ".join(listed[:MAX_SHOWN_NAMES]) + ", …" * (len(listed) > MAX_SHOWN_NAMES)
    return Finding("no", f"{name} is not in the server's list ({shown})")


async def check_window(server: CheckedServer) -> Finding:
    window = (await server.model.limits()).context_window
    if server.settings.context_window:
        return Finding("ok", f"{window} tokens (WEBSEARCH_CONTEXT_WINDOW)")
    if server.listener is not None and server.capabilities.context_window is None:
        return Finding("no", f"the server does not tell; {window} tokens are assumed")
    return Finding("ok", f"{window} tokens")


async def check_streaming(server: CheckedServer) -> Finding:
    reply = await ask(server, COUNTING, max_tokens=48)
    detail = f"{reply.pieces} pieces, the first after {reply.first_s:.1f} s"
    return Finding("ok" if reply.pieces > 1 else "no", detail)


async def check_usage(server: CheckedServer) -> Finding:
    usage = (await ask(server, COUNTING, max_tokens=8)).finished.usage
    detail = f"{usage.prompt_tokens} tokens of prompt, {usage.completion_tokens} of reply"
    told = usage.prompt_tokens > 0 and usage.completion_tokens > 0
    return Finding("ok", detail) if told else Finding("no", "the server counts no tokens")


async def check_stopping(server: CheckedServer) -> Finding:
    """Closes a long reply and asks again: a server that went on would keep the second waiting."""
    started = time.monotonic()
    pieces = 0
    call = call_of(COUNTING, max_tokens=LONG_REPLY_TOKENS)
    async with aclosing(server.model.stream(call)) as deltas:
        async for delta in deltas:
            pieces += isinstance(delta, TextDelta | ReasoningDelta)
            if pieces >= 3 or isinstance(delta, ModelFinished):
                break
    begun_s = time.monotonic() - started
    reply = await ask(server, "Say yes.", max_tokens=2)
    # Not three seconds: a processor reads the second prompt too, and other work may be going on.
    free = reply.total_s < begun_s + 5.0
    return Finding("ok" if free else "no", f"the next reply took {reply.total_s:.1f} s")


async def check_max_tokens(server: CheckedServer) -> Finding:
    asked = SHORT_REPLY_TOKENS
    reply = await ask(server, COUNTING, max_tokens=asked)
    # A server that counts no tokens mostly sends one in each piece.
    written = reply.finished.usage.completion_tokens or reply.pieces
    if written > asked:
        detail = f"ignores max_tokens (asked {asked}, got {written}): answers may run long"
        return Finding("no", detail)
    held = reply.finished.finish_reason == "length"
    return Finding("ok" if held else "no", f"{reply.finished.finish_reason} after {written} tokens")


async def check_json_schema(server: CheckedServer) -> Finding:
    reply = await ask(
        server, "Which colour has grass? Reply in JSON.", max_tokens=160, json_schema=SCHEMA
    )
    try:
        held = _holds_schema(json.loads(reply.text))
    except ValueError:
        held = False
    shown = " ".join(reply.text.split())[:80]
    return Finding("ok" if held else "no", shown if held else f"not held: {shown}")


async def check_tools_auto(server: CheckedServer) -> Finding:
    return await _check_tools(server, force=False)


async def check_tools_required(server: CheckedServer) -> Finding:
    return await _check_tools(server, force=True)


async def check_logprobs(server: CheckedServer) -> Finding:
    reply = await ask(server, "Is the sky blue? Say yes or no.", max_tokens=2, logprobs=True)
    if not reply.tokens:
        return Finding("no", "none told")
    first = reply.tokens[0]
    return Finding("ok", f"{len(first.alternatives)} alternatives for a token")


async def check_tokenize(server: CheckedServer) -> Finding:
    if server.listener is None:
        return Finding("skipped", "the embedded model counts by itself")
    form = server.capabilities.tokenize
    if form is None:
        return Finding("no", "not offered; tokens are estimated, with a margin")
    (count,) = await server.model.count_tokens([COUNTING])
    return Finding("ok", f"in the form of {form}; {count} tokens for a sentence of {len(COUNTING)}")


async def check_too_long(server: CheckedServer) -> Finding:
    window = (await server.model.limits()).context_window
    if window > MAX_FILLED_WINDOW:
        return Finding("skipped", f"a window of {window} tokens is not filled for a check")
    try:
        # Each of these words is at least one token.
        await ask(server, "one two three four five " * (window // 4), max_tokens=4)
    except ContextTooLong as error:
        return Finding("ok", error.message[:120])
    return Finding("no", "taken without a word: the server cut the prompt, or has a larger window")


async def check_unknown_model(server: CheckedServer) -> Finding:
    if server.listener is None:
        return Finding("skipped", "the embedded model is the only one")
    settings = server.settings.model_copy(update={"model_name": UNKNOWN_MODEL})
    other = OpenAICompatibleModel(settings)
    try:
        async with aclosing(other.stream(call_of("Say yes.", max_tokens=2))) as deltas:
            async for _ in deltas:
                pass
    except (ModelRejectedRequest, ModelUnavailable) as error:
        return Finding("ok", error.message)
    finally:
        await other.close()
    return Finding("no", "the server answers under any name")


async def check_two_at_once(server: CheckedServer) -> Finding:
    started = time.monotonic()
    both = (ask(server, COUNTING, max_tokens=24), ask(server, COUNTING, max_tokens=24))
    first, second = await asyncio.gather(*both)
    total_s = time.monotonic() - started
    overlapped = max(first.first_s, second.first_s) < min(first.total_s, second.total_s)
    how = "side by side" if overlapped else "one after the other"
    return Finding("ok", f"both answered {how}, in {total_s:.1f} s")


async def check_prefix_cache(server: CheckedServer) -> Finding:
    window = (await server.model.limits()).context_window
    # Begins with the time: a prompt of an earlier check must not be in the cache already.
    prompt = f"{time.time()} " + "The quick brown fox jumps over the lazy dog. " * (window // 50)
    before = await ask(server, prompt, max_tokens=2)
    if server.listener is not None:
        server.listener.cached_tokens = None
    after = await ask(server, prompt, max_tokens=2)
    times = f"first token after {before.first_s:.2f} s, then {after.first_s:.2f} s"
    cached = server.listener.cached_tokens if server.listener else None
    if cached is None:
        return Finding("skipped", f"not told; {times}")
    asked = after.finished.usage.prompt_tokens
    return Finding("ok" if cached else "no", f"{cached} of {asked} tokens; {times}")


CHECKS: dict[str, Check] = {
    "model": check_model_name,
    "window": check_window,
    "streaming": check_streaming,
    "usage": check_usage,
    "stopping": check_stopping,
    "most tokens": check_max_tokens,
    "JSON schema": check_json_schema,
    "tools (auto)": check_tools_auto,
    "tools (required)": check_tools_required,
    "logprobs": check_logprobs,
    "/tokenize": check_tokenize,
    "too long": check_too_long,
    "unknown model": check_unknown_model,
    "two at once": check_two_at_once,
    "prefix cache": check_prefix_cache,
}


async def _check_tools(server: CheckedServer, *, force: bool) -> Finding:
    if server.listener is None:
        return Finding("skipped", "the embedded model is never sent tools")
    reply = await ask(
        server,
        "Search the web for the weather in Oslo tomorrow. Use the function search_web.",
        max_tokens=160,
        tools=(SEARCH_TOOL,),
        force_tool=force,
    )
    if not reply.finished.tool_calls:
        wrote = " ".join(reply.text.split())[:60]
        return Finding("no", f"tools are taken, but the model wrote text: {wrote}")
    call = reply.finished.tool_calls[0]
    arguments: object = None
    with suppress(ValueError):
        arguments = json.loads(call.arguments)
    good = call.name == SEARCH_TOOL.name and isinstance(arguments, dict) and "query" in arguments
    return Finding("ok" if good else "no", f"{call.name} {call.arguments[:80]}")


def _holds_schema(value: object) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"reason", "colour"}
        and isinstance(value["reason"], str)
        and value["colour"] in ("red", "green")
    )
