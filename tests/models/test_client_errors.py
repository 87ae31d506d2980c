"""Each failure of a server has words of its own, and says what to set."""

import datetime as dt
import email.utils
from collections.abc import AsyncIterator

import httpx
import pytest
from model_servers import CALL, SSE, URL, Server, ask, chunk, models, says, sse
from pydantic import SecretStr

from websearch_agent.config import load_settings
from websearch_agent.errors import (
    ConfigError,
    ContextTooLong,
    InvalidModelOutput,
    ModelError,
    ModelRejectedRequest,
    ModelUnavailable,
)
from websearch_agent.model_calls import TextDelta
from websearch_agent.models.client import OpenAICompatibleModel
from websearch_agent.models.http_errors import (
    Asked,
    ModelBusy,
    ModelNotServed,
    ToolsNotSupported,
    mask_secrets,
    refusal,
    retry_after_s,
)

pytestmark = pytest.mark.anyio

ASKED = Asked(URL, "m")
KEY = "plain0123very4secret"


@pytest.mark.parametrize(
    ("status", "body", "error", "says"),
    [
        (404, {"error": {"message": "model not found"}}, ModelNotServed, "MODEL_NAME"),
        (400, {"error": "m does not support tools"}, ToolsNotSupported, "no tools"),
        (
            400,
            {"message": '"auto" tool choice requires --enable-auto-tool-choice'},
            ToolsNotSupported,
            "no tools",
        ),
        (500, {"error": {"message": "tools param requires --jinja flag"}}, ToolsNotSupported, ""),
        (500, {"error": "Failed to parse tool call arguments as JSON"}, ModelUnavailable, "parse"),
        (500, {"error": "boom"}, ModelUnavailable, "boom"),
        (402, {"error": "Insufficient Balance"}, ModelRejectedRequest, "credit"),
        (429, {"error": {"code": "insufficient_quota"}}, ModelRejectedRequest, "quota"),
        (
            400,
            {"error": "The plain HTTP request was sent to HTTPS port"},
            ModelUnavailable,
            "https",
        ),
        (302, "", InvalidModelOutput, "another address"),
    ],
)
async def test_refusals_say_what_to_do(
    status: int, body: object, error: type[Exception], says: str
) -> None:
    found = refusal(status, httpx.Response(200, json=body).text, ASKED)
    assert type(found) is error
    assert says in found.message


@pytest.mark.parametrize(
    "said",
    [
        # vLLM 0.20 and older
        "This model's maximum context length is 4096 tokens. However, you requested 65535 output "
        "tokens and your prompt contains at least 62466 input tokens",
        "max_tokens must be at least 1, got -186.",
        "The decoder prompt (length 5000) is longer than the maximum model length of 4096.",
        # llama-server 11434
        "request (6030 tokens) exceeds the available context size (4096 tokens), try increasing it",
        "exceed_context_size_error",
        # Ollama, OpenAI, TGI, SGLang, LM Studio, Gemini, Anthropic
        "the input length exceeds the context length",
        "context_length_exceeded",
        "`inputs` tokens + `max_new_tokens` must be <= 2048. Given: 1244 `inputs` tokens",
        "`inputs` must have less than 1024 tokens. Given: 1872",
        "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
        "The model is loaded with context length of only 4096 tokens",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        "prompt is too long: 210000 tokens > 200000 maximum",
    ],
)
async def test_too_long_prompt_is_understood(said: str) -> None:
    assert isinstance(refusal(400, said, ASKED), ContextTooLong)


async def test_unknown_model_lists_what_the_server_has() -> None:
    names = [f"model-{n}" for n in range(13)]
    server = Server(
        listing=models(*names), on_probe=lambda _: httpx.Response(404, json={"error": "not found"})
    )
    client = server.client(model_name="modell")
    with pytest.raises(ModelRejectedRequest, match="'modell'") as caught:
        await client.prepare()
    assert "model-9 and 3 more" in caught.value.message
    assert "model-10" not in caught.value.message


