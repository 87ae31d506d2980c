"""Speaks to any OpenAI-compatible model server: vLLM, llama-server, Ollama, a hosted one."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

import httpx
from httpx_sse import ServerSentEvent, aconnect_sse
from pydantic import BaseModel, ValidationError

from websearch_agent.config import Settings
from websearch_agent.errors import InvalidModelOutput, ModelError, ModelUnavailable
from websearch_agent.models.http_errors import connection_failed, refusal
from websearch_agent.models.token_count import estimate_tokens
from websearch_agent.protocols import ModelLimits
from websearch_agent.types import (
    Message,
    ModelCall,
    ModelDelta,
    ModelFinished,
    ModelStatus,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    Usage,
)

DEFAULT_WINDOW = 4096
# No byte for this long while a reply streams: the server is gone or stuck. Long, because a
# laptop may read a long prompt for a minute before its first token.
IDLE_TIMEOUT_S = 120.0


class _FunctionDelta(BaseModel):
    name: str | None = None
    arguments: str | None = None


class _ToolCallDelta(BaseModel):
    index: int = 0
    id: str | None = None
    function: _FunctionDelta | None = None


class _Delta(BaseModel):
    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[_ToolCallDelta] | None = None


class _Choice(BaseModel):
    delta: _Delta = _Delta()
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int | None = 0


class _Chunk(BaseModel):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: object = None


class OpenAICompatibleModel:
    """A `ModelClient` over HTTP. The server is asked once for its model and its window."""

    def __init__(self, settings: Settings, *, transport: httpx.AsyncBaseTransport | None = None):
        if settings.model_url is None:
            raise ValueError("model_url is needed")
        self._settings = settings
        self._url = settings.model_url
        self._name = settings.model_name or ""
        self._window = settings.context_window or DEFAULT_WINDOW
        self._status = ModelStatus("idle")
        self._prepare_lock = asyncio.Lock()
        key = settings.model_api_key.get_secret_value() if settings.model_api_key else None
        self._http = httpx.AsyncClient(
            transport=transport,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(IDLE_TIMEOUT_S, connect=5.0),
            # A proxy of the environment must not see the model's prompts by accident.
            trust_env=False,
        )

    @property
    def name(self) -> str:
        return self._name or self._url

    def status(self) -> ModelStatus:
        return self._status

    async def limits(self) -> ModelLimits:
        answer = self._settings.answer_tokens or min(1024, self._window // 4)
        sources = self._settings.source_tokens or 6000
        return ModelLimits(self._window, min(sources, self._window), answer)

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return estimate_tokens(texts)

    async def close(self) -> None:
        await self._http.aclose()

    async def prepare(self) -> None:
        """Find the model's name and window. Raises ModelUnavailable, ModelRejectedRequest."""
        async with self._prepare_lock:
            if self._status.state == "ready":
                return
            try:
                # Loading the token table takes half a second: not on the event loop.
                await asyncio.to_thread(estimate_tokens, ())
                await self._ask_for_models()
            except ModelError as error:
                self._status = ModelStatus("failed", error.message)
                raise
            self._status = ModelStatus("ready")

    async def _ask_for_models(self) -> None:
        response = await self._get_models(self._url)
        if response.status_code == 404 and not self._url.endswith("/v1"):
            # The commonest slip: the base URL without its /v1.
            second = await self._get_models(f"{self._url}/v1")
            if second.status_code == 200:
                self._url, response = f"{self._url}/v1", second
        if response.status_code == 404:
            # Some hosted servers list no models: then the name must have been set.
            if not self._name:
                raise refusal(response.status_code, response.text, self._url, self._name)
            return
        if response.status_code != 200:
            raise refusal(response.status_code, response.text, self._url, self._name)
        self._adopt_model(response)

    async def _get_models(self, base: str) -> httpx.Response:
        try:
            return await self._http.get(f"{base}/models", timeout=10.0)
        except httpx.HTTPError as error:
            raise connection_failed(error, self._url) from error

    def _adopt_model(self, response: httpx.Response) -> None:
        try:
            listed = [m for m in response.json()["data"] if isinstance(m.get("id"), str)]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidModelOutput(
                f"{self._url}/models does not answer like an OpenAI-compatible server. "
                "Check WEBSEARCH_MODEL_URL; example: http://localhost:8080/v1"
            ) from error
        if not self._name:
            if not listed:
                raise ModelUnavailable(f"{self._url} serves no model. Set WEBSEARCH_MODEL_NAME.")
            self._name = listed[0]["id"]
        own = next((m for m in listed if m["id"] == self._name), None)
        if own is not None and self._settings.context_window is None:
            meta = own.get("meta") if isinstance(own.get("meta"), dict) else {}
            window = own.get("max_model_len") or meta.get("n_ctx")
            if isinstance(window, int) and window > 0:
                self._window = window

    async def stream(self, call: ModelCall) -> AsyncGenerator[ModelDelta, None]:
        await self.prepare()
        yielded = False
        for attempt in (1, 2):
            try:
                async with aclosing(self._stream_once(call)) as deltas:
                    async for delta in deltas:
                        yielded = True
                        yield delta
                return
            except (httpx.RemoteProtocolError, httpx.ReadError) as error:
                # llama-server closes kept-alive connections after a stream (4 of 12): a
                # request that died before its first byte is sent once more, afresh.
                if yielded or attempt == 2:
                    raise connection_failed(error, self._url) from error
            except httpx.HTTPError as error:
                raise connection_failed(error, self._url) from error

    async def _stream_once(self, call: ModelCall) -> AsyncGenerator[ModelDelta, None]:
        body = request_body(call, self._name)
        url = f"{self._url}/chat/completions"
        async with aconnect_sse(self._http, "POST", url, json=body) as events:
            response = events.response
            if response.status_code != 200:
                text = (await response.aread()).decode("utf-8", "replace")
                raise refusal(response.status_code, text, self._url, self._name)
            content_type = response.headers.get("content-type", "")
            if "text/event-stream" not in content_type:
                raise InvalidModelOutput(
                    f"The model server at {self._url} answered {content_type or 'nothing'} "
                    "instead of a stream. Is WEBSEARCH_MODEL_URL an OpenAI-compatible server?"
                )
            async with aclosing(read_reply(events.aiter_sse(), self._url)) as deltas:
                async for delta in deltas:
                    yield delta


