"""What is sent to a server, and what the client makes of the profile and the server's word."""

from pathlib import Path

import httpx
import pytest
from model_servers import CALL, Server, ask, chunk, completion, models, says, sse

from websearch_agent.config import load_settings
from websearch_agent.errors import ConfigError, ContextTooLong
from websearch_agent.model_calls import (
    Message,
    ModelCall,
    ModelFinished,
    ReasoningDelta,
    TextDelta,
    TokenLogprob,
    Tool,
    Usage,
)
from websearch_agent.models.client import OpenAICompatibleModel
from websearch_agent.models.http_errors import ToolsNotSupported

pytestmark = pytest.mark.anyio

TOOL = Tool("search_web", "Search.", {"type": "object"})


def profile_file(tmp_path: Path, text: str) -> str:
    path = tmp_path / "own.toml"
    path.write_text(f'name = "own"\ntitle = "Own"\nmatch = []\ndialect = "tools"\n{text}')
    return str(path)


async def test_first_listed_model_and_its_window_are_used() -> None:
    server = Server(says(), listing=models("m", max_model_len=2048))
    client = server.client()
    await ask(client)
    assert server.bodies()[0]["model"] == "m"
    assert (await client.limits()).context_window == 2048


async def test_missing_v1_is_found() -> None:
    def serve(request: httpx.Request) -> httpx.Response:
        if not request.url.path.startswith("/v1/"):
            return httpx.Response(404)
        return server(request)

    server = Server(says())
    settings = load_settings(model_url="http://model.test")
    client = OpenAICompatibleModel(settings, transport=httpx.MockTransport(serve))
    assert (await ask(client))[0] == TextDelta("x")


async def test_schema_and_tools_travel_in_openai_form() -> None:
    server = Server(says())
    call = ModelCall(
        CALL.messages, 16, tools=(TOOL,), force_tool=True, json_schema={"type": "object"}
    )
    await ask(server.client(), call)
    sent = server.bodies()[0]
    assert sent["tools"][0]["function"]["name"] == "search_web"  # type: ignore[index]
    assert sent["tool_choice"] == "required"
    assert sent["response_format"]["json_schema"]["schema"] == {"type": "object"}  # type: ignore[index]


