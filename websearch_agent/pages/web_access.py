"""A guarded GET: public addresses only, each redirect checked again, everything bounded."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

import httpcore
import httpx

from websearch_agent import __version__
from websearch_agent.errors import PageTooLarge, PageUnreachable, UnsupportedContent
from websearch_agent.pages.addresses import Network, checked_url
from websearch_agent.pages.content_types import may_be_readable, media_type
from websearch_agent.pages.decoding import BoundedDecoder, UnknownEncoding
from websearch_agent.pages.network import GuardedBackend, GuardedTransport, Resolve

USER_AGENT = f"websearch-agent/{__version__} (self-hosted answer engine; reads on request)"
_HEADERS = {
    "User-Agent": USER_AGENT,
    "Accept": "text/html,application/xhtml+xml,application/pdf;q=0.9,text/plain;q=0.8,*/*;q=0.1",
    "Accept-Encoding": "gzip, deflate",
    "Accept-Language": "en,zh;q=0.9,*;q=0.5",
}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_STATUS_WORDS = {
    401: "wants a login for the page",
    402: "wants money for the page",
    403: "refuses to give the page to a program",
    404: "does not have the page",
    410: "does not have the page any more",
    429: "is asked too often",
    451: "may not show the page for legal reasons",
}


@dataclass(frozen=True, slots=True)
class AccessLimits:
    """Bounds of one fetch. `total_timeout_s` holds for all redirects and the body together."""

    connect_timeout_s: float = 4.0
    read_timeout_s: float = 6.0
    total_timeout_s: float = 10.0
    max_page_bytes: int = 5_000_000
    max_redirects: int = 5


@dataclass(frozen=True, slots=True)
class WebResponse:
    """A body as it came, unpacked. `truncated` says that there was more."""

    url: str
    final_url: str
    content_type: str
    body: bytes
    truncated: bool


class WebAccess:
    """Fetches pages. Keeps connections, but no cookies and nothing from the environment."""

    def __init__(
        self,
        *,
        allowed_networks: Sequence[Network] = (),
        limits: AccessLimits | None = None,
        resolve: Resolve | None = None,
        dialler: httpcore.AsyncNetworkBackend | None = None,
        ssl_context: ssl.SSLContext | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._allowed_networks = tuple(allowed_networks)
        self._limits = limits or AccessLimits()
        self._transport = transport or GuardedTransport(
            GuardedBackend(
                allowed_networks=self._allowed_networks, resolve=resolve, dialler=dialler
            ),
            ssl_context=ssl_context,
        )

    async def get(self, url: str) -> WebResponse:
        """Fetch one page.

        Raises AddressNotAllowed before connecting, PageUnreachable (no connection, time-out,
        redirects, HTTP status ≥ 400), UnsupportedContent, PageTooLarge (a PDF over the limit).
        """
        limit_s = self._limits.total_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                return await self._follow(url)
        except TimeoutError as error:
            raise PageUnreachable(f"{_host(url)} took longer than {limit_s:g} s") from error
        except (httpx.TimeoutException, httpcore.TimeoutException) as error:
            raise PageUnreachable(f"{_host(url)} did not answer in time") from error
        except (httpx.HTTPError, httpx.InvalidURL, httpcore.ProtocolError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise PageUnreachable(f"{_host(url)} could not be read: {reason}") from error

    async def aclose(self) -> None:
        """Close the kept connections."""
        await self._transport.aclose()

    async def _follow(self, url: str) -> WebResponse:
        target = checked_url(url, allowed_networks=self._allowed_networks)
        seen = {str(target)}
        for _ in range(self._limits.max_redirects + 1):
            response = await self._transport.handle_async_request(self._request(target))
            try:
                location = response.headers.get("location")
                if response.status_code not in _REDIRECTS or not location:
                    return await self._read(url, target, response)
            finally:
                await response.aclose()
            target = self._next_target(target, location)
            if str(target) in seen:
                raise PageUnreachable(f"{target.host} redirects in a circle")
            seen.add(str(target))
        raise PageUnreachable(f"{_host(url)}: more than {self._limits.max_redirects} redirects")

    def _next_target(self, target: httpx.URL, location: str) -> httpx.URL:
        try:
            joined = str(target.join(location))
        except (httpx.InvalidURL, ValueError) as error:
            raise PageUnreachable(f"{target.host} redirects to a broken address") from error
        return checked_url(joined, allowed_networks=self._allowed_networks)

    def _request(self, target: httpx.URL) -> httpx.Request:
        limits = self._limits
        timeout = httpx.Timeout(limits.read_timeout_s, connect=limits.connect_timeout_s)
        return httpx.Request(
            "GET", target, headers=_HEADERS, extensions={"timeout": timeout.as_dict()}
        )

    async def _read(self, url: str, target: httpx.URL, response: httpx.Response) -> WebResponse:
        if not 200 <= response.status_code < 300:
            words = _status_words(response.status_code)
            raise PageUnreachable(f"{target.host} {words} (HTTP {response.status_code})")
        content_type = response.headers.get("content-type", "")
        if not may_be_readable(content_type):
            raise UnsupportedContent(
                f"{target.host} sent {media_type(content_type)}; only HTML, text and PDF are read"
            )
        body, truncated = await self._read_body(target.host, response)
        if truncated and body.startswith(b"%PDF-"):
            size_mb = self._limits.max_page_bytes / 1e6
            raise PageTooLarge(f"the PDF at {target.host} is larger than {size_mb:g} MB")
        return WebResponse(url, str(target), content_type, body, truncated)

    async def _read_body(self, host: str, response: httpx.Response) -> tuple[bytes, bool]:
        encoding = response.headers.get("content-encoding", "")
        try:
            decoder = BoundedDecoder(encoding, max_bytes=self._limits.max_page_bytes)
            async for chunk in response.aiter_raw():
                decoder.feed(chunk)
                if decoder.is_full:
                    break
        except UnknownEncoding as error:
            raise PageUnreachable(f"{host} sent a body that cannot be unpacked: {error}") from error
        return decoder.body, decoder.is_full


def _status_words(status: int) -> str:
    """What an HTTP error status says, for a person who does not know the numbers."""
    if status >= 500:
        return "has an error of its own"
    return _STATUS_WORDS.get(status, "does not give the page out")


def _host(url: str) -> str:
    """The host for a message: never the whole URL, which may hold a key."""
    try:
        return httpx.URL(url).host or "the page"
    except (httpx.InvalidURL, ValueError):
        return "the page"
