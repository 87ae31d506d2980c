"""`/mcp`: the tools of `mcp_server` over streamable HTTP, behind the guards of every request.

A call needs the scope `ask`; a question is counted and waits for its place as at `/api/answers`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import anyio
from mcp.server.streamable_http import MCP_SESSION_ID_HEADER
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from websearch_agent.accounts import Identity
from websearch_agent.chats import ChatRequest
from websearch_agent.errors import ServerBusy
from websearch_agent.events import AgentEvent, AnswerFailed, AnswerFinished
from websearch_agent.mcp_server.tools import make_tool_server
from websearch_agent.search.fan_out import SearchOutcome
from websearch_agent.server.answer_queue import RETRY_AFTER_S
from websearch_agent.server.feed import AnswerFeed
from websearch_agent.server.guards import MAX_BODY_BYTES
from websearch_agent.server.identity import check_scope, require_identity, service_of
from websearch_agent.server.lookups import lookup_place
from websearch_agent.server.open_answer import AnswerTurn
from websearch_agent.server.rate_limits import QuestionLimit, asker_of, holder_of
from websearch_agent.types import Page, SearchQuery

# Many clients never end their session, and without a login all of them are one owner: the next one
# takes the place of the session that was idle longest.
MAX_SESSIONS_EACH = 100

CLIENT_LEFT = AnswerFailed("stopped", "The client left, so the answer was stopped.", retryable=True)
_CALLER = "websearch_agent.mcp_caller"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request; `gone` is set when its connection has ended."""

    identity: Identity
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def receive_end(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}


