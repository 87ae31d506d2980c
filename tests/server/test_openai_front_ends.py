"""Requests as Open WebUI and LibreChat send them (`openai_front_ends.json`), without their code."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from server.openai_doors import SEARCHED_TEXT, OpenAIDoor, openai_door

pytestmark = pytest.mark.anyio

REQUESTS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "openai_front_ends.json").read_text(encoding="utf-8")
)
STREAMED = [name for name, body in REQUESTS.items() if name != "_" and body["stream"]]


async def send(door: OpenAIDoor, name: str) -> httpx.Response:
    headers = {"Authorization": "Bearer sk-of-the-front-end", "X-OpenWebUI-User-Name": "Ann"}
    async with door.http() as http:
        return await http.post("/v1/chat/completions", json=REQUESTS[name], headers=headers)


def chunks_of(response: httpx.Response) -> list[dict[str, Any]]:
    """As a front end reads them: line by line, what is no data passed over."""
    lines = [line for line in response.text.split("\n") if line.startswith("data: ")]
    assert lines[-1] == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]


@pytest.mark.parametrize("name", STREAMED)
async def test_message_is_streamed(name: str) -> None:
    async with openai_door() as door:
        response = await send(door, name)
    chunks = chunks_of(response)
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    assert response.headers["content-type"].startswith("text/event-stream")
    assert "".join(c["delta"].get("content") or "" for c in choices) == SEARCHED_TEXT
    assert choices[-1]["finish_reason"] == "stop"
    wants_usage = "stream_options" in REQUESTS[name]
    assert bool(chunks[-1].get("usage")) == wants_usage


@pytest.mark.parametrize("name", ["Open WebUI, a title", "LibreChat, a title"])
async def test_title_is_answered_with_its_limit(name: str) -> None:
    async with openai_door() as door:
        response = await send(door, name)
    body = REQUESTS[name]
    options = door.service.chats[0].options
    assert response.json()["choices"][0]["message"]["content"] == SEARCHED_TEXT
    assert options.max_answer_tokens == body.get("max_tokens", body.get("max_completion_tokens"))
    assert options.question == body["messages"][-1]["content"]


async def test_title_by_a_function_is_a_call_of_it() -> None:
    async with openai_door() as door:
        response = await send(door, "LibreChat, a title by a function")
    (call,) = response.json()["choices"][0]["message"]["tool_calls"]
    assert call["function"]["name"] == "title"
    assert door.service.chats[0].function_choice == "title"


async def test_earlier_messages_and_instructions_arrive() -> None:
    async with openai_door() as door:
        await send(door, "LibreChat, a message")
        await send(door, "Open WebUI, text in parts and tools")
    first, second = door.service.chats
    assert [m.content for m in first.messages] == ["Hello", "Hello!", "Does HTTPX support HTTP/2?"]
    assert first.options.instructions == "Be brief."
    assert (second.options.question, second.options.search) == ("Since when?", "always")


async def test_models_are_listed_for_the_menu() -> None:
    async with openai_door() as door, door.http() as http:
        listed = (await http.get("/v1/models", headers={"Authorization": "Bearer sk-x"})).json()
    assert listed["object"] == "list"
    assert {model["object"] for model in listed["data"]} == {"model"}
    assert "websearch-agent" in [model["id"] for model in listed["data"]]
