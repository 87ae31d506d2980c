"""What the tests of all HTTP engines share: their prepared replies, and asking one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from websearch_agent.config import Settings, load_settings
from websearch_agent.search.engines import HTTP_ENGINES
from websearch_agent.search.http_engine import HttpEngine
from websearch_agent.types import SearchQuery, SearchResult

DATA = Path(__file__).parent / "data"
KEY = "sk-very-secret-0123456789"
KEYS = {f"{name}_api_key": KEY for name in ("brave", "serper", "tavily", "exa", "openalex")}
WITH_KEYS = ("brave", "serper", "tavily", "exa", "openalex")


def all_set_up() -> Settings:
    """Every engine has what it needs."""
    return load_settings(_env_file=None, searxng_url="http://searx.test", **KEYS)


def reply_data(name: str) -> Any:
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


def good_reply(name: str) -> httpx.Response:
    if name == "arxiv":
        headers = {"content-type": "application/atom+xml"}
        return httpx.Response(200, text=reply_data(name)["atom"], headers=headers)
    return httpx.Response(200, json=reply_data(name))


Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


async def ask(
    name: str, answer: Answer, query: SearchQuery | None = None
) -> tuple[list[SearchResult], list[httpx.Request]]:
    """The engine's results, and the requests that it sent."""
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer

    async with httpx.AsyncClient(transport=httpx.MockTransport(handle)) as client:
        engine = HttpEngine(HTTP_ENGINES[name], all_set_up(), client)
        results = await engine.search(query or SearchQuery("rank fusion"))
    return results, seen
