import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from websearch_agent.config import load_settings
from websearch_agent.models.checked_server import CheckedServer, ServerListener, ask
from websearch_agent.models.client import OpenAICompatibleModel
from websearch_agent.models.server_check import (
    CHECKS,
    TIMEOUTS_S,
    CheckResult,
    check_server,
    needed_checks,
    run_check,
)

pytestmark = pytest.mark.anyio


class ObedientServer:
    """Does what it is asked, but for what is in `lacks`: `tools`, `schema`, `limit`, `cache`,
    `names`.
    """

    def __init__(self, *lacks: str, name: str = "gpt-4o") -> None:
        self.lacks = set(lacks)
        self.name = name

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/models"):
            listed = [{"id": self.name, "max_model_len": 4096}]
            return httpx.Response(200, json={"data": listed})
        if not request.url.path.endswith("/chat/completions"):
            return httpx.Response(404, json={"error": "not here"})
        body = json.loads(request.content)
        if body["model"] != self.name and "names" not in self.lacks:
            return httpx.Response(404, json={"error": {"message": "model not found"}})
        if "tools" in body and "tools" in self.lacks:
            return httpx.Response(400, json={"error": {"message": "this takes no tools"}})
        if len(json.dumps(body["messages"])) > 15_000:
            message = "This model's maximum context length is 4096 tokens."
            return httpx.Response(400, json={"error": {"message": message}})
        return self._stream(body) if body.get("stream") else self._whole(body)

    def _reply(self, body: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
        """The deltas of a reply, and why it ended."""
        limit = 99 if "limit" in self.lacks else body["max_tokens"]
        if "tools" in body and limit > 20:
            function = {"name": "search_web", "arguments": '{"query": "Oslo"}'}
            call = {"index": 0, "id": "c1", "type": "function", "function": function}
            return [{"tool_calls": [call]}], "tool_calls"
        if "response_format" in body and "schema" not in self.lacks:
            wanted = body["response_format"]["json_schema"]["schema"]["properties"]
            value = {name: field.get("enum", ["yes"])[0] for name, field in wanted.items()}
            return [{"content": json.dumps(value)}], "stop"
        words = ["one "] * min(limit, 99)
        return [{"content": word} for word in words], "length" if limit < 99 else "stop"

    def _usage(self, deltas: list[dict[str, Any]]) -> dict[str, object]:
        usage: dict[str, object] = {"prompt_tokens": 20, "completion_tokens": len(deltas)}
        return (
            usage
            if "cache" in self.lacks
            else {**usage, "prompt_tokens_details": {"cached_tokens": 16}}
        )

    def _whole(self, body: dict[str, Any]) -> httpx.Response:
        deltas, reason = self._reply(body)
        content = "".join(delta.get("content", "") for delta in deltas)
        choice = {"message": {"content": content}, "finish_reason": reason}
        return httpx.Response(200, json={"choices": [choice], "usage": self._usage(deltas)})

    def _stream(self, body: dict[str, Any]) -> httpx.Response:
        deltas, reason = self._reply(body)
        chunks: list[dict[str, object]] = [
            {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas
        ]
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        chunks.append({"choices": [], "usage": self._usage(deltas)})
        text = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
        return httpx.Response(
            200, content=stream_of(text.encode()), headers={"content-type": "text/event-stream"}
        )


async def stream_of(content: bytes, step: int = 7) -> AsyncIterator[bytes]:
    for start in range(0, len(content), step):
        yield content[start : start + step]


async def check(server: ObedientServer, **more: object) -> dict[str, CheckResult]:
    settings = load_settings(model_url="http://model.test/v1", **more)
    listener = ServerListener(httpx.MockTransport(server))
    model = OpenAICompatibleModel(settings, transport=listener)
    checked = CheckedServer(settings, model, listener)
    results = {result.name: result async for result in check_server(checked)}
    await model.close()
    return results


def failed(results: dict[str, CheckResult]) -> set[str]:
    return {name for name, result in results.items() if result.needed and result.status == "no"}


async def test_server_that_does_all_is_usable() -> None:
    results = await check(ObedientServer())
    assert list(results) == ["reachable", *CHECKS, "profile", "dialect"]
    assert failed(results) == set()
    for name in ("streaming", "most tokens", "JSON schema", "tools (auto)", "too long"):
        assert results[name].status == "ok", results[name]
    assert results["prefix cache"].detail.startswith("16 of 20 tokens")
    assert results["dialect"].detail == "tools (the profile's)"


async def test_server_without_tools_is_used_by_schema() -> None:
    results = await check(ObedientServer("tools"))
    assert results["tools (auto)"].status == "no"
    assert failed(results) == set()
    assert results["dialect"].detail == "schema (no tools here; the profile says tools)"


async def test_server_without_schemas_cannot_be_used_by_schema() -> None:
    results = await check(ObedientServer("schema"), model_dialect="schema")
    assert failed(results) == {"JSON schema"}
    assert results["dialect"].detail == "schema (WEBSEARCH_MODEL_DIALECT)"


async def test_megrez_needs_nothing_but_text() -> None:
    results = await check(ObedientServer("schema", "tools", name="Megrez-3B-Instruct"))
    assert failed(results) == set()
    assert results["profile"].detail.startswith("megrez-3b-instruct ")
    assert results["dialect"].detail.startswith("markers")


async def test_limit_that_is_not_held_is_told_and_not_fatal() -> None:
    results = await check(ObedientServer("limit"))
    assert results["most tokens"].status == "no"
    detail = "ignores max_tokens (asked 6, got 99): answers may run long"
    assert results["most tokens"].detail == detail
    assert failed(results) == set()


async def test_name_that_is_not_listed_is_told_and_not_fatal() -> None:
    results = await check(ObedientServer("names", name="mock"), model_name="nosuch")
    assert results["model"].status == "no"
    assert results["model"].detail == "nosuch is not in the server's list (mock)"
    assert failed(results) == set()


async def test_name_without_ollamas_tag_is_listed() -> None:
    results = await check(ObedientServer("names", name="qwen3:latest"), model_name="qwen3")
    assert (results["model"].status, results["model"].detail) == ("ok", "qwen3")


async def test_check_is_announced_before_it_is_tried() -> None:
    settings = load_settings(model_url="http://model.test/v1")
    listener = ServerListener(httpx.MockTransport(ObedientServer()))
    model = OpenAICompatibleModel(settings, transport=listener)
    order: list[str] = []
    async for result in check_server(
        CheckedServer(settings, model, listener), on_start=lambda name: order.append(f"{name} …")
    ):
        order.append(result.name)
    await model.close()
    assert order[:4] == ["reachable …", "reachable", "model …", "model"]
    assert order.count("prefix cache …") == 1


async def test_check_that_takes_too_long_closes_its_request() -> None:
    closed = asyncio.Event()

    async def never_ends() -> AsyncIterator[bytes]:
        try:
            await asyncio.Event().wait()
            yield b""
        finally:
            closed.set()

    class Silent(ObedientServer):
        def _stream(self, body: dict[str, Any]) -> httpx.Response:
            kind = {"content-type": "text/event-stream"}
            return httpx.Response(200, content=never_ends(), headers=kind)

    async def ask_silent(server: CheckedServer) -> Any:
        return await ask(server, "hello", max_tokens=4)

    settings = load_settings(model_url="http://model.test/v1")
    listener = ServerListener(httpx.MockTransport(Silent()))
    model = OpenAICompatibleModel(settings, transport=listener)
    await model.prepare()
    checked = CheckedServer(settings, model, listener)
    result = await run_check("too long", ask_silent, checked, timeout_s=0.05)
    assert (result.status, result.detail) == ("no", "not answered within 0.05 s")
    async with asyncio.timeout(5):
        await closed.wait()
    await model.close()


def test_prompt_that_is_too_long_has_a_short_time_of_its_own() -> None:
    assert TIMEOUTS_S["too long"] == 20.0
    assert set(TIMEOUTS_S) <= set(CHECKS)


async def test_cache_that_is_not_told_is_skipped_with_the_times() -> None:
    result = (await check(ObedientServer("cache")))["prefix cache"]
    assert result.status == "skipped"
    assert "not told; first token after" in result.detail


async def test_only_reaching_it_is_tried_of_a_server_that_is_down() -> None:
    settings = load_settings(model_url="http://127.0.0.1:9/v1")
    model = OpenAICompatibleModel(settings)
    checked = CheckedServer(settings, model, ServerListener())
    results = [result async for result in check_server(checked)]
    await model.close()
    assert [(result.name, result.status, result.needed) for result in results] == [
        ("reachable", "no", True)
    ]


async def test_error_of_the_program_itself_is_no_finding() -> None:
    async def broken(_server: CheckedServer) -> Any:
        raise KeyError("a bug")

    settings = load_settings(model_url="http://model.test/v1")
    model = OpenAICompatibleModel(settings)
    with pytest.raises(KeyError):
        await run_check("broken", broken, CheckedServer(settings, model))
    await model.close()


def test_needed_checks_exist() -> None:
    for dialect in ("tools", "schema", "markers"):
        assert needed_checks(dialect) <= set(CHECKS)
