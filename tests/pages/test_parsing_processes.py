"""Parsers run in processes that end on time, and the next page is read all the same."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from websearch_agent.errors import PageEmpty, PageTooLarge, PageUnreachable, UnsupportedContent
from websearch_agent.pages.parsing_processes import ParsingProcesses

pytestmark = pytest.mark.anyio

HTML = b"<html><title>Harbour</title><p>" + b"The harbour was built in 1904 by fishers. " * 9


@asynccontextmanager
async def hanging(**options: float) -> AsyncIterator[ParsingProcesses]:
    parsing = ParsingProcesses(
        worker_count=1,
        time_limit_s=options.get("time_limit_s", 5.0),
        unwanted_limit_s=options.get("unwanted_limit_s", 1.0),
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


async def test_ones_own_document_is_no_wall_in_another_process() -> None:
    parsing = ParsingProcesses(worker_count=1)
    html = b"<html><title>Page not found</title><p>Say this where a file is missing, in red.</p>"
    page = await parsing.extract(
        html, url="file:///a.html", content_type="text/html", is_foreign=False
    )
    assert "in red" in page.text
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


async def parse(parsing: ParsingProcesses, body: str) -> str:
    page = await parsing.extract(body.encode(), url="http://a.example/", content_type="text/html")
    return page.text


@asynccontextmanager
async def page_in_the_parser(
    parsing: ParsingProcesses, pipe: Path
) -> AsyncIterator[tuple["asyncio.Task[str]", Callable[[], None]]]:
    """A page that a parser has begun, and a function that lets the parser end it."""
    os.mkfifo(pipe)
    task = asyncio.create_task(parse(parsing, f"wait {pipe}"))
    writer = await asyncio.to_thread(pipe.open, "w")  # returns once the parser reads
    try:
        yield task, writer.close
    finally:
        writer.close()


async def cancel(task: "asyncio.Task[str]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_worker_whose_caller_left_ends_its_page_and_is_used_again(tmp_path: Path) -> None:
    async with hanging(unwanted_limit_s=60.0) as parsing:
        worker = await parse(parsing, "pid")
        async with page_in_the_parser(parsing, tmp_path / "pipe") as (task, let_it_end):
            await cancel(task)
            let_it_end()
            assert await parse(parsing, "pid") == worker


async def test_page_that_nobody_wants_is_killed_when_it_takes_long(tmp_path: Path) -> None:
    async with hanging(time_limit_s=60.0, unwanted_limit_s=0.02) as parsing:
        worker = await parse(parsing, "pid")
        async with page_in_the_parser(parsing, tmp_path / "pipe") as (task, _):
            await cancel(task)
            assert await parse(parsing, "pid") != worker


async def test_cancelled_page_that_still_waits_is_never_parsed(tmp_path: Path) -> None:
    async with hanging() as parsing:
        async with page_in_the_parser(parsing, tmp_path / "pipe") as (task, let_it_end):
            waiting = asyncio.create_task(parse(parsing, f"touch {tmp_path / 'parsed'}"))
            await asyncio.sleep(0)
            await cancel(waiting)
            let_it_end()
            await task
        assert await parse(parsing, "next") == "next"
        assert not (tmp_path / "parsed").exists()


async def test_page_cancelled_while_its_worker_starts_is_never_parsed(tmp_path: Path) -> None:
    async with hanging() as parsing:
        starting = asyncio.create_task(parse(parsing, f"touch {tmp_path / 'parsed'}"))
        await asyncio.sleep(0)
        await cancel(starting)
        assert await parse(parsing, "next") == "next"
        assert not (tmp_path / "parsed").exists()


async def test_closing_ends_pages_in_the_parser_and_those_that_wait(tmp_path: Path) -> None:
    async with (
        hanging(time_limit_s=60.0) as parsing,
        page_in_the_parser(parsing, tmp_path / "pipe") as (task, _),
    ):
        waiting = asyncio.create_task(parse(parsing, "next"))
        await asyncio.sleep(0)
        await parsing.aclose()
        for ended in (task, waiting):
            with pytest.raises(PageUnreachable, match="ending"):
                await ended


async def test_reply_of_another_form_is_refused() -> None:
    async with hanging() as parsing:
        with pytest.raises(PageEmpty, match="nonsense"):
            await parse(parsing, "lie")


async def test_parser_that_cannot_start_is_told() -> None:
    parsing = ParsingProcesses(worker_count=2, worker_module="tests.pages.no_such_module")
    with pytest.raises(PageUnreachable, match="cannot be started"):
        await parsing.warm()
    with pytest.raises(PageUnreachable, match="cannot be started"):
        await parse(parsing, "page")
    await parsing.aclose()


async def test_worker_gets_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    from websearch_agent.pages.parsing_processes import _worker_environment

    monkeypatch.setenv("WEBSEARCH_MODEL_API_KEY", "secret")
    assert "secret" not in _worker_environment().values()
    assert set(_worker_environment()) <= set(os.environ) | {"PYTHONPATH"}
