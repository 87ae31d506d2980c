"""What every engine over HTTP shares: asking, and naming what went wrong."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from websearch_agent.config import Settings
from websearch_agent.errors import (
    ConfigError,
    EngineResponseChanged,
    EngineUnavailable,
    SearchError,
)
from websearch_agent.search.filters import Filters, check_filters
from websearch_agent.search.reply_errors import error_for_status
from websearch_agent.types import SearchQuery, SearchResult

# The largest replies of these APIs, with the texts of twenty pages, have some 300 KB.
MAX_REPLY_BYTES = 5_000_000
MAX_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class EngineSetting:
    """The setting that an engine needs, or with `optional` can do without.

    `name` is the field of `Settings`; `hint` says how to come by a value.
    """

    name: str
    hint: str
    is_key: bool = True
    optional: bool = False

    @property
    def variable(self) -> str:
        return f"WEBSEARCH_{self.name.upper()}"


def decode_json(body: bytes) -> object:
    """Raises ValueError for what is no JSON."""
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


@dataclass(frozen=True, slots=True)
class HttpEngineSpec:
    """One HTTP engine. All functions are pure; `build_request` is told the time.

    `decode` makes a value of the reply's bytes and raises ValueError for another format.
    `parse_response` takes that value and may raise SearchError; a KeyError, TypeError,
    ValueError or AttributeError from it means that the reply's form changed.
    `explain_reply` may name a reply's meaning better than its status does. An engine with
    `min_interval_s` asks not to be asked more often than that: its queries wait for their turn.
    """

    name: str
    build_request: Callable[[SearchQuery, Settings, datetime], httpx.Request]
    parse_response: Callable[[Any], list[SearchResult]]
    filters: Filters
    setting: EngineSetting | None = None
    explain_reply: Callable[[httpx.Response], SearchError | None] = lambda _: None
    decode: Callable[[bytes], object] = decode_json
    reply_format: str = "JSON"
    min_interval_s: float = 0.0


def missing_setting(spec: HttpEngineSpec, settings: Settings) -> EngineSetting | None:
    """The setting that the engine needs and has not."""
    needed = spec.setting
    if needed is None or needed.optional or getattr(settings, needed.name) is not None:
        return None
    return needed


class HttpEngine:
    """A search engine that is one HTTP request. The client is the caller's to close."""

    def __init__(
        self,
        spec: HttpEngineSpec,
        settings: Settings,
        client: httpx.AsyncClient,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Raises ConfigError if a setting is missing."""
        if missing := missing_setting(spec, settings):
            raise ConfigError(
                f"WEBSEARCH_ENGINES names {spec.name}, and {missing.variable} is not set; "
                f"{missing.hint}"
            )
        self._spec = spec
        self._settings = settings
        self._client = client
        self._clock = clock
        self._sleep = sleep
        self._free_at_s = float("-inf")
        self._turn = asyncio.Lock()
        self._waiting = 0

    @property
    def name(self) -> str:
        return self._spec.name

    async def search(self, query: SearchQuery) -> list[SearchResult]:
        """Ask once. Raises UnsupportedFilter before asking, EngineUnavailable,
        EngineRateLimited, EngineBlocked, EngineResponseChanged."""
        check_filters(self.name, self._spec.filters, query)
        request = self._spec.build_request(query, self._settings, datetime.now(UTC))
        await self._wait_for_turn()
        response = await self._send(request)
        explained = self._spec.explain_reply(response)
        error = explained or error_for_status(self.name, response, key=self._key_variable())
        if error is not None:
            raise error
        return self._parse(response)[: query.max_results]

    async def _wait_for_turn(self) -> None:
        """In the order of the calls. Raises EngineUnavailable at once if the turn would come
        after the deadline: the engine itself refused nothing, so it does not rest."""
        interval_s, deadline_s = self._spec.min_interval_s, self._settings.search_deadline_s
        if not interval_s:
            return
        wait_s = max(0.0, self._free_at_s - self._clock()) + self._waiting * interval_s
        if wait_s >= deadline_s:
            raise EngineUnavailable(
                f"{self.name} is asked once in {interval_s:g} s, and the turn of this query would "
                f"have come after the {deadline_s:g} s of a search; it was left out",
                retry_after_s=wait_s,
            )
        self._waiting += 1
        try:
            async with self._turn:
                if (wait_s := self._free_at_s - self._clock()) > 0:
                    await self._sleep(wait_s)
                self._free_at_s = self._clock() + interval_s
        finally:  # Who leaves while waiting takes no turn.
            self._waiting -= 1

    def _key_variable(self) -> str | None:
        """The variable of the key that was sent, for the message when it is refused."""
        setting = self._spec.setting
        if setting is None or not setting.is_key:
            return None
        is_set = getattr(self._settings, setting.name) is not None
        return setting.variable if is_set else None

    async def _send(self, request: httpx.Request) -> httpx.Response:
        """The whole reply, at most `MAX_REPLY_BYTES`."""
        # The request was not built by the client: its headers and the timeout must be put in.
        for name, value in self._client.headers.items():
            request.headers.setdefault(name, value)
        timeout = httpx.Timeout(self._settings.search_deadline_s)
        request.extensions = {**request.extensions, "timeout": timeout.as_dict()}
        address = _origin(request.url)
        try:
            for _ in range(MAX_REDIRECTS + 1):
                response = await self._client.send(request, stream=True, follow_redirects=False)
                try:
                    following = self._redirect(response)
                    if following is None:
                        return await self._read(response)
                finally:
                    await response.aclose()
                request = following
            message = f"{address} sent on more than {MAX_REDIRECTS} times"
            raise EngineResponseChanged(message)
        except httpx.TimeoutException as error:
            waited_s = self._settings.search_deadline_s
            message = f"no answer from {address} within {waited_s:g} s"
            raise EngineUnavailable(message) from error
        except httpx.LocalProtocolError:
            # Its text holds the header that cannot be sent, which may be the key's.
            message = f"the request to {address} has a header that cannot be sent"
            raise EngineUnavailable(message) from None
        except httpx.HTTPError as error:
            message = f"could not reach {address}: {error or type(error).__name__}"
            raise EngineUnavailable(message) from error

    def _redirect(self, response: httpx.Response) -> httpx.Request | None:
        """The request that a redirect asks for; None for another reply, and with a key, which
        httpx would take along. Raises EngineResponseChanged for one to another host: this client
        guards against no address, and nothing but the engine's own was meant."""
        following = response.next_request
        if following is None or self._key_variable() is not None:
            return None
        old, new = response.request.url, following.url
        if new.host != old.host or (old.scheme, new.scheme) == ("https", "http"):
            raise EngineResponseChanged(
                f"{_origin(old)} sends on to {_origin(new)}, which is not followed"
            )
        return following

    async def _read(self, response: httpx.Response) -> httpx.Response:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > MAX_REPLY_BYTES:
                megabytes = MAX_REPLY_BYTES // 1_000_000
                raise EngineResponseChanged(f"{self.name} sent more than {megabytes} MB")
        plain = [(k, v) for k, v in response.headers.multi_items() if k != "content-encoding"]
        return httpx.Response(response.status_code, headers=plain, content=bytes(body))

    def _parse(self, response: httpx.Response) -> list[SearchResult]:
        spec = self._spec
        try:
            payload = spec.decode(response.content)
        except ValueError as error:
            content_type = response.headers.get("content-type", "no content type")
            message = f"{spec.name} answered {content_type} instead of {spec.reply_format}"
            raise EngineResponseChanged(message) from error
        try:
            return spec.parse_response(payload)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            message = f"the {spec.reply_format} of {spec.name} has not the expected form"
            raise EngineResponseChanged(f"{message} ({error!r:.100})") from error


def _origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode()}"
