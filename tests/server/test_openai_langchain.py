"""`langchain-openai` with its address changed, and nothing else."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
from pydantic import SecretStr
from server.openai_doors import CHAT_TOOL, KEY, SEARCHED_TEXT, OpenAIDoor, openai_door

pytestmark = pytest.mark.anyio

QUESTION = "Does HTTPX support HTTP/2?"


def chat_model(door: OpenAIDoor, **options: Any) -> ChatOpenAI:
    return ChatOpenAI(
        model="websearch-agent",
        base_url=door.url,
        api_key=SecretStr(KEY),
        max_retries=0,
        http_async_client=door.client._client,  # The one that is closed in time.
        **options,
    )


async def stream(model: Any, question: str) -> AIMessageChunk:
    chunks = [chunk async for chunk in model.astream(question)]
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    return whole


async def test_invoke_answers() -> None:
    async with openai_door() as door:
        reply = await chat_model(door).ainvoke([("system", "Be brief."), ("human", QUESTION)])
    assert reply.content == SEARCHED_TEXT
    assert reply.response_metadata["finish_reason"] == "stop"
    assert door.service.chats[0].options.instructions == "Be brief."


async def test_stream_answers() -> None:
    async with openai_door() as door:
        reply = await stream(chat_model(door, stream_usage=True), QUESTION)
    assert reply.content == SEARCHED_TEXT
    assert reply.usage_metadata is not None


async def test_bound_tools_make_a_round_trip() -> None:
    async with openai_door() as door:
        model = chat_model(door).bind_tools([CHAT_TOOL])
        called = await model.ainvoke("call get_weather")
        streamed = await stream(model, "call get_weather")
        (call,) = called.tool_calls
        messages = [
            HumanMessage("call get_weather"),
            called,
            ToolMessage("sun", tool_call_id=call["id"]),
        ]
        answered = await model.ainvoke(messages)
    assert (call["name"], call["args"]) == ("get_weather", {"x": 1})
    assert [one["args"] for one in streamed.tool_calls] == [{"x": 1}]
    assert answered.content == SEARCHED_TEXT


@pytest.mark.parametrize("streams", [False, True])
async def test_responses_api_gives_annotations(streams: bool) -> None:
    async with openai_door() as door:
        model = chat_model(door, use_responses_api=True).bind_tools([{"type": "web_search"}])
        reply: AIMessage = await (stream(model, QUESTION) if streams else model.ainvoke(QUESTION))
    assert reply.text == SEARCHED_TEXT
    blocks = [block for block in reply.content if isinstance(block, dict)]
    marks = [mark for block in blocks for mark in block.get("annotations", [])]
    assert [mark["url"] for mark in marks] == [
        f"{door.address}/documents/httpx%2FREADME.md",
        "https://www.example.org/docs/http2",
    ]


async def test_responses_api_calls_functions() -> None:
    async with openai_door() as door:
        model = chat_model(door, use_responses_api=True).bind_tools([CHAT_TOOL])
        called = await model.ainvoke("call get_weather")
        messages = [
            HumanMessage("call get_weather"),
            called,
            ToolMessage("sun", tool_call_id=called.tool_calls[0]["id"]),
        ]
        answered = await model.ainvoke(messages)
    assert [call["name"] for call in called.tool_calls] == ["get_weather"]
    assert answered.text == SEARCHED_TEXT
