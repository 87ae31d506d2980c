"""`/mcp` of a running server: the official client behind the guards of every request."""

import asyncio
import json
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import anyio
import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent
from server.doors import serve_users
from server.fake_service import FakeService, make_server, search_script, serve

from websearch_agent.config import Settings
from websearch_agent.errors import ServerBusy
from websearch_agent.events import AgentEvent
from websearch_agent.server.mcp_door import OwnedSessions
from websearch_agent.types import AnswerRequest

pytestmark = pytest.mark.anyio

Connect = Callable[..., AbstractAsyncContextManager[Client]]

ACCEPT = {"Accept": "application/json, text/event-stream"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
LIST_TOOLS = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}


def call_of(tool: str, **arguments: object) -> dict[str, object]:
    params = {"name": tool, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": params}


def text_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


async def hanging_script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
    yield service.start(request)
    await asyncio.Event().wait()


@pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
async def test_official_client_asks_searches_and_reads(connect: Connect, path: str) -> None:
    told: list[str | None] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        told.append(message)

    service = FakeService(search_script)
    async with serve(service) as address, connect(address, path=path) as client:
        answer = await client.call_tool(
            "answer_question", {"question": "q"}, progress_callback=on_progress
        )
        found = await client.call_tool("search_web", {"query": "q"})
        page = await client.call_tool("read_page", {"address": "https://a.example/"})
    assert answer.structured_content is not None
    assert answer.structured_content["answer"].startswith("HTTPX supports **HTTP/2** [2]")
    assert told[:2] == ["Deciding what to do", "Searching: httpx http2 | httpx 开启 http2"]
    assert not found.is_error
    assert not page.is_error
    assert service.store.conversations == {}


async def test_cancelled_call_stops_the_work_and_gives_its_place_back(connect: Connect) -> None:
    service = FakeService(hanging=hanging_script)
    settings = Settings(max_answers=1, max_waiting=1)
    async with serve(service, settings) as address, connect(address) as client:
        async with anyio.create_task_group() as calling:
            calling.start_soon(client.call_tool, "answer_question", {"question": "hanging"})
            await service.asked.wait()
            calling.cancel_scope.cancel()
        await service.stopped.wait()
        next_one = await client.call_tool("answer_question", {"question": "q"})
    assert not next_one.is_error


async def test_client_that_drops_its_connection_stops_the_work(mode: str) -> None:
    service = FakeService(hanging_script)
    headers = dict(ACCEPT)
    call = call_of("answer_question", question="q")
    async with serve(service) as address, httpx.AsyncClient(base_url=address) as client:
        if mode == "legacy":
            opened = await client.post("/mcp", json=INITIALIZE, headers=headers)
            headers["mcp-session-id"] = opened.headers["mcp-session-id"]
        else:
            headers |= {
                "mcp-protocol-version": "2026-07-28",
                "mcp-method": "tools/call",
                "mcp-name": "answer_question",
            }
            call["params"]["_meta"] = {  # type: ignore[index]
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": {},
                "progressToken": 1,
            }
        async with client.stream("POST", "/mcp", json=call, headers=headers) as response:
            assert response.status_code == 200
            await service.asked.wait()
        await service.stopped.wait()


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("answer_question", {"question": "q"}),
        ("search_web", {"query": "q"}),
        ("read_page", {"address": "https://a.example/"}),
    ],
)
async def test_each_call_counts_as_a_question(
    connect: Connect, tool: str, arguments: dict[str, str]
) -> None:
    settings = Settings(questions_per_minute=1)
    async with serve(FakeService(), settings) as address, connect(address) as client:
        first = await client.call_tool(tool, arguments)
        second = await client.call_tool(tool, arguments)
    assert not first.is_error
    assert second.is_error
    assert "(code: too_many_requests) Try again in" in text_of(second)


async def test_question_without_a_place_is_refused(connect: Connect) -> None:
    service = FakeService(hanging=hanging_script)
    settings = Settings(max_answers=1, max_waiting=0)
    async with (
        serve(service, settings) as address,
        connect(address) as client,
        anyio.create_task_group() as calling,
    ):
        calling.start_soon(client.call_tool, "answer_question", {"question": "hanging"})
        await service.asked.wait()
        refused = await client.call_tool("answer_question", {"question": "q"})
        calling.cancel_scope.cancel()
    assert refused.is_error
    assert "(code: server_busy)" in text_of(refused)


async def test_key_with_the_scope_ask_gets_in(connect: Connect) -> None:
    async with serve_users() as doors:
        made = await doors.service.accounts.create_key("ann", "test", ["ask"])
        async with connect(doors.address, key=made.secret) as client:
            assert not (await client.call_tool("answer_question", {"question": "q"})).is_error
    assert doors.service.for_owner("user-ann").requests != []


@pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_nobody_gets_in_without_a_valid_key(method: str, path: str) -> None:
    async with serve_users() as doors:
        for headers in ({}, {"Authorization": "Bearer wsa_wrong"}):
            async with doors.client(**ACCEPT, **headers) as stranger:
                response = await stranger.request(method, path, json=INITIALIZE)
            assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")
            assert response.headers["www-authenticate"] == "Bearer"


async def test_official_client_with_a_wrong_key_is_told_401(connect: Connect) -> None:
    async with serve_users() as doors:
        with pytest.raises(ExceptionGroup) as refused:
            async with connect(doors.address, key="wsa_wrong") as client:
                await client.list_tools()
    assert "401" in "".join(traceback.format_exception(refused.value))


async def test_key_without_the_scope_ask_is_refused() -> None:
    async with serve_users() as doors, await doors.key_client("ann", "read", "delete") as ann:
        response = await ann.post("/mcp", json=INITIALIZE, headers=ACCEPT)
    assert (response.status_code, response.json()["code"]) == (403, "not_allowed")


async def test_session_of_another_user_is_as_unknown_as_one_that_never_was() -> None:
    async with serve_users() as doors:
        ann, ben = await doors.key_client("ann"), await doors.key_client("ben")
        async with ann, ben:
            opened = await ann.post("/mcp", json=INITIALIZE, headers=ACCEPT)
            session = {"mcp-session-id": opened.headers["mcp-session-id"]}
            foreign, unknown = {**ACCEPT, **session}, {**ACCEPT, "mcp-session-id": "0" * 32}
            for method in ("POST", "GET", "DELETE"):
                body = json.dumps(LIST_TOOLS) if method == "POST" else None
                content_type = {"Content-Type": "application/json"}
                replies = [
                    await ben.request(
                        method, "/mcp", content=body, headers={**headers, **content_type}
                    )
                    for headers in (foreign, unknown)
                ]
                assert [reply.status_code for reply in replies] == [404, 404]
                assert replies[0].text == replies[1].text
            own = await ann.post("/mcp", json=LIST_TOOLS, headers=foreign)
    assert own.status_code == 200
    assert "search_web" in own.text


async def test_each_owner_has_a_manager_of_sessions_alone() -> None:
    sessions = OwnedSessions()
    first, second = await asyncio.gather(sessions.of_owner("ann"), sessions.of_owner("ann"))
    of_ben = await sessions.of_owner("ben")
    await sessions.aclose()
    assert first is second
    assert of_ben is not first
    with pytest.raises(ServerBusy):
        await sessions.of_owner("ann")


@asynccontextmanager
async def serve_sessions(service: FakeService, *, max_each: int) -> AsyncIterator[str]:
    server = make_server(service)
    server.config.app.state.mcp_door.sessions = OwnedSessions(max_each=max_each)  # type: ignore[union-attr]
    serving = asyncio.create_task(server.serve(sockets=[server.listener]))  # type: ignore[attr-defined]
    try:
        yield server.address
    finally:
        server.should_exit = True
        await serving


async def open_session(client: httpx.AsyncClient) -> dict[str, str]:
    """The headers of a new session."""
    opened = await client.post("/mcp", json=INITIALIZE, headers=ACCEPT)
    assert opened.status_code == 200, opened.text
    return {**ACCEPT, "mcp-session-id": opened.headers["mcp-session-id"]}


async def statuses(client: httpx.AsyncClient, *sessions: dict[str, str]) -> list[int]:
    replies = [await client.post("/mcp", json=LIST_TOOLS, headers=one) for one in sessions]
    return [reply.status_code for reply in replies]


async def test_session_idle_longest_gives_way_to_a_new_one() -> None:
    async with (
        serve_sessions(FakeService(), max_each=2) as address,
        httpx.AsyncClient(base_url=address) as client,
    ):
        first, second = await open_session(client), await open_session(client)
        assert await statuses(client, first) == [200]
        third = await open_session(client)
        assert await statuses(client, second, first, third) == [404, 200, 200]
        for _ in range(6):
            last = await open_session(client)
        assert await statuses(client, first, third, last) == [404, 404, 200]


async def test_session_with_an_open_stream_goes_after_those_without() -> None:
    async with (
        serve_sessions(FakeService(), max_each=2) as address,
        httpx.AsyncClient(base_url=address) as client,
    ):
        listening = await open_session(client)
        async with client.stream("GET", "/mcp", headers=listening) as stream:
            assert stream.status_code == 200
            forgotten, newest = await open_session(client), await open_session(client)
            assert await statuses(client, listening, forgotten, newest) == [200, 404, 200]


async def test_what_opens_no_session_ends_none() -> None:
    async with (
        serve_sessions(FakeService(), max_each=1) as address,
        httpx.AsyncClient(base_url=address) as client,
    ):
        session = await open_session(client)
        assert await statuses(client, ACCEPT, ACCEPT, session) == [400, 400, 200]
        assert (await client.delete("/mcp", headers=session)).status_code == 200
        assert await statuses(client, await open_session(client)) == [200]


