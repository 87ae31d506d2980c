"""Everything that goes wrong under `/v1` has OpenAI's form, and raises what it should."""

import asyncio
import json
from typing import Any

import httpx
import openai
import pytest
from server.doors import serve_users
from server.fake_service import FakeService, search_script
from server.openai_doors import (
    CHAT_TOOL,
    OpenAIDoor,
    ask,
    collect,
    endless_script,
    failing_script,
    openai_door,
    raising_script,
    refusing_script,
)

from websearch_agent.config import Settings
from websearch_agent.events import AnswerFailed

pytestmark = pytest.mark.anyio

CHAT, RESPONSES = "/v1/chat/completions", "/v1/responses"
AS_JSON = {"type": "json_object"}


def assert_openai_error(response: httpx.Response) -> dict[str, Any]:
    error = response.json()["error"]
    assert response.headers["content-type"] == "application/json"
    assert response.json().keys() == {"error"}
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["message"]
    return error  # type: ignore[no-any-return]


async def post(path: str, body: object, **headers: str) -> httpx.Response:
    content = body if isinstance(body, str) else json.dumps(body)
    async with openai_door() as door, door.http() as http:
        sent = {"content-type": "application/json", **headers}
        return await http.post(path, content=content, headers=sent)


def chat_body(**changes: Any) -> dict[str, Any]:
    return {"model": "websearch-agent", "messages": ask(), **changes}


def said(content: Any, **more: Any) -> dict[str, Any]:
    return chat_body(messages=[{"role": "user", "content": content, **more}])


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ("{", None, None),
        ("[]", None, "invalid_type"),
        ({"messages": ask()}, "model", "missing_required_parameter"),
        ({"model": "websearch-agent"}, "messages", "missing_required_parameter"),
        (chat_body(messages=[]), "messages", "invalid_value"),
        (chat_body(messages="hello"), "messages", "invalid_type"),
        (chat_body(stream="yes"), "stream", "invalid_type"),
        (chat_body(max_tokens=0), "max_tokens", "invalid_value"),
        (chat_body(max_tokens="9"), "max_tokens", "invalid_type"),
        (said(5), "messages[0].content", "invalid_type"),
        (said([{"text": "a"}]), "messages[0].content[0].type", "missing_required_parameter"),
        (said([{"type": "image_url"}]), "messages[0].content[0].type", "unsupported_value"),
        (said([{"type": "input_audio"}]), "messages[0].content[0].type", "unsupported_value"),
        (chat_body(n=2), "n", "unsupported_value"),
        (chat_body(logprobs=True), "logprobs", "unsupported_parameter"),
        (chat_body(top_logprobs=3), "top_logprobs", "unsupported_parameter"),
        (
            chat_body(response_format=AS_JSON),
            "response_format",
            "unsupported_value",
        ),
        (chat_body(modalities=["text", "audio"]), "modalities", "unsupported_value"),
        (chat_body(audio={"voice": "x"}), "audio", "unsupported_parameter"),
        (chat_body(tools=[{"type": "mcp"}]), "tools[0].type", "unsupported_value"),
        (
            chat_body(tools=[{"type": "function", "function": {"name": "a b"}}]),
            "tools[0].function.name",
            "invalid_value",
        ),
        (chat_body(tool_choice="required"), "tool_choice", "invalid_value"),
        (
            chat_body(tools=[CHAT_TOOL], tool_choice={"type": "function", "name": "other"}),
            "tool_choice",
            "invalid_value",
        ),
        (chat_body(search_mode="academic"), "search_mode", "invalid_value"),
        (chat_body(search_recency_filter="decade"), "search_recency_filter", "invalid_value"),
        (chat_body(search_domain_filter=["no domain"]), "search_domain_filter[0]", "invalid_value"),
        (chat_body(messages=[{"role": "system", "content": "s"}]), "messages", None),
        (chat_body(messages=[*ask(), {"role": "assistant", "content": "I"}]), "messages[1]", None),
        (
            chat_body(messages=[*ask(), {"role": "tool", "tool_call_id": "c", "content": ""}]),
            "messages[1]",
            None,
        ),
    ],
)
async def test_body_that_cannot_be_taken_is_400_and_names_the_field(
    body: object, param: str | None, code: str | None
) -> None:
    response = await post(CHAT, body)
    error = assert_openai_error(response)
    assert response.status_code == 400
    assert (error["param"], error["code"]) == (param, code)
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"input": 5}, "input", "invalid_type"),
        ({"input": []}, "input", None),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type", "unsupported_value"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
            "input[0].content[0].type",
            "unsupported_value",
        ),
        (
            {"input": [{"type": "function_call_output", "call_id": "c", "output": "o"}]},
            "input[0]",
            None,
        ),
        (
            {"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": {}}]},
            "input[0].arguments",
            "invalid_type",
        ),
        ({"background": True}, "background", "unsupported_parameter"),
        ({"prompt": {"id": "p"}}, "prompt", "unsupported_parameter"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format", "unsupported_value"),
        ({"tools": [{"type": "file_search"}]}, "tools[0].type", "unsupported_value"),
    ],
)
async def test_same_for_responses(fields: dict[str, Any], param: str, code: str | None) -> None:
    response = await post(RESPONSES, {"model": "websearch-agent", "input": "q", **fields})
    error = assert_openai_error(response)
    assert (response.status_code, error["param"], error["code"]) == (400, param, code)


