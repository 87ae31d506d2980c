"""HTTP/1.1 as uvicorn speaks it, with deadlines for slow clients and a limit of connections."""

import asyncio
from collections.abc import Sequence
from typing import Any, Self, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from websearch_agent.config import Network
from websearch_agent.server.client_address import client_name, stands_for_many

HEADER_DEADLINE_S = 10.0
LINGER_S = 2.0
MAX_CONNECTIONS = 512
# A browser keeps 6 to a server. More than a client's running and waiting answers need.
MAX_CONNECTIONS_OF_CLIENT = 64

_TOO_MANY_CONNECTIONS = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 10\r\nConnection: close\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 22\r\n\r\nToo many connections.\n"
)


class GuardedProtocol(H11Protocol):
    """Closes a connection whose headers are not there in time, or whose body still comes long
    after it was answered, and one too many of a client or of all. uvicorn's own time-out is only
    for connections that are silent after an answer."""

    header_deadline_s = HEADER_DEADLINE_S
    linger_s = LINGER_S
    max_connections = MAX_CONNECTIONS
    max_connections_of_client = MAX_CONNECTIONS_OF_CLIENT
    trusted_proxies: Sequence[Network] = ()

    @classmethod
    def behind(cls, trusted_proxies: Sequence[Network]) -> type[Self]:
        """The same for a server to which these proxies bring the connections of many clients."""
        made = type(cls.__name__, (cls,), {"trusted_proxies": tuple(trusted_proxies)})
        return cast(type[Self], made)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        if self._is_one_too_many():
            self._refused = True
            self.transport.write(_TOO_MANY_CONNECTIONS)
            self.transport.close()
            return
        self._close_after(self.header_deadline_s)

    @property
    def peer(self) -> str:
        """Who has opened the connection, whatever a proxy's headers say."""
        return self.client[0] if self.client else ""

    def _is_one_too_many(self) -> bool:
        if len(self.connections) > self.max_connections:
            return True
        if stands_for_many(self.peer, self.trusted_proxies):
            return False
        client = client_name(self.peer)
        others = cast(set[GuardedProtocol], self.connections)
        of_client = sum(client_name(other.peer) == client for other in others)
        return of_client > self.max_connections_of_client

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
