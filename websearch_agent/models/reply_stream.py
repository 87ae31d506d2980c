"""Reads a server's streamed reply, with what OpenAI-compatible servers make of the format."""

import asyncio
import json
from collections.abc import AsyncGenerator

import httpx
from httpx_sse import ServerSentEvent
from pydantic import BaseModel, ValidationError

from websearch_agent.errors import InvalidModelOutput, ModelUnavailable
from websearch_agent.model_calls import (
    ModelDelta,
    ModelFinished,
    ReasoningDelta,
    TextDelta,
    TokenLogprob,
    Usage,
)
from websearch_agent.models.http_errors import Asked, refusal
from websearch_agent.models.tool_calls import CallsInProgress, FunctionDelta, ToolCallDelta

# Between two tokens. Before the first one the connection's own, longer time-out counts: a laptop
# may read a long prompt for a minute.
TOKEN_TIMEOUT_S = 60.0
# After the finish reason only the usage is awaited; some servers never send it, nor [DONE].
AFTER_FINISH_TIMEOUT_S = 5.0

_FINISH_REASONS = {
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "end_turn": "stop",
    "complete": "stop",
    "max_tokens": "length",
    "max_length": "length",
    "model_length": "length",
    "function_call": "tool_calls",
    "tool_call": "tool_calls",
    "tool_use": "tool_calls",
}
_BROKEN_OFF = ("error", "abort", "cancelled")


class _Part(BaseModel):
    text: str | None = None
    thinking: object = None


class _Alternative(BaseModel):
    token: str
    logprob: float | None = None


class _Token(_Alternative):
    top_logprobs: list[_Alternative] | None = None


class _Logprobs(BaseModel):
    content: list[_Token] | None = None


class _Delta(BaseModel):
    content: str | list[_Part | str] | None = None
    reasoning: object = None
    reasoning_content: object = None
    tool_calls: list[ToolCallDelta] | None = None
    function_call: FunctionDelta | None = None


class _Choice(BaseModel):
    delta: _Delta | None = None
    # Of a server that does not stream although it was asked to.
    message: _Delta | None = None
    finish_reason: str | None = None
    logprobs: object = None


class _Usage(BaseModel):
    prompt_tokens: int | None = 0
    completion_tokens: int | None = 0


class _Chunk(BaseModel):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: object = None
    object: str | None = None


