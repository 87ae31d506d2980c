"""`/v1/responses`, asked with the official Python client."""

import asyncio
from typing import Any

import openai
import pytest
from openai.types.responses import Response
from server.openai_doors import (
    RESPONSES_TOOL,
    SEARCHED_TEXT,
    OpenAIDoor,
    collect,
    failing_script,
    openai_door,
    restart_script,
    thinking_script,
)

pytestmark = pytest.mark.anyio

QUESTION = "Does HTTPX support HTTP/2?"


async def respond(door: OpenAIDoor, **body: Any) -> Response:
    return await door.client.responses.create(
        **{"model": "websearch-agent", "input": QUESTION, **body}
    )


async def stream(door: OpenAIDoor, **body: Any) -> list[Any]:
    events = await respond(door, stream=True, **body)
    return [event async for event in events]  # type: ignore[attr-defined]


def annotated_words(message: Any) -> list[str]:
    (part,) = message.content
    return [part.text[one.start_index : one.end_index] for one in part.annotations]


async def test_response_holds_the_search_and_the_cited_answer() -> None:
    async with openai_door() as door:
        response = await respond(door)
    search, message = response.output
    assert response.output_text == SEARCHED_TEXT
    assert search.type == "web_search_call"
    assert search.action.queries == ["httpx http2", "httpx 开启 http2"]  # type: ignore[union-attr]
    assert annotated_words(message) == ["[2]", "[1]"]
    assert message.content[0].annotations[1].url == "https://www.example.org/docs/http2"  # type: ignore[union-attr]
    assert (response.status, response.model_dump()["store"]) == ("completed", False)
    assert response.model_dump()["citations"][0] == "https://www.example.org/docs/http2"
    assert response.model_dump()["websearch"]["search_queries"] == search.action.queries  # type: ignore[union-attr]


async def test_sources_of_the_search_are_told_if_asked_for() -> None:
    async with openai_door() as door:
        asked = await respond(door, include=["web_search_call.action.sources"])
        not_asked = await respond(door)
    sources = asked.output[0].action.sources  # type: ignore[union-attr]
    assert [source.url for source in sources or ()] == [
        "https://www.example.org/docs/http2",
        f"{door.address}/documents/httpx%2FREADME.md",
    ]
    assert not_asked.output[0].action.sources is None  # type: ignore[union-attr]


