"""What a server refuses or shows is believed from then on, more than what was known of it."""

from pathlib import Path

import httpx
import pytest
from model_servers import CALL, LOGPROBS, Server, able, ask, completion, models, says

from websearch_agent.errors import ContextTooLong
from websearch_agent.model_calls import ModelCall, ReasoningDelta, TextDelta, Tool
from websearch_agent.models.client import OpenAICompatibleModel
from websearch_agent.models.http_errors import ToolsNotSupported
from websearch_agent.models.window_words import window_in_refusal

pytestmark = pytest.mark.anyio

SCHEMA_CALL = ModelCall(CALL.messages, 16, json_schema={"type": "object"})
FORCED_CALL = ModelCall(CALL.messages, 16, tools=(Tool("t", "T.", {}),), force_tool=True)
NO_SCHEMA = {"error": {"message": "Unrecognized request argument supplied: response_format"}}


def refuses(message: str, **more: object) -> httpx.Response:
    return httpx.Response(400, json={"error": {"message": message, **more}})


def props(n_ctx: int) -> httpx.Response:
    return httpx.Response(200, json={"default_generation_settings": {"n_ctx": n_ctx}})


async def window_of(client: OpenAICompatibleModel) -> int:
    return (await client.limits()).context_window


class TestSchema:
    async def test_not_sent_to_a_server_that_refuses_it(self, tmp_path: Path) -> None:
        def on_probe(body: dict[str, object]) -> httpx.Response:
            return httpx.Response(400, json=NO_SCHEMA) if "response_format" in body else able(body)

        server = Server(says(), says(), on_probe=on_probe)
        for _ in range(2):  # Probed, then remembered.
            await ask(server.client(data_dir=tmp_path), SCHEMA_CALL)
        assert ["response_format" in body for body in server.bodies()] == [False, False]

    async def test_sent_to_a_server_that_ignores_it(self) -> None:
        server = Server(says(), on_probe=lambda _: completion("Hello", logprobs=LOGPROBS))
        await ask(server.client(), SCHEMA_CALL)
        assert "response_format" in server.bodies()[0]

    @pytest.mark.parametrize(
        "said",
        [
            "Unrecognized request argument supplied: response_format",
            "This model does not support response format `json_schema`.",
        ],
    )
    async def test_left_out_once_it_is_refused(self, said: str) -> None:
        server = Server(refuses(said), says(), says())
        client = server.client()
        assert (await ask(client, SCHEMA_CALL))[0] == TextDelta("x")
        await ask(client, SCHEMA_CALL)
        assert ["response_format" in body for body in server.bodies()] == [True, False, False]


class TestToolChoice:
    @pytest.mark.parametrize(
        "said",
        [
            "tool_choice 'required' is not supported, only 'auto'",
            "Unrecognized request argument supplied: tool_choice",
            "Thinking mode does not support this tool_choice",
        ],
    )
    async def test_only_the_choice_is_left_out(self, said: str) -> None:
        server = Server(refuses(said), says(), says())
        client = server.client()
        assert (await ask(client, FORCED_CALL))[0] == TextDelta("x")
        await ask(client, FORCED_CALL)
        assert client.capabilities.tools
        assert ["tool_choice" in body for body in server.bodies()] == [True, False, False]
        assert all("tools" in body for body in server.bodies())

    async def test_server_without_its_flags_takes_no_tools(self) -> None:
        said = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser'
        client = Server(refuses(said)).client()
        with pytest.raises(ToolsNotSupported):
            await ask(client, FORCED_CALL)
        assert not client.capabilities.tools

    async def test_no_tools_at_all_are_seen_on_the_second_try(self) -> None:
        first = refuses("tools and tool_choice are not supported by this model")
        client = Server(first, refuses("tools are not supported by this model")).client()
        with pytest.raises(ToolsNotSupported):
            await ask(client, FORCED_CALL)
        assert not client.capabilities.tools


