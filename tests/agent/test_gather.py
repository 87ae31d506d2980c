"""Reading the pages: how long it waits, what it leaves, and what it tells."""

import asyncio
import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import replace

import pytest
from fakes import FakeDocuments, FakeModel, FakeReader, make_page, make_results
from langgraph.runtime import Runtime

from websearch_agent.agent.gather import read_pages
from websearch_agent.agent.plan import PLANS
from websearch_agent.agent.reading import MIN_PATIENCE_S
from websearch_agent.agent.state import AgentContext, initial_state
from websearch_agent.errors import IndexUnusable, NoPageReadable, PageEmpty, PageUnreachable
from websearch_agent.events import (
    PageFinished,
)
from websearch_agent.models.dialects.tools import ToolsDialect
from websearch_agent.pages.parsing_processes import ParsingProcesses
from websearch_agent.protocols import PageReader
from websearch_agent.search.resting import RestTable
from websearch_agent.types import AnswerRequest, Page, PageFailure, SearchResult

pytestmark = pytest.mark.anyio

A, B, C, D = (f"https://{letter}.example/" for letter in "abcd")
PLAN = replace(PLANS["quick"], pages_to_read=4, enough_pages=3)


def make_context(reader: PageReader, *, deadline_s: float = 30.0) -> AgentContext:
    return AgentContext(
        request=AnswerRequest("question"),
        today=dt.date(2026, 11, 23),
        history=(),
        earlier_sources=(),
        in_hand=(),
        addresses=(),
        plan=PLAN,
        model=FakeModel([]),
        dialect=ToolsDialect(),
        engines=(),
        builtin_engine=None,
        reader=reader,
        documents=FakeDocuments(),
        rests=RestTable(),
        search_deadline_s=5.0,
        reading_deadline_s=deadline_s,
        answer_by=1e9,
    )


async def read(context: AgentContext, results: Sequence[SearchResult]) -> list[PageFailure]:
    """The failures that were told, in the order of telling."""
    events: list[object] = []
    runtime = Runtime(context=context, stream_writer=events.append)
    state = {**initial_state(()), "results": tuple(results)}
    await read_pages(state, runtime)  # type: ignore[arg-type]
    finished = [event for event in events if isinstance(event, PageFinished)]
    assert {event.url for event in finished if not event.failure} == set(context.pages)
    return [event.failure for event in finished if event.failure]


async def test_pages_slower_than_enough_others_are_left_and_no_failures() -> None:
    reader = FakeReader({A: None, B: "b", C: "c", D: "d"})
    context = make_context(reader)
    assert await read(context, make_results(A, B, C, D)) == []
    assert set(context.pages) == {B, C, D}
    assert reader.cancelled == [A]


async def test_only_the_person_and_own_engines_may_name_pages_of_the_intranet() -> None:
    asked: dict[str, bool] = {}

    class Asked(FakeReader):
        async def read(self, url: str, *, fresh: bool = False, intranet: bool = False) -> Page:
            asked[url] = intranet
            return await super().read(url)

    engines = {A: "question", B: "searxng", C: "ddgs", D: "brave"}
    found = [replace(result, engine=engines[result.url]) for result in make_results(A, B, C, D)]
    await read(make_context(Asked({A: "a", B: "b", C: "c", D: "d"}), deadline_s=3600.0), found)
    assert asked == {A: True, B: True, C: False, D: False}


async def test_first_result_that_is_read_after_enough_others_is_still_taken() -> None:
    class Late(FakeReader):
        async def read(self, url: str, *, fresh: bool = False, intranet: bool = False) -> Page:
            for _ in range(100 if url == A else 0):
                await asyncio.sleep(0)  # lets the others go first
            return await super().read(url)

    context = make_context(Late({A: "a", B: "b", C: "c", D: "d"}), deadline_s=3600.0)
    assert await read(context, make_results(A, B, C, D)) == []
    assert set(context.pages) == {A, B, C, D}


