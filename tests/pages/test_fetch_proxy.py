"""Pages by a proxy: it dials, but which addresses may be asked for stays ours."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
import trustme

from websearch_agent.errors import AddressNotAllowed, PageUnreachable
from websearch_agent.pages.web_access import WebAccess

pytestmark = pytest.mark.anyio

PAGE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n"
    b"Connection: close\r\n\r\npage"
)


@dataclass
class Proxy:
    """Reads a request of each kind, notes where it should lead, and plays that server itself."""

    tls: ssl.SSLContext
    reply: bytes = PAGE
    refusal: bytes = b""
    asked: list[str] = field(default_factory=list)
    logins: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            first = await reader.readexactly(1)
            await (self._socks if first == b"\x05" else self._http)(first, reader, writer)
        writer.close()

    async def _http(
        self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = first + await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
        self.asked.append(f"{method} {target}")
        self.logins += [
            line for line in head.split(b"\r\n") if line.lower().startswith(b"proxy-authorization")
        ]
        if self.refusal:
            writer.write(self.refusal)
        elif method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            await writer.drain()
            await writer.start_tls(self.tls)
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self.reply)
        else:
            writer.write(self.reply)
        await writer.drain()

    async def _socks(
        self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readexactly((await reader.readexactly(1))[0])
        writer.write(b"\x05\x00")
        head = await reader.readexactly(5)
        name = await reader.readexactly(head[4])
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.asked.append(f"SOCKS {name.decode()}:{port}")
        writer.write(self.refusal or b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self.reply)
        await writer.drain()


async def never(host: str, port: int) -> list[object]:
    raise AssertionError(f"{host} was looked up here")


@asynccontextmanager
async def proxied(
    scheme: str = "http", login: str = "", **options: bytes
) -> AsyncIterator[tuple[WebAccess, Proxy]]:
    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("site.example").configure_cert(tls)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    proxy = Proxy(tls, **options)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    address = f"{scheme}://{login}127.0.0.1:{server.sockets[0].getsockname()[1]}"
    web_access = WebAccess(
        proxy=address,
        resolve=never,  # type: ignore[arg-type]
        ssl_context=trusting,
        respect_robots=False,
        intranet_hosts=("wiki",),
    )
    try:
        yield web_access, proxy
    finally:
        await web_access.aclose()
        server.close()


async def test_proxy_fetches_pages_and_resolves_their_names() -> None:
    async with proxied(login="me:secret@") as (web_access, proxy):
        for url in ("http://site.example/a", "https://site.example/b", "http://wiki:9000/"):
            assert (await web_access.get(url)).body == b"page"
        assert proxy.asked == ["GET http://site.example/a", "CONNECT site.example:443",
                               "GET http://wiki:9000/"]  # fmt: skip
        assert len(proxy.logins) == 3


async def test_socks_proxy_is_given_the_name() -> None:
    async with proxied("socks5") as (web_access, proxy):
        assert (await web_access.get("http://site.example/a")).body == b"page"
        assert proxy.asked == ["SOCKS site.example:80"]


@pytest.mark.parametrize("scheme", ["http", "socks5"])
@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://169.254.169.254/", "http://[::1]/", "http://2130706433/",
     "http://localhost/", "http://printer.local/", "http://nas/", "http://site.example:22/",
     "ftp://site.example/", "http://me@site.example/", "http://metadata.google.internal/"],
)  # fmt: skip
async def test_proxy_is_not_asked_for_what_may_not_be_read(scheme: str, url: str) -> None:
    async with proxied(scheme) as (web_access, proxy):
        with pytest.raises(AddressNotAllowed):
            await web_access.get(url)
        assert proxy.asked == []


@pytest.mark.parametrize("location", ["http://127.0.0.1/", "http://wiki/", "http://router.lan/"])
async def test_redirect_is_checked_before_the_proxy_sees_it(location: str) -> None:
    moved = (
        f"HTTP/1.1 302 X\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    async with proxied(reply=moved.encode()) as (web_access, proxy):
        with pytest.raises(AddressNotAllowed):
            await web_access.get("http://site.example/")
        assert proxy.asked == ["GET http://site.example/"]


@pytest.mark.parametrize(
    ("scheme", "url", "refusal"),
    [("http", "https://site.example/", b"HTTP/1.1 407 Login\r\nContent-Length: 0\r\n\r\n"),
     ("http", "http://site.example/", b"HTTP/1.1 407 Login\r\nContent-Length: 0\r\n\r\n"),
     ("socks5", "http://site.example/", b"\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00"),
     ("socks5", "http://site.example/", b"nonsense that is no reply")],
)  # fmt: skip
async def test_refusal_of_the_proxy_is_told_without_its_password(
    scheme: str, url: str, refusal: bytes
) -> None:
    async with proxied(
        scheme, login="me:hunter2@" if scheme == "http" else "", refusal=refusal
    ) as (
        web_access,
        _,
    ):
        with pytest.raises(PageUnreachable) as caught:
            await web_access.get(url)
        assert "hunter2" not in caught.value.message


async def test_proxy_that_is_down_is_told() -> None:
    web_access = WebAccess(proxy="http://me:hunter2@127.0.0.1:9", respect_robots=False)
    with pytest.raises(PageUnreachable, match="proxy") as caught:
        await web_access.get("http://site.example/")
    assert "hunter2" not in caught.value.message
