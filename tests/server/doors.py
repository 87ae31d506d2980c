"""A server with two users, and clients that come in by session or key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from server.fake_service import FakeService, serve

from websearch_agent.accounts import SCOPES, Scope
from websearch_agent.config import Settings

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Doors:
    """A running server that asks for a login; ann and ben are its users."""

    address: str
    service: FakeService

    def client(self, **headers: str) -> httpx.AsyncClient:
        """A browser on our own page, as far as its headers go."""
        return httpx.AsyncClient(
            base_url=self.address, headers={"Sec-Fetch-Site": "same-origin", **headers}
        )

    async def session_client(self, name: str) -> httpx.AsyncClient:
        async with self.client() as browser:
            response = await browser.post("/login", data={"name": name, "password": PASSWORD})
        assert response.status_code == 303
        client = self.client()
        client.cookies.update(browser.cookies)
        return client

    async def key_client(self, name: str, *scopes: Scope) -> httpx.AsyncClient:
        made = await self.service.accounts.create_key(name, "test", scopes or SCOPES)
        headers = {"Authorization": f"Bearer {made.secret}"}
        return httpx.AsyncClient(base_url=self.address, headers=headers)


@asynccontextmanager
async def serve_users(
    service: FakeService | None = None, settings: Settings | None = None
) -> AsyncIterator[Doors]:
    service = service or FakeService()
    for name in ("ann", "ben"):
        await service.accounts.add_user(name, PASSWORD)
    async with serve(service, settings) as address:
        yield Doors(address, service)
