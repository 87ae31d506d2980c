"""Speaks to any OpenAI-compatible model server: vLLM, llama-server, Ollama, a hosted one."""

import asyncio
import logging
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

import httpx
from httpx_sse import aconnect_sse

from websearch_agent.config import Settings
from websearch_agent.errors import ConfigError, ContextTooLong, ModelError, ModelUnavailable
from websearch_agent.models import server_memory
from websearch_agent.models.capabilities import Capabilities
from websearch_agent.models.connection_errors import connection_failed, runs_in_container
from websearch_agent.models.http_errors import (
    Asked,
    ModelBusy,
    ModelNotServed,
    ToolsNotSupported,
    not_a_model_server,
    refusal,
)
from websearch_agent.models.patience import Patience
from websearch_agent.models.probe import MAX_ADAPTATIONS, Server, probe_server
from websearch_agent.models.profile import GENERIC, Profile, find_profile, profile_for
from websearch_agent.models.reasoning import split_reasoning
from websearch_agent.models.repetition import guard_repetition
from websearch_agent.models.reply_stream import broke_off, read_reply, read_whole_reply
from websearch_agent.models.request_body import (
    BodyForm,
    begins_in_thoughts,
    extension_fields,
    request_body,
)
from websearch_agent.models.server_listing import list_models
from websearch_agent.models.token_count import estimate_tokens
from websearch_agent.protocols import ModelLimits
from websearch_agent.types import ModelCall, ModelDelta, ModelStatus

_log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0
# No byte for this long before the first token. Long, because a laptop may read a long prompt for
# a minute.
FIRST_TOKEN_TIMEOUT_S = 120.0


class _FieldRefused(Exception):
    """A field of the body was refused, and the form has learnt to leave it out."""

    def __init__(self, error: ModelError) -> None:
        super().__init__(error.message)
        self.error = error


