"""A guarded GET: public addresses only, each redirect checked again, everything bounded."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

import httpcore
import httpx

from websearch_agent import __version__
from websearch_agent.errors import (
    AddressNotAllowed,
    PageError,
    PageMissing,
    PageTooLarge,
    PageUnreachable,
    PageWalled,
    UnsupportedContent,
)
from websearch_agent.pages.addresses import (
    Network,
    OpenedPlaces,
    checked_url,
    parse_literal,
)
from websearch_agent.pages.challenges import is_challenge
from websearch_agent.pages.connections import MeteredStream
from websearch_agent.pages.content_types import may_be_readable, media_type
from websearch_agent.pages.decoding import BoundedDecoder, UnknownEncoding
from websearch_agent.pages.http_status import status_words
from websearch_agent.pages.network import (
    GuardedBackend,
    GuardedTransport,
    ProxyBackend,
    Resolve,
    SystemResolver,
)
from websearch_agent.pages.robots import (
    MAX_ROBOTS_BYTES,
    PRODUCT_TOKEN,
    RobotsGate,
    RobotsReply,
)

USER_AGENT = f"{PRODUCT_TOKEN}/{__version__} (self-hosted answer engine; reads on request)"
_HEADERS = {
    "User-Agent": USER_AGENT,
    "Accept": "text/html,application/xhtml+xml,application/pdf;q=0.9,text/plain;q=0.8,*/*;q=0.1",
    "Accept-Encoding": "gzip, deflate",
    "Accept-Language": "en,zh;q=0.9,*;q=0.5",
}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MISSING = frozenset({404, 410})
_WALLED = frozenset({401, 402})
# Robot checks come with these; what they look like stands at the beginning of the body.
_MAYBE_CHALLENGES = frozenset({401, 403, 405, 429, 503})
_CHALLENGE_BYTES = 64_000


@dataclass(frozen=True, slots=True)
class AccessLimits:
    """Bounds of one fetch. `total_timeout_s` holds for robots.txt, redirects and the body together.

    `robots_timeout_s` is half of the usual reading deadline: a site that needs longer for its
    robots.txt would not give the page in time either.
    """

    connect_timeout_s: float = 4.0
    read_timeout_s: float = 6.0
    total_timeout_s: float = 10.0
    robots_timeout_s: float = 3.0
    max_page_bytes: int = 5_000_000
    max_redirects: int = 5


@dataclass(frozen=True, slots=True)
class WebResponse:
    """A body as it came, unpacked. `truncated` says that there was more.

    `cache_control` is the header of that name, in lower case.
    """

    url: str
    final_url: str
    content_type: str
    body: bytes
    truncated: bool
    cache_control: str = ""


class RedirectNotAllowed(AddressNotAllowed):
    """The address itself may be read, but not the one that it redirects to."""


class TooManyRedirects(PageUnreachable):
    """A circle, or more redirects than are followed."""


@dataclass(frozen=True, slots=True)
class _Way:
    """How pages are fetched that were asked for in one way: what is open to them, and by what.

    Each way has connections of its own: one that was made to an opened place must not serve
    those for whom it is closed.
    """

    opened: OpenedPlaces
    transport: httpx.AsyncBaseTransport
    robots: RobotsGate


class WebAccess:
    """Fetches pages. Keeps connections, but no cookies and nothing from the environment.

    `allowed_networks` and `intranet_hosts` are open to addresses that a person asked for and to
    redirects of pages that are there themselves. A redirect of any other page never leads there,
    nor does what a public engine found: a stranger must not make us call the intranet.

    `proxy`: what it takes over, and must refuse, says GuardedTransport. Networks are then opened
    for addresses in digits only.
    """

    def __init__(
        self,
        *,
        allowed_networks: Sequence[Network] = (),
        intranet_hosts: Sequence[str] = (),
        proxy: str | None = None,
        limits: AccessLimits | None = None,
        respect_robots: bool = True,
        resolve: Resolve | None = None,
        dialler: httpcore.AsyncNetworkBackend | None = None,
        ssl_context: ssl.SSLContext | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._limits = limits or AccessLimits()
        self._has_proxy = proxy is not None
        self._respects_robots = respect_robots
        resolve = resolve or SystemResolver()

        def way_to(opened: OpenedPlaces) -> _Way:
            backend: httpcore.AsyncNetworkBackend = ProxyBackend(dialler)
            if proxy is None:
                backend = GuardedBackend(opened=opened, resolve=resolve, dialler=dialler)
            own = transport or GuardedTransport(backend, proxy=proxy, ssl_context=ssl_context)
            return _Way(opened, own, self._robots_gate(opened, own))

        opened = OpenedPlaces(tuple(allowed_networks), tuple(intranet_hosts))
        self._asked = way_to(opened)
        self._strangers = way_to(opened.for_strangers()) if opened else self._asked

    async def get(self, url: str, *, intranet: bool = True) -> WebResponse:
        """Fetch one page, if the robots.txt of its site and of each redirect's site allows it.

        `intranet`: what the operator opened is open, because a person or a command named the
        address, or an engine of one's own.

        Raises AddressNotAllowed before connecting, RobotsDisallowed before asking for the page,
        PageMissing (404, 410), PageWalled (a robot check or login with an error status),
        PageUnreachable (no connection, time-out, redirects, other HTTP errors),
        UnsupportedContent, PageTooLarge (a PDF over the limit).
        """
        limit_s = self._limits.total_timeout_s
        way = self._asked if intranet else self._strangers
        with _named_failures(url, limit_s):
            async with (
                asyncio.timeout(limit_s),
                self._open(url, way, asks_robots=self._respects_robots) as found,
            ):
                return await self._read(url, *found)

    async def aclose(self) -> None:
        """Close the kept connections."""
        for way in {id(way): way for way in (self._asked, self._strangers)}.values():
            await way.robots.aclose()
            await way.transport.aclose()

    def _robots_gate(self, opened: OpenedPlaces, transport: httpx.AsyncBaseTransport) -> RobotsGate:
        """One that asks for the file in the way in which its page will be asked for."""

        async def fetch(url: str) -> RobotsReply:
            return await self._fetch_robots(url, _Way(opened, transport, gate))

        gate = RobotsGate(fetch)
        return gate

    async def _fetch_robots(self, url: str, way: _Way) -> RobotsReply:
        """Raises AddressNotAllowed if that is so of the site itself, else PageUnreachable."""
        limit_s = self._limits.robots_timeout_s
        try:
            with _named_failures(url, limit_s):
                async with (
                    asyncio.timeout(limit_s),
                    self._open(url, way, asks_robots=False) as (target, response),
                ):
                    body, _ = await self._read_body(
                        target.host, response, max_bytes=MAX_ROBOTS_BYTES
                    )
                    return RobotsReply(response.status_code, body)
        except TooManyRedirects:
            return RobotsReply(404)  # what RFC 9309 makes of it
        except RedirectNotAllowed as error:
            raise PageUnreachable("it redirects to an address that may not be read") from error

    @contextlib.asynccontextmanager
    async def _open(
        self, url: str, way: _Way, *, asks_robots: bool
    ) -> AsyncIterator[tuple[httpx.URL, httpx.Response]]:
        """The first response that is no redirect, its body unread, and its address."""
        target = self._checked(url, way)
        seen = {str(target)}
        for _ in range(self._limits.max_redirects + 1):
            if asks_robots:
                await way.robots.check(target)
            try:
                response = await way.transport.handle_async_request(self._request(target))
            except AddressNotAllowed as error:
                if len(seen) > 1:
                    raise RedirectNotAllowed(error.message) from error
                raise
            try:
                location = response.headers.get("location")
                if response.status_code not in _REDIRECTS or not location:
                    yield target, response
                    return
                if not _is_of_opened_place(target, response, way.opened):
                    way = self._strangers
            finally:
                await response.aclose()
            target = self._next_target(target, location, way)
            if str(target) in seen:
                raise TooManyRedirects(f"{target.host} redirects in a circle")
            seen.add(str(target))
        raise TooManyRedirects(f"{_host(url)}: more than {self._limits.max_redirects} redirects")

    def _checked(self, url: str, way: _Way) -> httpx.URL:
        return checked_url(url, opened=way.opened, proxy_resolves=self._has_proxy)

    def _next_target(self, target: httpx.URL, location: str, way: _Way) -> httpx.URL:
        try:
            joined = str(target.join(location))
        except (httpx.InvalidURL, ValueError) as error:
            raise PageUnreachable(f"{target.host} redirects to a broken address") from error
        try:
            return self._checked(joined, way)
        except AddressNotAllowed as error:
            raise RedirectNotAllowed(error.message) from error

    def _request(self, target: httpx.URL) -> httpx.Request:
        limits = self._limits
        timeout = httpx.Timeout(limits.read_timeout_s, connect=limits.connect_timeout_s)
        return httpx.Request(
            "GET", target, headers=_HEADERS, extensions={"timeout": timeout.as_dict()}
        )

    async def _read(self, url: str, target: httpx.URL, response: httpx.Response) -> WebResponse:
        if not 200 <= response.status_code < 300:
            raise await self._refusal(target.host, response)
        content_type = response.headers.get("content-type", "")
        if not may_be_readable(content_type):
            raise UnsupportedContent(
                f"{target.host} sent {media_type(content_type)}; only HTML, PDF and texts are read"
            )
        limit_bytes = self._limits.max_page_bytes
        body, truncated = await self._read_body(target.host, response, max_bytes=limit_bytes)
        if truncated and body.startswith(b"%PDF-"):
            size_mb = limit_bytes / 1e6
            raise PageTooLarge(f"the PDF at {target.host} is larger than {size_mb:g} MB")
        cache_control = response.headers.get("cache-control", "").lower()
        return WebResponse(url, str(target), content_type, body, truncated, cache_control)

    async def _refusal(self, host: str, response: httpx.Response) -> PageError:
        """What an error status means; a robot check is known by its body."""
        status = response.status_code
        if status in _MAYBE_CHALLENGES:
            with contextlib.suppress(PageUnreachable):
                body, _ = await self._read_body(host, response, max_bytes=_CHALLENGE_BYTES)
                if is_challenge(body, headers=response.headers):
                    return PageWalled(f"{host} shows a robot check (HTTP {status})")
        message = f"{host} {status_words(status)} (HTTP {status})"
        if status in _MISSING:
            return PageMissing(message)
        if status in _WALLED:
            return PageWalled(message)
        wait_s = response.headers.get("retry-after", "")
        if wait_s.isascii() and wait_s.isdigit() and len(wait_s) <= 6:
            message += f"; it asks to wait {int(wait_s)} s"
        return PageUnreachable(message)

    async def _read_body(
        self, host: str, response: httpx.Response, *, max_bytes: int
    ) -> tuple[bytes, bool]:
        encoding = response.headers.get("content-encoding", "")
        try:
            decoder = BoundedDecoder(encoding, max_bytes=max_bytes)
            async for chunk in response.aiter_raw():
                decoder.feed(chunk)
                if decoder.is_full:
                    break
        except UnknownEncoding as error:
            raise PageUnreachable(f"{host} sent a body that cannot be unpacked: {error}") from error
        return decoder.body, decoder.is_full


def _is_of_opened_place(target: httpx.URL, response: httpx.Response, opened: OpenedPlaces) -> bool:
    """Whether the page came from where the operator opened: by its name or by what was dialled."""
    literal = parse_literal(target.host)
    if opened.has_host(target.host) or (literal is not None and opened.has_address(literal)):
        return True
    stream = response.extensions.get("network_stream")
    return isinstance(stream, MeteredStream) and stream.is_opened


@contextlib.contextmanager
def _named_failures(url: str, limit_s: float) -> Iterator[None]:
    """Every way in which a fetch can fail becomes a PageUnreachable with a reason."""
    try:
        yield
    except TimeoutError as error:
        raise PageUnreachable(f"{_host(url)} took longer than {limit_s:g} s") from error
    except (httpx.TimeoutException, httpcore.TimeoutException) as error:
        raise PageUnreachable(f"{_host(url)} did not answer in time") from error
    except (httpx.ProxyError, httpcore.ProxyError) as error:
        raise PageUnreachable(f"{_host(url)}: the proxy for pages says: {error}") from error
    except (httpx.HTTPError, httpx.InvalidURL, httpcore.ProtocolError, OSError) as error:
        reason = str(error) or type(error).__name__
        raise PageUnreachable(f"{_host(url)} could not be read: {reason}") from error


def _host(url: str) -> str:
    """The host for a message: never the whole URL, which may hold a key."""
    try:
        return httpx.URL(url).host or "the page"
    except (httpx.InvalidURL, ValueError):
        return "the page"