async def test_further_results_take_the_place_of_pages_that_fail() -> None:
    urls = [f"https://{number}.example/" for number in range(12)]
    reader = FakeReader(dict.fromkeys(urls[-PLAN.enough_pages :], "good"))
    context = make_context(reader, deadline_s=3600.0)
    failures = await read(context, make_results(*urls))
    assert set(context.pages) == set(urls[-PLAN.enough_pages :])
    assert len(failures) == len(urls) - PLAN.enough_pages


async def test_pages_not_read_when_the_deadline_passes_are_failures() -> None:
    reader = FakeReader({A: "a", B: None, C: None, D: PageUnreachable("gone")})
    failures = await read(make_context(reader, deadline_s=0.05), make_results(A, B, C, D))
    late = "not read within 0.05 s"
    assert [(f.url, f.reason) for f in failures] == [(D, "gone"), (B, late), (C, late)]
    assert set(reader.cancelled) == {B, C}


async def test_silent_page_among_good_ones_does_not_cost_the_whole_deadline() -> None:
    reader = FakeReader({A: "a", B: "b", C: None})
    failures = await read(make_context(reader, deadline_s=3600.0), make_results(A, B, C))
    assert [(f.url, f.reason) for f in failures] == [(C, f"not read within {MIN_PATIENCE_S:g} s")]


async def test_deadline_shorter_than_the_patience_holds() -> None:
    reader = FakeReader({A: "a", B: "b", C: None})
    failures = await read(make_context(reader, deadline_s=0.05), make_results(A, B, C))
    assert [f.reason for f in failures] == ["not read within 0.05 s"]


async def test_fewer_results_than_enough_end_the_reading_when_all_are_in() -> None:
    context = make_context(FakeReader({A: "a"}), deadline_s=3600.0)
    assert await read(context, make_results(A)) == []


async def test_page_that_crashes_the_parser_is_told_and_the_others_are_read() -> None:
    class Parser:
        async def read(self, url: str, *, fresh: bool = False, intranet: bool = False) -> Page:
            body = b"crash" if url == A else b"text"
            page = await parsing.extract(body, url=url, content_type="text/html")
            return make_page(url, page.text)

    parsing = ParsingProcesses(worker_count=1, worker_module="tests.pages.hanging_worker")
    context = make_context(Parser())
    failures = await read(context, make_results(A, B, C))
    await parsing.aclose()
    assert failures == [PageFailure(A, PageEmpty.code, "the page crashed the parser")]
    assert set(context.pages) == {B, C}


async def test_unexpected_error_of_one_page_is_told_without_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(FakeReader):
        async def read(self, url: str, *, fresh: bool = False, intranet: bool = False) -> Page:
            if url == A:
                raise RuntimeError("secret detail")
            return await super().read(url)

    with caplog.at_level(logging.ERROR):
        failures = await read(make_context(Broken({B: "b"})), make_results(A, B))
    assert [(f.url, f.code) for f in failures] == [(A, "page_error")]
    assert "secret" not in failures[0].reason
    assert "secret detail" in caplog.text


async def test_index_that_cannot_be_opened_is_a_failure_of_its_page() -> None:
    class Damaged(FakeDocuments):
        async def read_document(self, document_id: str) -> Page:
            raise IndexUnusable("The index is damaged.")

    first, second = make_results(A, B)
    context = replace(make_context(FakeReader({B: "b"})), documents=Damaged())
    failures = await read(context, [replace(first, document_id="local:1"), second])
    assert failures == [PageFailure(A, "index_unusable", "The index is damaged.")]


async def test_no_page_at_all_is_an_error_with_the_reasons() -> None:
    reader = FakeReader({A: PageEmpty("holds no text"), B: PageUnreachable("gone")})
    with pytest.raises(NoPageReadable, match="holds no text"):
        await read(make_context(reader), make_results(A, B))
