"""`POST /v1/responses`, streaming and not. Nothing is stored."""

import itertools
import secrets
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, field

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from websearch_agent.events import (
    AgentEvent,
    AnswerFailed,
    AnswerFinished,
)
from websearch_agent.model_calls import Usage
from websearch_agent.server.identity import Asker, SomebodyKnown, service_of
from websearch_agent.server.openai_answers import (
    AnswerEvents,
    OpenAIStream,
    answer_whole,
    base_address,
    begin_turn,
    now_s,
)
from websearch_agent.server.openai_description import described
from websearch_agent.server.openai_errors import (
    PREFIX,
    OpenAIError,
    OpenAIRoute,
    error_of_failure,
)
from websearch_agent.server.openai_models import search_of_model
from websearch_agent.server.openai_response_items import Event, ResponseItems
from websearch_agent.server.openai_responses_body import ResponsesBody
from websearch_agent.server.openai_responses_reply import RESPONSE_EXAMPLES, ResponseObject
from websearch_agent.server.openai_sources import CitedAnswer
from websearch_agent.server.request_fields import require_json
from websearch_agent.server.streaming import PING
from websearch_agent.server.wire import JsonValue, encode_server_sent_event, to_json_value

router = APIRouter(prefix=PREFIX, tags=["openai"], route_class=OpenAIRoute)


@router.post(
    "/responses",
    response_model=ResponseObject,
    responses=described(200, *RESPONSE_EXAMPLES),
    dependencies=[Depends(require_json)],
)
async def create_response(body: ResponsesBody, request: Request, asker: Asker) -> Response:
    """Answer the input, with the web where it is needed. Nothing is stored.

    Beside OpenAI's fields a response has `citations`, `search_results` and `websearch`, as a chat
    completion does. A stream that fails ends with `response.failed` and an `error` event.
    """
    search = search_of_model(body.model, service_of(request, asker).model.name)
    turn = await begin_turn(request, asker, body.to_chat(search))
    reply = ResponsesReply(body, base_address(request))
    if body.stream:
        return OpenAIStream(turn, reply.stream)
    return await answer_whole(request, turn, reply.whole)


@router.get(
    "/responses/{response_id}", status_code=404, response_model=None, responses=described(404)
)
async def show_response(response_id: str, asker: SomebodyKnown) -> Response:
    """Always 404: responses are not stored."""
    raise OpenAIError(
        "There is no such response: responses are not stored here.",
        status=404,
        param="response_id",
        code="response_not_found",
    )


@dataclass(frozen=True, slots=True)
class ResponsesReply:
    """A reply to `body`; `base` is our own address."""

    body: ResponsesBody
    base: str
    id: str = field(default_factory=lambda: f"resp_{secrets.token_hex(12)}")
    created_at: int = field(default_factory=now_s)

    def whole(self, events: Sequence[AgentEvent]) -> JsonValue:
        items = self._items(sends_as_it_comes=False)
        for event in events:
            # What it would tell a stream is not needed; the items are.
            list(items.observe(event))
        finished = next(event for event in events if isinstance(event, AnswerFinished))
        list(items.finish(finished.answer))
        return self._ended(items.cited(finished.answer), items)

    async def stream(self, events: AnswerEvents) -> AsyncGenerator[bytes, None]:
        items = self._items(sends_as_it_comes=True)
        numbers = itertools.count()
        for name in ("response.created", "response.in_progress"):
            yield _encode({"type": name, "response": self._response("in_progress")}, numbers)
        async for event in events:
            if event is None:
                yield PING
                continue
            told = items.observe(event)
            if isinstance(event, AnswerFinished):
                told = self._finish(event, items)
            elif isinstance(event, AnswerFailed):
                told = self._fail(event, items)
            for one in told:
                yield _encode(one, numbers)

    def _items(self, *, sends_as_it_comes: bool) -> ResponseItems:
        return ResponseItems(
            self.base,
            sends_as_it_comes=sends_as_it_comes,
            shows_searched=self.body.shows_searched,
        )

    def _finish(self, finished: AnswerFinished, items: ResponseItems) -> Iterator[Event]:
        yield from items.finish(finished.answer)
        ended = self._ended(items.cited(finished.answer), items)
        yield {"type": f"response.{ended['status']}", "response": ended}

    def _fail(self, failure: AnswerFailed, items: ResponseItems) -> Iterator[Event]:
        error = error_of_failure(failure)
        code = "rate_limit_exceeded" if error.status == 429 else "server_error"
        failed = self._response("failed", items)
        failed["error"] = {"code": code, "message": error.message}
        yield {"type": "response.failed", "response": failed}
        # The official clients raise for `error`, and only for it.
        told: Event = {"code": error.code, "message": error.message, "param": error.param}
        yield {"type": "error", **told, **error.body}

    def _ended(self, cited: CitedAnswer, items: ResponseItems) -> Event:
        is_cut = cited.finish_reason == "length"
        ended = self._response("incomplete" if is_cut else "completed", items)
        if is_cut:
            ended["incomplete_details"] = {"reason": "max_output_tokens"}
        ended["usage"] = _usage(cited.answer.usage)
        return {**ended, **cited.extra_fields()}

    def _response(self, status: str, items: ResponseItems | None = None) -> Event:
        body = self.body
        asked = body.model_dump(exclude_none=True, include={"tools", "tool_choice"})
        output: list[JsonValue] = [*items.output] if items else []
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created_at,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": body.instructions,
            "max_output_tokens": body.max_output_tokens,
            "metadata": {},
            "model": body.model,
            "output": output,
            "parallel_tool_calls": body.parallel_tool_calls is not False,
            "previous_response_id": None,
            "store": False,
            "temperature": None,
            "text": {"format": {"type": "text"}},
            "tool_choice": to_json_value(asked.get("tool_choice", "auto")),
            "tools": to_json_value(asked.get("tools", [])),
            "top_p": None,
            "truncation": "disabled",
            "usage": None,
        }


def _usage(usage: Usage) -> JsonValue:
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def _encode(event: Event, numbers: Iterator[int]) -> bytes:
    data: Event = {**event, "sequence_number": next(numbers)}
    return encode_server_sent_event(str(event["type"]), to_json_value(data))
