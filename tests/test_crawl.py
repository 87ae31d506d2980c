"""Crawling a site of one's own, against pages that the test makes up."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from websearch_agent.config import load_settings
from websearch_agent.errors import PageError, PageMissing, RobotsDisallowed
from websearch_agent.indexing import index_targets
from websearch_agent.indexing.crawl import CrawlFailure, SiteCrawl
from websearch_agent.indexing.site_links import SitePart, find_links, is_sitemap
from websearch_agent.pages.extract import ExtractedPage
from websearch_agent.pages.web_access import WebResponse
from websearch_agent.search.local_index import Document

pytestmark = pytest.mark.anyio
START = "https://docs.example.org/guide/"


class FakeSite:
    """Pages by address: links of one, an error, or an address to be redirected to."""

    def __init__(self, pages: dict[str, list[str] | PageError | str | bytes]) -> None:
        self._pages = pages
        self.asked: list[str] = []

    async def get(self, url: str) -> WebResponse:
        self.asked.append(url)
        page = self._pages.get(url, PageMissing("no such page (HTTP 404)"))
        final_url = url
        if isinstance(page, str):
            final_url, page = page, []
        if isinstance(page, PageError):
            raise page
        if isinstance(page, list):
            page = "".join(f'<a href="{link}">x</a>' for link in page).encode()
        return WebResponse(url, final_url, "text/html", page, truncated=False)


class RedirectingSite(FakeSite):
    """One whose start is redirected to a page with links."""

    def __init__(self, start: str, final: str, pages: dict[str, Any], links: list[str]) -> None:
        super().__init__({**pages, final: links})
        self._start, self._final = start, final

    async def get(self, url: str) -> WebResponse:
        if url != self._start:
            return await super().get(url)
        return replace(await super().get(self._final), url=url)


class FakeExtractor:
    async def extract(self, body: bytes, *, url: str, content_type: str) -> ExtractedPage:
        return ExtractedPage(title=f"Title of {url}", text="text", content_type=content_type)


async def crawl(site: FakeSite, *, max_pages: int = 50, start: str = START) -> list[str]:
    """The addresses of the documents; failures with a minus before them."""
    found = SiteCrawl(site, FakeExtractor(), max_pages=max_pages, pause_s=0).run(start)
    return [p.url if isinstance(p, Document) else f"-{p.url}" async for p in found]


async def test_pages_are_read_breadth_first_each_once() -> None:
    site = FakeSite(
        {
            START: ["a", "b/", "a#part"],
            START + "a": ["deep", "./"],
            START + "b/": ["../a/", "../index.html"],
            START + "deep": [],
        }
    )

    assert await crawl(site) == [START, START + "a", START + "b/", START + "deep"]
    assert site.asked == [START, START + "a", START + "b/", START + "deep"]


async def test_crawl_keeps_to_its_host_and_folder() -> None:
    outside = [
        "/other/", "/guide2/", "https://example.org/guide/x", "https://docs.example.org:8443/guide/x",
        "https://evil.example/guide/", "//evil.example/guide/", "ftp://docs.example.org/guide/x",
        "javascript:alert(1)", "mailto:a@b.example", "logo.png", "../up", "http://[broken",
    ]  # fmt: skip
    site = FakeSite({START: [*outside, "in"], START + "in": []})

    assert await crawl(site) == [START, START + "in"]
    assert site.asked == [START, START + "in"]


async def test_redirect_out_of_the_site_or_to_a_read_page_adds_nothing() -> None:
    site = FakeSite(
        {
            START: ["away", "again"],
            START + "away": "https://evil.example/guide/",
            START + "again": START,
        }
    )

    assert await crawl(site) == [START]


@pytest.mark.parametrize(
    ("start", "final"),
    [
        ("https://example.org/guide/", "https://example.org/en/guide/"),
        ("https://example.org/", "https://docs.example.org/"),
        ("https://example.org/old.html", "https://www.example.org/new/start.html"),
        ("http://example.org/guide", "https://example.org/guide/"),
    ],
)
async def test_start_that_is_redirected_on_its_site_is_crawled_where_it_leads(
    start: str, final: str
) -> None:
    page = final.rpartition("/")[0] + "/a"
    site = RedirectingSite(start, final, {page: []}, links=["a", "https://evil.example/"])

    assert await crawl(site, start=start) == [final, page]


@pytest.mark.parametrize(
    "final",
    ["https://evil.example/guide/", "https://org/guide/", "https://notdocs.example.org/guide/",
     "https://docs.example.org.evil.example/guide/"],
)  # fmt: skip
async def test_start_that_leads_to_another_site_is_a_failure_that_names_it(final: str) -> None:
    site = FakeSite({START: final})
    found = SiteCrawl(site, FakeExtractor(), max_pages=9, pause_s=0).run(START)

    reason = f"it leads to another site; name {final} to crawl that one"
    assert [page async for page in found] == [CrawlFailure(START, reason)]


async def test_crawl_that_finds_nothing_says_so() -> None:
    sitemap = b"<urlset><url><loc>https://elsewhere.example/</loc></url></urlset>"
    address = "https://docs.example.org/guide/sitemap"
    found = SiteCrawl(FakeSite({address: sitemap}), FakeExtractor(), max_pages=9, pause_s=0)

    assert [page async for page in found.run(address)] == [
        CrawlFailure(address, "it leads to no page below docs.example.org/guide/")
    ]


async def test_folder_without_its_slash_is_crawled_and_not_the_whole_host() -> None:
    start = "https://docs.example.org/guide"
    site = FakeSite({start: ["/guide/a", "/other", "/"], START + "a": []})

    assert await crawl(site, start=start) == [start, START + "a"]


async def test_crawl_ends_at_its_most_pages() -> None:
    site = FakeSite({START: [f"p{n}" for n in range(100)]})

    assert len(await crawl(site, max_pages=7)) == 7
    assert len(site.asked) == 7


async def test_page_that_cannot_be_read_is_named_and_the_crawl_goes_on() -> None:
    site = FakeSite(
        {START: ["secret", "ok"], START + "secret": RobotsDisallowed("asks not"), START + "ok": []}
    )

    assert await crawl(site) == [START, f"-{START}secret", START + "ok"]


async def test_sitemap_leads_to_pages_and_is_none() -> None:
    sitemap = (
        '<?xml version="1.0"?>\n<urlset><url><loc> https://docs.example.org/guide/a?x=1&amp;y=2 '
        "</loc></url><url><loc>https://evil.example/b</loc></url></urlset>"
    )
    address = "https://docs.example.org/sitemap.xml"
    page = "https://docs.example.org/guide/a?x=1&y=2"
    site = FakeSite({address: sitemap.encode(), page: []})

    assert await crawl(site, start=address) == [page]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<sitemapindex>", True),
        (b"\xef\xbb\xbf<?xml version='1.0'?><!-- x --><urlset xmlns='x'>", True),
        (b"<html><urlset>", False),
        (b" " * 10_000, False),
    ],
)
def test_sitemaps_are_known_by_their_root(body: bytes, expected: bool) -> None:
    assert is_sitemap(body) is expected


def test_links_are_found_in_all_ways_of_writing_them() -> None:
    body = b"""<A class="x" HREF='one'>1</A> <a href=two>2</a> <a
    data-x="1" href="three?a=1&amp;b=2">3</a> <area href="four"> <link href="style"> <a name=x>
    <a href="one">again</a> <a href="">empty</a>"""

    assert find_links(body, base_url=START) == [
        START + "one", START + "two", START + "three?a=1&b=2", START + "four",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("start", "folder"),
    [
        ("https://docs.example.org", "/"),
        ("https://docs.example.org/guide/start.html", "/guide/"),
        ("https://docs.example.org/guide/", "/guide/"),
        ("https://docs.example.org/guide", "/guide/"),
        ("https://docs.example.org/guide/3.12/start", "/guide/3.12/start/"),
    ],
)
def test_part_of_a_site_is_the_folder_of_its_start(start: str, folder: str) -> None:
    assert SitePart.around(start) == SitePart("docs.example.org", folder)
    assert SitePart.around(start).has(start)


async def test_list_of_addresses_and_paths_stands_for_its_lines(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Quokkas\n\nThey live on Rottnest Island.")
    (tmp_path / "sites.txt").write_text(
        f"# mine\n\n  {tmp_path / 'a.md'}  \nhttp://127.0.0.1:9/page\n", encoding="utf-8-sig"
    )
    settings = load_settings(_env_file=None, data_dir=tmp_path / "data")

    report = await index_targets([f"@{tmp_path / 'sites.txt'}", "@/no/list"], settings=settings)

    assert report.added == 1
    assert [name for name, _ in report.failed] == ["@/no/list", "http://127.0.0.1:9/page"]
    assert report.failed[0][1] == "the list cannot be read: No such file or directory"


async def test_crawl_of_a_private_address_is_refused_as_reading_one_is(tmp_path: Path) -> None:
    settings = load_settings(_env_file=None, data_dir=tmp_path / "data")

    report = await index_targets(["http://127.0.0.1:9/"], settings=settings, crawl_pages=5)

    assert (report.added, len(report.failed)) == (0, 1)


async def test_failure_says_why() -> None:
    found = SiteCrawl(FakeSite({}), FakeExtractor(), max_pages=1, pause_s=0).run(START)

    assert [page async for page in found] == [CrawlFailure(START, "no such page (HTTP 404)")]
