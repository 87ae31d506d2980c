"""What a server can do is found out once, with little, and never guessed to its harm."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from model_servers import LOGPROBS, URL, Server, able, ask, completion, models, says

from websearch_agent.models import server_memory
from websearch_agent.models.capabilities import Capabilities, TokenFactors
from websearch_agent.models.http_errors import Asked
from websearch_agent.models.probe import (
    Server as Probed,
)
from websearch_agent.models.probe import (
    count_on_server,
    probe_json_schema,
    probe_logprobs,
    probe_server,
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


class TestServer:
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


class TestMemory:
    async def test_probed_once_in_a_process_and_once_a_day(self, tmp_path: Path) -> None:
        server = Server(says(), says(), says())
        client = server.client(data_dir=tmp_path)
        await ask(client)
        await ask(client)
        probes = len(server.probes())
        second = server.client(data_dir=tmp_path)
        await ask(second)
        assert len(server.probes()) == probes == 2
        assert second.capabilities == client.capabilities
        assert client.remembered_since_s is None
        assert second.remembered_since_s is not None

    async def test_probing_again_is_possible(self, tmp_path: Path) -> None:
        server = Server()
        client = server.client(data_dir=tmp_path)
        await client.prepare()
        server.on_probe = lambda _: completion("Hello")
        await client.probe_again()
        assert not client.capabilities.json_schema

    @pytest.mark.parametrize(
        "listing", [models("other"), models("first", max_model_len=512), models("first", root="x")]
    )
    async def test_other_model_or_window_is_probed_anew(
        self, listing: httpx.Response, tmp_path: Path
    ) -> None:
        server = Server()
        await server.client(data_dir=tmp_path).prepare()
        server.listing = listing
        await server.client(data_dir=tmp_path).prepare()
        assert len(server.probes()) == 4

    async def test_time_of_the_request_makes_no_other_model(self, tmp_path: Path) -> None:
        server = Server(listing=models("m", created=1))
        await server.client(data_dir=tmp_path).prepare()
        server.listing = models("m", created=2, permission=[{"id": "modelperm-2"}])
        await server.client(data_dir=tmp_path).prepare()
        assert len(server.probes()) == 2

    async def test_what_was_not_found_out_is_asked_again(self, tmp_path: Path) -> None:
        server = refused(503, "busy")
        await server.client(data_dir=tmp_path).prepare()
        assert not (tmp_path / server_memory.FILE_NAME).exists()
        server.on_probe = able
        client = server.client(data_dir=tmp_path)
        await client.prepare()
        assert client.capabilities.logprobs

    @pytest.mark.parametrize("damage", ["", "{", "[]", '{"a": {"model": 1}}', "\x00\xff"])
    async def test_damaged_file_is_ignored_and_mended(self, damage: str, tmp_path: Path) -> None:
        path = tmp_path / server_memory.FILE_NAME
        path.write_text(damage)
        server = Server()
        await server.client(data_dir=tmp_path).prepare()
        await server.client(data_dir=tmp_path).prepare()
        assert len(server.probes()) == 2

    async def test_folder_that_cannot_be_written_is_no_failure(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        client = Server().client(data_dir=tmp_path / "file" / "data")
        await client.prepare()
        assert client.status().state == "ready"

    async def test_no_secret_and_no_address_is_written(self, tmp_path: Path) -> None:
        client = Server().client(data_dir=tmp_path, model_api_key="sk-very-secret-1")
        await client.prepare()
        text = (tmp_path / server_memory.FILE_NAME).read_text()
        assert "first" in text
        assert "secret" not in text
        assert "model.test" not in text

    def test_a_day_is_kept_and_no_more(self, tmp_path: Path) -> None:
        path, now_s = tmp_path / "m.json", time.time()
        factors = TokenFactors(1.0, 0.5, 0.9, digits_alone=True)
        known = Capabilities(False, False, True, "vllm", 4096, factors)
        server_memory.remember_capabilities(path, "a", server_memory.Remembered("m", now_s, known))
        found = server_memory.recall_capabilities(path, "a", now_s=now_s + 86_000)
        assert found is not None
        assert found.capabilities == known
        assert server_memory.recall_capabilities(path, "a", now_s=now_s + 87_000) is None
        assert server_memory.recall_capabilities(path, "b", now_s=now_s) is None
        later = server_memory.Remembered("n", now_s + 87_000, known)
        server_memory.remember_capabilities(path, "b", later)
        assert '"a"' not in path.read_text()