class McpDoor:
    """The application behind `/mcp`. `aclose` within the server's life, when it ends."""

    def __init__(self) -> None:
        self.sessions = OwnedSessions()
        self._calls_open = 0
        self._ending = False

    def routes(self) -> tuple[Route, Route]:
        """With and without the slash: not every client follows a redirect of a POST."""
        return Route("/mcp", self), Route("/mcp/", self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises NotAuthenticated, NotAllowed, ServerBusy."""
        request = Request(scope, receive)
        identity = await require_identity(request)
        check_scope(identity, "ask")
        sessions = await self.sessions.of_owner(identity.owner_id)
        caller = Caller(identity)

        async def watched_receive() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect":
                caller.gone.set()
            return message

        is_call = scope["method"] == "POST"
        self._calls_open += is_call
        try:
            await sessions.handle_request({**scope, _CALLER: caller}, watched_receive, send)
        finally:
            self._calls_open -= is_call
            self._end_sessions_if_idle()

    def end(self) -> None:
        """The sessions end as soon as the open calls have been answered. Without this their streams
        are cut in the middle, and hold the server up (0.6 s instead of 0.2)."""
        self._ending = True
        self._end_sessions_if_idle()

    async def aclose(self) -> None:
        await self.sessions.aclose()

    def _end_sessions_if_idle(self) -> None:
        if self._ending and self._calls_open == 0:
            self.sessions.end()


class OwnedSessions:
    """A session manager for each owner: by construction no session is known to anybody else, and
    one owner's sessions take no room from another's."""

    def __init__(self, *, max_each: int = MAX_SESSIONS_EACH) -> None:
        self._max_each = max_each
        self._owners: dict[str, asyncio.Task[OwnerSessions]] = {}
        self._running: list[asyncio.Task[None]] = []
        self._end = asyncio.Event()

    async def of_owner(self, owner_id: str) -> "OwnerSessions":
        """Raises ServerBusy when the server is about to end."""
        if self._end.is_set():
            message = "The server is shutting down. Ask again when it is back."
            raise ServerBusy(message, retry_after_s=RETRY_AFTER_S)
        if owner_id not in self._owners:
            self._owners[owner_id] = asyncio.create_task(self._start())
        return await asyncio.shield(self._owners[owner_id])

    def end(self) -> None:
        self._end.set()

    async def aclose(self) -> None:
        self.end()
        if self._running:
            await asyncio.wait(self._running)

    async def _start(self) -> "OwnerSessions":
        server = make_tool_server(_guarded_service)
        server.streamable_http_app(
            # Our guards check Host and Origin, and know the server's public address.
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
            max_request_body_size=MAX_BODY_BYTES,
            # Room for those that are being opened, which may turn out to be none.
            max_sessions=2 * self._max_each,
        )
        manager, ready = server.session_manager, asyncio.Event()
        self._running.append(asyncio.create_task(self._run(manager, ready)))
        await ready.wait()
        return OwnerSessions(manager, max_open=self._max_each)

    async def _run(self, manager: StreamableHTTPSessionManager, ready: asyncio.Event) -> None:
        # Its task group has to be left by the task that entered it.
        async with manager.run():
            ready.set()
            await self._end.wait()


@dataclass(slots=True)
class OpenSession:
    """How much of a session is in use now."""

    calls_open: int = 0
    streams_open: int = 0


class OwnerSessions:
    """The sessions of one owner. When there is no room for another one, the session that was idle
    longest is ended; its client is told 404, and opens a new one."""

    def __init__(self, manager: StreamableHTTPSessionManager, *, max_open: int) -> None:
        self._manager = manager
        self._max_open = max_open
        # That used last stands last. Those which the SDK ended for being idle stand first.
        self._open: dict[str, OpenSession] = {}
        self._being_opened = 0

    async def handle_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises ServerBusy when a session is asked for while all of them have open calls."""
        headers = Headers(scope=scope)
        session_id = headers.get(MCP_SESSION_ID_HEADER)
        version = headers.get(MCP_PROTOCOL_VERSION_HEADER)
        if version is not None and version not in HANDSHAKE_PROTOCOL_VERSIONS:
            await self._manager.handle_request(scope, receive, send)  # knows no sessions
        elif session_id is None:
            await self._open_session(scope, receive, send)
        elif session_id in self._open:
            await self._use_session(session_id, scope, receive, send)
        else:
            await self._manager.handle_request(scope, receive, send)

    async def _open_session(self, scope: Scope, receive: Receive, send: Send) -> None:
        in_use = sum(session.calls_open > 0 for session in self._open.values())
        if in_use + self._being_opened >= self._max_open:
            message = "Too many sessions have open calls. Open another one a little later."
            raise ServerBusy(message, retry_after_s=RETRY_AFTER_S)
        opened: list[OpenSession] = []

        async def watched_send(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400:
                session_id = Headers(raw=message["headers"]).get(MCP_SESSION_ID_HEADER)
                if session_id is not None:
                    opened.append(OpenSession(calls_open=1))
                    self._open[session_id] = opened[0]
                    await self._end_surplus(scope)
            await send(message)

        self._being_opened += 1
        try:
            await self._manager.handle_request(scope, receive, watched_send)
        finally:
            self._being_opened -= 1
            for session in opened:
                session.calls_open -= 1

    async def _use_session(
        self, session_id: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        session = self._open[session_id]
        is_call, is_stream = scope["method"] == "POST", scope["method"] == "GET"
        has_ended = False

        async def watched_send(message: Message) -> None:
            nonlocal has_ended
            if message["type"] == "http.response.start":
                is_end = scope["method"] == "DELETE" and message["status"] < 400
                has_ended = is_end or message["status"] == 404
            await send(message)

        session.calls_open += is_call
        session.streams_open += is_stream
        try:
            await self._manager.handle_request(scope, receive, watched_send)
        finally:
            session.calls_open -= is_call
            session.streams_open -= is_stream
            # Ended meanwhile, it is no longer there.
            if self._open.pop(session_id, None) is not None and not has_ended:
                self._open[session_id] = session

    async def _end_surplus(self, scope: Scope) -> None:
        while len(self._open) > self._max_open:
            idle = [name for name, session in self._open.items() if not session.calls_open]
            if not idle:
                return
            # The client of an open stream is still there.
            session_id = min(idle, key=lambda name: self._open[name].streams_open > 0)
            del self._open[session_id]
            with anyio.CancelScope(shield=True):
                await self._end_session(session_id, scope)

    async def _end_session(self, session_id: str, scope: Scope) -> None:
        """As its client would: the SDK has no other way in its public interface."""
        headers = [(MCP_SESSION_ID_HEADER.encode(), session_id.encode())]
        request = {**scope, "method": "DELETE", "headers": headers}
        await self._manager.handle_request(request, _receive_nothing, _send_nowhere)


async def _receive_nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send_nowhere(message: Message) -> None: ...


@dataclass(frozen=True, slots=True)
class GuardedService:
    """The service for one call of one caller, with the limits of the server."""

    request: Request
    caller: Caller

    async def answer_chat(self, chat: ChatRequest) -> AsyncIterator[AgentEvent]:
        """Raises TooManyRequests, ServerBusy."""
        scope, state = self.request.scope, self.request.app.state
        limit: QuestionLimit = state.question_limit
        await limit.count(asker_of(self.caller.identity, scope))
        service = service_of(self.request, self.caller.identity)
        turn = AnswerTurn(
            begin=lambda: service.answer_chat(chat),
            holder=holder_of(self.caller.identity, scope),
            queue=state.answer_queue,
            open_answers=state.open_answers,
        )
        held = AsyncExitStack()
        try:
            feed = await held.enter_async_context(turn.open(self.caller.receive_end))
            if feed is None:
                yield CLIENT_LEFT
                return
            watching = asyncio.create_task(self._stop_when_gone(feed))
            held.callback(watching.cancel)
            async for event in _events_of(feed):
                yield event
        finally:
            # The SDK cancels again and again: the place is given back when the work has ended.
            with anyio.CancelScope(shield=True):
                await held.aclose()

    async def search_web(self, query: SearchQuery) -> SearchOutcome:
        async with lookup_place(self.request.app, self.caller.identity, self.request.scope):
            return await service_of(self.request, self.caller.identity).search_web(query)

    async def read_page(self, address: str, *, intranet: bool = False) -> Page:
        service = service_of(self.request, self.caller.identity)
        async with lookup_place(self.request.app, self.caller.identity, self.request.scope):
            return await service.read_page(address, intranet=intranet)

    async def _stop_when_gone(self, feed: AnswerFeed) -> None:
        """No answer is kept for a client that comes back, so nobody would ever read it."""
        await self.caller.gone.wait()
        feed.fail(CLIENT_LEFT)


async def _events_of(feed: AnswerFeed) -> AsyncIterator[AgentEvent]:
    while True:
        event = await feed.next_event()
        if event is None:
            continue
        yield event
        if isinstance(event, AnswerFinished | AnswerFailed):
            return


def _guarded_service(request: object) -> GuardedService:
    if not isinstance(request, Request):
        raise TypeError("a call over HTTP comes with its request")
    return GuardedService(request, request.scope[_CALLER])