def request_body(call: ModelCall, model: str) -> dict[str, object]:
    """The JSON body of `/chat/completions` for a call."""
    body: dict[str, object] = {
        "model": model,
        "messages": [_message_body(message) for message in call.messages],
        "max_tokens": call.max_tokens,
        "temperature": 0.0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if call.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.parameters,
                },
            }
            for tool in call.tools
        ]
        if call.force_tool:
            body["tool_choice"] = "required"
    if call.json_schema is not None:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "reply", "strict": True, "schema": call.json_schema},
        }
    return body


def _message_body(message: Message) -> dict[str, object]:
    body: dict[str, object] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        body["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        body["tool_call_id"] = message.tool_call_id
    return body


async def read_reply(
    events: AsyncIterator[ServerSentEvent], url: str
) -> AsyncGenerator[ModelDelta, None]:
    """Turn a server's chunks into deltas; tool calls are assembled by their index."""
    finish_reason: str | None = None
    usage = _Usage()
    calls: dict[int, ToolCall] = {}
    async for event in events:
        if event.data.strip() == "[DONE]":
            break
        chunk = _parse_chunk(event.data, url)
        usage = chunk.usage or usage
        for choice in chunk.choices[:1]:
            delta = choice.delta
            thoughts = delta.reasoning or delta.reasoning_content
            if thoughts:
                yield ReasoningDelta(thoughts)
            if delta.content:
                yield TextDelta(delta.content)
            for piece in delta.tool_calls or []:
                calls[piece.index] = _extend_call(calls.get(piece.index), piece)
            finish_reason = choice.finish_reason or finish_reason
    if finish_reason is None:
        raise ModelUnavailable(f"The model server at {url} broke off in mid-answer. Try again.")
    ordered = tuple(calls[index] for index in sorted(calls))
    counted = Usage(usage.prompt_tokens, usage.completion_tokens or 0, 1)
    yield ModelFinished("tool_calls" if ordered else finish_reason, counted, ordered)


def _extend_call(call: ToolCall | None, piece: _ToolCallDelta) -> ToolCall:
    function = piece.function or _FunctionDelta()
    call = call or ToolCall(id=piece.id or f"call_{piece.index}", name="", arguments="")
    return ToolCall(
        id=call.id,
        name=call.name or function.name or "",
        arguments=call.arguments + (function.arguments or ""),
    )


def _parse_chunk(data: str, url: str) -> _Chunk:
    try:
        chunk = _Chunk.model_validate_json(data)
    except ValidationError as error:
        raise InvalidModelOutput(
            f"The model server at {url} sent a reply that cannot be read. Try again."
        ) from error
    if chunk.error:
        raise refusal(500, json.dumps({"error": chunk.error}), url, "")
    return chunk