async def test_pictures_are_refused_with_the_reason() -> None:
    error = assert_openai_error(await post(CHAT, said([{"type": "image_url"}])))
    assert "Only text is read" in error["message"]


@pytest.mark.parametrize("stream", [False, True])
async def test_question_that_the_agent_refuses_is_400_also_as_a_stream(stream: bool) -> None:
    async with openai_door(refusing_script) as door:
        with pytest.raises(openai.BadRequestError, match="The question is empty"):
            await door.client.chat.completions.create(**chat_body(stream=stream))
        with pytest.raises(openai.BadRequestError, match="The question is empty"):
            await door.client.responses.create(model="websearch-agent", input=" ", stream=stream)


async def test_unknown_model_is_not_found() -> None:
    async with openai_door() as door:
        with pytest.raises(openai.NotFoundError) as chat:
            await door.client.chat.completions.create(**chat_body(model="gpt-4o"))
        with pytest.raises(openai.NotFoundError) as response:
            await door.client.responses.create(model="websearch-agent:maybe", input="q")
        with pytest.raises(openai.NotFoundError) as shown:
            await door.client.models.retrieve("gpt-4o")
    for refused in (chat, response, shown):
        assert (refused.value.code, refused.value.param) == ("model_not_found", "model")


async def test_wrong_or_missing_key_is_401() -> None:
    async with serve_users() as doors:
        for key in ("wsa_wrong", "another"):
            url = f"{doors.address}/v1"
            async with openai.AsyncOpenAI(base_url=url, api_key=key, max_retries=0) as client:
                with pytest.raises(openai.AuthenticationError) as refused:
                    await client.chat.completions.create(**chat_body())
                with pytest.raises(openai.AuthenticationError):
                    await client.models.list()
            assert refused.value.code == "invalid_api_key"
            assert refused.value.response.headers["www-authenticate"] == "Bearer"


async def test_right_key_asks_in_its_users_name() -> None:
    async with serve_users(FakeService(search_script)) as doors:
        made = await doors.service.accounts.create_key("ann", "test", ["ask"])
        reader = await doors.service.accounts.create_key("ann", "test", ["read"])
        url = f"{doors.address}/v1"
        async with openai.AsyncOpenAI(base_url=url, api_key=made.secret) as client:
            reply = await client.chat.completions.create(**chat_body())
        async with openai.AsyncOpenAI(base_url=url, api_key=reader.secret) as client:
            with pytest.raises(openai.PermissionDeniedError):
                await client.chat.completions.create(**chat_body())
    assert reply.choices[0].finish_reason == "stop"
    assert doors.service.for_owner("user-ann").store.conversations == {}


async def test_too_many_questions_are_429_with_the_time_to_wait() -> None:
    settings = Settings(_env_file=None, questions_per_minute=1)  # type: ignore[call-arg]
    async with openai_door(settings=settings) as door:
        await door.client.chat.completions.create(**chat_body())
        with pytest.raises(openai.RateLimitError) as refused:
            await door.client.responses.create(model="websearch-agent", input="q", stream=True)
    assert refused.value.code == "rate_limit_exceeded"
    assert int(refused.value.response.headers["retry-after"]) >= 1


async def test_full_queue_is_refused_before_a_stream_begins() -> None:
    settings = Settings(_env_file=None, max_answers=1, max_waiting=0)  # type: ignore[call-arg]
    async with openai_door(endless_script, settings=settings) as door:
        running = await door.client.chat.completions.create(**chat_body(stream=True))
        with pytest.raises(openai.InternalServerError) as refused:
            await door.client.chat.completions.create(**chat_body(stream=True))
        await running.close()
    assert (refused.value.status_code, refused.value.code) == (503, "server_busy")
    assert "retry-after" in refused.value.response.headers


