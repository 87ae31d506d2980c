"""Engines without a key follow redirects, but to no other host."""

from collections.abc import Callable

import httpx
import pytest
from engine_cases import ask, good_reply

from websearch_agent.errors import EngineResponseChanged

pytestmark = pytest.mark.anyio
KEYLESS = ("arxiv", "searxng", "wikipedia")


def redirected_once(name: str, location: str) -> Callable[[httpx.Request], httpx.Response]:
    seen: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        moved = httpx.Response(301, headers={"location": location})
        return moved if len(seen) == 1 else good_reply(name)

    return handle


@pytest.mark.parametrize("name", KEYLESS)
async def test_redirect_on_the_engines_own_host_is_followed(name: str) -> None:
    results, seen = await ask(name, redirected_once(name, "/moved?q=1"))

    assert results
    assert seen[1].url == seen[0].url.join("/moved?q=1")


@pytest.mark.parametrize("name", KEYLESS)
@pytest.mark.parametrize(
    "origin", ["http://169.254.169.254", "https://evil.example", "http://localhost:8000"]
)
async def test_redirect_to_another_host_is_refused_by_name(name: str, origin: str) -> None:
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(302, headers={"location": f"{origin}/latest"})

    with pytest.raises(EngineResponseChanged) as caught:
        await ask(name, handle)

    assert len(asked) == 1
    assert f"sends on to {origin}, which is not followed" in caught.value.message


@pytest.mark.parametrize("name", ["arxiv", "wikipedia"])
async def test_redirect_away_from_encryption_is_refused(name: str) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        location = str(request.url.copy_with(scheme="http"))
        return httpx.Response(302, headers={"location": location})

    with pytest.raises(EngineResponseChanged, match="sends on to http://"):
        await ask(name, handle)


async def test_redirects_without_end_are_cut_off() -> None:
    moved = httpx.Response(302, headers={"location": "/again"})

    with pytest.raises(EngineResponseChanged, match="sent on more than 5 times"):
        await ask("searxng", lambda _: moved)
