"""A model opened to be tried out: what is put to it, and what it says in reply."""

import time
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace

import httpx

from websearch_agent.config import Settings
from websearch_agent.model_calls import (
    Message,
    ModelCall,
    ModelFinished,
    TextDelta,
    TokenLogprob,
    Tool,
    Usage,
)
from websearch_agent.models.capabilities import Capabilities
from websearch_agent.models.client import OpenAICompatibleModel
from websearch_agent.models.embedded import EmbeddedModel
from websearch_agent.models.profile import DialectName, Profile, configured_profile, profile_for
from websearch_agent.models.usage_listener import UsageListener


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply. Seconds count from sending; `first_s` until the first piece."""

    text: str
    pieces: int
    finished: ModelFinished
    first_s: float
    total_s: float
    tokens: tuple[TokenLogprob, ...] = ()


class ServerListener(UsageListener):
    """Also keeps the names of the models that the server lists; none where it tells none."""

    def __init__(self, inner: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(inner)
        self.listed_names: tuple[str, ...] = ()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        if request.url.path.endswith("/models") and response.status_code == 200:
            await response.aread()
            # The client says what is wrong with a listing; here it only names nothing.
            with suppress(ValueError, TypeError, KeyError):
                self.listed_names = tuple(str(item["id"]) for item in response.json()["data"])
        return response


@dataclass(frozen=True, slots=True)
class CheckedServer:
    """The model under test; `listener` is None for the embedded one, which is no server."""

    settings: Settings
    model: OpenAICompatibleModel | EmbeddedModel
    listener: ServerListener | None = None

    @property
    def profile(self) -> Profile:
        if isinstance(self.model, OpenAICompatibleModel):
            return self.model.profile
        return configured_profile(self.settings) or profile_for(self.model.name)

    @property
    def capabilities(self) -> Capabilities:
        if isinstance(self.model, OpenAICompatibleModel):
            return self.model.capabilities
        return Capabilities(tools=False)

    def dialect(self) -> DialectName:
        """The one that will be used, as `wiring.make_dialect` chooses it."""
        if self.settings.model_dialect != "auto":
            return self.settings.model_dialect
        wanted = self.profile.dialect
        if self.listener is None or (wanted == "tools" and not self.capabilities.tools):
            return "schema"
        return wanted


def open_server(settings: Settings) -> CheckedServer:
    """The configured model, not yet asked for anything. Raises ConfigError."""
    configured_profile(settings)
    if settings.model_url is None:
        return CheckedServer(settings, EmbeddedModel(settings))
    listener = ServerListener()
    model = OpenAICompatibleModel(settings, transport=listener)
    return CheckedServer(settings, model, listener)


def call_of(question: str, *, max_tokens: int) -> ModelCall:
    return ModelCall((Message("user", question),), max_tokens=max_tokens)


async def ask(
    server: CheckedServer,
    question: str,
    *,
    max_tokens: int,
    json_schema: dict[str, object] | None = None,
    tools: tuple[Tool, ...] = (),
    force_tool: bool = False,
    logprobs: bool = False,
) -> Reply:
    """One question and its whole reply. Raises ModelError."""
    call = replace(
        call_of(question, max_tokens=max_tokens),
        json_schema=json_schema,
        tools=tools,
        force_tool=force_tool,
        logprobs=logprobs,
    )
    started = time.monotonic()
    first_s, texts, pieces = 0.0, [], 0
    tokens: list[TokenLogprob] = []
    finished = ModelFinished("none", Usage())
    async with aclosing(server.model.stream(call)) as deltas:
        async for delta in deltas:
            first_s = first_s or time.monotonic() - started
            if isinstance(delta, ModelFinished):
                finished = delta
                continue
            pieces += 1
            if isinstance(delta, TextDelta):
                texts.append(delta.text)
                tokens.extend(delta.tokens)
    total_s = time.monotonic() - started
    return Reply("".join(texts), pieces, finished, first_s, total_s, tuple(tokens))
