"""TCP connections to checked addresses only, below httpx."""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import httpcore
import httpx

from websearch_agent.pages.addresses import (
    NOTHING_OPENED,
    Address,
    OpenedPlaces,
    check_addresses,
    is_public,
    parse_literal,
)
from websearch_agent.pages.connections import MeteredStream, WatchedConnection

Resolve = Callable[[str, int], Awaitable[list[Address]]]
SocketOption = (
    tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]
)

MAX_ADDRESSES_TRIED = 4
MAX_LOOK_UPS = 16
MAX_LOOK_UP_THREADS = 64


class SystemResolver:
    """Asks the system's resolver, in daemon threads of its own, for at most `max_at_once` callers.

    A look-up cannot be broken off and may hang for 30 s: in the loop's own thread pool it would
    take the threads that parsers and the index wait for, and an executor would hold up the end
    of the program. One that nobody waits for any more leaves its place to the next caller, else a
    page of names that hang would keep everybody's; its thread lives on, and at `max_threads` no
    new one is started.
    """

    def __init__(
        self,
        *,
        max_at_once: int = MAX_LOOK_UPS,
        max_threads: int = MAX_LOOK_UP_THREADS,
        look_up: Callable[[str, int], list[Address]] | None = None,
    ) -> None:
        self._look_up = look_up or _look_up
        self._places = asyncio.Semaphore(max_at_once)
        self._max_threads = max_threads
        self._thread_count = 0

    async def __call__(self, host: str, port: int) -> list[Address]:
        """All addresses, in the system's order. Raises httpcore.ConnectError."""
        async with self._places:
            if self._thread_count >= self._max_threads:
                raise httpcore.ConnectError(
                    f"the resolver is busy: {self._thread_count} look-ups hang"
                )
            try:
                return await self._start(host, port)
            except (OSError, ValueError) as error:
                raise httpcore.ConnectError(f"{host} has no address") from error

    def _start(self, host: str, port: int) -> asyncio.Future[list[Address]]:
        loop = asyncio.get_running_loop()
        found: asyncio.Future[list[Address]] = loop.create_future()

        def settle(outcome: list[Address] | Exception) -> None:
            self._thread_count -= 1
            if found.done():  # The caller has left.
                return
            if isinstance(outcome, Exception):
                found.set_exception(outcome)
            else:
                found.set_result(outcome)

        def work() -> None:
            try:
                outcome: list[Address] | Exception = self._look_up(host, port)
            except (OSError, ValueError) as error:  # A name that cannot be encoded is the latter.
                outcome = error
            with contextlib.suppress(RuntimeError):  # The loop is closed: nobody waits.
                loop.call_soon_threadsafe(settle, outcome)

        threading.Thread(target=work, name=f"look-up of {host}", daemon=True).start()
        self._thread_count += 1
        return found


