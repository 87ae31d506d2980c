"""Clients of the OpenAI APIs on a running server, and scripts of answers that are hard on them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
from openai import AsyncOpenAI, OpenAI
from server.fake_service import PAGE_SOURCE, FakeService, Script, make_answer, search_script, serve

from websearch_agent.config import Settings
from websearch_agent.events import (
    AgentEvent,
    AnswerDelta,
    AnswerFailed,
    AnswerRestarted,
    DecisionMade,
    ReasoningAdded,
    SearchFinished,
    SourcesSelected,
)
from websearch_agent.model_calls import Usage
from websearch_agent.types import AnswerRequest, Statement, Support

# As those who need none send one: it counts as no key.
KEY = "not-a-key-of-ours"
SEARCHED_TEXT = "HTTPX supports **HTTP/2** [2], off by default.\n\nPass `http2=True` [1]."
USAGE = Usage(prompt_tokens=120, completion_tokens=30, model_calls=2)

FUNCTION = {
    "name": "get_weather",
    "description": "The weather of a place.",
    "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}},
}
CHAT_TOOL = {"type": "function", "function": FUNCTION}
RESPONSES_TOOL = {"type": "function", **FUNCTION}


@dataclass(frozen=True)
class OpenAIDoor:
    """A running server, and the official client that asks it."""

    address: str
    service: FakeService
    client: AsyncOpenAI

    @property
    def url(self) -> str:
        return f"{self.address}/v1"

    def sync_client(self) -> OpenAI:
        return OpenAI(base_url=self.url, api_key=KEY, max_retries=0)

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.address)


@asynccontextmanager
async def openai_door(
    script: Script = search_script, settings: Settings | None = None, **scripts: Script
) -> AsyncIterator[OpenAIDoor]:
    service = FakeService(script, **scripts)
    async with (
        serve(service, settings) as address,
        AsyncOpenAI(base_url=f"{address}/v1", api_key=KEY, max_retries=0) as client,
    ):
        yield OpenAIDoor(address, service, client)


async def collect(stream: Any, items: list[Any]) -> None:
    """Into `items`, which holds what came also if the stream raises."""
    async for item in stream:
        items.append(item)


def ask(question: str = "Does HTTPX support HTTP/2?") -> list[dict[str, str]]:
    return [{"role": "user", "content": question}]


async def restart_script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
    """The model begins an answer, and then searches after all."""
    yield service.start(request)
    yield AnswerDelta("Let me ")
    yield AnswerDelta("look.")
    yield AnswerRestarted()
    yield DecisionMade(search=True, queries=("http2",))
    yield SearchFinished(("http2",), 3)
    yield SourcesSelected((PAGE_SOURCE,))
    text = "It does 👍 [1]."
    for piece in ("It does 👍 ", "[1]", "."):
        yield AnswerDelta(piece)
    statement = Statement(text, 0, len(text), (1,), Support("supported", 0.9, 1, "Pass it."))
    yield service.finish(
        make_answer(text, sources=(PAGE_SOURCE,), statements=(statement,), usage=USAGE)
    )


async def thinking_script(
    service: FakeService, request: AnswerRequest
) -> AsyncIterator[AgentEvent]:
    """Thoughts, and an answer that is cut at its most tokens."""
    yield service.start(request)
    yield ReasoningAdded("Hm, ")
    yield ReasoningAdded("well.")
    yield AnswerDelta("Once upon")
    yield service.finish(make_answer("Once upon", sources=(), finish_reason="length", usage=USAGE))


async def gap_script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
    """The sources are 1 and 3; no text is streamed before the end."""
    yield service.start(request)
    third = replace(PAGE_SOURCE, number=3, url="https://example.net/three", summary="A summary.")
    yield service.finish(make_answer("One [1], three [3].", sources=(PAGE_SOURCE, third)))


async def failing_script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
    yield service.start(request)
    yield DecisionMade(search=True, queries=("q",))
    yield AnswerDelta("Half an ")
    yield AnswerFailed("model_unavailable", "The model server is gone.", True)


async def refusing_script(
    service: FakeService, request: AnswerRequest
) -> AsyncIterator[AgentEvent]:
    """As the agent does with a question that it cannot take: nothing was begun."""
    yield AnswerFailed("invalid_request", "The question is empty.", False)


async def raising_script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
    yield service.start(request)
    raise ZeroDivisionError("a secret of the inside")


async def endless_script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
    yield service.start(request)
    yield AnswerDelta("word")
    await asyncio.Event().wait()
