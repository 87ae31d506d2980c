"""Stand-ins for what can be swapped: each does what its script says, and nothing dials."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from websearch_agent.errors import AgentError, PageError, PageUnreachable, SearchError
from websearch_agent.model_calls import (
    ModelCall,
    ModelDelta,
    ModelFinished,
    ModelStatus,
    TextDelta,
    ToolCall,
    Usage,
)
from websearch_agent.protocols import ModelLimits
from websearch_agent.types import Page, SearchQuery, SearchResult


@dataclass(frozen=True)
class TextAndCalls:
    """A reply that says something before it calls."""

    text: str
    calls: tuple[ToolCall, ...]


Reply = str | tuple[ToolCall, ...] | TextAndCalls | AgentError
"""What a fake model says to one call: text, tool calls, both, or an error."""


class FakeModel:
    """Says its replies one after another, in chunks of `chunk_chars`; keeps the calls.

    `hang_after` chunks it waits for ever. One token is four characters.
    """

    def __init__(
        self,
        replies: Sequence[Reply | Callable[[ModelCall], Reply]],
        *,
        context_window: int = 4096,
        source_tokens: int = 1400,
        answer_tokens: int = 512,
        chunk_chars: int = 7,
        hang_after: int | None = None,
    ) -> None:
        self._replies = list(replies)
        self._limits = ModelLimits(context_window, source_tokens, answer_tokens)
        self._chunk_chars = chunk_chars
        self.hang_after = hang_after
        self.calls: list[ModelCall] = []
        self.stopped = False
        self.hanging = asyncio.Event()

    @property
    def name(self) -> str:
        return "fake"

    def status(self) -> ModelStatus:
        return ModelStatus("ready")

    async def prepare(self) -> None: ...

    async def close(self) -> None: ...

    async def limits(self) -> ModelLimits:
        return self._limits

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text) // 4 + 1 for text in texts]

    async def stream(self, call: ModelCall) -> AsyncGenerator[ModelDelta, None]:
        self.calls.append(call)
        reply = self._replies.pop(0)
        if callable(reply):
            reply = reply(call)
        if isinstance(reply, AgentError):
            raise reply
        usage = Usage(prompt_tokens=100, completion_tokens=10, model_calls=1)
        if isinstance(reply, tuple):
            yield ModelFinished("tool_calls", usage, reply)
            return
        if isinstance(reply, TextAndCalls):
            yield TextDelta(reply.text)
            yield ModelFinished("tool_calls", usage, reply.calls)
            return
        try:
            for index, start in enumerate(range(0, len(reply), self._chunk_chars)):
                if index == self.hang_after:
                    self.hanging.set()
                    await asyncio.Event().wait()
                yield TextDelta(reply[start : start + self._chunk_chars])
        except (GeneratorExit, asyncio.CancelledError):
            self.stopped = True
            raise
        yield ModelFinished("stop", usage)


class FakeEngine:
    """Finds the same results for every query, or fails; keeps the queries."""

    def __init__(
        self, results: Sequence[SearchResult] | SearchError = (), *, name: str = "fake"
    ) -> None:
        self._results = results
        self._name = name
        self.queries: list[SearchQuery] = []

    @property
    def name(self) -> str:
        return self._name

    async def search(self, query: SearchQuery) -> list[SearchResult]:
        self.queries.append(query)
        if isinstance(self._results, SearchError):
            raise self._results
        return list(self._results)


class FakeReader:
    """Pages by URL: text, an error, or `None` for a page that never answers."""

    def __init__(self, pages: dict[str, str | PageError | None]) -> None:
        self._pages = pages
        self.cancelled: list[str] = []

    async def read(self, url: str, *, fresh: bool = False, intranet: bool = False) -> Page:
        text = self._pages.get(url, PageUnreachable("404"))
        if text is None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled.append(url)
                raise
        if isinstance(text, PageError):
            raise text
        return make_page(url, str(text))


class FakeDocuments:
    """Documents by id."""

    def __init__(self, texts: dict[str, str] | None = None) -> None:
        self._texts = texts or {}

    async def read_document(self, document_id: str) -> Page:
        if document_id not in self._texts:
            raise PageUnreachable("unknown document")
        return make_page(f"file:///{document_id}", self._texts[document_id])


class FakeReranker:
    """Gives a text the score of the first key that it holds, else 0; or fails, or never answers
    (`None`). Keeps the calls.
    """

    def __init__(
        self, scores: Mapping[str, float] | AgentError | None, *, weight: float = 1.0
    ) -> None:
        self._scores = scores
        self.weight = weight
        self.queries: list[str] = []
        self.texts: list[str] = []
        self.closed = False

    async def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        self.queries.append(query)
        self.texts += texts
        if isinstance(self._scores, AgentError):
            raise self._scores
        if self._scores is None:
            await asyncio.Event().wait()
        found = self._scores or {}
        return [next((found[key] for key in found if key in text), 0.0) for text in texts]

    async def close(self) -> None:
        self.closed = True


def make_page(url: str, text: str) -> Page:
    return Page(
        url=url,
        final_url=url,
        title=f"Title of {url}",
        text=text,
        content_type="text/html",
        fetched_at=datetime(2026, 1, 1, tzinfo=UTC),
        site="example.org",
    )


def make_results(*urls: str, engine: str = "fake") -> list[SearchResult]:
    return [
        SearchResult(url=url, title=url, snippet="snippet", engine=engine, rank=rank)
        for rank, url in enumerate(urls, start=1)
    ]


def search_call(*queries: str) -> tuple[ToolCall, ...]:
    import json

    return (ToolCall("c1", "search_web", json.dumps({"queries": list(queries)})),)
