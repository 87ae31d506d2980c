"""What OpenAI-compatible servers make of the stream's format."""

import asyncio
import json
from collections.abc import AsyncGenerator

import httpx
import pytest
from httpx_sse import ServerSentEvent
from model_servers import CALL, SSE, URL, Server, ask, chunk, completion, sse

from websearch_agent.errors import ContextTooLong, InvalidModelOutput, ModelUnavailable
from websearch_agent.model_calls import (
    ModelCall,
    ModelDelta,
    ModelFinished,
    ReasoningDelta,
    TextDelta,
    Tool,
    ToolCall,
    Usage,
)
from websearch_agent.models.http_errors import Asked
from websearch_agent.models.reply_stream import read_reply

pytestmark = pytest.mark.anyio


async def reply(*chunks: str, done: bool = True) -> list[ModelDelta]:
    return await ask(Server(sse(*chunks, done=done)).client())


async def finish(*chunks: str) -> ModelFinished:
    finished = (await reply(*chunks))[-1]
    assert isinstance(finished, ModelFinished)
    return finished


async def test_text_reasoning_and_usage_are_streamed() -> None:
    usage = 'data: {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}\n\n'
    assert await reply(
        chunk({"reasoning_content": "hm"}),
        chunk({"reasoning": "hm"}),
        chunk({"content": "He"}),
        chunk({"content": "llo"}, "stop"),
        usage,
    ) == [
        ReasoningDelta("hm"),
        ReasoningDelta("hm"),
        TextDelta("He"),
        TextDelta("llo"),
        ModelFinished("stop", Usage(3, 2, 1)),
    ]


async def test_keep_alives_and_data_without_a_space_are_read() -> None:
    text = ": PROCESSING\n\nevent: x\n" + chunk({"content": "a"}).replace("data: ", "data:")
    text += ": ping\n\ndata:\n\n" + chunk({"content": "b"}, "stop") + "data:[DONE]\n\n"
    server = Server(httpx.Response(200, text=text, headers=SSE))
    assert (await ask(server.client()))[:2] == [TextDelta("a"), TextDelta("b")]


async def test_missing_done_and_usage_are_no_harm() -> None:
    seen = await reply(chunk({"content": "x"}, "stop"), done=False)
    assert seen == [TextDelta("x"), ModelFinished("stop", Usage(0, 0, 1))]


async def test_missing_finish_reason_before_done_is_no_harm() -> None:
    assert (await finish(chunk({"content": "x"}))).finish_reason == "stop"


async def test_nulls_are_no_harm() -> None:
    empty = {"choices": None, "usage": {"prompt_tokens": None, "completion_tokens": None}}
    parts = [f"data: {json.dumps(empty)}\n\n", chunk({"content": None, "tool_calls": None})]
    assert (await finish(*parts, chunk({}, "stop"))).usage == Usage(0, 0, 1)


async def test_content_in_parts_is_joined() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    parts = [thinking, {"type": "text", "text": "Yes"}, "."]
    seen = await reply(chunk({"content": parts}, "stop"))
    assert seen[:2] == [ReasoningDelta("hm"), TextDelta("Yes.")]


@pytest.mark.parametrize(
    ("said", "known"),
    [("eos", "stop"), ("EOS_TOKEN", "stop"), ("max_tokens", "length"), ("function_call", "stop")],
)
async def test_finish_reasons_are_told_in_one_language(said: str, known: str) -> None:
    assert (await finish(chunk({"content": "x"}, said))).finish_reason == known


