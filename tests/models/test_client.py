import json

import httpx
import pytest
from pydantic import SecretStr

from websearch_agent.config import Settings, load_settings
from websearch_agent.errors import (
    ContextTooLong,
    InvalidModelOutput,
    ModelRejectedRequest,
    ModelUnavailable,
)
from websearch_agent.models.client import OpenAICompatibleModel
from websearch_agent.models.http_errors import ToolsNotSupported
from websearch_agent.types import (
    Message,
    ModelCall,
    ModelDelta,
    ModelFinished,
    ReasoningDelta,
    TextDelta,
    Tool,
    Usage,
)

pytestmark = pytest.mark.anyio

CALL = ModelCall((Message("user", "hi"),), max_tokens=16)
URL = "http://model.test/v1"


def chunk(delta: dict[str, object], finish: str | None = None) -> str:
    body = {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    return f"data: {json.dumps(body)}\n\n"


def sse(*chunks: str, done: bool = True) -> httpx.Response:
    text = "".join(chunks) + ("data: [DONE]\n\n" if done else "")
    return httpx.Response(200, text=text, headers={"content-type": "text/event-stream"})


def models(*names: str, **extra: object) -> httpx.Response:
    return httpx.Response(200, json={"data": [{"id": name, **extra} for name in names]})


class Server:
    """Answers `/models` and `/chat/completions`; keeps the requests."""

    def __init__(self, *replies: httpx.Response | Exception, listing: httpx.Response | None = None):
        self.replies = list(replies)
        self.listing = listing or models("first", "second")
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.path.endswith("/models"):
            return self.listing
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def client(self, **settings: object) -> OpenAICompatibleModel:
        values = {"model_url": URL, **settings}
        return OpenAICompatibleModel(load_settings(**values), transport=httpx.MockTransport(self))

    def sent(self) -> dict[str, object]:
        return json.loads(self.requests[-1].content)


async def ask(model: OpenAICompatibleModel, call: ModelCall = CALL) -> list[ModelDelta]:
    return [delta async for delta in model.stream(call)]


async def test_text_reasoning_and_usage_are_streamed() -> None:
    usage = 'data: {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}\n\n'
    server = Server(
        sse(
            chunk({"reasoning_content": "hm"}),
            chunk({"content": "He"}),
            chunk({"content": "llo"}, "stop"),
            usage,
        )
    )
    assert await ask(server.client()) == [
        ReasoningDelta("hm"),
        TextDelta("He"),
        TextDelta("llo"),
        ModelFinished("stop", Usage(3, 2, 1)),
    ]


async def test_tool_call_is_assembled_from_its_pieces() -> None:
    def piece(**function: str) -> dict[str, object]:
        return {"tool_calls": [{"index": 0, "id": "c1", "function": function}]}

    server = Server(
        sse(
            chunk(piece(name="search_web", arguments="")),
            chunk(piece(arguments='{"queries": ["a')),
            chunk(piece(arguments=' b"]}'), "tool_calls"),
        )
    )
    finished = (await ask(server.client()))[-1]
    assert isinstance(finished, ModelFinished)
    assert finished.tool_calls[0].arguments == '{"queries": ["a b"]}'


async def test_first_listed_model_and_its_window_are_used() -> None:
    server = Server(sse(chunk({"content": "x"}, "stop")), listing=models("m", max_model_len=2048))
    client = server.client()
    await ask(client)
    assert server.sent()["model"] == "m"
    assert (await client.limits()).context_window == 2048


async def test_missing_v1_is_found() -> None:
    def serve(request: httpx.Request) -> httpx.Response:
        if not request.url.path.startswith("/v1/"):
            return httpx.Response(404)
        if request.url.path == "/v1/models":
            return models("m")
        return sse(chunk({"content": "x"}, "stop"))

    settings = load_settings(model_url="http://model.test")
    client = OpenAICompatibleModel(settings, transport=httpx.MockTransport(serve))
    assert (await ask(client))[0] == TextDelta("x")


async def test_schema_and_tools_travel_in_openai_form() -> None:
    server = Server(sse(chunk({"content": "x"}, "stop")))
    tool = Tool("search_web", "Search.", {"type": "object"})
    call = ModelCall(
        CALL.messages, 16, tools=(tool,), force_tool=True, json_schema={"type": "object"}
    )
    await ask(server.client(), call)
    sent = server.sent()
    assert sent["tools"][0]["function"]["name"] == "search_web"  # type: ignore[index]
    assert sent["tool_choice"] == "required"
    assert sent["response_format"]["json_schema"]["schema"] == {"type": "object"}  # type: ignore[index]


async def test_key_is_sent_and_never_shown() -> None:
    server = Server(httpx.Response(401, json={"error": "bad key"}))
    client = server.client(model_api_key=SecretStr("sk-secret"))
    with pytest.raises(ModelRejectedRequest, match="WEBSEARCH_MODEL_API_KEY") as caught:
        await ask(client)
    assert server.requests[-1].headers["authorization"] == "Bearer sk-secret"
    assert "sk-secret" not in caught.value.message


@pytest.mark.parametrize(
    ("status", "body", "error", "says"),
    [
        (404, {"error": {"message": "model not found"}}, ModelRejectedRequest, "MODEL_NAME"),
        (400, {"message": "maximum context length is 4096"}, ContextTooLong, "too long"),
        (400, {"error": "m does not support tools"}, ToolsNotSupported, "no tools"),
        (429, {"error": "slow down"}, ModelUnavailable, "busy"),
        (500, {"error": "boom"}, ModelUnavailable, "boom"),
    ],
)
async def test_refusals_say_what_to_do(
    status: int, body: object, error: type[Exception], says: str
) -> None:
    server = Server(httpx.Response(status, json=body))
    with pytest.raises(error, match=says):
        await ask(server.client())


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(200, text="<html>hello</html>", headers={"content-type": "text/html"}),
        sse("data: no json\n\n"),
        httpx.Response(200, json={"choices": []}),
    ],
)
async def test_garbage_is_told_as_such(reply: httpx.Response) -> None:
    with pytest.raises(InvalidModelOutput):
        await ask(Server(reply).client())


async def test_reply_that_breaks_off_is_no_answer() -> None:
    server = Server(sse(chunk({"content": "half"}), done=False))
    with pytest.raises(ModelUnavailable, match="broke off"):
        await ask(server.client())


async def test_error_in_mid_stream_is_raised() -> None:
    server = Server(sse(chunk({"content": "half"}), 'data: {"error": "out of memory"}\n\n'))
    with pytest.raises(ModelUnavailable, match="out of memory"):
        await ask(server.client())


async def test_dropped_connection_is_tried_once_more() -> None:
    dropped = httpx.RemoteProtocolError("Server disconnected")
    server = Server(dropped, sse(chunk({"content": "x"}, "stop")))
    assert (await ask(server.client()))[0] == TextDelta("x")


async def test_unreachable_server_names_the_setting() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    settings: Settings = load_settings(model_url=URL)
    client = OpenAICompatibleModel(settings, transport=httpx.MockTransport(refuse))
    with pytest.raises(ModelUnavailable, match="WEBSEARCH_MODEL_URL"):
        await client.prepare()
    assert client.status().state == "failed"
