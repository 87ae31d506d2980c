"""An engine that asks for a pause between two queries gets it, and its queries wait."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from engine_cases import all_set_up, good_reply

from websearch_agent.errors import EngineUnavailable
from websearch_agent.search.engines import HTTP_ENGINES
from websearch_agent.search.fan_out import search_all
from websearch_agent.search.http_engine import HttpEngine
from websearch_agent.search.resting import RestTable
from websearch_agent.types import SearchQuery

pytestmark = pytest.mark.anyio


@dataclass
class FakeTime:
    """A clock that stands still while something can be done, then jumps to who wakes next."""

    now_s: float = 100.0
    sleepers: list[tuple[float, asyncio.Event]] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        self.sleepers.append((self.now_s + seconds, woken))
        await woken.wait()

    async def settle(self) -> None:
        for _ in range(50):
            await asyncio.sleep(0)

    async def jump(self) -> None:
        await self.settle()
        self.sleepers.sort(key=lambda sleeper: sleeper[0])
        self.now_s, woken = self.sleepers.pop(0)
        woken.set()
        await self.settle()


class PolitelyAsked:
    """arXiv, which notes when it was asked, and for how many results."""

    def __init__(self) -> None:
        self.time = FakeTime()
        self.asked: list[tuple[float, str]] = []

    def handle(self, request: httpx.Request) -> httpx.Response:
        words = re.findall('[a-z]+(?=")', request.url.params["search_query"])
        self.asked.append((self.time.now_s, words[0]))
        return good_reply("arxiv")

    @asynccontextmanager
    async def engine(self) -> AsyncIterator[HttpEngine]:
        async with httpx.AsyncClient(transport=httpx.MockTransport(self.handle)) as client:
            yield HttpEngine(
                HTTP_ENGINES["arxiv"], all_set_up(), client,
                clock=lambda: self.time.now_s, sleep=self.time.sleep,
            )  # fmt: skip


async def test_queries_of_an_engine_that_asks_for_a_pause_wait_for_their_turn() -> None:
    arxiv, rests = PolitelyAsked(), RestTable()
    async with arxiv.engine() as engine:
        queries = [SearchQuery(word) for word in ("first", "second", "third", "fourth")]
        search = asyncio.create_task(search_all([engine], queries, deadline_s=60, rests=rests))
        for _ in range(2):
            await arxiv.time.jump()
        outcome = await search

    assert arxiv.asked == [(100.0, "first"), (103.0, "second"), (106.0, "third")]
    (failure,) = outcome.failures
    assert (failure.query, failure.code) == ("fourth", EngineUnavailable.code)
    assert failure.reason == (
        "arxiv is asked once in 3 s, and the turn of this query would have come after the 8 s of "
        "a search; it was left out"
    )
    # It refused nothing: the next person's question goes to it.
    assert rests.rest_of("arxiv") is None


async def test_who_leaves_while_waiting_takes_no_turn() -> None:
    arxiv = PolitelyAsked()
    async with arxiv.engine() as engine:
        await engine.search(SearchQuery("first"))
        leaving = asyncio.create_task(engine.search(SearchQuery("leaving")))
        staying = asyncio.create_task(engine.search(SearchQuery("staying")))
        await arxiv.time.settle()
        leaving.cancel()
        await arxiv.time.settle()
        arxiv.time.sleepers.pop(0)
        await arxiv.time.jump()
        await staying

    assert arxiv.asked == [(100.0, "first"), (103.0, "staying")]


async def test_engine_that_was_left_alone_long_enough_is_asked_at_once() -> None:
    arxiv = PolitelyAsked()
    async with arxiv.engine() as engine:
        await engine.search(SearchQuery("first"))
        arxiv.time.now_s = 103.5
        await engine.search(SearchQuery("second"))

    assert arxiv.asked == [(100.0, "first"), (103.5, "second")]
