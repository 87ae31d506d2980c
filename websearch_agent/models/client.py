"""Speaks to any OpenAI-compatible model server: vLLM, llama-server, Ollama, a hosted one."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

import httpx
from httpx_sse import aconnect_sse

from websearch_agent.config import Settings
from websearch_agent.errors import ConfigError, ContextTooLong, ModelError, ModelUnavailable
from websearch_agent.model_calls import ModelCall, ModelDelta, ModelStatus
from websearch_agent.models.capabilities import Capabilities
from websearch_agent.models.connection_errors import connection_failed, runs_in_container
from websearch_agent.models.exact_count import ExactCounter
from websearch_agent.models.http_errors import (
    ModelBusy,
    ModelNotServed,
    not_a_model_server,
    refusal,
)
from websearch_agent.models.patience import Patience
from websearch_agent.models.probe import MAX_ADAPTATIONS
from websearch_agent.models.profile import Profile
from websearch_agent.models.reasoning import split_reasoning
from websearch_agent.models.repetition import guard_repetition
from websearch_agent.models.reply_stream import broke_off, read_reply, read_whole_reply
from websearch_agent.models.request_body import begins_in_thoughts, request_body
from websearch_agent.models.served_model import ServedModel
from websearch_agent.models.token_count import estimate_tokens
from websearch_agent.protocols import ModelLimits

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
        self._served = ServedModel(settings, self._http, key=key)
        self._exact = ExactCounter()

    @property
    def name(self) -> str:
        return self._served.asked.model or self._served.asked.url

    @property
    def profile(self) -> Profile:
        """The profile in force; `generic` until `prepare` knows the model, unless one is set."""
        return self._served.profile

    @property
    def capabilities(self) -> Capabilities:
        """What the server was seen to do; optimistic until `prepare`."""
        return self._served.capabilities

    @property
    def remembered_since_s(self) -> float | None:
        """When the capabilities were found out (seconds since 1970), None if just now."""
        return self._served.remembered_since_s

    @property
    def all_found_out(self) -> bool:
        """False where a probe failed and the optimistic default stands."""
        return self._served.all_found_out

    def status(self) -> ModelStatus:
        return self._status

    async def limits(self) -> ModelLimits:
        return self._served.limits()

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """By the server's `/tokenize` where it has one and the texts are few, else estimated."""
        served = self._served
        form = served.capabilities.tokenize
        if form is not None:
            counts = await self._exact.count(self._http, served.asked, form, texts)
            if counts is not None:
                return counts
        return estimate_tokens(texts, served.capabilities.token_factors)

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
                return await self._served.find(anew=anew)
            except ModelBusy as error:
                await patience.wait(error)
            except httpx.HTTPError as error:
                if dropped or not _is_drop(error):
                    raise self._connection_failed(error, first_contact=True) from error
                dropped = True

    async def stream(self, call: ModelCall) -> AsyncGenerator[ModelDelta, None]:
        await self.prepare()
        served, thoughts_shown = self._served, asyncio.Event()
        begins_inside = begins_in_thoughts(call, served.profile, served.form, served.capabilities)
        split_deltas = split_reasoning(
            guard_repetition(self._stream_patiently(call)),
            begins_inside=begins_inside,
            word_tags=served.profile.reasoning.form in ("tags", "open_tags"),
            json_reply=call.json_schema is not None,
            on_thoughts_shown=thoughts_shown.set,
        )
        async with aclosing(split_deltas) as split:
            async for delta in split:
                if thoughts_shown.is_set():
                    await served.note_opened_thoughts()
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
        if isinstance(error, ModelUnavailable | ModelNotServed | ContextTooLong):
            self._status = ModelStatus("idle")
        await self._served.note_refusal(error)

    async def _stream_once(
        self, call: ModelCall, attempt: "_Attempt"
    ) -> AsyncGenerator[ModelDelta, None]:
        served = self._served
        whole = request_body(
            call, served.asked.model, served.profile, capabilities=served.capabilities
        )
        body = served.form.apply(whole)
        url = f"{served.asked.url}/chat/completions"
        async with aconnect_sse(self._http, "POST", url, json=body) as events:
            response = events.response
            attempt.answered = True
            kind = response.headers.get("content-type", "")
            if response.status_code != 200 or "text/event-stream" not in kind:
                for delta in await self._read_unstreamed(response, body):
                    yield delta
                return
            async with aclosing(read_reply(events.aiter_sse(), self._served.asked)) as deltas:
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
                raise not_a_model_server(
                    self._served.asked, f"it answered {kind} instead of a stream"
                )
            return read_whole_reply(text, self._served.asked)
        error = refusal(response.status_code, text, self._served.asked, response.headers)
        about_a_field = response.status_code in (400, 422) and not isinstance(error, ContextTooLong)
        if about_a_field and self._served.learn_refused_field(body, text):
            raise _FieldRefused(error)
        raise error

    def _connection_failed(
        self, error: httpx.HTTPError, *, first_contact: bool = False
    ) -> ModelError:
        return connection_failed(
            error,
            self._served.asked.url,
            in_container=self._in_container(),
            first_contact=first_contact,
        )

    def _stream_failed(self, error: httpx.HTTPError, attempt: "_Attempt") -> ModelError:
        if attempt.answered and not isinstance(error, httpx.TimeoutException):
            return broke_off(self._served.asked.url)
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
