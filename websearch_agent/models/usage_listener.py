"""Reads along what a model server says of its prefix cache; the client has no use for it."""

import re
from collections.abc import AsyncIterator

import httpx

_CACHED = re.compile(rb'"cached_tokens"\s*:\s*(\d+)')
# Two chunks of the network may split the number's name.
_TAIL_BYTES = 64


class UsageListener(httpx.AsyncBaseTransport):
    """A transport that keeps the last `cached_tokens`; None while the server told none."""

    def __init__(self, inner: httpx.AsyncBaseTransport | None = None) -> None:
        self.cached_tokens: int | None = None
        self._inner = inner or httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        if isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = _HeardStream(response.stream, self)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _HeardStream(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, listener: UsageListener) -> None:
        self._stream = stream
        self._listener = listener

    async def __aiter__(self) -> AsyncIterator[bytes]:
        tail = b""
        async for chunk in self._stream:
            heard = tail + chunk
            for number in _CACHED.findall(heard):
                self._listener.cached_tokens = int(number)
            # What stands whole in the tail is found again: the same number once more.
            tail = heard[-_TAIL_BYTES:]
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
