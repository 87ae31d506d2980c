"""HTTP/2 and what hostile servers do with frames and headers, over TLS on the loopback."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address, ip_network

import h2.config
import h2.connection
import h2.events
import pytest
import trustme

from websearch_agent.errors import PageUnreachable
from websearch_agent.pages.addresses import Address
from websearch_agent.pages.web_access import AccessLimits, WebAccess

pytestmark = pytest.mark.anyio

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = [(":status", "200"), ("content-type", "text/plain")]


async def loopback(host: str, port: int) -> list[Address]:
    return [ip_address("127.0.0.1")]


@asynccontextmanager
async def site(
    handler: Handler, *, alpn: str = "h2", **limits: float
) -> AsyncIterator[tuple[WebAccess, str, list[str | None]]]:
    """A client, the address of the server and which protocol each connection chose."""
    authority = trustme.CA()
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("site.example").configure_cert(server_side)
    server_side.set_alpn_protocols([alpn])
    client_side = ssl.create_default_context()
    authority.configure_trust(client_side)
    chosen: list[str | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        chosen.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        try:
            await handler(reader, writer)
        except (ConnectionError, ssl.SSLError):
            pass  # the client has left
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_side)
    web_access = WebAccess(
        allowed_networks=[ip_network("127.0.0.0/8")],
        resolve=loopback,
        ssl_context=client_side,
        respect_robots=False,
        limits=AccessLimits(**limits),  # type: ignore[arg-type]
    )
    try:
        port = server.sockets[0].getsockname()[1]
        yield web_access, f"https://site.example:{port}/", chosen
    finally:
        await web_access.aclose()
        server.close()


Answer = Callable[[h2.connection.H2Connection, int], bytes | None]


def http2(answer: Answer) -> Handler:
    """Speaks HTTP/2; `answer` fills the connection, or gives bytes to send for ever."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        state = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, validate_outbound_headers=False)
        )
        state.initiate_connection()
        writer.write(state.data_to_send())
        while data := await reader.read(65_536):
            for event in state.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    endless = answer(state, event.stream_id)
                    writer.write(state.data_to_send())
                    while endless:
                        writer.write(endless)
                        await writer.drain()
            writer.write(state.data_to_send())
            await writer.drain()

    return handle


def frame(kind: int, flags: int, stream_id: int, payload: bytes) -> bytes:
    return (
        len(payload).to_bytes(3, "big")
        + bytes([kind, flags])
        + stream_id.to_bytes(4, "big")
        + payload
    )


def hello(state: h2.connection.H2Connection, stream_id: int) -> None:
    state.send_headers(stream_id, OK)
    state.send_data(stream_id, b"over frames", end_stream=True)


async def test_page_is_read_over_http2_on_one_connection() -> None:
    async with site(http2(hello)) as (web_access, url, chosen):
        pages = [await web_access.get(f"{url}{number}") for number in range(3)]
        assert [page.body for page in pages] == [b"over frames"] * 3
        assert chosen == ["h2"]


async def test_pages_are_read_side_by_side_over_http2() -> None:
    async with site(http2(hello)) as (web_access, url, _):
        pages = await asyncio.gather(*(web_access.get(f"{url}{number}") for number in range(8)))
        assert [page.body for page in pages] == [b"over frames"] * 8


async def test_server_without_http2_is_read_over_http1() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nold")
        await writer.drain()

    async with site(handle, alpn="http/1.1") as (web_access, url, chosen):
        assert (await web_access.get(url)).body == b"old"
        assert chosen == ["http/1.1"]


def large_header(state: h2.connection.H2Connection, stream_id: int) -> None:
    state.send_headers(stream_id, [*OK, *((f"x-{n}", "a" * 4000) for n in range(40))])


def many_headers(state: h2.connection.H2Connection, stream_id: int) -> None:
    state.send_headers(stream_id, [*OK, *((f"x-{n}", "a") for n in range(400))], end_stream=True)


def word_as_status(state: h2.connection.H2Connection, stream_id: int) -> None:
    state.send_headers(stream_id, [(":status", "fine")], end_stream=True)


def endless_continuation(state: h2.connection.H2Connection, stream_id: int) -> bytes:
    return frame(1, 0, stream_id, b"") + frame(9, 0, stream_id, b"\x00" * 1000) * 200


def endless_pings(state: h2.connection.H2Connection, stream_id: int) -> bytes:
    return frame(6, 1, 0, b"12345678") * 1000


def endless_interim_replies(state: h2.connection.H2Connection, stream_id: int) -> bytes:
    return frame(1, 4, stream_id, b"\x08\x03103") * 1000


def endless_empty_frames(state: h2.connection.H2Connection, stream_id: int) -> bytes:
    state.send_headers(stream_id, OK)
    return frame(0, 0, stream_id, b"") * 1000


def no_frames(state: h2.connection.H2Connection, stream_id: int) -> bytes:
    return b"\xff" * 20_000


@pytest.mark.parametrize(
    "answer",
    [large_header, many_headers, word_as_status, endless_continuation, endless_pings,
     endless_interim_replies, endless_empty_frames, no_frames],
)  # fmt: skip
async def test_hostile_http2_ends_in_a_named_error(answer: Answer) -> None:
    async with site(http2(answer), total_timeout_s=60.0) as (web_access, url, _):
        with pytest.raises(PageUnreachable) as caught:
            await web_access.get(url)
        # Not by the clock: by what was sent.
        assert "took longer" not in caught.value.message
        assert "site.example" in caught.value.message


def endless_body(state: h2.connection.H2Connection, stream_id: int) -> bytes:
    state.send_headers(stream_id, OK)
    return frame(0, 0, stream_id, b"x" * 10_000)


async def test_endless_body_over_http2_is_cut_and_its_connection_is_left() -> None:
    async with site(http2(endless_body), max_page_bytes=100_000) as (web_access, url, chosen):
        for number in range(2):
            page = await web_access.get(f"{url}{number}")
            assert (len(page.body), page.truncated) == (100_000, True)
        assert chosen == ["h2", "h2"]


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1_000_000:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    ("handler", "alpn"), [(silent, "h2"), (silent, "http/1.1"), (dripping, "http/1.1")]
)
async def test_silent_or_dripping_server_ends_with_the_total_time(
    handler: Handler, alpn: str
) -> None:
    async with site(handler, alpn=alpn, total_timeout_s=0.3) as (web_access, url, _):
        with pytest.raises(PageUnreachable, match=r"took longer than 0\.3 s"):
            await web_access.get(url)


def http1(head: bytes, endless: bytes) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        while True:
            writer.write(endless)
            await writer.drain()

    return handle


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


@pytest.mark.parametrize(
    ("head", "endless"),
    [
        (HEAD, b"X-More: " + b"a" * 1000 + b"\r\n"),
        (HEAD + b"X-Long: ", b"a" * 1000),
        (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 100),
        (HEAD + b"".join(b"X-%d: a\r\n" % n for n in range(400)) + b"\r\n", b"body"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1;" + b"e" * 4000 + b"\r\nx\r\n"),
        (b"", b"no http at all\r\n"),
    ],
    ids=["headers", "one header", "interim replies", "many headers", "chunk extensions", "garbage"],
)
async def test_hostile_http1_ends_in_a_named_error(head: bytes, endless: bytes) -> None:
    async with site(http1(head, endless), alpn="http/1.1", total_timeout_s=60.0) as found:
        web_access, url, _ = found
        with pytest.raises(PageUnreachable) as caught:
            await web_access.get(url)
        assert "took longer" not in caught.value.message