class TestWindow:
    @pytest.mark.parametrize(
        ("said", "window"),
        [
            ("This model's maximum context length is 4096 tokens. However, you asked", 4096),
            ("maximum context length is 131,072 tokens", 131072),
            ("longer than the maximum model length of 4096.", 4096),
            ("request (6030 tokens) exceeds the available context size (4096 tokens)", 4096),
            ('{"n_prompt_tokens": 6030, "n_ctx": 2048, "message": "exceeds"}', 2048),
            ("`inputs` tokens + `max_new_tokens` must be <= 2048. Given: 1244 `inputs`", 2048),
            ("(5000 tokens) is longer than the model's context length (4096 tokens).", 4096),
            ("too large for model with 32768 maximum context length", 32768),
            ("exceeds the maximum number of tokens allowed (1048576).", 1048576),
            ("prompt is too long: 210000 tokens > 200000 maximum", 200000),
            ("the input length exceeds the context length", None),
            ("maximum context length is 4", None),
            ('"n_ctx_train": 32768', None),
        ],
    )
    async def test_refusal_names_it(self, said: str, window: int | None) -> None:
        assert window_in_refusal(said) == window

    async def test_named_window_counts_at_once(self) -> None:
        server = Server(refuses("the available context size (4096 tokens)"))
        server.listing = models("m", max_model_len=32768)
        client = server.client()
        with pytest.raises(ContextTooLong):
            await ask(client)
        assert await window_of(client) == 4096
        # The listing still says what it said before the refusal: it is wrong.
        await client.prepare()
        assert await window_of(client) == 4096

    async def test_named_window_is_below_the_setting(self) -> None:
        client = Server(refuses("maximum context length is 4096 tokens")).client(
            context_window=32768
        )
        with pytest.raises(ContextTooLong):
            await ask(client)
        assert await window_of(client) == 4096

    async def test_refusal_without_a_number_leaves_it_and_looks_again(self) -> None:
        windows = iter((32768, 2048))
        server = Server(
            refuses("context_length_exceeded"), paths={"/props": lambda _: props(next(windows))}
        )
        client = server.client()
        with pytest.raises(ContextTooLong):
            await ask(client)
        assert await window_of(client) == 32768
        assert client.status().state == "idle"
        probes = len(server.probes())
        await client.prepare()
        assert await window_of(client) == 2048
        assert len(server.probes()) == probes

    async def test_it_is_read_anew_at_each_start(self, tmp_path: Path) -> None:
        windows = iter((32768, 2048))
        server = Server(paths={"/props": lambda _: props(next(windows))})
        found = []
        for _ in range(2):
            client = server.client(data_dir=tmp_path)
            await client.prepare()
            found.append(await window_of(client))
        assert found == [32768, 2048]
        assert len(server.probes()) == 3

    async def test_model_that_ollama_unloaded_keeps_its_window(self, tmp_path: Path) -> None:
        running = [[{"name": "first", "context_length": 16384}], []]
        server = Server(
            paths={"/api/ps": lambda _: httpx.Response(200, json={"models": running.pop(0)})}
        )
        for _ in range(2):
            client = server.client(data_dir=tmp_path)
            await client.prepare()
            assert await window_of(client) == 16384

    async def test_untold_one_is_thought_small(self) -> None:
        for settings, window in (({}, 8192), ({"context_window": 60000}, 60000)):
            client = Server(listing=models("deepseek-chat")).client(**settings)
            await client.prepare()
            assert await window_of(client) == window


class TestOpenedThoughts:
    SAID = "The user wants…\n</think>\n\nParis."

    async def test_learnt_from_the_probe(self, tmp_path: Path) -> None:
        def on_probe(body: dict[str, object]) -> httpx.Response:
            thinks = body["max_tokens"] == 200
            return completion("Hm.\n</think>\n\nHello!") if thinks else able(body)

        server = Server(says(self.SAID), says(self.SAID), on_probe=on_probe)
        for _ in range(2):  # Probed, then remembered.
            seen = await ask(server.client(data_dir=tmp_path))
            assert seen[:2] == [ReasoningDelta("The user wants…\n"), TextDelta("\n\nParis.")]

    async def test_learnt_from_a_reply(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = Server(says(self.SAID), says(self.SAID), says(self.SAID))
        client = server.client(data_dir=tmp_path)
        first = [delta.text for delta in await ask(client) if isinstance(delta, TextDelta)]
        assert "</think>" not in "".join(first)
        assert "chat template opens them" in caplog.text
        for later in (client, server.client(data_dir=tmp_path)):
            assert (await ask(later))[0] == ReasoningDelta("The user wants…\n")

    async def test_answer_about_the_tag_teaches_nothing(self) -> None:
        client = Server(says("A tag:\n```\n</think>\n```\n")).client()
        await ask(client)
        assert not client.capabilities.opens_thoughts


async def test_xml_answer_of_an_unknown_model_is_an_answer() -> None:
    answer = "<reasoning>\n<step>1</step>\n</reasoning>"
    assert (await ask(Server(says(answer)).client()))[0] == TextDelta(answer)
