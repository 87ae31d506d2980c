"""Cleaned pages are kept in a bounded file, and nothing that happens to it ends a reading."""

import asyncio
import datetime as dt
import logging
import os
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from websearch_agent.errors import PageMissing
from websearch_agent.pages.page_cache import CACHE_VERSION, PageCache
from websearch_agent.types import Page

pytestmark = pytest.mark.anyio

URL = "https://a.example/page"
PAGE = Page(
    url=URL,
    final_url="https://a.example/final",
    title="港口",
    text="港口建于一九〇四年。\n\n```\nx = 1\n```",
    content_type="text/html",
    fetched_at=dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC),
    site="a.example",
    date="2024-05-06",
    author="Li",
    truncated=True,
)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "pages.db"


@pytest.fixture
async def cache(path: Path) -> AsyncIterator[PageCache]:
    cache = PageCache(path, max_bytes=1_000_000)
    yield cache
    await cache.aclose()


async def test_what_was_kept_for_one_way_of_asking_is_not_found_in_another(
    cache: PageCache,
) -> None:
    await cache.keep_page(PAGE, lifetime_s=60, way="intranet")
    await cache.keep_failure("https://b.example/", PageMissing("x"), lifetime_s=60, way="intranet")
    assert await cache.find(URL, way="intranet") == PAGE
    assert [await cache.find(url) for url in (URL, PAGE.final_url, "https://b.example/")] == (
        [None] * 3
    )


@pytest.mark.skipif(os.name == "nt", reason="rights are other ones there")
async def test_file_and_its_folder_are_for_their_owner_alone(path: Path) -> None:
    for _ in range(2):  # made anew, then found with the rights of an older version
        cache = PageCache(path, max_bytes=1_000_000)
        await cache.keep_page(PAGE, lifetime_s=60)
        rights = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
        await cache.aclose()
        assert set(rights.values()) == {0o600}
        assert "pages.db-wal" in rights
        os.chmod(path, 0o644)  # noqa: PTH101 - ruff takes the path's own for blocking
    assert path.parent.stat().st_mode & 0o777 == 0o700


async def test_page_is_found_as_it_was_under_both_of_its_addresses(cache: PageCache) -> None:
    assert await cache.find(URL) is None
    await cache.keep_page(PAGE, lifetime_s=60)
    assert await cache.find(URL) == PAGE
    assert await cache.find(PAGE.final_url) == replace(PAGE, url=PAGE.final_url)


async def test_failure_is_found_with_its_type_and_words(cache: PageCache) -> None:
    await cache.keep_failure(URL, PageMissing("a.example does not have the page"), lifetime_s=60)
    found = await cache.find(URL)
    assert type(found) is PageMissing
    assert found.message == "a.example does not have the page"


async def test_page_takes_the_place_of_a_failure_and_of_an_older_page(cache: PageCache) -> None:
    await cache.keep_failure(URL, PageMissing("gone"), lifetime_s=60)
    await cache.keep_page(PAGE, lifetime_s=60)
    newer = replace(PAGE, text="newer", final_url=URL)
    await cache.keep_page(newer, lifetime_s=60)
    assert await cache.find(URL) == newer
    size = await cache.size()
    assert size is not None
    assert size.page_count == 2  # the older one is still the page of its final address


async def test_what_has_run_out_is_not_found_and_makes_room(path: Path) -> None:
    clock = Clock()
    cache = PageCache(path, max_bytes=1_000_000, seconds=clock)
    await cache.keep_page(PAGE, lifetime_s=60)
    await cache.keep_page(replace(PAGE, url="https://b.example/", text="x"), lifetime_s=0)
    assert await cache.find("https://b.example/") is None
    clock.now += 60
    assert await cache.find(URL) is None
    other = replace(PAGE, url="https://c.example/", final_url="https://c.example/")
    await cache.keep_page(other, lifetime_s=60)
    size = await cache.size()
    assert size is not None
    assert size.page_count == 1
    await cache.aclose()


async def test_oldest_pages_go_when_the_room_is_used_up(path: Path) -> None:
    clock = Clock()
    cache = PageCache(path, max_bytes=100_000, seconds=clock)
    urls = [f"https://a.example/{number}" for number in range(40)]
    for url in urls:
        clock.now += 1
        page = replace(PAGE, url=url, final_url=url, text="x" * 9_000)
        await cache.keep_page(page, lifetime_s=600)
    kept = [url for url in urls if await cache.find(url)]
    assert 6 <= len(kept) <= 8
    assert kept == urls[-len(kept) :]
    huge = replace(PAGE, url="https://h.example/", text="x" * 200_000)
    await cache.keep_page(huge, lifetime_s=600)
    assert await cache.find("https://h.example/") is None
    assert await cache.find(urls[-1]) is not None
    await cache.aclose()
    assert os.stat(path).st_size < 200_000  # noqa: PTH116