async def test_session_with_an_open_call_stays_and_calls_without_one_go_on() -> None:
    service = FakeService(hanging=hanging_script)
    async with (
        serve_sessions(service, max_each=1) as address,
        httpx.AsyncClient(base_url=address) as client,
        httpx2.AsyncClient(timeout=30) as http_client,
    ):
        session = await open_session(client)
        call = call_of("answer_question", question="hanging")
        async with client.stream("POST", "/mcp", json=call, headers=session):
            await service.asked.wait()
            refused = await client.post("/mcp", json=INITIALIZE, headers=ACCEPT)
            transport = streamable_http_client(address + "/mcp", http_client=http_client)
            async with Client(transport, mode="auto") as stateless:
                page = await stateless.call_tool("read_page", {"address": "https://a.example/"})
    assert (refused.status_code, refused.json()["code"]) == (503, "server_busy")
    assert int(refused.headers["retry-after"]) > 0
    assert not page.is_error


async def test_ended_session_is_gone() -> None:
    async with serve(FakeService()) as address, httpx.AsyncClient(base_url=address) as client:
        opened = await client.post("/mcp", json=INITIALIZE, headers=ACCEPT)
        session = {**ACCEPT, "mcp-session-id": opened.headers["mcp-session-id"]}
        ended = await client.delete("/mcp", headers=session)
        after = await client.post("/mcp", json=LIST_TOOLS, headers=session)
    assert (ended.status_code, after.status_code) == (200, 404)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": "answers.example.org"}, 200),
        ({"Host": "answers.example.org", "Origin": "https://answers.example.org"}, 200),
        ({}, 200),
    ],
)
async def test_hosts_and_origins_are_those_of_the_whole_server(
    headers: dict[str, str], status: int
) -> None:
    settings = Settings(public_url="https://answers.example.org", auth="off")
    async with (
        serve(FakeService(), settings) as address,
        httpx.AsyncClient(base_url=address) as client,
    ):
        response = await client.post("/mcp", json=INITIALIZE, headers={**ACCEPT, **headers})
    assert response.status_code == status


@pytest.mark.parametrize(
    ("body", "status"),
    [("{", 400), ("[]", 400), ('{"jsonrpc": "2.0"}', 400), ("x" * 300_000, 413)],
)
async def test_broken_body_is_refused_and_the_server_goes_on(body: str, status: int) -> None:
    async with serve(FakeService()) as address, httpx.AsyncClient(base_url=address) as client:
        headers = {**ACCEPT, "Content-Type": "application/json"}
        refused = await client.post("/mcp", content=body, headers=headers)
        after = await client.post("/mcp", json=INITIALIZE, headers=ACCEPT)
    assert (refused.status_code, after.status_code) == (status, 200)
    assert "Traceback" not in refused.text


async def test_other_methods_are_refused() -> None:
    async with serve(FakeService()) as address, httpx.AsyncClient(base_url=address) as client:
        assert (await client.put("/mcp", json={}, headers=ACCEPT)).status_code in (400, 405)


async def test_end_of_the_server_ends_the_stream_of_an_idle_session_in_order() -> None:
    server = make_server(FakeService(), Settings())
    serving = asyncio.create_task(server.serve(sockets=[server.listener]))  # type: ignore[attr-defined]
    async with httpx.AsyncClient(base_url=server.address) as client:
        opened = await client.post("/mcp", json=INITIALIZE, headers=ACCEPT)
        session = {**ACCEPT, "mcp-session-id": opened.headers["mcp-session-id"]}
        async with client.stream("GET", "/mcp", headers=session) as stream:
            assert stream.status_code == 200
            server.should_exit = True
            await stream.aread()  # Raises where a stream is cut.
    await serving


async def test_end_of_the_server_is_told_to_open_calls(mode: str) -> None:
    service = FakeService(hanging_script)
    settings = Settings()
    server = make_server(service, settings)
    serving = asyncio.create_task(server.serve(sockets=[server.listener]))  # type: ignore[attr-defined]
    results: list[CallToolResult] = []

    async def call(client: Client) -> None:
        results.append(await client.call_tool("answer_question", {"question": "q"}))

    async with httpx2.AsyncClient(timeout=30) as http_client:
        # Without a farewell: the server is gone when the client leaves.
        transport = streamable_http_client(
            server.address + "/mcp", http_client=http_client, terminate_on_close=False
        )
        async with Client(transport, mode=mode) as client, anyio.create_task_group() as calling:
            calling.start_soon(call, client)
            await service.asked.wait()
            server.should_exit = True
            await serving
            calling.cancel_scope.cancel()
    (result,) = results
    assert result.is_error
    assert "(code: shutting_down)" in text_of(result)
    assert service.closed
