"""`/v1/chat/completions` and `/v1/models`, asked with the official Python client."""

import asyncio
from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from server.openai_doors import (
    CHAT_TOOL,
    FUNCTION,
    SEARCHED_TEXT,
    OpenAIDoor,
    ask,
    gap_script,
    openai_door,
    restart_script,
    thinking_script,
)

from websearch_agent.config import Settings

pytestmark = pytest.mark.anyio


async def complete(door: OpenAIDoor, **body: Any) -> ChatCompletion:
    body = {"model": "websearch-agent", "messages": ask(), **body}
    return await door.client.chat.completions.create(**body)


async def stream(door: OpenAIDoor, **body: Any) -> list[ChatCompletionChunk]:
    chunks = await complete(door, stream=True, **body)
    return [chunk async for chunk in chunks]  # type: ignore[attr-defined]


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def cited_words(text: str, annotations: Any) -> list[str]:
    marks = [one.url_citation if hasattr(one, "url_citation") else one for one in annotations]
    spans = [(mark["start_index"], mark["end_index"]) if isinstance(mark, dict)
             else (mark.start_index, mark.end_index) for mark in marks]  # fmt: skip
    return [text[start:end] for start, end in spans]


async def test_answer_has_annotations_at_its_markers() -> None:
    async with openai_door() as door:
        reply = await complete(door)
    message = reply.choices[0].message
    assert message.content == SEARCHED_TEXT
    assert cited_words(SEARCHED_TEXT, message.annotations) == ["[2]", "[1]"]
    first, second = [one.url_citation for one in message.annotations or []]
    assert (second.url, second.title) == (
        "https://www.example.org/docs/http2",
        "HTTP/2 in practice",
    )
    assert first.url == f"{door.address}/documents/httpx%2FREADME.md"
    assert (reply.choices[0].finish_reason, reply.model) == ("stop", "websearch-agent")


async def test_perplexitys_fields_stand_at_the_top_of_the_reply() -> None:
    async with openai_door() as door:
        reply = (await complete(door)).model_dump()
    assert reply["citations"][0] == "https://www.example.org/docs/http2"
    assert reply["search_results"][0] == {
        "title": "HTTP/2 in practice",
        "url": "https://www.example.org/docs/http2",
        "date": "2026-10-02",
        "snippet": "Pass http2=True.",
    }
    assert reply["websearch"]["search_queries"] == ["httpx http2", "httpx 开启 http2"]
    assert reply["websearch"]["notices"][0].startswith("No web engine could be reached")


async def test_citations_are_found_by_number_where_numbers_are_missing() -> None:
    async with openai_door(gap_script) as door:
        reply = (await complete(door)).model_dump()
    assert reply["citations"] == [
        "https://www.example.org/docs/http2",
        "",
        "https://example.net/three",
    ]
    assert [result["snippet"] for result in reply["search_results"]] == [
        "Pass http2=True.",
        "",
        "A summary.",
    ]


async def test_usage_is_what_the_model_server_counted() -> None:
    async with openai_door(thinking_script) as door:
        usage = (await complete(door)).usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (120, 30, 150)


async def test_stream_says_what_the_whole_reply_says() -> None:
    async with openai_door() as door:
        chunks = await stream(door)
        whole = await complete(door)
    last = chunks[-1]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert text_of(chunks) == whole.choices[0].message.content
    annotations = last.choices[0].delta.annotations  # type: ignore[attr-defined]
    assert annotations == [one.model_dump() for one in whole.choices[0].message.annotations or []]
    assert last.choices[0].finish_reason == "stop"
    for name in ("citations", "search_results", "websearch"):
        assert last.model_dump()[name] == whole.model_dump()[name]
    assert len({chunk.id for chunk in chunks}) == 1


async def test_usage_chunk_comes_only_if_asked_for() -> None:
    async with openai_door(thinking_script) as door:
        with_usage = await stream(door, stream_options={"include_usage": True})
        without = await stream(door)
    usage = with_usage[-1].usage
    assert usage is not None
    assert (with_usage[-1].choices, usage.total_tokens) == ([], 150)
    assert [chunk.usage for chunk in with_usage[:-1]] == [None] * (len(with_usage) - 1)
    assert [chunk.usage for chunk in without] == [None] * len(without)


async def test_annotations_fit_text_behind_a_beginning_that_was_dropped() -> None:
    async with openai_door(restart_script) as door:
        chunks = await stream(door)
        whole = await complete(door)
    text = text_of(chunks)
    last = chunks[-1].model_dump()
    assert text == "Let me look.\n\nIt does 👍 [1]."
    annotations = last["choices"][0]["delta"]["annotations"]
    assert cited_words(text, [one["url_citation"] for one in annotations]) == ["[1]"]
    statement = last["websearch"]["statements"][0]
    assert text[statement["start_index"] : statement["end_index"]] == "It does 👍 [1]."
    assert statement["support"]["level"] == "supported"
    assert whole.choices[0].message.content == "It does 👍 [1]."


async def test_text_that_was_not_streamed_comes_before_the_end() -> None:
    async with openai_door(gap_script) as door:
        chunks = await stream(door)
    assert text_of(chunks) == "One [1], three [3]."