class TestProfile:
    async def test_generic_before_and_fitting_after_prepare(self) -> None:
        client = Server(listing=models("org/Megrez-3B-Instruct")).client()
        assert client.profile.name == "generic"
        await client.prepare()
        assert client.profile.name == "megrez-3b-instruct"
        limits = await client.limits()
        assert (limits.context_window, limits.answer_tokens) == (4096, 512)

    async def test_set_profile_wins_over_the_name(self) -> None:
        client = Server(listing=models("Megrez-3B-Instruct")).client(model_profile="generic")
        await client.prepare()
        assert client.profile.name == "generic"

    async def test_unknown_profile_is_a_config_error(self) -> None:
        with pytest.raises(ConfigError, match="no-such"):
            Server().client(model_profile="no-such")

    async def test_settings_win_over_server_and_profile(self) -> None:
        server = Server(listing=models("megrez", max_model_len=8192))
        client = server.client(context_window=3000, answer_tokens=200)
        await client.prepare()
        limits = await client.limits()
        assert (limits.context_window, limits.answer_tokens) == (3000, 200)

    async def test_sampling_of_the_purpose_is_sent(self, tmp_path: Path) -> None:
        profile = profile_file(
            tmp_path,
            "[chat]\ntemperature = 0.6\ntop_p = 0.95\ntop_k = 20\nmin_p = 0.0\n"
            "repetition_penalty = 1.05\n[agent]\ntemperature = 0.1\n",
        )
        server = Server(says(), says())
        client = server.client(model_profile=profile)
        await ask(client, ModelCall(CALL.messages, 16, purpose="chat"))
        await ask(client)
        chat, agent = server.bodies()
        names = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")
        assert [chat[name] for name in names] == [0.6, 0.95, 20, 0.0, 1.05]
        assert agent["temperature"] == 0.1
        assert not set(names[1:]) & set(agent)

    async def test_stops_of_call_and_profile_are_joined(self, tmp_path: Path) -> None:
        server = Server(says())
        client = server.client(model_profile=profile_file(tmp_path, 'stop = ["<|end|>", "a"]\n'))
        await ask(client, ModelCall(CALL.messages, 16, stop=("a", "b")))
        assert server.bodies()[0]["stop"] == ["a", "b", "<|end|>"]

    async def test_marks_of_a_call_are_asked_for_where_the_model_writes_them(self) -> None:
        for profile, sent in (("megrez-3b-instruct", False), ("generic", None)):
            server = Server(says())
            await ask(server.client(model_profile=profile))
            assert server.bodies()[0].get("skip_special_tokens") is sent

    async def test_thinking_is_switched_by_purpose(self, tmp_path: Path) -> None:
        switch = "{chat_template_kwargs = {enable_thinking = false}}"
        text = f"[reasoning]\nform = 'open_tags'\nagent = {switch}"
        server = Server(says("Yes."), says("Hm</think>No."))
        client = server.client(model_profile=profile_file(tmp_path, text))
        answer = await ask(client)
        chat = await ask(client, ModelCall(CALL.messages, 16, purpose="chat"))
        assert server.bodies()[0]["chat_template_kwargs"] == {"enable_thinking": False}
        assert "chat_template_kwargs" not in server.bodies()[1]
        # Switched off, the reply begins with the answer; else inside the thoughts.
        assert answer[0] == TextDelta("Yes.")
        assert chat[:2] == [ReasoningDelta("Hm"), TextDelta("No.")]

    @pytest.mark.parametrize(
        ("roles", "sent"),
        [
            ('system = "user"', [("user", "rules\n\nhi"), ("user", "again")]),
            (
                'system = "developer"',
                [("developer", "rules"), ("user", "hi"), ("user", "again")],
            ),
            ("alternate = true", [("system", "rules"), ("user", "hi\n\nagain")]),
            ('system = "user"\nalternate = true', [("user", "rules\n\nhi\n\nagain")]),
        ],
    )
    async def test_roles_fit_the_chat_template(
        self, roles: str, sent: list[tuple[str, str]], tmp_path: Path
    ) -> None:
        server = Server(says())
        messages = (Message("system", "rules"), Message("user", "hi"), Message("user", "again"))
        client = server.client(model_profile=profile_file(tmp_path, f"[roles]\n{roles}\n"))
        await ask(client, ModelCall(messages, 16))
        found = server.bodies()[0]["messages"]
        assert [(m["role"], m["content"]) for m in found] == sent  # type: ignore[attr-defined]

    async def test_observation_is_passed_as_it_is(self) -> None:
        server = Server(says(), listing=models("megrez"))
        await ask(server.client(), ModelCall((Message("observation", "found"),), 16))
        assert server.bodies()[0]["messages"] == [{"role": "observation", "content": "found"}]


def refuses(field: str) -> httpx.Response:
    message = f"Unrecognized request argument supplied: {field}"
    return httpx.Response(400, json={"error": {"message": message, "param": field}})


class TestRefusedFields:
    EXTENDED = "[agent]\ntop_k = 20\nrepetition_penalty = 1.1\ntop_p = 0.9\n"

    async def test_extensions_are_left_out_together_and_remembered(self, tmp_path: Path) -> None:
        server = Server(refuses("top_k"), says(), says())
        client = server.client(model_profile=profile_file(tmp_path, self.EXTENDED))
        assert (await ask(client))[0] == TextDelta("x")
        await ask(client)
        first, second, third = server.bodies()
        assert {"top_k", "repetition_penalty"} <= set(first)
        for body in (second, third):
            assert not {"top_k", "repetition_penalty"} & set(body)
            assert body["top_p"] == 0.9

    async def test_thinking_switch_is_left_out_too(self, tmp_path: Path) -> None:
        text = "[reasoning]\nagent = {enable_thinking = false}\n"
        server = Server(refuses("enable_thinking"), says())
        await ask(server.client(model_profile=profile_file(tmp_path, text)))
        assert "enable_thinking" not in server.bodies()[1]

    async def test_max_completion_tokens_and_temperature(self) -> None:
        message = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
        new_name = httpx.Response(400, json={"error": {"message": message}})
        default_only = "Unsupported value: 'temperature' does not support 0.0 with this model."
        no_choice = httpx.Response(400, json={"error": {"message": default_only}})
        server = Server(new_name, no_choice, says())
        assert (await ask(server.client()))[0] == TextDelta("x")
        last = server.bodies()[-1]
        assert last["max_completion_tokens"] == 16
        assert not {"max_tokens", "temperature"} & set(last)

    async def test_length_refusal_is_not_taken_for_a_field(self) -> None:
        said = "'max_tokens' or 'max_completion_tokens' is too large: maximum context length is 4"
        server = Server(httpx.Response(400, json={"message": said}))
        with pytest.raises(ContextTooLong):
            await ask(server.client())
        assert len(server.bodies()) == 1

    async def test_logprobs_are_left_out_beside_tools_only(self) -> None:
        # llama-server 11434, 2026-11-23.
        said = {"error": {"message": "logprobs is not supported with tools + stream", "code": 400}}
        server = Server(httpx.Response(400, json=said), says(), says())
        client = server.client()
        await ask(client, ModelCall(CALL.messages, 16, tools=(TOOL,), logprobs=True))
        await ask(client, ModelCall(CALL.messages, 16, logprobs=True))
        assert ["logprobs" in body for body in server.bodies()] == [True, False, True]
        assert client.capabilities.tools

    async def test_server_that_refuses_everything_is_not_asked_for_ever(self) -> None:
        names = ["top_p", "temperature", "stream_options", "presence_penalty", "stop", "max_tokens"]
        server = Server(*(httpx.Response(400, json={"error": f"'{name}'?"}) for name in names * 3))
        with pytest.raises(Exception, match="refused"):
            await ask(server.client())
        assert len(server.bodies()) <= 6