async def test_events_come_in_openais_order_and_are_numbered() -> None:
    async with openai_door() as door:
        events = await stream(door)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    text, annotation = "response.output_text.", "response.output_text.annotation.added"
    assert [event.type for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.web_search_call.in_progress",
        "response.web_search_call.searching",
        "response.web_search_call.completed",
        "response.output_item.done",
        "response.output_item.added",
        "response.content_part.added",
        *[f"{text}delta"] * 3,
        *[annotation] * 2,
        f"{text}done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]


async def test_stream_says_what_the_whole_response_says() -> None:
    async with openai_door() as door:
        events = await stream(door)
        whole = await respond(door)
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    final = events[-1].response
    assert "".join(deltas) == final.output_text == whole.output_text
    ids = {"id", "created_at", "output"}
    assert final.model_dump(exclude=ids) == whole.model_dump(exclude=ids)
    assert final.output[1].content == whole.output[1].content  # type: ignore[union-attr]
    added = [e.annotation for e in events if e.type == "response.output_text.annotation.added"]
    assert [one.start_index for one in added] == [
        one.start_index for one in final.output[1].content[0].annotations
    ]


async def test_clients_stream_helper_follows_the_events() -> None:
    async with openai_door() as door:
        manager = door.client.responses.stream(model="websearch-agent", input=QUESTION)
        async with manager as streamed:
            types = [event.type async for event in streamed]
            final = await streamed.get_final_response()
    assert types[-1] == "response.completed"
    assert final.output_text == SEARCHED_TEXT


async def test_annotations_fit_text_behind_a_beginning_that_was_dropped() -> None:
    async with openai_door(restart_script) as door:
        events = await stream(door)
        whole = await respond(door)
    final = events[-1].response
    message = next(item for item in final.output if item.type == "message")
    assert final.output_text == "Let me look.\n\nIt does 👍 [1]."
    assert annotated_words(message) == ["[1]"]
    assert whole.output_text == "It does 👍 [1]."
    assert [item.type for item in whole.output] == ["web_search_call", "message"]


async def test_cut_answer_is_incomplete() -> None:
    async with openai_door(thinking_script) as door:
        whole = await respond(door)
        events = await stream(door)
    assert whole.status == "incomplete"
    assert whole.incomplete_details is not None
    assert whole.incomplete_details.reason == "max_output_tokens"
    assert events[-1].type == "response.incomplete"
    assert whole.usage is not None
    assert (whole.usage.input_tokens, whole.usage.output_tokens) == (120, 30)


async def test_function_of_the_caller_makes_a_round_trip() -> None:
    items: list[Any] = [{"role": "user", "content": "call get_weather"}]
    async with openai_door() as door:
        called = await respond(door, input=items, tools=[RESPONSES_TOOL])
        (call,) = called.output
        assert call.type == "function_call"
        items += [
            call.model_dump(exclude_none=True),
            {"type": "function_call_output", "call_id": call.call_id, "output": "sun"},
        ]
        answered = await respond(door, input=items, tools=[RESPONSES_TOOL])
    assert (call.name, call.arguments) == ("get_weather", '{"x": 1}')
    assert answered.output_text == SEARCHED_TEXT
    messages = door.service.chats[1].messages
    assert [message.role for message in messages] == ["user", "assistant", "tool"]
    assert messages[1].tool_calls[0].id == messages[2].tool_call_id == call.call_id


async def test_streamed_call_of_a_function_has_its_events() -> None:
    async with openai_door() as door:
        events = await stream(door, input="call get_weather", tools=[RESPONSES_TOOL])
    assert [event.type for event in events[2:]] == [
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert events[4].arguments == '{"x": 1}'


async def test_own_output_can_be_sent_back_as_input() -> None:
    async with openai_door() as door:
        first = await respond(door)
        items = [
            {"role": "user", "content": QUESTION},
            *[item.model_dump(exclude_none=True) for item in first.output],
            {"role": "user", "content": "Since when?"},
        ]
        second = await respond(door, input=items, instructions="Be brief.")
    chat = door.service.chats[1]
    assert second.output_text == SEARCHED_TEXT
    assert [message.content for message in chat.messages] == [
        QUESTION,
        SEARCHED_TEXT,
        "Since when?",
    ]
    assert (chat.options.question, chat.options.instructions) == ("Since when?", "Be brief.")


async def test_nothing_is_stored_so_nothing_is_continued_or_found() -> None:
    async with openai_door() as door:
        stored = await respond(door, store=True)
        with pytest.raises(openai.NotFoundError) as missing:
            await door.client.responses.retrieve(stored.id)
        for field in ({"previous_response_id": stored.id}, {"conversation": "conv_1"}):
            with pytest.raises(openai.BadRequestError) as refused:
                await respond(door, **field)
            assert refused.value.param == next(iter(field))
            assert refused.value.code == "unsupported_parameter"
    assert missing.value.code == "response_not_found"
    assert len(door.service.chats) == 1


async def test_failure_in_mid_stream_is_told_and_raised() -> None:
    events: list[Any] = []
    async with openai_door(failing_script) as door:
        streamed = await respond(door, stream=True)
        with pytest.raises(openai.APIError, match="The model server is gone"):
            await collect(streamed, events)
    assert events[-1].type == "response.failed"
    assert events[-1].response.status == "failed"
    assert events[-1].response.error.message == "The model server is gone."


async def test_sync_client_gets_the_same() -> None:
    def ask_in_thread(door: OpenAIDoor) -> str:
        with door.sync_client() as client:
            whole = client.responses.create(model="websearch-agent", input=QUESTION)
            events = client.responses.create(model="websearch-agent", input=QUESTION, stream=True)
            *_, last = events
        assert last.type == "response.completed"
        assert last.response.output_text == whole.output_text
        return whole.output_text

    async with openai_door() as door:
        assert await asyncio.to_thread(ask_in_thread, door) == SEARCHED_TEXT