async def test_thoughts_and_a_cut_answer_are_told() -> None:
    async with openai_door(thinking_script) as door:
        chunks = await stream(door)
        whole = await complete(door)
    thoughts = [chunk.choices[0].delta.model_dump().get("reasoning_content") for chunk in chunks]
    assert [thought for thought in thoughts if thought] == ["Hm, ", "well."]
    assert chunks[-1].choices[0].finish_reason == "length"
    assert whole.choices[0].finish_reason == "length"
    assert whole.choices[0].message.model_dump()["reasoning_content"] == "Hm, well."


async def test_sync_client_gets_the_same() -> None:
    def ask_in_thread(door: OpenAIDoor) -> tuple[str | None, str]:
        body: dict[str, Any] = {"model": "websearch-agent", "messages": ask()}
        with door.sync_client() as client:
            whole = client.chat.completions.create(**body)
            chunks = list(client.chat.completions.create(**body, stream=True))
        return whole.choices[0].message.content, text_of(chunks)

    async with openai_door() as door:
        assert await asyncio.to_thread(ask_in_thread, door) == (SEARCHED_TEXT, SEARCHED_TEXT)


async def test_function_of_the_caller_makes_a_round_trip() -> None:
    messages: list[Any] = ask("call get_weather")
    async with openai_door() as door:
        called = (await complete(door, messages=messages, tools=[CHAT_TOOL])).choices[0]
        assert called.message.tool_calls is not None
        call = called.message.tool_calls[0]
        messages += [
            called.message.model_dump(exclude_none=True),
            {"role": "tool", "tool_call_id": call.id, "content": '{"sun": true}'},
        ]
        answered = await complete(door, messages=messages, tools=[CHAT_TOOL])
    assert (called.finish_reason, called.message.content) == ("tool_calls", None)
    assert call.function.name == "get_weather"  # type: ignore[union-attr]
    assert call.function.arguments == '{"x": 1}'  # type: ignore[union-attr]
    assert answered.choices[0].message.content == SEARCHED_TEXT
    result = door.service.chats[1].messages[-1]
    assert (result.role, result.content, result.tool_call_id) == ("tool", '{"sun": true}', call.id)
    assert door.service.chats[1].messages[1].tool_calls[0].arguments == '{"x": 1}'
    assert door.service.chats[0].functions[0].parameters == FUNCTION["parameters"]


async def test_streamed_call_of_a_function_is_put_together_by_the_client() -> None:
    body: dict[str, Any] = {"messages": ask("call get_weather"), "tools": [CHAT_TOOL]}
    async with openai_door() as door:
        chunks = await stream(door, **body)
        stream_manager = door.client.chat.completions.stream(model="websearch-agent", **body)
        async with stream_manager as streamed:
            final = await streamed.get_final_completion()
    deltas = [chunk.choices[0].delta.tool_calls for chunk in chunks]
    (call,) = next(delta for delta in deltas if delta)
    assert (call.index, call.id, call.type) == (0, "call_1", "function")
    assert chunks[-1].choices[0].finish_reason == "tool_calls"
    assert final.choices[0].message.tool_calls[0].function.arguments == '{"x": 1}'  # type: ignore[index,union-attr]


async def test_older_form_of_functions_is_answered_in_that_form() -> None:
    messages: list[Any] = ask("call get_weather")
    async with openai_door() as door:
        called = (await complete(door, messages=messages, functions=[FUNCTION])).choices[0]
        chunks = await stream(door, messages=messages, functions=[FUNCTION])
        messages += [
            called.message.model_dump(exclude_none=True),
            {"role": "function", "name": "get_weather", "content": "sun"},
        ]
        answered = await complete(door, messages=messages, functions=[FUNCTION])
    assert called.finish_reason == "function_call"
    assert called.message.function_call is not None
    assert called.message.function_call.name == "get_weather"
    deltas = [chunk.choices[0].delta.function_call for chunk in chunks]
    assert [delta.name for delta in deltas if delta] == ["get_weather"]
    assert chunks[-1].choices[0].finish_reason == "function_call"
    assert answered.choices[0].message.content == SEARCHED_TEXT
    assert door.service.chats[-1].messages[-1].content == "sun"


async def test_models_are_the_three_switches_and_the_served_name() -> None:
    async with openai_door() as door:
        listed = [model.id async for model in door.client.models.list()]
        one = await door.client.models.retrieve("websearch-agent:never")
    assert listed == [
        "websearch-agent",
        "websearch-agent:always",
        "websearch-agent:never",
        "fake-model",
    ]
    assert (one.id, one.object) == ("websearch-agent:never", "model")


async def test_unknown_served_name_is_not_listed() -> None:
    async with openai_door() as door:
        door.service.model.name = ""
        listed = [model.id async for model in door.client.models.list()]
    assert listed == ["websearch-agent", "websearch-agent:always", "websearch-agent:never"]


@pytest.mark.parametrize("name", ["org/model:7b", "org/model:7b:always"])
async def test_served_name_may_hold_slashes_and_colons(name: str) -> None:
    async with openai_door() as door:
        door.service.model.name = "org/model:7b"
        assert (await door.client.models.retrieve(name)).id == name
        assert (await complete(door, model=name)).model == name
    assert door.service.requests[0].search == ("always" if name.endswith("always") else "auto")


async def test_our_own_address_in_citations_is_the_public_one() -> None:
    settings = Settings(_env_file=None, public_url="https://answers.example/", auth="off")  # type: ignore[call-arg]
    async with openai_door(settings=settings) as door:
        reply = (await complete(door)).model_dump()
    assert reply["citations"][1] == "https://answers.example/documents/httpx%2FREADME.md"
