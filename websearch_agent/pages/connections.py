"""What a server may send beside the page: bounds below httpx, for HTTP/1.1 and HTTP/2.

httpcore bounds the size of headers (h11: 100 KB; hpack: 64 KB unpacked, 64 CONTINUATION frames),
but neither their number nor what a server may send for ever without coming to the page: interim
replies (1xx), pings, settings, empty frames.
"""

import ssl
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpcore

from websearch_agent.errors import AgentError

MAX_HEADER_COUNT = 256
# Headers, frames and chunk sizes of one reply, also what is left of pages that were broken off.
MAX_BYTES_BESIDE_PAGE = 512 * 1024
_OWN_ERRORS = (
    AgentError,
    OSError,
    httpcore.ConnectionNotAvailable,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
)


@contextmanager
def _named_errors() -> Iterator[None]:
    """Errors of one kind for what foreign bytes make the libraries below httpcore raise.

    h2, hpack, hyperframe and socksio have four families of errors, which httpcore (1.0) lets
    through, and a status that is no number is a bare ValueError.
    """
    try:
        yield
    except _OWN_ERRORS:
        raise
    except Exception as error:
        message = f"the reply is broken ({type(error).__name__})"
        raise httpcore.RemoteProtocolError(message) from error


class MeteredStream(httpcore.AsyncNetworkStream):
    """Bytes from and to a server; ends with RemoteProtocolError when too few are of a page.

    `is_opened`: the other end is in a place that the operator opened.
    """

    def __init__(self, stream: httpcore.AsyncNetworkStream, *, is_opened: bool = False) -> None:
        self._stream = stream
        self.is_opened = is_opened
        self._bytes_beside_page = 0

    def count_page(self, size_bytes: int) -> None:
        """So many of the bytes read were of a page."""
        self._bytes_beside_page = max(0, self._bytes_beside_page - size_bytes)

    def start_anew(self) -> None:
        """A reply has come to its end."""
        self._bytes_beside_page = 0

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = await self._stream.read(max_bytes, timeout)
        self._bytes_beside_page += len(data)
        # What was read last may be of the page, and is counted as such only when it is handed on.
        if self._bytes_beside_page > MAX_BYTES_BESIDE_PAGE + max_bytes:
            raise httpcore.RemoteProtocolError("too many headers or frames for one page")
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        stream = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        return MeteredStream(stream, is_opened=self.is_opened)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class WatchedConnection(httpcore.AsyncConnectionInterface):
    """A connection of httpcore whose replies are counted, and that is not used after trouble.

    Where a page is broken off, HTTP/2 goes on sending it for up to 16 MB, and httpcore neither
    stops nor acknowledges it: such a connection takes no new request and is closed after its last
    one.
    """

    def __init__(self, connection: httpcore.AsyncConnectionInterface) -> None:
        self._connection = connection
        self._running = 0
        self._is_spent = False

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        if self._is_spent:
            raise httpcore.ConnectionNotAvailable
        self._running += 1
        try:
            with _named_errors():
                response = await self._connection.handle_async_request(request)
            if len(response.headers) > MAX_HEADER_COUNT:
                await response.aclose()
                raise httpcore.RemoteProtocolError(f"more than {MAX_HEADER_COUNT} headers")
        except httpcore.ConnectionNotAvailable:
            self._running -= 1
            raise
        except BaseException:
            self._end(is_whole=False)
            raise
        response.stream = _WatchedBody(response, self)
        return response

    def _end(self, *, is_whole: bool) -> None:
        self._running -= 1
        self._is_spent = self._is_spent or not is_whole

    async def aclose(self) -> None:
        with suppress(httpcore.RemoteProtocolError), _named_errors():
            await self._connection.aclose()

    def info(self) -> str:
        return self._connection.info()

    def can_handle_request(self, origin: httpcore.Origin) -> bool:
        return self._connection.can_handle_request(origin)

    def is_available(self) -> bool:
        return not self._is_spent and self._connection.is_available()

    def has_expired(self) -> bool:
        return (self._is_spent and not self._running) or self._connection.has_expired()

    def is_idle(self) -> bool:
        return not self._running and self._connection.is_idle()

    def is_closed(self) -> bool:
        return self._connection.is_closed()


class _WatchedBody:
    """The body of a reply, handed on piece by piece."""

    def __init__(self, response: httpcore.Response, connection: WatchedConnection) -> None:
        assert not isinstance(response.stream, Iterable)  # noqa: S101 - from an async connection
        self._body = response.stream
        self._connection = connection
        network_stream = response.extensions.get("network_stream")
        self._meter = network_stream if isinstance(network_stream, MeteredStream) else None
        self._is_whole = False
        self._is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _named_errors():
            async for piece in self._body:
                if self._meter:
                    self._meter.count_page(len(piece))
                yield piece
        self._is_whole = True

    async def aclose(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        try:
            close = getattr(self._body, "aclose", None)
            if close is not None:
                with _named_errors():
                    await close()
        finally:
            self._connection._end(is_whole=self._is_whole)
            if self._meter and self._is_whole:
                self._meter.start_anew()