class TestKey:
    async def test_missing_key_is_asked_for(self) -> None:
        server = Server(listing=httpx.Response(401, json={"error": "no key"}))
        with pytest.raises(ModelRejectedRequest, match="none is set"):
            await server.client().prepare()

    async def test_wrong_key_is_sent_and_never_shown(self) -> None:
        echo = httpx.Response(401, json={"error": f"Incorrect API key provided: {KEY}"})
        server = Server(listing=echo)
        client = server.client(model_api_key=SecretStr(KEY))
        with pytest.raises(ModelRejectedRequest, match="is set: check") as caught:
            await client.prepare()
        assert server.requests[-1].headers["authorization"] == f"Bearer {KEY}"
        assert KEY not in caught.value.message

    async def test_key_that_only_calls_ask_for_is_told_by_prepare(self) -> None:
        server = Server(on_probe=lambda _: httpx.Response(401, json={"error": "no key"}))
        with pytest.raises(ModelRejectedRequest, match="none is set"):
            await server.client().prepare()

    async def test_line_end_behind_the_key_is_dropped(self) -> None:
        server = Server()
        await server.client(model_api_key=f"{KEY}\n").prepare()
        assert server.requests[-1].headers["authorization"] == f"Bearer {KEY}"

    @pytest.mark.parametrize("key", ["sk-a\nb", "sk-é", "sk-\x00"])
    async def test_key_that_no_header_can_hold_is_a_config_error(self, key: str) -> None:
        with pytest.raises(ConfigError, match="WEBSEARCH_MODEL_API_KEY") as caught:
            Server().client(model_api_key=key)
        assert key not in caught.value.message

    @pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
    async def test_echoed_key_is_masked_everywhere(self, status: int) -> None:
        found = refusal(status, f'{{"error": "bad {KEY}"}}', Asked(URL, "m", key=KEY))
        assert KEY not in found.message
        assert KEY not in repr(Asked(URL, key=KEY))

    async def test_what_looks_like_a_key_is_masked_too(self) -> None:
        said = mask_secrets("Incorrect key sk-proj-abcdef****wxyz; Bearer abc.def", None)
        assert said == "Incorrect key ***; ***"


@pytest.mark.parametrize("status", [200, 403, 404])
async def test_other_web_server_is_told_as_such(status: int) -> None:
    page = httpx.Response(
        status, text="<!DOCTYPE html><p>hi", headers={"content-type": "text/html"}
    )
    with pytest.raises(InvalidModelOutput, match="web page"):
        await Server(listing=page).client(model_name="m").prepare()


async def test_proxy_whose_server_is_down_is_told_as_such() -> None:
    page = httpx.Response(502, text="<html>502 Bad Gateway</html>")
    with pytest.raises(ModelUnavailable, match="cannot reach it"):
        await Server(listing=page).client().prepare()


async def test_key_is_asked_for_where_the_api_stands_below_v1() -> None:
    paths = {
        "/models": lambda _: httpx.Response(200, text="<!doctype html>"),
        "/v1/models": lambda _: httpx.Response(401, json={}),
    }
    with pytest.raises(ModelRejectedRequest, match="wants a key"):
        await Server(paths=paths).client(model_url="http://model.test").prepare()


async def test_server_without_a_list_needs_a_name() -> None:
    nothing = httpx.Response(404, json={"detail": "Not Found"})
    with pytest.raises(ModelRejectedRequest, match="WEBSEARCH_MODEL_NAME"):
        await Server(listing=nothing).client().prepare()
    assert (await ask(Server(says(), listing=nothing).client(model_name="m")))[0] == TextDelta("x")


