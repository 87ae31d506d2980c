"""What stands before every request: allowed hosts, size of headers and body, time for a body.

Plain ASGI, because Starlette's BaseHTTPMiddleware keeps a disconnect from reaching a stream.
"""

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from websearch_agent.server.host_names import AnsweredHosts
from websearch_agent.server.problems import problem_response

MAX_BODY_BYTES = 256 * 1024
MAX_HEADER_BYTES = 32 * 1024
BODY_DEADLINE_S = 15.0


class AllowedHosts:
    """Refuses other host names, so that a page on the web whose name is rebound to this
    machine cannot read conversations (DNS rebinding)."""

    def __init__(self, app: ASGIApp, *, allowed_hosts: AnsweredHosts) -> None:
        self.app = app
        self.allowed_hosts = allowed_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = Headers(scope=scope).get("host", "") if scope["type"] == "http" else None
        if host is not None and host not in self.allowed_hosts:
            detail = self.allowed_hosts.refusal()
            refusal = problem_response(421, code="host_not_allowed", detail=detail)
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, send)


class HeaderLimit:
    """Answers 431 to larger headers.

    uvicorn limits headers only while they come in: those that arrive in one piece pass it.
    """

    def __init__(self, app: ASGIApp, *, max_header_bytes: int = MAX_HEADER_BYTES) -> None:
        self.app = app
        self.max_header_bytes = max_header_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _header_bytes(scope) > self.max_header_bytes:
            detail = f"The headers are larger than {self.max_header_bytes // 1024} KB."
            refusal = problem_response(431, code="headers_too_large", detail=detail)
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _header_bytes(scope: Scope) -> int:
    of_address = len(scope.get("raw_path") or b"") + len(scope["query_string"])
    return of_address + sum(len(name) + len(value) for name, value in scope["headers"])


class BodyLimit:
    """Reads the body before the routes do: 413 once it is over the limit, 408 if it is slow."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_body_bytes: int = MAX_BODY_BYTES,
        deadline_s: float = BODY_DEADLINE_S,
    ) -> None:
        self.app = app
        self.max_body_bytes = max_body_bytes
        self.deadline_s = deadline_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self.deadline_s):
                body = await self._read_body(receive)
        except _ClientLeft:
            return
        except TimeoutError:
            detail = f"The body did not arrive within {self.deadline_s:g} seconds."
            refusal = problem_response(408, code="body_too_slow", detail=detail, retryable=True)
            await refusal(scope, receive, send)
            return
        if body is None:
            detail = f"The body is larger than {self.max_body_bytes // 1024} KB."
            refusal = problem_response(413, code="body_too_large", detail=detail)
            await refusal(scope, receive, send)
            return
        unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_again() -> Message:
            return unread.pop() if unread else await receive()

        await self.app(scope, receive_again, send)

    async def _read_body(self, receive: Receive) -> bytes | None:
        """The whole body, or None if it is too large. Raises _ClientLeft: half a body is none."""
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _ClientLeft
            body += message.get("body", b"")
            if len(body) > self.max_body_bytes:
                return None
            if not message.get("more_body", False):
                return bytes(body)


class _ClientLeft(Exception):
    """The client left before its body was complete."""
