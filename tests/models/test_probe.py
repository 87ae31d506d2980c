"""What a server can do is found out once, with little, and never guessed to its harm."""

import asyncio
import json
from collections.abc import Callable

import httpx
import pytest
from model_servers import LOGPROBS, URL, Server, able, completion, models

from websearch_agent.errors import ModelRejectedRequest
from websearch_agent.models.capabilities import Capabilities
from websearch_agent.models.http_errors import Asked
from websearch_agent.models.probe import (
    Server as Probed,
)
from websearch_agent.models.probe import (
    count_on_server,
    probe_json_schema,
    probe_logprobs,
    probe_server,
    probe_thoughts,
    probe_tokenize,
    probe_tools,
    probe_window,
)

pytestmark = pytest.mark.anyio


def probed(server: Server, **entry: object) -> Probed:
    http = httpx.AsyncClient(transport=httpx.MockTransport(server))
    return Probed(http, Asked(URL, "m"), entry or None)


def answering(reply: httpx.Response) -> Server:
    return Server(on_probe=lambda _: reply)


def refused(status: int, message: str) -> Server:
    return answering(httpx.Response(status, json={"error": {"message": message}}))


def raising(error: Exception) -> Server:
    def on_probe(_: dict[str, object]) -> httpx.Response:
        raise error

    return Server(on_probe=on_probe)


