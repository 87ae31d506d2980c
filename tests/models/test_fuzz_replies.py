"""Whatever a model or its server sends, a call ends: with a reply, or with an error of ours."""

import asyncio
from collections.abc import Sequence

import httpx
import pytest
from dialect_fakes import SOURCE, TODAY
from fakes import FakeModel
from fuzzing import bounded
from hypothesis import given
from hypothesis import strategies as st
from model_servers import CALL, SSE, Server

from websearch_agent.errors import AgentError, ModelError
from websearch_agent.model_calls import ModelFinished
from websearch_agent.models.dialects.markers import MarkersDialect
from websearch_agent.models.dialects.schema import SchemaDialect
from websearch_agent.models.dialects.tools import ToolsDialect
from websearch_agent.models.profile import find_profile
from websearch_agent.protocols import Dialect
from websearch_agent.types import Decision, Evidence, Prompt

MAX_SECONDS = 20.0

LINES = st.sampled_from(
    [
        *("data: ", "data:", "event: error\n", ": ping\n", "id: 1\n", "retry: 1\n", "\n", "\r\n"),
        *("\n\n", "data: [DONE]\n\n", "data: {}\n\n", "data: null\n\n", "data: []\n\n", "{", "}"),
        'data: {"choices": [{"index": 0, "delta": {"content": "Hello"}}]}\n\n',
        'data: {"choices": [{"delta": {"content": null}, "finish_reason": "stop"}]}\n\n',
        'data: {"choices": [{"delta": {"tool_calls": [{"index": 9, "function": {}}]}}]}\n\n',
        'data: {"choices": [{"delta": {"tool_calls": "x"}}]}\n\n',
        'data: {"choices": "x", "usage": {"prompt_tokens": "many"}}\n\n',
        'data: {"error": {"message": "overloaded", "code": 500}}\n\n',
        'data: {"choices": [{"delta": {"content": ["a", 1]}}]}\n\n',
        'data: {"choices": [{"delta": 7, "logprobs": {"content": [{"token": 1}]}}]}\n\n',
        "data: " + "[" * 5000 + "\n\n",
        'data: {"choices": [{"delta": {"content": "\\ud800"}}]}\n\n',
    ]
)
BYTES = (LINES.map(str.encode) | st.binary(max_size=12)) | st.sampled_from([b"\xff\xfe", b"\x00"])

REPLIES = st.lists(
    st.sampled_from(
        [
            *('{"needs": ', '"web"', '"nothing"', '"task": "x"', '"queries": [', '"a"', "]", "}"),
            *("{", "[", ",", ":", "null", "1e999", "```json\n", "```", "search_web", "(", ")"),
            *("<tool_call>", "</tool_call>", "<|function_start|>", "<|function_end|>", "[1]"),
            *('{"name": "search_web", "arguments": {"query": "q"}}', "[TOOL_CALLS]", "<think>"),
            *("</think>", "<function=search_web>", "<parameter=query>", "</function>", "Sources"),
            *("The tower is tall. ", "塔很高。", "\n", " ", "\\", '"', "'", "\x00", "\ud800"),
        ]
    )
    | st.text(max_size=12),
    max_size=14,
).map("".join)

DIALECTS: list[Dialect] = [
    SchemaDialect(),
    ToolsDialect(),
    MarkersDialect(find_profile("megrez-3b-instruct"), search_threshold=0.5),
]
PROMPTS = [
    Prompt(TODAY, "How tall is the tower?"),
    Prompt(TODAY, "How tall is it?", search="always"),
    Prompt(TODAY, "塔有多高？", search="never", evidence=Evidence(("q",), (SOURCE,))),
    Prompt(TODAY, "And then?", evidence=Evidence(("q",), (SOURCE,)), search="auto"),
]


@given(pieces=st.lists(BYTES, max_size=14))
@bounded(80)
def test_stream_of_a_server_ends_in_a_reply_or_an_error(pieces: list[bytes]) -> None:
    async def ask() -> list[object]:
        client = Server(httpx.Response(200, headers=SSE, content=b"".join(pieces))).client()
        try:
            return [delta async for delta in client.stream(CALL)]
        except ModelError as error:
            return [error]
        finally:
            await client.close()

    deltas = asyncio.run(asyncio.wait_for(ask(), MAX_SECONDS))
    assert isinstance(deltas[-1], ModelFinished | ModelError)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: type(dialect).__name__)
@given(prompt=st.sampled_from(PROMPTS), replies=st.lists(REPLIES, min_size=6, max_size=6))
@bounded(80)
def test_reply_of_a_model_is_a_decision_text_or_an_error(
    dialect: Dialect, prompt: Prompt, replies: Sequence[str]
) -> None:
    async def hear() -> list[object]:
        try:
            return [delta async for delta in dialect.respond(FakeModel(replies), prompt)]
        except AgentError as error:
            return [error]

    heard = asyncio.run(asyncio.wait_for(hear(), MAX_SECONDS))
    assert heard
    for decision in heard:
        if isinstance(decision, Decision):
            assert not decision.search or decision.queries
            assert all(isinstance(query, str) and query.strip() for query in decision.queries)
