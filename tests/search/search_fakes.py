"""Stand-ins for engines, shared by the tests of this folder."""

import asyncio
from collections.abc import Sequence

from websearch_agent.types import SearchQuery, SearchResult


def make_result(url: str, *, engine: str = "fake", rank: int = 1, **more: str) -> SearchResult:
    return SearchResult(url=url, title=more.pop("title", url), snippet=more.pop("snippet", ""),
                        engine=engine, rank=rank, **more)  # fmt: skip


class FakeEngine:
    """Answers with what it was given: addresses, an error, or nothing until it is cancelled."""

    def __init__(
        self, name: str, urls: Sequence[str] = (), *, error: Exception | None = None,
        hangs: bool = False, turns_to_wait: int = 0,
    ) -> None:  # fmt: skip
        self.name = name
        self.asked: list[str] = []
        self.was_cancelled = False
        self._urls = urls
        self._error = error
        self._hangs = hangs
        self._turns_to_wait = turns_to_wait

    async def search(self, query: SearchQuery) -> list[SearchResult]:
        self.asked.append(query.query)
        for _ in range(self._turns_to_wait):
            await asyncio.sleep(0)
        if self._hangs:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.was_cancelled = True
                raise
        if self._error is not None:
            raise self._error
        return [
            make_result(url, engine=self.name, rank=rank)
            for rank, url in enumerate(self._urls, start=1)
        ]
