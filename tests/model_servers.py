"""A scripted OpenAI-compatible server behind a transport, and what its replies look like."""

import json
from collections.abc import Callable

import httpx

from websearch_agent.config import load_settings
from websearch_agent.model_calls import Message, ModelCall, ModelDelta
from websearch_agent.models.client import OpenAICompatibleModel

CALL = ModelCall((Message("user", "hi"),), max_tokens=16)
URL = "http://model.test/v1"
SSE = {"content-type": "text/event-stream"}


def chunk(delta: dict[str, object], finish: str | None = None, **more: object) -> str:
    body = {"choices": [{"index": 0, "delta": delta, "finish_reason": finish, **more}]}
    return f"data: {json.dumps(body)}\n\n"


def sse(*chunks: str, done: bool = True) -> httpx.Response:
    text = "".join(chunks) + ("data: [DONE]\n\n" if done else "")
    return httpx.Response(200, text=text, headers=SSE)


def says(text: str = "x", finish: str = "stop") -> httpx.Response:
    return sse(chunk({"content": text}, finish))


def models(*names: str, **extra: object) -> httpx.Response:
    return httpx.Response(200, json={"data": [{"id": name, **extra} for name in names]})


def completion(content: str | None, **choice: object) -> httpx.Response:
    """A reply in one piece, as probes get it."""
    whole = {"message": {"content": content}, "finish_reason": "stop", **choice}
    return httpx.Response(200, json={"choices": [whole]})


LOGPROBS = {"content": [{"token": "{", "logprob": -0.1, "top_logprobs": [{"token": "{"}]}]}


class Server:
    """Answers `/models`, probes (calls that do not stream) and, from its script, streams.

    `on_probe` answers a probe's body; by default all that is asked for is done. Keeps all
    requests. `paths` answers others by path; the rest is 404.
    """

    def __init__(
        self,
        *replies: httpx.Response | Exception,
        listing: httpx.Response | Exception | None = None,
        on_probe: Callable[[dict[str, object]], httpx.Response] | None = None,
        paths: dict[str, Callable[[httpx.Request], httpx.Response]] | None = None,
    ):
        self.replies = list(replies)
        self.listing = listing or models("first", "second")
        self.on_probe = on_probe or able
        self.paths = paths or {}
        self.requests: list[httpx.Request] = []
        self.waited_s: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path = request.url.path
        if path in self.paths:
            return self.paths[path](request)
        if path.endswith("/models"):
            return self._give(self.listing)
        if not path.endswith("/chat/completions"):
            return httpx.Response(404, json={"detail": "Not Found"})
        body = json.loads(request.content)
        return self._give(self.replies.pop(0)) if body.get("stream") else self.on_probe(body)

    def _give(self, reply: httpx.Response | Exception) -> httpx.Response:
        if isinstance(reply, Exception):
            raise reply
        # A response can be read once; the script may give it twice.
        return httpx.Response(reply.status_code, content=reply.content, headers=reply.headers)

    def client(self, *, in_container: bool = False, **settings: object) -> OpenAICompatibleModel:
        values = {"model_url": URL, **settings}

        async def sleep(seconds: float) -> None:
            self.waited_s.append(seconds)

        return OpenAICompatibleModel(
            load_settings(**values),
            transport=httpx.MockTransport(self),
            sleep=sleep,
            in_container=lambda: in_container,
        )

    def bodies(self) -> list[dict[str, object]]:
        """What was sent to be streamed."""
        sent = [json.loads(request.content) for request in self.requests if request.content]
        return [body for body in sent if body.get("stream")]

    def probes(self) -> list[dict[str, object]]:
        posted = [r for r in self.requests if r.url.path.endswith("/chat/completions")]
        sent = [json.loads(request.content) for request in posted]
        return [body for body in sent if not body.get("stream")]


def able(body: dict[str, object]) -> httpx.Response:
    """A server that does all a probe asks for."""
    if "response_format" in body:
        return completion('{"w": "zebra"}', logprobs=LOGPROBS)
    return completion("Hello", logprobs=LOGPROBS if body.get("logprobs") else None)


async def ask(model: OpenAICompatibleModel, call: ModelCall = CALL) -> list[ModelDelta]:
    return [delta async for delta in model.stream(call)]
