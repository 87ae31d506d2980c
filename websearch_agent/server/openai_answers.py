"""One answer of the OpenAI APIs from its request to its reply: the same for both of them."""

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from websearch_agent.accounts import Identity
from websearch_agent.chats import ChatRequest
from websearch_agent.events import (
    AgentEvent,
    AnswerFailed,
    AnswerFinished,
)
from websearch_agent.model_calls import Usage
from websearch_agent.server.feed import INTERNAL_FAILURE, AnswerFeed, run_until_disconnect
from websearch_agent.server.identity import service_of
from websearch_agent.server.open_answer import AnswerTurn
from websearch_agent.server.openai_errors import failure_response
from websearch_agent.server.rate_limits import QuestionLimit, asker_of, holder_of
from websearch_agent.server.streaming import EventStream, streamed_events
from websearch_agent.server.wire import JsonValue, to_json_value

AnswerEvents = AsyncIterator[AgentEvent | None]
"""What happens, and None after each silence that a proxy might take for a dead connection."""

Encoder = Callable[[AnswerEvents], AsyncGenerator[bytes, None]]


@dataclass
class SentText:
    """The text that a client has: what was streamed cannot be taken back.

    `offset` is where the answer begins behind texts that turned out not to be the answer.
    """

    text: str = ""
    offset: int = 0
    _parted: bool = field(default=True)

    def add(self, text: str) -> str:
        """What is to be sent for this piece of the answer."""
        if text and not self._parted:
            self._parted = True
            text = f"\n\n{text}"
            self.offset += 2
        self.text += text
        return text

    def restart(self) -> None:
        self.offset = len(self.text)
        self._parted = not self.text

    def rest_of(self, answer_text: str) -> str:
        """What is to be sent so that the client has the whole answer."""
        said = self.text[self.offset :]
        return self.add(answer_text[len(said) :]) if answer_text.startswith(said) else ""


async def begin_turn(request: Request, asker: Identity, chat: ChatRequest) -> AnswerTurn:
    """The turn in the queue. Raises TooManyRequests."""
    limit: QuestionLimit = request.app.state.question_limit
    await limit.count(asker_of(asker, request.scope))
    service = service_of(request, asker)
    return AnswerTurn(
        begin=lambda: service.answer_chat(chat),
        holder=holder_of(asker, request.scope),
        queue=request.app.state.answer_queue,
        open_answers=request.app.state.open_answers,
    )


def base_address(request: Request) -> str:
    """Under which the client has reached us; its host is one that we answer to."""
    public_url: str | None = request.app.state.settings.public_url
    return (public_url or str(request.base_url)).rstrip("/")


def now_s() -> int:
    return int(time.time())


def chat_usage(usage: Usage) -> dict[str, JsonValue]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


async def answer_whole(
    request: Request, turn: AnswerTurn, make_reply: Callable[[list[AgentEvent]], JsonValue]
) -> Response:
    """The reply to a request that is not streamed; the work stops if the client leaves."""
    async with turn.open(request.receive) as feed:
        events = None
        if feed is not None:
            events = await run_until_disconnect(request.receive, _read_all(feed))
    # None: the client has left, so nobody reads this response.
    last = events[-1] if events else INTERNAL_FAILURE
    if isinstance(last, AnswerFailed):
        return failure_response(last)
    return JSONResponse(to_json_value(make_reply(events or [])))


async def _read_all(feed: AnswerFeed) -> list[AgentEvent]:
    events: list[AgentEvent] = []
    while True:
        event = await feed.next_event()
        if event is not None:
            events.append(event)
        if isinstance(event, AnswerFinished | AnswerFailed):
            return events


class OpenAIStream(EventStream):
    """Streams an answer; a request that is refused at once gets an HTTP status instead."""

    def __init__(self, turn: AnswerTurn, encode: Encoder) -> None:
        super().__init__()
        self.turn = turn
        self.encode = encode

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self.turn.open(receive) as feed:
            if feed is None:
                return
            # Comes as soon as the question was looked at, before any work.
            first = await run_until_disconnect(receive, feed.next_event())
            if first is None:
                return
            if isinstance(first, AnswerFailed):
                await failure_response(first)(scope, receive, send)
                return
            self.body_iterator = self.encode(_from_first(first, feed))
            await super().__call__(scope, receive, send)


async def _from_first(
    first: AgentEvent, feed: AnswerFeed
) -> AsyncGenerator[AgentEvent | None, None]:
    yield first
    if isinstance(first, AnswerFinished):
        return
    async with aclosing(streamed_events(feed, render=False)) as events:
        async for event in events:
            if event is None or isinstance(event, AgentEvent):
                yield event


def encode_chunk(data: JsonValue) -> bytes:
    """An event without a name, as the chat API has them."""
    text = json.dumps(to_json_value(data), ensure_ascii=False, separators=(",", ":"))
    return f"data: {text}\n\n".encode()