class TestBusy:
    async def test_short_wait_is_waited(self) -> None:
        busy = httpx.Response(429, json={"error": "slow down"}, headers={"retry-after": "7"})
        server = Server(busy, busy, says())
        assert (await ask(server.client()))[0] == TextDelta("x")
        assert server.waited_s == [7.0, 7.0]

    async def test_unnamed_wait_is_tried_twice(self) -> None:
        busy = httpx.Response(503, json={"error": {"message": "Loading model"}})
        server = Server(busy, busy, busy)
        with pytest.raises(ModelBusy, match="Loading model"):
            await ask(server.client())
        assert len(server.waited_s) == 2

    async def test_long_wait_is_told(self) -> None:
        busy = httpx.Response(429, json={"error": "no"}, headers={"retry-after": "300"})
        server = Server(busy)
        with pytest.raises(ModelUnavailable, match="Try again in 5 min"):
            await ask(server.client())
        assert server.waited_s == []

    async def test_all_waits_together_stay_bounded(self) -> None:
        busy = httpx.Response(429, json={"error": "no"}, headers={"retry-after": "15"})
        server = Server(busy, busy)
        with pytest.raises(ModelUnavailable, match="15 s"):
            await ask(server.client())
        assert server.waited_s == [15.0]

    async def test_busy_in_mid_answer_is_no_second_answer(self) -> None:
        broken = sse(chunk({"content": "half"}), 'data: {"error": {"code": 429}}\n\n')
        server = Server(broken, says())
        with pytest.raises(ModelBusy):
            await ask(server.client())
        assert len(server.bodies()) == 1

    @pytest.mark.parametrize(
        ("headers", "body", "seconds"),
        [
            ({"retry-after": "12"}, "", 12.0),
            ({}, "Please try again in 1.2s.", 1.2),
            ({}, "Rate limit reached. Please try again in 1m30s", 90.0),
            ({}, "try again in 250ms", 0.25),
            ({"retry-after": "soon"}, "", None),
            ({}, "busy", None),
        ],
    )
    async def test_waiting_time_is_read(
        self, headers: dict[str, str], body: str, seconds: float | None
    ) -> None:
        assert retry_after_s(headers, body, dt.datetime.now(dt.UTC)) == seconds

    async def test_date_is_read(self) -> None:
        now = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
        later = email.utils.format_datetime(now + dt.timedelta(seconds=90), usegmt=True)
        assert retry_after_s({"retry-after": later}, "", now) == 90.0


class TestBrokenConnections:
    @pytest.mark.parametrize(
        "error", [httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError]
    )
    async def test_dropped_connection_is_tried_once_more(
        self, error: type[httpx.TransportError]
    ) -> None:
        server = Server(error("Server disconnected"), says())
        assert (await ask(server.client()))[0] == TextDelta("x")

    async def test_and_not_twice(self) -> None:
        dropped = httpx.RemoteProtocolError("Server disconnected")
        server = Server(dropped, dropped, says())
        with pytest.raises(ModelUnavailable, match="broke off"):
            await ask(server.client())

    async def test_not_after_a_byte_came(self) -> None:
        class Dies(httpx.AsyncByteStream):
            async def __aiter__(self) -> AsyncIterator[bytes]:
                yield b": connected\n\n"
                raise httpx.ReadError("reset")

        def serve(request: httpx.Request) -> httpx.Response:
            if b'"stream":true' in request.content:
                streamed.append(request)
                return httpx.Response(200, stream=Dies(), headers=SSE)
            return server(request)

        server, streamed = Server(), list[httpx.Request]()
        settings = load_settings(model_url=URL)
        client = OpenAICompatibleModel(settings, transport=httpx.MockTransport(serve))
        with pytest.raises(ModelUnavailable, match="broke off"):
            await ask(client)
        assert len(streamed) == 1

    async def test_restarted_server_is_looked_at_anew(self) -> None:
        server = Server(sse(chunk({"content": "half"}), done=False), says())
        client = server.client()
        with pytest.raises(ModelUnavailable, match="broke off"):
            await ask(client)
        server.listing = models("megrez", max_model_len=1024)
        await ask(client)
        assert client.name == "megrez"
        assert client.profile.name == "megrez-3b-instruct"
        assert (await client.limits()).context_window == 1024


async def test_prepare_failure_is_shown_and_tried_again() -> None:
    server = Server(says(), listing=httpx.ConnectError("refused"))
    client = server.client()
    with pytest.raises(ModelError):
        await client.prepare()
    assert client.status().state == "failed"
    server.listing = models("m")
    assert (await ask(client, CALL))[0] == TextDelta("x")
    assert client.status().state == "ready"
