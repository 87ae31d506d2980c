"""The official client, in both ages of the protocol: with a handshake and sessions, and without."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

Connect = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["auto", "legacy"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def connect(mode: str) -> Connect:
    """`connect(address)` with `key=` and other `headers`, to a server on a loopback port."""

    @asynccontextmanager
    async def connected(
        address: str, *, key: str = "", path: str = "/mcp", **headers: str
    ) -> AsyncIterator[Client]:
        if key:
            headers["Authorization"] = f"Bearer {key}"
        async with httpx2.AsyncClient(headers=headers, timeout=30) as http_client:
            transport = streamable_http_client(address + path, http_client=http_client)
            async with Client(transport, mode=mode) as client:
                yield client

    return connected