class TestLogprobs:
    CALL = ModelCall(CALL.messages, 16, logprobs=True)

    async def test_they_come_with_their_text(self) -> None:
        told = {
            "content": [
                {
                    "token": "Yes",
                    "logprob": -0.1,
                    "top_logprobs": [
                        {"token": "Yes", "logprob": -0.1},
                        {"token": "No", "logprob": -2.4},
                    ],
                }
            ]
        }
        server = Server(sse(chunk({"content": "Yes"}, "stop", logprobs=told)))
        token = TokenLogprob("Yes", -0.1, (("Yes", -0.1), ("No", -2.4)))
        assert (await ask(server.client(), self.CALL))[0] == TextDelta("Yes", (token,))
        assert server.bodies()[0]["top_logprobs"] == 8

    async def test_token_that_brought_no_text_comes_with_the_next(self) -> None:
        def told(text: str) -> dict[str, object]:
            return {"content": [{"token": text, "logprob": -0.1}]}

        first = chunk({"content": ""}, logprobs=told("\udce9".encode("utf-8", "replace").decode()))
        server = Server(sse(first, chunk({"content": "é"}, "stop", logprobs=told("é"))))
        delta = (await ask(server.client(), self.CALL))[0]
        assert isinstance(delta, TextDelta)
        assert len(delta.tokens) == 2

    @pytest.mark.parametrize(
        "told", [[], "x", {"content": "x"}, {"tokens": ["a"]}, {"content": [1]}]
    )
    async def test_another_form_costs_no_reply(self, told: object) -> None:
        server = Server(sse(chunk({"content": "Yes"}, "stop", logprobs=told)))
        assert (await ask(server.client(), self.CALL))[0] == TextDelta("Yes")

    async def test_not_asked_for_where_the_server_has_none(self) -> None:
        def on_probe(body: dict[str, object]) -> httpx.Response:
            return completion('{"w": "zebra"}', logprobs=None)

        server = Server(says(), on_probe=on_probe)
        client = server.client()
        assert (await ask(client, self.CALL))[0] == TextDelta("x")
        assert "logprobs" not in server.bodies()[0]
        assert not client.capabilities.logprobs


async def test_thoughts_in_the_text_are_no_answer() -> None:
    server = Server(sse(chunk({"content": "<thi"}), chunk({"content": "nk>hm</think>Yes"}, "stop")))
    assert await ask(server.client()) == [
        ReasoningDelta("hm"),
        TextDelta("Yes"),
        ModelFinished("stop", Usage(0, 0, 1)),
    ]


async def test_looping_reply_is_cut() -> None:
    server = Server(sse(*(chunk({"content": "round and round "}) for _ in range(200))))
    finished = (await ask(server.client()))[-1]
    assert isinstance(finished, ModelFinished)
    assert finished.finish_reason == "repetition"
    assert finished.usage.model_calls == 1


async def test_refused_tools_are_known_from_then_on() -> None:
    server = Server(httpx.Response(400, json={"error": "m does not support tools"}))
    client = server.client()
    with pytest.raises(ToolsNotSupported):
        await ask(client, ModelCall(CALL.messages, 16, tools=(TOOL,)))
    assert not client.capabilities.tools
    another = server.client()
    await another.prepare()
    assert not another.capabilities.tools
