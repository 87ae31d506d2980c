"""What requests of the OpenAI APIs come to in our own settings."""

from typing import Any

import pytest
from server.openai_doors import CHAT_TOOL, RESPONSES_TOOL, ask, openai_door

from websearch_agent.chats import ChatRequest

pytestmark = pytest.mark.anyio

WEB_TOOL = {"type": "web_search"}
BY_NAME = {"type": "web_search_preview"}


async def chat_of(path: str = "/v1/chat/completions", **body: Any) -> ChatRequest:
    """What the service was asked."""
    asked = {"input": "q"} if path.endswith("responses") else {"messages": ask("q")}
    async with openai_door() as door, door.http() as http:
        response = await http.post(path, json={"model": "websearch-agent", **asked, **body})
        assert response.status_code == 200, response.text
    (chat,) = door.service.chats
    return chat


@pytest.mark.parametrize(
    ("suffix", "body", "switch"),
    [
        ("", {}, "auto"),
        (":always", {}, "always"),
        (":never", {}, "never"),
        (":auto", {}, "auto"),
        (":never", {"web_search_options": {}}, "auto"),
        (":always", {"web_search_options": {}}, "always"),
        (":never", {"search_mode": "web"}, "auto"),
        (":never", {"disable_search": False}, "auto"),
        (":always", {"disable_search": True}, "never"),
        ("", {"tools": [WEB_TOOL]}, "auto"),
        (":never", {"tools": [WEB_TOOL]}, "auto"),
        ("", {"tools": [WEB_TOOL], "tool_choice": "required"}, "always"),
        (":never", {"tools": [WEB_TOOL], "tool_choice": BY_NAME}, "always"),
        ("", {"tools": [WEB_TOOL], "tool_choice": "none"}, "never"),
        ("", {"tools": [WEB_TOOL], "tool_choice": BY_NAME, "disable_search": True}, "never"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
async def test_fields_of_the_request_go_before_the_models_name(
    path: str, suffix: str, body: dict[str, Any], switch: str
) -> None:
    chat = await chat_of(path, model=f"websearch-agent{suffix}", **body)
    assert chat.options.search == switch


@pytest.mark.parametrize(
    ("size", "mode"), [("low", "quick"), ("medium", "balanced"), ("high", "deep")]
)
async def test_context_size_is_the_mode(size: str, mode: str) -> None:
    location = {"type": "approximate", "approximate": {"country": "DE"}}
    options = {"search_context_size": size, "user_location": location}
    by_options = await chat_of(web_search_options=options)
    by_tool = await chat_of("/v1/responses", tools=[{**WEB_TOOL, "search_context_size": size}])
    assert (by_options.options.mode, by_tool.options.mode) == (mode, mode)
    assert by_options.options.language is None


async def test_domains_of_tools_and_filters_are_put_together() -> None:
    tool = {**WEB_TOOL, "filters": {"allowed_domains": ["https://Docs.Python.org/3/"]}}
    chat = await chat_of(
        tools=[tool], search_domain_filter=["example.org", "-spam.example", "docs.python.org"]
    )
    assert chat.options.include_domains == ("example.org", "docs.python.org")
    assert chat.options.exclude_domains == ("spam.example",)


@pytest.mark.parametrize(
    ("recency", "range_"), [("hour", "day"), ("day", "day"), ("week", "week"), ("year", "year")]
)
async def test_recency_is_the_time_range(recency: str, range_: str) -> None:
    chat = await chat_of(search_recency_filter=recency)
    assert chat.options.time_range == range_


async def test_messages_of_the_system_are_instructions() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "One "}, {"type": "text", "text": "two"}],
        },
        {"role": "assistant", "content": "Yes."},
        {"role": "developer", "content": "In English."},
        {"role": "user", "content": "q2"},
    ]
    chat = await chat_of(messages=messages)
    assert chat.options.instructions == "Be brief.\n\nIn English."
    assert [(one.role, one.content) for one in chat.messages] == [
        ("user", "One two"),
        ("assistant", "Yes."),
        ("user", "q2"),
    ]
    assert chat.options.question == "q2"


@pytest.mark.parametrize(
    ("path", "body", "limit"),
    [
        ("/v1/chat/completions", {"max_tokens": 7}, 7),
        ("/v1/chat/completions", {"max_tokens": 7, "max_completion_tokens": 9}, 9),
        ("/v1/responses", {"max_output_tokens": 11}, 11),
        ("/v1/responses", {}, None),
    ],
)
async def test_most_tokens_are_the_answers(
    path: str, body: dict[str, Any], limit: int | None
) -> None:
    assert (await chat_of(path, **body)).options.max_answer_tokens == limit


@pytest.mark.parametrize(
    ("choice", "chosen"),
    [
        (None, "auto"),
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ({"type": "function", "function": {"name": "get_weather"}}, "get_weather"),
    ],
)
async def test_choice_of_functions_is_passed_on(choice: Any, chosen: str) -> None:
    chat = await chat_of(tools=[CHAT_TOOL], tool_choice=choice)
    assert (chat.function_choice, chat.functions[0].name) == (chosen, "get_weather")
    assert chat.options.search == "auto"


async def test_choice_of_a_function_has_its_name_beside_the_type_in_responses() -> None:
    choice = {"type": "function", "name": "get_weather"}
    chat = await chat_of("/v1/responses", tools=[RESPONSES_TOOL, WEB_TOOL], tool_choice=choice)
    assert (chat.function_choice, chat.options.search) == ("get_weather", "auto")


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
async def test_one_function_at_a_time_is_passed_on(path: str) -> None:
    tool = CHAT_TOOL if path.endswith("completions") else RESPONSES_TOOL
    assert (await chat_of(path, tools=[tool])).parallel_calls
    assert not (await chat_of(path, tools=[tool], parallel_tool_calls=False)).parallel_calls


async def test_choice_of_the_web_search_leaves_the_functions_out() -> None:
    chat = await chat_of(tools=[CHAT_TOOL, WEB_TOOL], tool_choice=BY_NAME)
    assert (chat.function_choice, chat.options.search) == ("none", "always")


async def test_what_samples_and_what_is_unknown_is_taken_and_ignored() -> None:
    ignored = {
        "temperature": 2,
        "top_p": 0.1,
        "seed": 1,
        "stop": ["x"],
        "presence_penalty": 1,
        "user": "u",
        "metadata": {"a": "b"},
        "return_related_questions": True,
        "nobody_knows": [1],
        "n": 1,
        "logprobs": False,
        "response_format": {"type": "text"},
        "max_tokens": None,
        "tools": None,
    }
    assert await chat_of(**ignored) == await chat_of()
