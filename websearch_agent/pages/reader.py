"""The page reader: look up, fetch, parse, keep, hand over."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx

from websearch_agent.errors import PageEmpty, PageError, PageUnreachable
from websearch_agent.pages.addresses import NOTHING_OPENED, Network, OpenedPlaces, checked_url
from websearch_agent.pages.page_cache import PageCache
from websearch_agent.pages.page_lifetime import failure_lifetime_s, page_lifetime_s
from websearch_agent.pages.parsing_processes import ParsingProcesses
from websearch_agent.pages.single_flight import SingleFlight
from websearch_agent.pages.web_access import AccessLimits, WebAccess
from websearch_agent.types import Page


class WebPageReader:
    """Reads foreign pages (protocols.PageReader). Belongs to one event loop."""

    def __init__(
        self,
        web_access: WebAccess,
        parsing: ParsingProcesses,
        *,
        opened: OpenedPlaces = NOTHING_OPENED,
        cache: PageCache | None = None,
    ) -> None:
        self._web_access = web_access
        self._parsing = parsing
        self._opened = opened
        self._cache = cache
        self._flights: SingleFlight[Page] = SingleFlight()

    @classmethod
    def create(
        cls,
        *,
        allowed_networks: Sequence[Network] = (),
        intranet_hosts: Sequence[str] = (),
        proxy: str | None = None,
        limits: AccessLimits | None = None,
        respect_robots: bool = True,
        cache_path: Path | None = None,
        cache_mb: int = 256,
        worker_count: int = 2,
        parsing_time_limit_s: float = 5.0,
    ) -> "WebPageReader":
        """A reader with its own connections and worker processes.

        Pages are kept in `cache_path`; None or `cache_mb=0` keeps none. What `allowed_networks`,
        `intranet_hosts` and `proxy` mean, WebAccess says.
        """
        cache = None
        if cache_path is not None and cache_mb > 0:
            # What was opened once must not come out of the cache when it no longer is.
            opened = ",".join([*sorted(map(str, allowed_networks)), *sorted(intranet_hosts)])
            variant = f"robots={int(respect_robots)} opened={opened} proxy={int(proxy is not None)}"
            cache = PageCache(cache_path, max_bytes=cache_mb * 1_000_000, variant=variant)
        return cls(
            WebAccess(
                allowed_networks=allowed_networks,
                intranet_hosts=intranet_hosts,
                proxy=proxy,
                limits=limits,
                respect_robots=respect_robots,
            ),
            ParsingProcesses(worker_count=worker_count, time_limit_s=parsing_time_limit_s),
            opened=OpenedPlaces(tuple(allowed_networks), tuple(intranet_hosts)),
            cache=cache,
        )

    async def read(self, url: str, *, fresh: bool = False, intranet: bool = False) -> Page:
        """One page as clean Markdown, from the cache if it was read not long ago.

        `fresh`: as it is now, whatever is in the cache. `intranet`: what the operator opened is
        open to this address, because a person or an engine of one's own named it.
        A page that is being read already is read once for all who ask for it.

        Raises AddressNotAllowed, RobotsDisallowed, PageMissing, PageWalled, PageUnreachable,
        PageTooLarge, UnsupportedContent, PageEmpty.
        """
        intranet = intranet and bool(self._opened)  # else both ways are one
        opened = self._opened if intranet else self._opened.for_strangers()
        address = str(checked_url(url, opened=opened))
        try:
            page = await self._flights.run(
                f"{fresh} {intranet} {address}",
                lambda: self._find_or_fetch(address, fresh=fresh, intranet=intranet),
            )
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise PageUnreachable("the program is ending") from None
        return replace(page, url=url)

    async def _find_or_fetch(self, address: str, *, fresh: bool, intranet: bool) -> Page:
        if self._cache is None:
            return (await self._fetch(address, intranet=intranet))[0]
        # What one may read must not come out of the cache for one who may not.
        way = "intranet" if intranet else ""
        kept = None if fresh else await self._cache.find(address, way=way)
        if isinstance(kept, PageError):
            raise kept
        if kept is not None:
            return kept
        try:
            page, cache_control = await self._fetch(address, intranet=intranet)
        except PageError as error:
            lifetime_s = failure_lifetime_s(error)
            await self._cache.keep_failure(address, error, lifetime_s=lifetime_s, way=way)
            raise
        lifetime_s = page_lifetime_s(page, cache_control=cache_control)
        await self._cache.keep_page(page, lifetime_s=lifetime_s, way=way)
        return page

    async def _fetch(self, address: str, *, intranet: bool) -> tuple[Page, str]:
        """The page, and what its server says about keeping it."""
        response = await self._web_access.get(address, intranet=intranet)
        site = site_of(response.final_url)
        if not response.body.strip():
            raise PageEmpty(f"{site} sent an empty page")
        extracted = await self._parsing.extract(
            response.body, url=response.final_url, content_type=response.content_type
        )
        page = Page(
            url=address,
            final_url=response.final_url,
            title=extracted.title or site,
            text=extracted.text,
            content_type=extracted.content_type,
            fetched_at=datetime.now(UTC),
            site=site,
            date=extracted.date,
            author=extracted.author,
            truncated=response.truncated or extracted.truncated,
            filtered=extracted.filtered,
        )
        return page, response.cache_control

    async def warm(self) -> None:
        """Start the parsers before the first question."""
        await self._parsing.warm()

    async def aclose(self) -> None:
        """End what is being read, close connections and cache, end the parsers."""
        await self._flights.aclose()
        await self._parsing.aclose()
        await self._web_access.aclose()
        if self._cache is not None:
            await self._cache.aclose()


def site_of(url: str) -> str:
    """The host without `www.`, in its readable form."""
    return httpx.URL(url).host.removeprefix("www.")
