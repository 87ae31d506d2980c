"""A site of one's own, page by page: breadth first, within bounds, one page at a time."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from websearch_agent.errors import PageError
from websearch_agent.indexing.site_links import SitePart, find_links, is_sitemap
from websearch_agent.pages.extract import ExtractedPage
from websearch_agent.pages.reader import site_of
from websearch_agent.pages.web_access import WebResponse
from websearch_agent.search.canonical_url import canonical_url
from websearch_agent.search.domain_filter import is_within
from websearch_agent.search.local_index import Document

# Between two pages of one site: a small server must not feel a crawl.
PAUSE_S = 0.3
# A site can name new addresses for ever.
MAX_KNOWN = 20_000


@dataclass(frozen=True, slots=True)
class CrawlFailure:
    """A page that could not be read, and why."""

    url: str
    reason: str


class PageSource(Protocol):
    """`WebAccess`, which is guarded and keeps to robots.txt, or a stand-in."""

    async def get(self, url: str) -> WebResponse: ...


class Extractor(Protocol):
    """`ParsingProcesses`, or a stand-in."""

    async def extract(
        self, body: bytes, *, url: str, content_type: str, is_foreign: bool = True
    ) -> ExtractedPage: ...


class SiteCrawl:
    """The pages that can be reached by links from one address, on its host and below its folder.

    At most `max_pages` are asked for, sitemaps and failures included.
    """

    def __init__(
        self, source: PageSource, extractor: Extractor, *, max_pages: int, pause_s: float = PAUSE_S
    ) -> None:
        self._source = source
        self._extractor = extractor
        self._max_pages = max_pages
        self._pause_s = pause_s

    async def run(self, start: str) -> AsyncGenerator[Document | CrawlFailure, None]:
        """Yield each page as it is read, and each one that could not be; never nothing."""
        queue = _Queue(start)
        is_silent = True
        for number in range(self._max_pages):
            url = queue.next_address()
            if url is None:
                break
            if number:
                await asyncio.sleep(self._pause_s)
            found = await self._visit(url, queue)
            if found is not None:
                is_silent = False
                yield found
        if is_silent:
            yield CrawlFailure(start, f"it leads to no page below {queue.part}")

    async def _visit(self, url: str, queue: "_Queue") -> Document | CrawlFailure | None:
        """What became of a page; None for a sitemap, and for one that adds nothing."""
        try:
            response = await self._source.get(url)
            if queue.part is None:
                queue.part = _part_to_crawl(url, response)
            if not queue.is_new_page(response.final_url):
                return None
            queue.add(find_links(response.body, base_url=response.final_url))
            return None if is_sitemap(response.body) else await self._to_document(response)
        except PageError as error:
            return CrawlFailure(url, error.message)

    async def _to_document(self, response: WebResponse) -> Document:
        page = await self._extractor.extract(
            response.body, url=response.final_url, content_type=response.content_type
        )
        site = site_of(response.final_url)
        return Document(
            url=response.final_url,
            title=page.title or site,
            text=page.text,
            site=site,
            date=page.date,
            content_type=page.content_type,
        )


def _part_to_crawl(start: str, response: WebResponse) -> SitePart:
    """The part of the site that the start stands for.

    Where a redirect leads out of it (`/guide/` to `/en/guide/`, `example.org` to
    `docs.example.org`), the part is that of where it leads. Raises PageError if that is another
    site.
    """
    final_url = response.final_url
    if is_sitemap(response.body):
        part, own = SitePart.named_by(start), SitePart.named_by(final_url)
    else:
        part, own = SitePart.around(start), SitePart.around(final_url)
    if part.has(final_url):
        return part
    if not is_within(site_of(final_url), site_of(start)):
        raise PageError(f"it leads to another site; name {final_url} to crawl that one")
    return own


class _Queue:
    """Addresses in the order in which they were found, each page once. `part` is known as soon
    as the start was read."""

    def __init__(self, start: str) -> None:
        self.part: SitePart | None = None
        self._waiting = deque([start])
        self._known = {canonical_url(start)}
        self._read: set[str] = set()

    def next_address(self) -> str | None:
        return self._waiting.popleft() if self._waiting else None

    def is_new_page(self, final_url: str) -> bool:
        """False for one that a redirect led to again, or out of the part."""
        key = canonical_url(final_url)
        is_new = key not in self._read and self._is_wanted(final_url)
        self._read.add(key)
        return is_new

    def add(self, links: list[str]) -> None:
        for link in links:
            key = canonical_url(link)
            if key in self._known or len(self._known) >= MAX_KNOWN or not self._is_wanted(link):
                continue
            self._known.add(key)
            self._waiting.append(link)

    def _is_wanted(self, url: str) -> bool:
        return self.part is not None and self.part.has(url)
