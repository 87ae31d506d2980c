"""What every engine over HTTP shares: sending, and naming what went wrong."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from websearch_agent.config import Settings
from websearch_agent.errors import (
    EngineBlocked,
    EngineRateLimited,
    EngineResponseChanged,
    EngineUnavailable,
    SearchError,
)
from websearch_agent.types import (
    SearchQuery,
    SearchResult,
)


@dataclass(frozen=True, slots=True)
class HttpEngineSpec:
    """One HTTP engine. All three functions are pure.

    `parse_response` takes decoded JSON and may raise SearchError; a KeyError, TypeError,
    ValueError or AttributeError from it means that the reply's form changed.
    `explain_reply` may name a reply's meaning better than its status does.
    """

    name: str
    build_request: Callable[[SearchQuery, Settings], httpx.Request]
    parse_response: Callable[[object], list[SearchResult]]
    explain_reply: Callable[[httpx.Response], SearchError | None] = lambda _: None


class HttpEngine:
    """A search engine that is one HTTP request. The client is the caller's to close."""

    def __init__(self, spec: HttpEngineSpec, settings: Settings, client: httpx.AsyncClient) -> None:
        self._spec = spec
        self._settings = settings
        self._client = client

    @property
    def name(self) -> str:
        return self._spec.name

    async def search(self, query: SearchQuery) -> list[SearchResult]:
        """Ask once. Raises EngineUnavailable, EngineRateLimited, EngineBlocked,
        EngineResponseChanged."""
        request = self._spec.build_request(query, self._settings)
        # The send timeout travels in the request, for it was not built by the client.
        timeout = httpx.Timeout(self._settings.search_deadline_s)
        request.extensions = {**request.extensions, "timeout": timeout.as_dict()}
        response = await self._send(request)
        error = self._spec.explain_reply(response) or error_for_status(self.name, response)
        if error is not None:
            raise error
        return self._parse(response)[: query.max_results]

    async def _send(self, request: httpx.Request) -> httpx.Response:
        address = f"{request.url.scheme}://{request.url.netloc.decode()}"
        try:
            return await self._client.send(request)
        except httpx.TimeoutException as error:
            waited_s = self._settings.search_deadline_s
            message = f"no answer from {address} within {waited_s:g} s"
            raise EngineUnavailable(message) from error
        except httpx.HTTPError as error:
            message = f"could not reach {address}: {error or type(error).__name__}"
            raise EngineUnavailable(message) from error

    def _parse(self, response: httpx.Response) -> list[SearchResult]:
        try:
            payload = json.loads(response.content)
        except ValueError as error:
            content_type = response.headers.get("content-type", "no content type")
            message = f"{self.name} answered {content_type} instead of JSON"
            raise EngineResponseChanged(message) from error
        try:
            return self._spec.parse_response(payload)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            message = f"the JSON of {self.name} has not the expected form ({error!r})"
            raise EngineResponseChanged(message) from error


def error_for_status(engine: str, response: httpx.Response) -> SearchError | None:
    """The error that a status other than 2xx stands for."""
    status = response.status_code
    if response.is_success:
        return None
    if status == 429:
        wait_s = parse_retry_after(response.headers.get("retry-after"), now=datetime.now(UTC))
        words = f"; asks to wait {wait_s:.0f} s" if wait_s is not None else ""
        return EngineRateLimited(f"asked too often (HTTP 429){words}", retry_after_s=wait_s)
    if status in (401, 403):
        return EngineBlocked(f"{engine} refuses this client (HTTP {status})")
    if status >= 500:
        wait_s = parse_retry_after(response.headers.get("retry-after"), now=datetime.now(UTC))
        return EngineUnavailable(f"{engine} answered HTTP {status}", retry_after_s=wait_s)
    return EngineResponseChanged(f"{engine} answered HTTP {status}, which was not expected")


def parse_retry_after(value: str | None, *, now: datetime) -> float | None:
    """Seconds to wait, from a number or an HTTP date; None if there is none or it is unusable."""
    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())
