"""The OpenAI APIs over the real agent and store, with a fake model: what it says is answered, what
it refuses is refused."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import pytest
from server.fake_service import serve
from server.openai_doors import KEY, ask
from server.stored_service import StoredService, open_stored_service

pytestmark = pytest.mark.anyio

QUESTION = "When was the red bridge opened?"
TEXT = "The red bridge was opened in 1932 [1]."


@asynccontextmanager
async def real_door(folder: Path) -> AsyncIterator[tuple[openai.AsyncOpenAI, StoredService]]:
    service = await open_stored_service(folder / "conversations.db")
    async with (
        serve(service) as address,  # type: ignore[arg-type]
        openai.AsyncOpenAI(base_url=f"{address}/v1", api_key=KEY, max_retries=0) as client,
    ):
        yield client, service


async def test_searched_answer_is_cited_and_counted_and_not_stored(tmp_path: Path) -> None:
    async with real_door(tmp_path) as (client, service):
        reply = await client.chat.completions.create(
            model="websearch-agent",
            messages=ask(QUESTION),  # type: ignore[arg-type]
        )
        conversations = await service.store.list_conversations()
    message = reply.choices[0].message
    (mark,) = [one.url_citation for one in message.annotations or ()]
    assert message.content == TEXT
    assert TEXT[mark.start_index : mark.end_index] == "[1]"
    assert reply.model_dump()["citations"][0] == mark.url
    assert reply.model_dump()["websearch"]["statements"][0]["source_numbers"] == [1]
    assert conversations == []


async def test_streamed_response_searches_and_answers(tmp_path: Path) -> None:
    async with real_door(tmp_path) as (client, _):
        events: Any = await client.responses.create(
            model="websearch-agent:always", input=QUESTION, stream=True
        )
        types = [event.type async for event in events]
    assert "response.web_search_call.completed" in types
    assert types.index("response.web_search_call.completed") < types.index(
        "response.output_text.delta"
    )
    assert types[-1] == "response.completed"


@pytest.mark.parametrize(("question", "reason"), [(" ", "is empty"), ("x" * 30_000, "at most")])
@pytest.mark.parametrize("stream", [False, True])
async def test_question_that_is_empty_or_too_long_is_400(
    tmp_path: Path, question: str, reason: str, stream: bool
) -> None:
    body: dict[str, Any] = {"model": "websearch-agent", "stream": stream}
    async with real_door(tmp_path) as (client, _):
        with pytest.raises(openai.BadRequestError, match=reason) as chat:
            await client.chat.completions.create(messages=ask(question), **body)
        with pytest.raises(openai.BadRequestError, match=reason):
            await client.responses.create(input=question, **body)
    assert chat.value.code == "invalid_request"
