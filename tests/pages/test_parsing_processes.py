"""Parsers run in processes that end on time, and the next page is read all the same."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from websearch_agent.errors import PageEmpty, PageTooLarge, UnsupportedContent
from websearch_agent.pages.parsing_processes import ParsingProcesses

pytestmark = pytest.mark.anyio

HTML = b"<html><title>Harbour</title><p>" + b"The harbour was built in 1904 by fishers. " * 9


@asynccontextmanager
async def hanging(**options: float) -> AsyncIterator[ParsingProcesses]:
    parsing = ParsingProcesses(
        worker_count=1,
        time_limit_s=options.get("time_limit_s", 5.0),
        worker_module="tests.pages.hanging_worker",
    )
    try:
        yield parsing
    finally:
        await parsing.aclose()


async def test_page_is_parsed_in_another_process() -> None:
    parsing = ParsingProcesses(worker_count=2)
    await parsing.warm()
    pages = await asyncio.gather(
        *(
            parsing.extract(HTML, url="http://a.example/", content_type="text/html")
            for _ in range(5)
        )
    )
    await parsing.aclose()
    assert [page.title for page in pages] == ["Harbour"] * 5


async def test_error_of_the_parser_keeps_its_type() -> None:
    parsing = ParsingProcesses(worker_count=1)
    with pytest.raises(UnsupportedContent):
        await parsing.extract(b"PK", url="http://a.example/", content_type="application/zip")
    await parsing.aclose()


async def test_hung_parser_is_killed_and_the_next_page_is_read() -> None:
    async with hanging(time_limit_s=0.2) as parsing:
        with pytest.raises(PageEmpty, match=r"longer than 0\.2 s"):
            await parsing.extract(b"hang", url="http://a.example/", content_type="text/html")
        page = await parsing.extract(b"next", url="http://a.example/", content_type="text/html")
        assert page.text == "next"


async def test_crashed_parser_is_replaced() -> None:
    async with hanging() as parsing:
        with pytest.raises(PageEmpty, match="crashed"):
            await parsing.extract(b"crash", url="http://a.example/", content_type="text/html")
        page = await parsing.extract(b"next", url="http://a.example/", content_type="text/html")
        assert page.text == "next"


async def test_parser_that_fills_the_memory_is_stopped() -> None:
    async with hanging() as parsing:
        with pytest.raises(PageTooLarge):
            await parsing.extract(b"fill", url="http://a.example/", content_type="text/html")


async def test_cancelled_reading_leaves_a_free_slot() -> None:
    async with hanging(time_limit_s=60.0) as parsing:
        await parsing.warm()
        task = asyncio.create_task(
            parsing.extract(b"hang", url="http://a.example/", content_type="text/html")
        )
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        page = await parsing.extract(b"next", url="http://a.example/", content_type="text/html")
        assert page.text == "next"


async def test_worker_gets_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    from websearch_agent.pages.parsing_processes import _worker_environment

    monkeypatch.setenv("WEBSEARCH_MODEL_API_KEY", "secret")
    assert "secret" not in _worker_environment().values()
    assert set(_worker_environment()) <= set(os.environ) | {"PYTHONPATH"}
