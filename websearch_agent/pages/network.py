"""TCP connections to checked addresses only, below httpx."""

import asyncio
import ipaddress
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

import httpcore
import httpx

from websearch_agent.pages.addresses import (
    Address,
    Network,
    check_addresses,
    parse_literal,
)

Resolve = Callable[[str, int], Awaitable[list[Address]]]
SocketOption = (
    tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]
)

MAX_ADDRESSES_TRIED = 4


async def resolve_host(host: str, port: int) -> list[Address]:
    """Ask the system's resolver; all addresses, in its order. Raises httpcore.ConnectError."""
    loop = asyncio.get_running_loop()
    try:
        rows = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(f"{host} has no address") from error
    return list(dict.fromkeys(ipaddress.ip_address(row[4][0]) for row in rows))


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Resolves once, checks every address, and dials the checked address itself.

    A second, different DNS answer changes nothing. httpcore still takes server name,
    certificate name and Host header from the URL. Raises AddressNotAllowed before dialling.
    """

    def __init__(
        self,
        *,
        allowed_networks: Sequence[Network] = (),
        resolve: Resolve = resolve_host,
        dialler: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._allowed_networks = tuple(allowed_networks)
        self._resolve = resolve
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
        check_addresses(host, port, addresses, self._allowed_networks)
        return await self._dial_first(addresses[:MAX_ADDRESSES_TRIED], port, give_up_at)

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


class GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx over a GuardedBackend: no proxy, nothing from the environment."""

    def __init__(
        self, backend: GuardedBackend, *, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        context = ssl_context or httpx.create_ssl_context(trust_env=False)
        super().__init__(verify=context, trust_env=False)
        # httpx has no public way to hand in a backend (0.28).
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=32,
            max_keepalive_connections=16,
            keepalive_expiry=15.0,
            network_backend=backend,
        )
