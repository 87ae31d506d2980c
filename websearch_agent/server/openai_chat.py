"""`POST /v1/chat/completions`, streaming and not."""

import secrets
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from websearch_agent.events import (
    AgentEvent,
    AnswerDelta,
    AnswerFailed,
    AnswerFinished,
    AnswerRestarted,
    FunctionsCalled,
    ReasoningAdded,
)
from websearch_agent.model_calls import ToolCall
from websearch_agent.server.identity import Asker, service_of
from websearch_agent.server.openai_answers import (
    AnswerEvents,
    OpenAIStream,
    SentText,
    answer_whole,
    base_address,
    begin_turn,
    chat_usage,
    encode_chunk,
    now_s,
)
from websearch_agent.server.openai_chat_body import ChatBody
from websearch_agent.server.openai_chat_reply import CHAT_EXAMPLES, ChatCompletion
from websearch_agent.server.openai_description import described
from websearch_agent.server.openai_errors import PREFIX, OpenAIRoute, error_of_failure
from websearch_agent.server.openai_models import search_of_model
from websearch_agent.server.openai_sources import CitedAnswer
from websearch_agent.server.request_fields import require_json
from websearch_agent.server.streaming import PING
from websearch_agent.server.wire import JsonValue

router = APIRouter(prefix=PREFIX, tags=["openai"], route_class=OpenAIRoute)

DONE = b"data: [DONE]\n\n"


@router.post(
    "/chat/completions",
    response_model=ChatCompletion,
    responses=described(200, *CHAT_EXAMPLES),
    dependencies=[Depends(require_json)],
)
async def complete_chat(body: ChatBody, request: Request, asker: Asker) -> Response:
    """Answer the last message, with the web where it is needed. Nothing is stored.

    Beside OpenAI's fields a reply has Perplexity's `citations` and `search_results`, and
    `websearch` with what neither has a place for. With `stream` these stand in the last chunk with
    a choice, and an error that comes behind the first chunk is a chunk of its own with `error`.
    """
    search = search_of_model(body.model, service_of(request, asker).model.name)
    turn = await begin_turn(request, asker, body.to_chat(search))
    reply = ChatReply(body, base_address(request))
    if body.stream:
        return OpenAIStream(turn, reply.stream)
    return await answer_whole(request, turn, reply.whole)


@dataclass(frozen=True, slots=True)
class ChatReply:
    """A reply to `body`; `base` is our own address."""

    body: ChatBody
    base: str
    id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_hex(12)}")
    created: int = field(default_factory=now_s)

    def whole(self, events: Sequence[AgentEvent]) -> JsonValue:
        finished = next(event for event in events if isinstance(event, AnswerFinished))
        cited = CitedAnswer(finished.answer, self.base)
        calls = [call for e in events if isinstance(e, FunctionsCalled) for call in e.calls]
        message: dict[str, JsonValue] = {
            "role": "assistant",
            "content": finished.answer.text if finished.answer.text or not calls else None,
            "refusal": None,
            "annotations": _chat_annotations(cited),
            **self._calls(calls),
        }
        reasoning = "".join(e.text for e in events if isinstance(e, ReasoningAdded))
        if reasoning:
            message["reasoning_content"] = reasoning
        choice: dict[str, JsonValue] = {
            "index": 0,
            "message": message,
            "finish_reason": self._finish_reason(cited),
            "logprobs": None,
        }
        return {
            **self._head("chat.completion"),
            "choices": [choice],
            "usage": chat_usage(finished.answer.usage),
            **cited.extra_fields(),
        }

    async def stream(self, events: AnswerEvents) -> AsyncGenerator[bytes, None]:
        sent = SentText()
        yield self._chunk({"role": "assistant", "content": ""})
        async for event in events:
            if event is None:
                yield PING
            elif isinstance(event, AnswerDelta):
                yield self._chunk({"content": sent.add(event.text)})
            elif isinstance(event, AnswerRestarted):
                sent.restart()
            elif isinstance(event, ReasoningAdded):
                yield self._chunk({"reasoning_content": event.text})
            elif isinstance(event, FunctionsCalled):
                yield self._chunk(self._calls(event.calls, streamed=True))
            elif isinstance(event, AnswerFailed):
                yield encode_chunk(error_of_failure(event).body)
            elif isinstance(event, AnswerFinished):
                for chunk in self._last_chunks(event, sent):
                    yield chunk

    def _last_chunks(self, finished: AnswerFinished, sent: SentText) -> list[bytes]:
        rest = sent.rest_of(finished.answer.text)
        chunks = [self._chunk({"content": rest})] if rest else []
        cited = CitedAnswer(finished.answer, self.base, sent.offset)
        annotations = _chat_annotations(cited)
        delta: dict[str, JsonValue] = {"annotations": annotations} if annotations else {}
        reason = self._finish_reason(cited)
        chunks.append(self._chunk(delta, finish_reason=reason, more=cited.extra_fields()))
        if self.body.wants_usage:
            last = self._head("chat.completion.chunk")
            last |= {"choices": [], "usage": chat_usage(finished.answer.usage)}
            chunks.append(encode_chunk(last))
        return [*chunks, DONE]

    def _chunk(
        self,
        delta: dict[str, JsonValue],
        *,
        finish_reason: str | None = None,
        more: dict[str, JsonValue] | None = None,
    ) -> bytes:
        choice: dict[str, JsonValue] = {
            "index": 0,
            "delta": delta,
            "logprobs": None,
            "finish_reason": finish_reason,
        }
        chunk = self._head("chat.completion.chunk")
        chunk |= {"choices": [choice], **(more or {})}
        if self.body.wants_usage:
            chunk["usage"] = None
        return encode_chunk(chunk)

    def _head(self, kind: str) -> dict[str, JsonValue]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.body.model}

    def _finish_reason(self, cited: CitedAnswer) -> str:
        is_old = cited.finish_reason == "tool_calls" and self.body.uses_old_functions
        return "function_call" if is_old else cited.finish_reason

    def _calls(self, calls: Sequence[ToolCall], *, streamed: bool = False) -> dict[str, JsonValue]:
        if not calls:
            return {}
        if self.body.uses_old_functions:
            return {"function_call": _called(calls[0])}
        listed: list[JsonValue] = []
        for index, call in enumerate(calls):
            at: dict[str, JsonValue] = {"index": index} if streamed else {}
            listed.append({**at, "id": call.id, "type": "function", "function": _called(call)})
        return {"tool_calls": listed}


def _called(call: ToolCall) -> dict[str, JsonValue]:
    return {"name": call.name, "arguments": call.arguments}


def _chat_annotations(cited: CitedAnswer) -> list[JsonValue]:
    """This API has what the other one has beside `type` in an object of its own."""
    return [
        {
            "type": "url_citation",
            "url_citation": {name: value for name, value in one.items() if name != "type"},
        }
        for one in cited.annotations()
    ]