class ReplyReader:
    """Turns one reply's chunks into deltas. Made anew for each reply."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._calls = CallsInProgress()
        self._tokens: tuple[TokenLogprob, ...] = ()
        self._usage = _Usage()
        self._finish_reason: str | None = None
        self._said_anything = False

    @property
    def finished(self) -> bool:
        """The server has said why it ended."""
        return self._finish_reason is not None

    def read(self, data: str) -> list[ModelDelta]:
        """The deltas of one chunk. Raises ModelError."""
        chunk = self._parse(data)
        self._usage = chunk.usage or self._usage
        deltas: list[ModelDelta] = []
        for choice in (chunk.choices or [])[:1]:
            delta = choice.delta or choice.message
            if choice.logprobs is not None:
                self._tokens += _read_tokens(choice.logprobs)
            if delta is not None:
                deltas += self._read_delta(delta)
            self._finish_reason = choice.finish_reason or self._finish_reason
        return deltas

    def end(self, *, complete: bool = False) -> ModelFinished:
        """The reply's end. `complete`: the server said so, if without a reason.

        Raises ModelUnavailable when it broke off, InvalidModelOutput when nothing came.
        """
        reason = (self._finish_reason or "").lower()
        if not reason and complete and not self._said_anything:
            raise InvalidModelOutput(
                f"The model server at {self._asked.url} sent an empty reply. Try again."
            )
        if (not reason and not complete) or reason in _BROKEN_OFF:
            raise broke_off(self._asked.url)
        calls = self._calls.finished()
        reason = _FINISH_REASONS.get(reason, reason or "stop")
        if calls:
            reason = "tool_calls"
        elif reason == "tool_calls":
            reason = "stop"
        usage = Usage(self._usage.prompt_tokens or 0, self._usage.completion_tokens or 0, 1)
        return ModelFinished(reason, usage, calls)

    def _read_delta(self, delta: _Delta) -> list[ModelDelta]:
        thoughts, text = _split_parts(delta)
        for piece in delta.tool_calls or []:
            self._calls.add(piece)
        if delta.function_call is not None:
            self._calls.add(ToolCallDelta(index=0, function=delta.function_call))
        self._said_anything |= bool(thoughts or text or delta.tool_calls or delta.function_call)
        deltas: list[ModelDelta] = []
        if thoughts:
            self._tokens = () if not text else self._tokens
            deltas.append(ReasoningDelta(thoughts))
        if text:
            deltas.append(TextDelta(text, self._tokens))
            self._tokens = ()
        return deltas

    def _parse(self, data: str) -> _Chunk:
        try:
            chunk = _Chunk.model_validate_json(data)
        except ValidationError as error:
            raise InvalidModelOutput(
                f"The model server at {self._asked.url} sent a reply that cannot be read. "
                "Try again."
            ) from error
        if chunk.error:
            raise refusal(_status_of(chunk.error), json.dumps({"error": chunk.error}), self._asked)
        if chunk.object == "error":
            raise refusal(_status_of(json.loads(data)), data, self._asked)
        return chunk


def broke_off(url: str) -> ModelUnavailable:
    """The reply ended without an end: the server died, or was restarted."""
    return ModelUnavailable(f"The model server at {url} broke off in mid-answer. Try again.")


async def read_reply(
    events: AsyncGenerator[ServerSentEvent, None],
    asked: Asked,
    *,
    token_timeout_s: float = TOKEN_TIMEOUT_S,
    after_finish_timeout_s: float = AFTER_FINISH_TIMEOUT_S,
) -> AsyncGenerator[ModelDelta, None]:
    """Turn a server's events into deltas, `ModelFinished` last.

    Raises ModelUnavailable when the server falls silent or breaks off, InvalidModelOutput for
    what cannot be read, and what `refusal` makes of an error in mid-stream.
    """
    reader = ReplyReader(asked)
    complete = False
    timeout_s: float | None = None
    while True:
        try:
            async with asyncio.timeout(timeout_s):
                event = await anext(events, None)
        except (TimeoutError, httpx.TransportError) as error:
            if reader.finished:
                break
            if isinstance(error, TimeoutError):
                raise _silent(asked.url, token_timeout_s) from error
            raise
        if event is None or event.data.strip() == "[DONE]":
            complete = event is not None
            break
        if not event.data.strip():
            continue
        for delta in reader.read(event.data):
            timeout_s = token_timeout_s
            yield delta
        if reader.finished:
            timeout_s = after_finish_timeout_s
    yield reader.end(complete=complete)


def read_whole_reply(body: str, asked: Asked) -> list[ModelDelta]:
    """The deltas of a reply that came in one piece. Raises ModelError."""
    reader = ReplyReader(asked)
    deltas = reader.read(body)
    return [*deltas, reader.end(complete=True)]


def _silent(url: str, seconds: float) -> ModelUnavailable:
    return ModelUnavailable(
        f"The model server at {url} stopped answering in mid-answer (nothing for "
        f"{seconds:.0f} s). Try again."
    )


def _status_of(error: object) -> int:
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and 400 <= code < 600 else 500


def _split_parts(delta: _Delta) -> tuple[str, str]:
    """Thoughts and text of a delta, whose content may be a list of parts (Mistral)."""
    named = (delta.reasoning, delta.reasoning_content)
    thoughts = next((value for value in named if isinstance(value, str) and value), "")
    if not isinstance(delta.content, list):
        return thoughts, delta.content or ""
    text = ""
    for part in delta.content:
        if isinstance(part, str):
            text += part
        else:
            text += part.text or ""
            thoughts += _thinking_text(part.thinking)
    return thoughts, text


def _thinking_text(thinking: object) -> str:
    if isinstance(thinking, str):
        return thinking
    if not isinstance(thinking, list):
        return ""
    texts = (item.get("text") for item in thinking if isinstance(item, dict))
    return "".join(text for text in texts if isinstance(text, str))


def _read_tokens(told: object) -> tuple[TokenLogprob, ...]:
    """None from a server that tells them in another form: the reply is worth more."""
    try:
        logprobs = _Logprobs.model_validate(told)
    except ValidationError:
        return ()
    return tuple(
        TokenLogprob(
            token.token,
            token.logprob,
            tuple(
                (other.token, other.logprob)
                for other in token.top_logprobs or []
                if other.logprob is not None
            ),
        )
        for token in logprobs.content or []
        if token.logprob is not None
    )