class TestToolCalls:
    async def calls(self, *pieces: dict[str, object]) -> tuple[ToolCall, ...]:
        chunks = [chunk({"tool_calls": [piece]}) for piece in pieces]
        finished = await finish(*chunks, chunk({}, "stop"))
        assert finished.finish_reason == "tool_calls"
        return finished.tool_calls

    async def test_pieces_are_joined_by_their_index(self) -> None:
        assert await self.calls(
            {"index": 0, "id": "a", "function": {"name": "s", "arguments": ""}},
            {"index": 0, "function": {"arguments": '{"q": '}},
            {"index": 1, "id": "b", "function": {"name": "t", "arguments": "{}"}},
            {"index": 0, "function": {"arguments": "1}"}},
        ) == (ToolCall("a", "s", '{"q": 1}'), ToolCall("b", "t", "{}"))

    async def test_pieces_without_an_index_continue_the_last_call(self) -> None:
        assert await self.calls(
            {"id": "a", "function": {"name": "s", "arguments": '{"q": '}},
            {"function": {"arguments": "1}"}},
        ) == (ToolCall("a", "s", '{"q": 1}'),)

    async def test_whole_calls_without_index_and_id_are_told_apart(self) -> None:
        whole: dict[str, object] = {"function": {"name": "s", "arguments": "{}"}}
        assert await self.calls(whole, whole) == (
            ToolCall("call_0", "s", "{}"),
            ToolCall("call_1", "s", "{}"),
        )

    async def test_calls_that_share_an_index_are_told_apart(self) -> None:
        first = {"index": 0, "id": "a", "function": {"name": "s", "arguments": "{}"}}
        found = await self.calls(first, {**first, "id": "b"})
        assert [call.id for call in found] == ["a", "b"]

    async def test_id_and_name_repeated_in_each_piece_are_one_call(self) -> None:
        def piece(arguments: str) -> dict[str, object]:
            return {"index": 0, "id": "a", "function": {"name": "s", "arguments": arguments}}

        assert await self.calls(piece('{"q"'), piece(": 1}")) == (ToolCall("a", "s", '{"q": 1}'),)

    async def test_id_given_twice_becomes_two(self) -> None:
        def piece(index: int) -> dict[str, object]:
            return {"index": index, "id": "a", "function": {"name": "s", "arguments": "{}"}}

        found = await self.calls(piece(0), piece(1))
        assert len({call.id for call in found}) == 2

    async def test_arguments_as_an_object_become_json(self) -> None:
        found = await self.calls({"index": 0, "function": {"name": "s", "arguments": {"q": "é"}}})
        assert found[0].arguments == '{"q": "é"}'

    async def test_old_function_call_is_a_tool_call(self) -> None:
        finished = await finish(
            chunk({"function_call": {"name": "s", "arguments": "{"}}),
            chunk({"function_call": {"arguments": "}"}}, "function_call"),
        )
        assert finished == ModelFinished(
            "tool_calls", Usage(0, 0, 1), (ToolCall("call_0", "s", "{}"),)
        )

    async def test_reason_without_a_call_is_a_stop(self) -> None:
        assert (await finish(chunk({"content": "x"}, "tool_calls"))).finish_reason == "stop"


@pytest.mark.parametrize(
    "broken",
    [
        httpx.Response(200, text="<html>hello</html>", headers={"content-type": "text/html"}),
        sse("data: no json\n\n"),
        sse(),
        httpx.Response(200, json={"choices": []}),
    ],
)
async def test_garbage_is_told_as_such(broken: httpx.Response) -> None:
    with pytest.raises(InvalidModelOutput):
        await ask(Server(broken).client())


async def test_reply_that_was_not_streamed_is_read() -> None:
    seen = await ask(Server(completion("Hello")).client())
    assert seen == [TextDelta("Hello"), ModelFinished("stop", Usage(0, 0, 1))]


async def test_empty_reply_ends_normally() -> None:
    assert await reply(chunk({}, "stop")) == [ModelFinished("stop", Usage(0, 0, 1))]


@pytest.mark.parametrize("last", [[], [chunk({}, "error")], [chunk({}, "abort")]])
async def test_reply_that_breaks_off_is_no_answer(last: list[str]) -> None:
    with pytest.raises(ModelUnavailable, match="broke off"):
        await reply(chunk({"content": "half"}), *last, done=False)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"error": "out of memory"}, ModelUnavailable),
        ({"error": {"message": "maximum context length", "code": 400}}, ContextTooLong),
        ({"object": "error", "message": "out of memory", "code": 500}, ModelUnavailable),
    ],
)
async def test_error_in_mid_stream_is_raised(error: object, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=r"out of memory|context length"):
        await reply(chunk({"content": "half"}), f"data: {json.dumps(error)}\n\n")


async def test_error_with_status_200_is_raised() -> None:
    body = {"error": {"message": "m does not support tools", "code": 400}}
    call = ModelCall(CALL.messages, 16, tools=(Tool("t", "T.", {}),))
    with pytest.raises(Exception, match="takes no tools"):
        await ask(Server(httpx.Response(200, json=body)).client(), call)


class TestSilence:
    """Time-outs of zero: they are reached without waiting."""

    async def events(self, *chunks: str) -> AsyncGenerator[ServerSentEvent, None]:
        for text in chunks:
            yield ServerSentEvent(data=text.removeprefix("data: ").strip())
        await asyncio.Event().wait()

    async def read(self, *chunks: str) -> list[ModelDelta]:
        deltas = read_reply(
            self.events(*chunks), Asked(URL), token_timeout_s=0.0, after_finish_timeout_s=0.0
        )
        return [delta async for delta in deltas]

    async def test_in_mid_answer_is_an_error(self) -> None:
        with pytest.raises(ModelUnavailable, match="in mid-answer"):
            await self.read(chunk({"content": "half"}))

    async def test_after_the_end_ends_the_reply(self) -> None:
        seen = await self.read(chunk({"content": "x"}, "stop"))
        assert seen == [TextDelta("x"), ModelFinished("stop", Usage(0, 0, 1))]