async def test_failure_in_mid_stream_raises() -> None:
    chunks: list[Any] = []
    async with openai_door(failing_script) as door:
        streamed = await door.client.chat.completions.create(**chat_body(stream=True))
        with pytest.raises(openai.APIError, match="The model server is gone") as raised:
            await collect(streamed, chunks)
        with pytest.raises(openai.InternalServerError) as whole:
            await door.client.chat.completions.create(**chat_body())
    assert chunks[-1].choices[0].delta.content == "Half an "
    assert (raised.value.code, raised.value.type) == ("model_unavailable", "server_error")
    assert (whole.value.status_code, whole.value.code) == (503, "model_unavailable")


async def test_failure_that_would_come_again_is_not_tried_again() -> None:
    async def broken(service: FakeService, request: Any) -> Any:
        yield AnswerFailed("config_error", "A setting is wrong.", False)

    async with openai_door(broken) as door, door.client.with_options(max_retries=2) as client:
        with pytest.raises(openai.InternalServerError):
            await client.chat.completions.create(**chat_body())
    assert len(door.service.chats) == 1


async def test_what_nobody_expected_says_nothing_of_the_inside() -> None:
    async with openai_door(raising_script) as door:
        with pytest.raises(openai.InternalServerError) as whole:
            await door.client.chat.completions.create(**chat_body())
        streamed = await door.client.chat.completions.create(**chat_body(stream=True))
        with pytest.raises(openai.APIError) as in_stream:
            await collect(streamed, [])
    for raised in (whole.value, in_stream.value):
        assert raised.code == "internal_error"
        assert "secret" not in str(raised)


async def test_exception_outside_of_an_answer_is_500_in_the_same_form(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with openai_door() as door, door.http() as http:
        door.service.model = None  # type: ignore[assignment]
        response = await http.get("/v1/models")
    assert (response.status_code, assert_openai_error(response)["code"]) == (500, "internal_error")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1", 404),
        ("POST", "/v1/embeddings", 404),
        ("GET", CHAT, 405),
        ("PUT", RESPONSES, 405),
    ],
)
async def test_wrong_path_or_method(method: str, path: str, status: int) -> None:
    async with openai_door() as door, door.http() as http:
        response = await http.request(method, path)
    assert response.status_code == status
    assert_openai_error(response)
    if status == 405:
        assert response.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Host": "evil.example"}, 421, "host_not_allowed"),
        ({"Origin": "https://evil.example"}, 403, "not_allowed"),
        ({"Content-Type": "text/plain"}, 415, "invalid_request"),
        ({"X-Long": "x" * 40_000}, 431, "headers_too_large"),
    ],
)
async def test_guards_refuse_in_openais_form(
    headers: dict[str, str], status: int, code: str
) -> None:
    async with openai_door() as door, door.http() as http:
        content = json.dumps(chat_body())
        sent = {"Content-Type": "application/json", **headers}
        response = await http.post(CHAT, content=content, headers=sent)
    assert response.status_code == status
    assert assert_openai_error(response)["code"] == code


async def test_body_of_a_megabyte_is_413() -> None:
    async with openai_door() as door:
        with pytest.raises(openai.APIStatusError) as refused:
            await door.client.chat.completions.create(**said("x" * 1_000_000))
    assert (refused.value.status_code, refused.value.code) == (413, "body_too_large")


async def test_routes_outside_keep_their_problem_documents() -> None:
    async with openai_door() as door, door.http() as http:
        responses = [await http.get(path) for path in ("/api/answers", "/v1x")]
    assert {response.headers["content-type"] for response in responses} == {
        "application/problem+json"
    }


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
@pytest.mark.parametrize("stream", [False, True])
async def test_client_that_leaves_stops_the_work(path: str, stream: bool) -> None:
    body = {**chat_body(), "input": "q", "stream": stream}
    async with openai_door(endless_script) as door:
        await leave_after_the_first_word(door, path, body)
        await door.service.stopped.wait()
    assert len(door.service.chats) == 1


async def leave_after_the_first_word(door: OpenAIDoor, path: str, body: dict[str, Any]) -> None:
    async with door.http() as http:
        asking = asyncio.create_task(read_until_word(http, path, body))
        await door.service.asked.wait()
        if not body["stream"]:
            asking.cancel()
        await asyncio.wait([asking])


async def read_until_word(http: httpx.AsyncClient, path: str, body: dict[str, Any]) -> None:
    async with http.stream("POST", path, json=body) as response:
        async for line in response.aiter_lines():
            if "word" in line:
                return
