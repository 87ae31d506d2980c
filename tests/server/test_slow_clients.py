"""Slow clients, large headers, too many connections: over a real socket where it matters."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from server.fake_service import FakeService, make_answer, serve
from starlette.types import Message, Receive, Scope, Send
from uvicorn.server import ServerState

from websearch_agent.config import Settings
from websearch_agent.events import AgentEvent
from websearch_agent.server.app import create_app
from websearch_agent.server.guards import BodyLimit
from websearch_agent.server.http_protocol import GuardedProtocol
from websearch_agent.server.run import server_config
from websearch_agent.types import AnswerRequest

pytestmark = pytest.mark.anyio


class HastyProtocol(GuardedProtocol):
    header_deadline_s = 0.05
    linger_s = 0.05


class CrowdedProtocol(GuardedProtocol):
    max_connections = 2


async def read_to_the_end(reader: asyncio.StreamReader) -> bytes:
    """What the server said until it closed the connection. Fails if it does not close it."""
    try:
        return await asyncio.wait_for(reader.read(), 5)
    except ConnectionResetError:
        return b""


@asynccontextmanager
async def raw_connection(
    address: str,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    host, _, port = address.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()


async def drip(writer: asyncio.StreamWriter, piece: bytes) -> None:
    """Send a little again and again, until the connection is closed."""
    try:
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.005)
    except OSError:
        return


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\n"])
async def test_connection_whose_headers_do_not_come_is_closed(start: bytes) -> None:
    async with (
        serve(FakeService(), protocol=HastyProtocol) as address,
        raw_connection(address) as (reader, writer),
    ):
        writer.write(start)
        assert await read_to_the_end(reader) == b""


async def test_headers_that_drip_are_cut_off_also_after_an_answer() -> None:
    async with (
        serve(FakeService(), protocol=HastyProtocol) as address,
        raw_connection(address) as (reader, writer),
    ):
        writer.write(b"GET /favicon.ico HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answered = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        writer.write(b"GET / HTTP/1.1\r\n")
        dripping = asyncio.create_task(drip(writer, b"X-A: b\r\n"))
        rest = await read_to_the_end(reader)
        await dripping
    assert answered.startswith(b"HTTP/1.1 308")
    assert rest == b""


async def test_deadline_for_headers_does_not_cut_a_long_answer() -> None:
    async def slow_script(
        service: FakeService, request: AnswerRequest
    ) -> AsyncIterator[AgentEvent]:
        yield service.start(request)
        # Longer than the deadline: it must have been taken back by then.
        await asyncio.sleep(4 * HastyProtocol.header_deadline_s)
        yield service.finish(make_answer("Late.", sources=()))

    async with (
        serve(FakeService(slow_script), protocol=HastyProtocol) as address,
        httpx.AsyncClient(base_url=address) as client,
    ):
        response = await client.post("/api/answers", json={"question": "q"})
    assert response.json()["text"] == "Late."


async def test_body_that_drips_after_its_answer_does_not_keep_the_connection() -> None:
    request = b"POST /api/answers HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 1000000\r\n\r\n"
    async with (
        serve(FakeService(), protocol=HastyProtocol) as address,
        raw_connection(address) as (reader, writer),
    ):
        # A foreign host stands for any refusal that does not wait for the body: see below.
        writer.write(request)
        dripping = asyncio.create_task(drip(writer, b" "))
        answer = await read_to_the_end(reader)
        await dripping
    assert answer.startswith(b"HTTP/1.1 421")


@pytest.mark.parametrize("in_one_piece", [True, False])
async def test_headers_over_32_kb_are_refused(in_one_piece: bool) -> None:
    service = FakeService()
    line = b"X-Long: " + b"a" * 4000 + b"\r\n"
    async with serve(service) as address, raw_connection(address) as (reader, writer):
        writer.write(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n")
        if in_one_piece:
            writer.write(line * 9 + b"Connection: close\r\n\r\n")
        else:
            for _ in range(9):
                writer.write(line)
                await writer.drain()
        answer = await read_to_the_end(reader)
    assert answer.split(b" ")[1] in (b"431", b"400")


async def test_headers_just_below_the_limit_are_taken() -> None:
    async with serve(FakeService()) as address, httpx.AsyncClient(base_url=address) as client:
        response = await client.get("/api/health", headers={"X-Long": "a" * 31_000})
    assert response.status_code == 200


async def test_long_headers_that_come_complete_are_431() -> None:
    app = create_app(FakeService, Settings())
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        by_header = await client.get("/api/health", headers={"X-Long": "a" * 40_000})
        by_address = await client.get("/api/health?" + "a" * 40_000)
    assert (by_header.status_code, by_address.status_code) == (431, 431)
    assert by_header.json()["code"] == "headers_too_large"


async def test_connection_too_many_is_503_and_closed() -> None:
    async with serve(FakeService(), protocol=CrowdedProtocol) as address:
        async with raw_connection(address) as first, raw_connection(address) as second:
            for _, writer in (first, second):
                writer.write(b"GET /favicon.ico HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for reader, _ in (first, second):
                assert b"308" in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            async with raw_connection(address) as (reader, _):
                refused = await read_to_the_end(reader)
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nRetry-After: " in refused
        head, _, body = refused.partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in head


class PeerTransport(asyncio.Transport):
    """A connection from `peer` that keeps what is written."""

    def __init__(self, peer: str) -> None:
        super().__init__({"peername": (peer, 40_000), "sockname": ("192.0.2.1", 8000)})
        self.written = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True


async def connect(state: ServerState, *peers: str) -> list[bytes]:
    """What each of these connections is told at once, one opened after the other."""
    settings = Settings(trusted_proxies="198.51.100.0/24")  # type: ignore[arg-type]
    config = server_config(create_app(FakeService, settings), settings)
    config.load()
    told = []
    for peer in peers:
        protocol = config.http_protocol_class(config=config, server_state=state, app_state={})  # type: ignore[call-arg]
        transport = PeerTransport(peer)
        protocol.connection_made(transport)
        assert transport.closed is bool(transport.written)
        told.append(transport.written[:12])
        if transport.closed:
            protocol.connection_lost(None)
    for open_one in state.connections:
        open_one._cancel_deadline()  # type: ignore[union-attr]
    return told


FULL = b"HTTP/1.1 503"


@pytest.mark.parametrize(
    ("first", "again", "other"),
    [
        ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
        ("::ffff:192.0.2.7", "192.0.2.7", "::ffff:192.0.2.8"),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"),
    ],
)
async def test_65th_connection_of_one_client_is_503_and_others_get_in(
    first: str, again: str, other: str
) -> None:
    told = await connect(ServerState(), *[first] * 64, again, again, other)
    assert told == [b""] * 64 + [FULL, FULL, b""]


@pytest.mark.parametrize(
    "peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "198.51.100.3", "::ffff:198.51.100.3"]
)
async def test_proxy_and_this_machine_may_open_as_many_as_there_are(peer: str) -> None:
    assert await connect(ServerState(), *[peer] * 513) == [b""] * 512 + [FULL]


async def test_web_sockets_pass_no_guard_for_there_are_none() -> None:
    request = (
        b"GET /api/health HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    async with serve(FakeService()) as address, raw_connection(address) as (reader, writer):
        writer.write(request)
        answer = await read_to_the_end(reader)
    assert answer.startswith(b"HTTP/1.1 200")


# ---- bodies --------------------------------------------------------------------------------------


async def send_body(limit: BodyLimit, messages: list[Message]) -> list[Message]:
    """What the app behind the limit, or the limit itself, answers; then the client is silent."""
    sent: list[Message] = []

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
    await limit(scope, receive, send)
    return sent


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    message = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": message["body"]})


async def test_slow_body_is_408() -> None:
    limit = BodyLimit(echo, deadline_s=0.01)
    part: Message = {"type": "http.request", "body": b'{"question"', "more_body": True}
    sent = await send_body(limit, [part])
    assert sent[0]["status"] == 408
    assert b"body_too_slow" in sent[1]["body"]


async def test_body_in_parts_reaches_the_app_whole() -> None:
    parts: list[Message] = [
        {"type": "http.request", "body": b"a", "more_body": True},
        {"type": "http.request", "body": b"b", "more_body": False},
    ]
    sent = await send_body(BodyLimit(echo), parts)
    assert (sent[0]["status"], sent[1]["body"]) == (200, b"ab")


async def test_half_a_body_of_a_client_that_left_reaches_no_route() -> None:
    parts: list[Message] = [
        {"type": "http.request", "body": b"half", "more_body": True},
        {"type": "http.disconnect"},
    ]
    assert await send_body(BodyLimit(echo), parts) == []
