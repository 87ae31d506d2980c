"""HTTP/1.1 as uvicorn speaks it, with deadlines for slow clients and a limit of connections."""

import asyncio
from typing import Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_DEADLINE_S = 10.0
LINGER_S = 2.0
MAX_CONNECTIONS = 512

_TOO_MANY_CONNECTIONS = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 10\r\nConnection: close\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 22\r\n\r\nToo many connections.\n"
)


class GuardedProtocol(H11Protocol):
    """Closes a connection whose headers are not there in time, or whose body still comes long
    after it was answered. uvicorn's own time-out is only for connections that are silent after
    an answer."""

    header_deadline_s = HEADER_DEADLINE_S
    linger_s = LINGER_S
    max_connections = MAX_CONNECTIONS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        if len(self.connections) > self.max_connections:
            self._refused = True
            self.transport.write(_TOO_MANY_CONNECTIONS)
            self.transport.close()
            return
        self._close_after(self.header_deadline_s)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if self._deadline is None and self.conn.their_state is h11.IDLE:
            self._close_after(self.header_deadline_s)
        super().data_received(data)
        self._end_deadline()

    def on_response_complete(self) -> None:
        if self.conn.their_state is h11.SEND_BODY:
            # Closed at once, a client that is still sending would lose the answer as well.
            self._close_after(self.linger_s)
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_deadline()
        super().connection_lost(exc)

    def _end_deadline(self) -> None:
        """The headers are there; a body that nobody reads any more keeps its deadline."""
        answered = self.cycle is not None and self.cycle.response_complete
        unread_body = self.conn.their_state is h11.SEND_BODY and answered
        if self.conn.their_state is not h11.IDLE and not unread_body:
            self._cancel_deadline()

    def _close_after(self, seconds: float) -> None:
        self._cancel_deadline()
        self._deadline = self.loop.call_later(seconds, self.transport.close)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