def _look_up(host: str, port: int) -> list[Address]:
    rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ipaddress.ip_address(row[4][0]) for row in rows))


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Resolves once, checks every address, and dials the checked address itself.

    A second, different DNS answer changes nothing. httpcore still takes server name,
    certificate name and Host header from the URL. Raises AddressNotAllowed before dialling.
    """

    def __init__(
        self,
        *,
        opened: OpenedPlaces = NOTHING_OPENED,
        resolve: Resolve | None = None,
        dialler: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._opened = opened
        self._resolve = resolve or SystemResolver()
        self._dialler = dialler or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        give_up_at = time.monotonic() + (timeout if timeout is not None else 60.0)
        literal = parse_literal(host)
        addresses = [literal] if literal else await self._resolve_in_time(host, port, give_up_at)
        if not addresses:
            raise httpcore.ConnectError(f"{host} has no address")
        check_addresses(host, port, addresses, self._opened)
        stream = await self._dial_first(addresses[:MAX_ADDRESSES_TRIED], port, give_up_at)
        is_opened = self._opened.has_host(host) or not all(map(is_public, addresses))
        return MeteredStream(stream, is_opened=is_opened)

    async def _resolve_in_time(self, host: str, port: int, give_up_at: float) -> list[Address]:
        try:
            async with asyncio.timeout(max(0.0, give_up_at - time.monotonic())):
                return await self._resolve(host, port)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"{host} was not resolved in time") from error

    async def _dial_first(
        self, addresses: Sequence[Address], port: int, give_up_at: float
    ) -> httpcore.AsyncNetworkStream:
        """Try the addresses in turn; each may take an equal share of the time that is left."""
        failure: Exception = httpcore.ConnectTimeout("no time left to connect")
        for tried, address in enumerate(addresses):
            time_left_s = give_up_at - time.monotonic()
            if time_left_s <= 0:
                break
            share_s = time_left_s / (len(addresses) - tried)
            try:
                return await self._dialler.connect_tcp(str(address), port, timeout=share_s)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError("unix sockets are never opened")

    async def sleep(self, seconds: float) -> None:
        await self._dialler.sleep(seconds)


class ProxyBackend(httpcore.AsyncNetworkBackend):
    """Dials the proxy that the operator named, wherever it is; the proxy dials the rest."""

    def __init__(self, dialler: httpcore.AsyncNetworkBackend | None = None) -> None:
        self._dialler = dialler or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            return MeteredStream(await self._dialler.connect_tcp(host, port, timeout))
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            # Else the page's host would be told to be down.
            raise httpcore.ProxyError("it cannot be reached") from error

    async def sleep(self, seconds: float) -> None:
        await self._dialler.sleep(seconds)


class _DirectPool(httpcore.AsyncConnectionPool):
    def create_connection(self, origin: httpcore.Origin) -> httpcore.AsyncConnectionInterface:
        return WatchedConnection(super().create_connection(origin))


class _HTTPProxyPool(httpcore.AsyncHTTPProxy):
    def create_connection(self, origin: httpcore.Origin) -> httpcore.AsyncConnectionInterface:
        return WatchedConnection(super().create_connection(origin))


class _SOCKSProxyPool(httpcore.AsyncSOCKSProxy):
    def create_connection(self, origin: httpcore.Origin) -> httpcore.AsyncConnectionInterface:
        return WatchedConnection(super().create_connection(origin))


class GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx over a backend of ours, HTTP/1.1 or HTTP/2; nothing from the environment.

    Over a GuardedBackend it dials the checked address. With `proxy` (`http`, `https`, `socks5` or
    `socks5h`, with a user name and password if it wants them) the proxy takes over the look-up of
    names, the check of the addresses they stand for (it must refuse private ones itself), and
    the dialling. The form of URLs, addresses in digits, ports, redirects, certificates of sites
    and all limits stay ours. Of `http` pages the proxy sees everything, of `https` ones the host.
    """

    def __init__(
        self,
        backend: httpcore.AsyncNetworkBackend,
        *,
        proxy: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        context = ssl_context or httpx.create_ssl_context(trust_env=False)
        super().__init__(verify=context, trust_env=False)
        # httpx has no public way to hand in a backend (0.28).
        self._pool = _make_pool(backend, proxy, context)


def _make_pool(
    backend: httpcore.AsyncNetworkBackend, proxy: str | None, context: ssl.SSLContext
) -> httpcore.AsyncConnectionPool:
    options: dict[str, Any] = {
        "ssl_context": context,
        "max_connections": 32,
        "max_keepalive_connections": 16,
        "keepalive_expiry": 15.0,
        "http2": True,
        "network_backend": backend,
    }
    if proxy is None:
        return _DirectPool(**options)
    parsed = httpx.Proxy(proxy)
    url = httpcore.URL(
        scheme=parsed.url.raw_scheme,
        host=parsed.url.raw_host,
        port=parsed.url.port,
        target=parsed.url.raw_path,
    )
    if parsed.url.scheme.startswith("socks5"):
        return _SOCKSProxyPool(proxy_url=url, proxy_auth=parsed.raw_auth, **options)
    if parsed.url.scheme == "https":
        options["proxy_ssl_context"] = httpx.create_ssl_context(trust_env=False)
    return _HTTPProxyPool(proxy_url=url, proxy_auth=parsed.raw_auth, **options)
