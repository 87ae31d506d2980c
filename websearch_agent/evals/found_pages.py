"""An engine and a reader made of given documents: the program finds these, and no others."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from websearch_agent.agent.run import AgentParts
from websearch_agent.errors import PageUnreachable
from websearch_agent.pages.extract import extract_page
from websearch_agent.search.canonical_url import canonical_url, site_of
from websearch_agent.types import Page, SearchQuery, SearchResult

ENGINE_NAME = "data"
SNIPPET_CHARS = 200


@dataclass(frozen=True, slots=True)
class GivenPage:
    """A document with the id that it has in the data; its text, or the bytes of its HTML.

    `url` is the address that it had, if it is known. `date` is ISO 8601.
    """

    id: str
    text: str = ""
    title: str = ""
    url: str = ""
    date: str | None = None
    html: bytes | None = None
    snippet: str = ""


class FoundPages:
    """Finds all its pages for every query, in their order, and keeps what was asked.

    Each page has a site of its own, so that none is read later because of its neighbours; the
    model is told the site that it really was on.
    """

    def __init__(self, pages: Sequence[GivenPage]) -> None:
        self._pages = {f"https://s{n}.example/": page for n, page in enumerate(pages, 1)}
        self._ids = {canonical_url(url): page.id for url, page in self._pages.items()}
        self.queries: list[str] = []
        self.unknown_addresses: list[str] = []

    @property
    def name(self) -> str:
        return ENGINE_NAME

    def id_of(self, url: str) -> str | None:
        """The id of the page that was given under this address; None for an unknown one."""
        return self._ids.get(canonical_url(url))

    async def search(self, query: SearchQuery) -> list[SearchResult]:
        self.queries.append(query.query)
        return [
            SearchResult(
                url=url,
                title=page.title or url,
                snippet=page.snippet or " ".join(page.text[:SNIPPET_CHARS].split()),
                engine=ENGINE_NAME,
                rank=rank,
                date=page.date,
            )
            for rank, (url, page) in enumerate(self._pages.items(), 1)
        ]

    async def read(self, url: str, *, fresh: bool = False, intranet: bool = False) -> Page:
        """HTML is cleaned as that of every page. Raises PageUnreachable, and what cleaning does."""
        page = self._pages.get(url)
        if page is None:
            self.unknown_addresses.append(url)
            raise PageUnreachable("this page is not part of the measurement")
        read = Page(
            url=url,
            final_url=url,
            title=page.title,
            text=page.text,
            content_type="text/plain",
            fetched_at=datetime.now(UTC),
            site=site_of(page.url or url),
            date=page.date,
        )
        if page.html is None:
            return read
        found = await asyncio.to_thread(
            extract_page, page.html, url=page.url or url, content_type="text/html"
        )
        return replace(
            read,
            title=found.title or page.title,
            text=found.text,
            content_type=found.content_type,
            date=found.date or page.date,
            author=found.author,
            truncated=found.truncated,
        )

    async def read_document(self, document_id: str) -> Page:
        raise PageUnreachable("no local index is part of the measurement")


def with_pages(parts: AgentParts, pages: FoundPages, *, today: date) -> AgentParts:
    """The program as it is, but with these pages as its web."""
    return replace(
        parts,
        engines=lambda: (pages,),
        builtin_engine=lambda: None,
        reader=pages,
        documents=pages,
        today=lambda: today,
    )
