"""The page reader: fetch, parse, hand over."""

from collections.abc import Sequence
from datetime import UTC, datetime

import httpx

from websearch_agent.errors import PageEmpty
from websearch_agent.pages.addresses import Network
from websearch_agent.pages.parsing_processes import ParsingProcesses
from websearch_agent.pages.web_access import AccessLimits, WebAccess
from websearch_agent.types import (
    Page,
)


class WebPageReader:
    """Reads foreign pages (protocols.PageReader). Belongs to one event loop."""

    def __init__(self, web_access: WebAccess, parsing: ParsingProcesses) -> None:
        self._web_access = web_access
        self._parsing = parsing

    @classmethod
    def create(
        cls,
        *,
        allowed_networks: Sequence[Network] = (),
        limits: AccessLimits | None = None,
        worker_count: int = 2,
        parsing_time_limit_s: float = 5.0,
    ) -> "WebPageReader":
        """A reader with its own connections and worker processes."""
        return cls(
            WebAccess(allowed_networks=allowed_networks, limits=limits),
            ParsingProcesses(worker_count=worker_count, time_limit_s=parsing_time_limit_s),
        )

    async def read(self, url: str) -> Page:
        """Fetch one page as clean Markdown.

        Raises AddressNotAllowed, PageUnreachable, PageTooLarge, UnsupportedContent, PageEmpty.
        """
        response = await self._web_access.get(url)
        if not response.body.strip():
            raise PageEmpty(f"{site_of(response.final_url)} sent an empty page")
        extracted = await self._parsing.extract(
            response.body, url=response.final_url, content_type=response.content_type
        )
        return Page(
            url=url,
            final_url=response.final_url,
            title=extracted.title or site_of(response.final_url),
            text=extracted.text,
            content_type=extracted.content_type,
            fetched_at=datetime.now(UTC),
            site=site_of(response.final_url),
            date=extracted.date,
            truncated=response.truncated or extracted.truncated,
        )

    async def warm(self) -> None:
        """Start the parsers before the first question."""
        await self._parsing.warm()

    async def aclose(self) -> None:
        """Close connections and end the parsers."""
        await self._parsing.aclose()
        await self._web_access.aclose()


def site_of(url: str) -> str:
    """The host without `www.`, in its readable form."""
    return httpx.URL(url).host.removeprefix("www.")