class OpenAICompatibleModel:
    """A `ModelClient` over HTTP.

    What the server can do is found out once (`probe.py`) and remembered for a day. A reply that
    breaks off makes the next call look anew: another model may be served by then.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        in_container: Callable[[], bool] = runs_in_container,
    ) -> None:
        """Raises ConfigError for a profile that is not there, or a key that cannot be one."""
        if settings.model_url is None:
            raise ValueError("model_url is needed")
        self._settings = settings
        self._sleep = sleep
        self._in_container = in_container
        _check_port(settings.model_url)
        key = _read_key(settings)
        self._asked = Asked(settings.model_url, settings.model_name or "", key=key)
        self._profile = find_profile(settings.model_profile or GENERIC)
        self._capabilities = Capabilities()
        self._remembered_since_s: float | None = None
        self._all_found_out = False
        self._memory = settings.data_dir / server_memory.FILE_NAME
        self._key = ""
        self._form = BodyForm()
        self._status = ModelStatus("idle")
        self._prepare_lock = asyncio.Lock()
        self._http = httpx.AsyncClient(
            transport=transport,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(FIRST_TOKEN_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            # A proxy of the environment must not see the model's prompts by accident.
            trust_env=False,
            verify=_trusted_authorities() if settings.model_url.startswith("https:") else True,
        )

    @property
    def name(self) -> str:
        return self._asked.model or self._asked.url

    @property
    def profile(self) -> Profile:
        """The profile in force; `generic` until `prepare` knows the model, unless one is set."""
        return self._profile

    @property
    def capabilities(self) -> Capabilities:
        """What the server was seen to do; optimistic until `prepare`."""
        return self._capabilities

    @property
    def remembered_since_s(self) -> float | None:
        """When the capabilities were found out (seconds since 1970), None if just now."""
        return self._remembered_since_s

    @property
    def all_found_out(self) -> bool:
        """False where a probe failed and the optimistic default stands."""
        return self._all_found_out

    def status(self) -> ModelStatus:
        return self._status

    async def limits(self) -> ModelLimits:
        known = (self._settings.context_window, self._capabilities.context_window)
        window = next((tokens for tokens in known if tokens), self._profile.context_window)
        most = self._settings.answer_tokens or self._profile.answer_tokens
        sources = self._settings.source_tokens or 6000
        return ModelLimits(window, min(sources, window), most or min(1024, window // 4))

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return estimate_tokens(texts, self._capabilities.token_factors)

    async def close(self) -> None:
        await self._http.aclose()

    async def prepare(self) -> None:
        """Find the model's name, window and abilities. Raises ModelError."""
        async with self._prepare_lock:
            if self._status.state != "ready":
                await self._look(anew=False)

    async def probe_again(self) -> None:
        """Like `prepare`, without what is remembered of an earlier day. Raises ModelError."""
        async with self._prepare_lock:
            await self._look(anew=True)

    async def _look(self, *, anew: bool) -> None:
        try:
            # Loading the token table takes half a second: not on the event loop.
            await asyncio.to_thread(estimate_tokens, ("x",))
            await self._find_model_patiently(anew=anew)
        except ModelError as error:
            self._status = ModelStatus("failed", error.message)
            raise
        self._status = ModelStatus("ready")

    async def _find_model_patiently(self, *, anew: bool) -> None:
        patience, dropped = Patience(self._sleep), False
        while True:
            try:
                return await self._find_model(anew=anew)
            except ModelBusy as error:
                await patience.wait(error)
            except httpx.HTTPError as error:
                if dropped or not _is_drop(error):
                    raise self._connection_failed(error, first_contact=True) from error
                dropped = True

    async def _find_model(self, *, anew: bool) -> None:
        asked = replace(self._asked, model=self._settings.model_name or "")
        listing = await list_models(self._http, asked)
        self._asked = replace(asked, url=listing.url, model=listing.name, names=listing.names)
        if self._settings.model_profile is None:
            self._profile = profile_for(listing.name)
        self._key = server_memory.server_key(listing.url, listing.name, listing.identity)
        found = None
        if not anew:
            found = await asyncio.to_thread(
                server_memory.recall_capabilities, self._memory, self._key, now_s=time.time()
            )
        if found is not None:
            self._capabilities = found.capabilities
            self._remembered_since_s, self._all_found_out = found.probed_at, True
            return
        extra = self._profile.reasoning.agent or {}
        server = Server(self._http, self._asked, listing.entry, extra, self._form)
        probed = await probe_server(server)
        self._capabilities, self._form = probed.capabilities, server.form
        self._remembered_since_s, self._all_found_out = None, probed.complete
        if probed.complete:
            await self._remember()

    async def _remember(self) -> None:
        found = server_memory.Remembered(self._asked.model, time.time(), self._capabilities)
        await asyncio.to_thread(server_memory.remember_capabilities, self._memory, self._key, found)

    async def stream(self, call: ModelCall) -> AsyncGenerator[ModelDelta, None]:
        await self.prepare()
        begins_inside = begins_in_thoughts(call, self._profile, self._form)
        deltas = guard_repetition(self._stream_patiently(call))
        split_deltas = split_reasoning(
            deltas, begins_inside=begins_inside, json_reply=call.json_schema is not None
        )
        async with aclosing(split_deltas) as split:
            async for delta in split:
                yield delta

    async def _stream_patiently(self, call: ModelCall) -> AsyncGenerator[ModelDelta, None]:
        """One reply; tried again only as long as nothing of it has come."""
        patience, adaptations, dropped = Patience(self._sleep), 0, False
        while True:
            attempt = _Attempt()
            try:
                async with aclosing(self._stream_once(call, attempt)) as deltas:
                    async for delta in deltas:
                        attempt.yielded = True
                        yield delta
                return
            except _FieldRefused as refused:
                adaptations += 1
                if adaptations > MAX_ADAPTATIONS:
                    raise refused.error from None
            except ModelBusy as error:
                if attempt.yielded:
                    raise
                await patience.wait(error)
            except ModelError as error:
                await self._note_failure(error)
                raise
            except httpx.HTTPError as error:
                # llama-server closes kept-alive connections after a stream (4 of 12): a
                # request that died before its first byte is sent once more, afresh.
                if dropped or attempt.answered or not _is_drop(error):
                    self._status = ModelStatus("idle")
                    raise self._stream_failed(error, attempt) from error
                dropped = True

    async def _note_failure(self, error: ModelError) -> None:
        """After some failures the server is looked at anew, or known better."""
        if isinstance(error, ModelUnavailable | ModelNotServed):
            self._status = ModelStatus("idle")
        elif isinstance(error, ToolsNotSupported) and self._capabilities.tools:
            self._capabilities = replace(self._capabilities, tools=False)
            await self._remember()

    async def _stream_once(
        self, call: ModelCall, attempt: "_Attempt"
    ) -> AsyncGenerator[ModelDelta, None]:
        logprobs = self._capabilities.logprobs
        whole = request_body(call, self._asked.model, self._profile, logprobs=logprobs)
        body = self._form.apply(whole)
        url = f"{self._asked.url}/chat/completions"
        async with aconnect_sse(self._http, "POST", url, json=body) as events:
            response = events.response
            attempt.answered = True
            kind = response.headers.get("content-type", "")
            if response.status_code != 200 or "text/event-stream" not in kind:
                for delta in await self._read_unstreamed(response, body):
                    yield delta
                return
            async with aclosing(read_reply(events.aiter_sse(), self._asked)) as deltas:
                async for delta in deltas:
                    yield delta

    async def _read_unstreamed(
        self, response: httpx.Response, body: dict[str, object]
    ) -> list[ModelDelta]:
        """A refusal, or a reply in one piece. Raises ModelError, _FieldRefused."""
        text = (await response.aread()).decode("utf-8", "replace")
        if response.status_code == 200:
            if "json" not in response.headers.get("content-type", ""):
                kind = response.headers.get("content-type") or "nothing"
                raise not_a_model_server(self._asked, f"it answered {kind} instead of a stream")
            return read_whole_reply(text, self._asked)
        error = refusal(response.status_code, text, self._asked, response.headers)
        if response.status_code in (400, 422) and not isinstance(error, ContextTooLong):
            learned = self._form.learn(body, text, extension_fields(self._profile))
            if learned is not None and learned != self._form:
                _log.info("%s refused a field of the request: %s", self._asked.url, learned)
                self._form = learned
                raise _FieldRefused(error)
        raise error

    def _connection_failed(
        self, error: httpx.HTTPError, *, first_contact: bool = False
    ) -> ModelError:
        return connection_failed(
            error,
            self._asked.url,
            in_container=self._in_container(),
            first_contact=first_contact,
        )

    def _stream_failed(self, error: httpx.HTTPError, attempt: "_Attempt") -> ModelError:
        if attempt.answered and not isinstance(error, httpx.TimeoutException):
            return broke_off(self._asked.url)
        return self._connection_failed(error)


class _Attempt:
    """How far one request came."""

    def __init__(self) -> None:
        self.answered = False
        self.yielded = False


def _read_key(settings: Settings) -> str | None:
    """The key, without the line end that files like to bring along."""
    key = settings.model_api_key.get_secret_value().strip() if settings.model_api_key else ""
    if not key.isascii() or not key.isprintable():
        # A header cannot hold it, and the error of the HTTP library would show it.
        raise ConfigError(
            "WEBSEARCH_MODEL_API_KEY holds characters that no key has: paste it anew."
        )
    return key or None


def _check_port(url: str) -> None:
    """Raises ConfigError: a port beyond 65535 ends in an OverflowError deep inside."""
    try:
        port = httpx.URL(url).port or 0
    except httpx.InvalidURL as error:
        raise ConfigError(f"WEBSEARCH_MODEL_URL is not a usable address: {error}.") from error
    if port > 65535:
        raise ConfigError(f"WEBSEARCH_MODEL_URL names port {port}; the highest is 65535.")


def _is_drop(error: httpx.HTTPError) -> bool:
    return isinstance(error, httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError)


def _trusted_authorities() -> ssl.SSLContext:
    """The usual authorities and, through SSL_CERT_FILE, one's own."""
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context