async def test_other_settings_see_other_pages(path: Path) -> None:
    one = PageCache(path, max_bytes=1_000_000, variant="robots=1")
    two = PageCache(path, max_bytes=1_000_000, variant="robots=0")
    await one.keep_page(PAGE, lifetime_s=60)
    assert await two.find(URL) is None
    assert await one.find(URL) == PAGE
    await one.aclose()
    await two.aclose()


async def test_page_outlives_the_program_but_not_a_new_extractor(path: Path) -> None:
    for version, found in ((1, None), (1, PAGE), (2, None)):
        cache = PageCache(path, max_bytes=1_000_000, version=version)
        assert await cache.find(URL) == found
        await cache.keep_page(PAGE, lifetime_s=600)
        await cache.aclose()


async def test_two_processes_share_the_file(path: Path) -> None:
    urls = [f"https://a.example/{number}" for number in range(20)]
    pages = [replace(PAGE, url=url, final_url=url) for url in urls]
    for number in range(10):  # each file is opened first by both at once
        fresh = path.with_name(f"{number}.db")
        caches = [PageCache(fresh, max_bytes=1_000_000, lock_timeout_s=60) for _ in range(2)]
        await asyncio.gather(
            *(caches[n % 2].keep_page(page, lifetime_s=60) for n, page in enumerate(pages))
        )
        for cache in caches:
            assert [await cache.find(url) for url in urls] == pages
            await cache.aclose()


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    path = tmp_path / "pages.db"
    path.write_bytes(b"no database" * 1000)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What stands where the file should be, and cannot be opened as one."""
    path = tmp_path / "pages.db"
    path.mkdir()
    return path


async def test_damaged_file_is_begun_anew(damaged: Path) -> None:
    cache = PageCache(damaged, max_bytes=1_000_000)
    await cache.keep_page(PAGE, lifetime_s=60)
    assert await cache.find(URL) == PAGE
    await cache.aclose()


async def test_file_that_lost_its_tables_gets_them_anew(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {CACHE_VERSION}")
        connection.execute("CREATE TABLE pages (id INTEGER)")
    connection.close()
    cache = PageCache(path, max_bytes=1_000_000)
    await cache.keep_page(PAGE, lifetime_s=60)
    assert await cache.find(URL) == PAGE
    await cache.aclose()


async def test_row_that_is_no_page_is_not_found(cache: PageCache, path: Path) -> None:
    await cache.keep_page(PAGE, lifetime_s=60)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE pages SET page = '{\"url\": 1}'")
    connection.close()
    assert await cache.find(URL) is None


async def test_page_that_cannot_be_written_down_is_not_kept(cache: PageCache) -> None:
    await cache.keep_page(replace(PAGE, title="half \ud800"), lifetime_s=60)
    assert await cache.find(URL) is None
    await cache.keep_page(PAGE, lifetime_s=60)
    assert await cache.find(URL) == PAGE


async def test_unusable_file_is_told_once_and_nothing_fails(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = PageCache(folder, max_bytes=1_000_000)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            await cache.keep_page(PAGE, lifetime_s=60)
            assert await cache.find(URL) is None
    assert await cache.size() is None
    assert [record.getMessage()[:28] for record in caplog.records] == [
        "Pages are not cached: pages."
    ]
    await cache.aclose()


async def test_locked_file_costs_only_that_page(path: Path) -> None:
    cache = PageCache(path, max_bytes=1_000_000, lock_timeout_s=0.0)
    await cache.keep_page(PAGE, lifetime_s=60)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    second = replace(PAGE, url="https://b.example/", final_url="https://b.example/")
    await cache.keep_page(second, lifetime_s=60)
    other.execute("ROLLBACK")
    other.close()
    assert await cache.find(URL) == PAGE
    assert await cache.find(second.url) is None
    await cache.keep_page(second, lifetime_s=60)
    assert await cache.find(second.url) == second
    await cache.aclose()


async def test_closed_cache_keeps_and_finds_nothing(cache: PageCache) -> None:
    await cache.keep_page(PAGE, lifetime_s=60)
    await cache.aclose()
    await cache.aclose()
    assert await cache.find(URL) is None