class TestTools:
    async def test_taken(self) -> None:
        assert await probe_tools(probed(Server())) is True

    @pytest.mark.parametrize(
        ("status", "message"),
        [
            (400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser'),
            (400, "registry.ollama.ai/library/gemma:2b does not support tools"),
            (500, "tools param requires --jinja flag"),
            (404, "No endpoints found that support tool use."),
        ],
    )
    async def test_refused(self, status: int, message: str) -> None:
        assert await probe_tools(probed(refused(status, message))) is False

    @pytest.mark.parametrize("status", [429, 500, 502, 503])
    async def test_busy_server_decides_nothing(self, status: int) -> None:
        assert await probe_tools(probed(refused(status, "later"))) is None

    async def test_no_answer_decides_nothing(self) -> None:
        assert await probe_tools(probed(raising(httpx.ReadTimeout("x")))) is None

    async def test_max_completion_tokens_are_no_refusal(self) -> None:
        def on_probe(body: dict[str, object]) -> httpx.Response:
            if "max_tokens" in body:
                return httpx.Response(400, json={"error": "Use 'max_completion_tokens' instead."})
            return able(body)

        server = probed(Server(on_probe=on_probe))
        assert await probe_tools(server) is True
        assert server.form.max_completion_tokens


class TestJsonSchema:
    @pytest.mark.parametrize(
        ("reply", "held"),
        [
            (completion('{"w": "zebra"}'), True),
            (completion('{\n "w":', finish_reason="length"), True),
            (completion("Hello!"), False),
            (completion('{"greeting": "hello"}'), False),
            (completion("", finish_reason="length"), None),
            (completion(None, finish_reason="length"), None),
            (completion("<think>The user", finish_reason="length"), None),
            (httpx.Response(400, json={"error": "response_format is not supported"}), False),
            (httpx.Response(429, json={}), None),
            (httpx.Response(503, json={}), None),
        ],
    )
    async def test_held_or_not(self, reply: httpx.Response, held: bool | None) -> None:
        assert await probe_json_schema(probed(answering(reply))) is held


class TestLogprobs:
    @pytest.mark.parametrize(
        ("reply", "told"),
        [
            (completion("a", logprobs=LOGPROBS), True),
            (completion("a", logprobs=None), False),
            (completion("a"), False),
            (httpx.Response(400, json={"error": "no logprobs"}), False),
            (httpx.Response(403, json={"error": "not allowed"}), False),
            (httpx.Response(503, json={}), None),
        ],
    )
    async def test_told_or_not(self, reply: httpx.Response, told: bool | None) -> None:
        assert await probe_logprobs(probed(answering(reply))) is told


def vllm_tokenize(request: httpx.Request) -> httpx.Response:
    text = json.loads(request.content)["prompt"]
    return httpx.Response(200, json={"count": len(text) // 4, "max_model_len": 4096})


def llama_tokenize(request: httpx.Request) -> httpx.Response:
    text = json.loads(request.content).get("content", "")
    return httpx.Response(200, json={"tokens": list(range(len(text) // 4))})


class TestTokenize:
    @pytest.mark.parametrize(
        ("answer", "form"), [(vllm_tokenize, "vllm"), (llama_tokenize, "llama-server")]
    )
    async def test_form_is_told(
        self, answer: Callable[[httpx.Request], httpx.Response], form: str
    ) -> None:
        server = probed(Server(paths={"/tokenize": answer}))
        found = await probe_tokenize(server)
        assert found == form
        assert found is not None
        assert await count_on_server(server, found, "x" * 40) == 10

    @pytest.mark.parametrize("body", [{}, {"count": "many"}, {"count": 10**9}, [], {"tokens": 3}])
    async def test_other_answers_are_none(self, body: object) -> None:
        server = Server(paths={"/tokenize": lambda _: httpx.Response(200, json=body)})
        assert await probe_tokenize(probed(server)) is None

    async def test_missing_is_none(self) -> None:
        assert await probe_tokenize(probed(Server())) is None


class TestWindow:
    async def test_vllm_and_hosted_tell_it_in_the_listing(self) -> None:
        assert await probe_window(probed(Server(), max_model_len=8192)) == 8192
        assert await probe_window(probed(Server(), context_length=128_000)) == 128_000

    async def test_llama_server_tells_what_it_serves(self) -> None:
        props = {"default_generation_settings": {"n_ctx": 4096}}
        server = Server(paths={"/props": lambda _: httpx.Response(200, json=props)})
        meta = {"n_ctx_train": 32768}
        assert await probe_window(probed(server, meta=meta)) == 4096
        assert await probe_window(probed(Server(), meta={**meta, "n_ctx": 2048})) == 2048
        assert await probe_window(probed(Server(), meta=meta)) is None

    @pytest.mark.parametrize("absurd", [0, -1, 7, 10**18, "4096", True, None, 4096.5, [4096]])
    async def test_absurd_windows_are_not_believed(self, absurd: object) -> None:
        assert await probe_window(probed(Server(), max_model_len=absurd)) is None

    @pytest.mark.parametrize(
        ("running", "window"),
        [
            ([{"name": "m:latest", "context_length": 8192}], 8192),
            ([{"name": "m:latest"}], 4096),
            ([{"name": "other", "context_length": 8192}], 4096),
        ],
    )
    async def test_ollama_tells_it_of_a_running_model(self, running: object, window: int) -> None:
        answer = httpx.Response(200, json={"models": running})
        assert await probe_window(probed(Server(paths={"/api/ps": lambda _: answer}))) == window


class TestThoughts:
    @pytest.mark.parametrize(
        ("reply", "opened"),
        [
            (completion("The user greets.\n</think>\n\nHello!"), True),
            (completion("<think>The user greets.</think>Hello!"), False),
            (completion("Hello!"), False),
            (completion("The user wants me to", finish_reason="length"), None),
            (httpx.Response(503, json={}), None),
        ],
    )
    async def test_opened_by_the_template(self, reply: httpx.Response, opened: bool | None) -> None:
        assert await probe_thoughts(probed(answering(reply))) is opened

    async def test_asked_only_of_an_unknown_family(self) -> None:
        server = Server(listing=models("megrez-3b-instruct"))
        await server.client().prepare()
        assert [body["max_tokens"] for body in server.probes()] == [4, 24]


class TestServer:
    async def test_refused_schema_is_told_from_an_ignored_one(self) -> None:
        def ignores(body: dict[str, object]) -> httpx.Response:
            return completion("Hello", logprobs=LOGPROBS)

        def refuses(status: int) -> Callable[[dict[str, object]], httpx.Response]:
            def on_probe(body: dict[str, object]) -> httpx.Response:
                if "response_format" in body:
                    return httpx.Response(status, json={"error": "no"})
                return able(body)

            return on_probe

        for on_probe, refused in ((ignores, False), (refuses(400), True), (refuses(500), True)):
            found = (await probe_server(probed(Server(on_probe=on_probe)))).capabilities
            assert not found.json_schema
            assert found.schema_refused is refused
            assert found.logprobs

    async def test_server_that_fails_altogether_has_refused_no_schema(self) -> None:
        found = await probe_server(probed(refused(500, "boom")))
        assert not found.capabilities.schema_refused

    async def test_refused_key_ends_the_other_probes(self) -> None:
        ended: list[str] = []

        async def serve(request: httpx.Request) -> httpx.Response:
            if b'"tools"' in request.content:
                return httpx.Response(401, json={})
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(request.url.path)
            raise AssertionError

        http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
        with pytest.raises(ModelRejectedRequest, match="wants a key"):
            await probe_server(Probed(http, Asked(URL, "m")))
        assert sorted(ended) == ["/tokenize", "/v1/chat/completions"]

    async def test_all_is_found_with_two_short_calls(self) -> None:
        server = Server(paths={"/tokenize": vllm_tokenize})
        found = await probe_server(probed(server, max_model_len=4096))
        assert found.complete
        assert found.capabilities.logprobs
        assert found.capabilities.tokenize == "vllm"
        assert found.capabilities.context_window == 4096
        assert found.capabilities.token_factors is not None
        assert [body["max_tokens"] for body in server.probes()] == [4, 24]

    async def test_one_refused_of_two_is_found_out_singly(self) -> None:
        def on_probe(body: dict[str, object]) -> httpx.Response:
            if "logprobs" in body:
                return httpx.Response(400, json={"error": "cannot"})
            return able(body)

        found = await probe_server(probed(Server(on_probe=on_probe)))
        assert found == type(found)(Capabilities(tools=True, json_schema=True), complete=True)

    async def test_busy_server_is_thought_able_and_not_remembered(self) -> None:
        found = await probe_server(probed(refused(503, "busy")))
        assert found == type(found)(Capabilities(), complete=False)
