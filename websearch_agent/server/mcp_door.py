"""`/mcp`: the tools of `mcp_server` over streamable HTTP, behind the guards of every request.

A call needs the scope `ask`; a question is counted and waits for its place as at `/api/answers`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import anyio
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
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

# A client that forgets to end its session keeps it for half an hour.
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
        self._sessions = OwnedSessions()
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
        sessions = await self._sessions.of_owner(identity.owner_id)
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
        await self._sessions.aclose()

    def _end_sessions_if_idle(self) -> None:
        if self._ending and self._calls_open == 0:
            self._sessions.end()


class OwnedSessions:
    """A session manager for each owner: by construction no session is known to anybody else, and
    one owner's sessions take no room from another's."""

    def __init__(self) -> None:
        self._managers: dict[str, asyncio.Task[StreamableHTTPSessionManager]] = {}
        self._running: list[asyncio.Task[None]] = []
        self._end = asyncio.Event()

    async def of_owner(self, owner_id: str) -> StreamableHTTPSessionManager:
        """Raises ServerBusy when the server is about to end."""
        if self._end.is_set():
            message = "The server is shutting down. Ask again when it is back."
            raise ServerBusy(message, retry_after_s=RETRY_AFTER_S)
        if owner_id not in self._managers:
            self._managers[owner_id] = asyncio.create_task(self._start())
        return await asyncio.shield(self._managers[owner_id])

    def end(self) -> None:
        self._end.set()

    async def aclose(self) -> None:
        self.end()
        if self._running:
            await asyncio.wait(self._running)

    async def _start(self) -> StreamableHTTPSessionManager:
        server = make_tool_server(_guarded_service)
        server.streamable_http_app(
            # Our guards check Host and Origin, and know the server's public address.
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
            max_request_body_size=MAX_BODY_BYTES,
            max_sessions=MAX_SESSIONS_EACH,
        )
        manager, ready = server.session_manager, asyncio.Event()
        self._running.append(asyncio.create_task(self._run(manager, ready)))
        await ready.wait()
        return manager

    async def _run(self, manager: StreamableHTTPSessionManager, ready: asyncio.Event) -> None:
        # Its task group has to be left by the task that entered it.
        async with manager.run():
            ready.set()
            await self._end.wait()


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
