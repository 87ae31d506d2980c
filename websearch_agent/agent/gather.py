"""The nodes that bring evidence: `search_web`, `read_pages`, `select_sources`."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from itertools import islice

from langgraph.runtime import Runtime

from websearch_agent.agent.addresses import shorter_address
from websearch_agent.agent.notices import (
    address_notice,
    builtin_notice,
    local_only_notice,
    no_engine_message,
    snippets_only_notice,
)
from websearch_agent.agent.select import choose_sources
from websearch_agent.agent.snippets import is_worth_showing, snippet_page
from websearch_agent.agent.state import AgentContext, AgentState
from websearch_agent.errors import (
    AddressNotAllowed,
    AgentError,
    NoEngineAnswered,
    NoPageReadable,
    PageError,
    PageMissing,
    PageUnreachable,
)
from websearch_agent.events import (
    Notice,
    PageFinished,
    SearchFinished,
    SourcesSelected,
)
from websearch_agent.search.fan_out import SearchOutcome, search_all
from websearch_agent.search.fusion import fuse_rankings
from websearch_agent.types import (
    EngineFailure,
    Page,
    PageFailure,
    SearchQuery,
    SearchResult,
)

Emit = Callable[[object], None]

MIN_PATIENCE_S = 1.5
MIN_GRACE_S = 0.3
# What an engine remembers of a page that is gone or may not be read is no source either.
WITHOUT_SNIPPET = frozenset({PageMissing.code, AddressNotAllowed.code})

_logger = logging.getLogger(__name__)


async def search_web(state: AgentState, runtime: Runtime[AgentContext]) -> dict[str, object]:
    """Ask all engines all new queries; what was found before stays.

    The first search for a question that holds web addresses opens these and asks no engine: the
    person wants these pages. Raises NoPageReadable if none of them can be read, and
    NoEngineAnswered, but only if there is nothing yet to answer from.
    """
    context, emit = runtime.context, runtime.stream_writer
    texts = state["new_queries"]
    if context.addresses and state["searches_made"] == 0:
        opened = await _open_addresses(context, emit)
        emit(SearchFinished(context.addresses, len(opened)))
        return {"queries": context.addresses, "searches_made": 1, "results": opened}
    outcome = await _search(texts, context, emit, may_fail=bool(state["sources"]))
    emit(SearchFinished(texts, len(outcome.results), outcome.failures))
    return {
        "queries": (*state["queries"], *texts),
        "searches_made": state["searches_made"] + 1,
        "results": tuple(fuse_rankings([outcome.results, state["results"]])),
    }


async def _open_addresses(context: AgentContext, emit: Emit) -> tuple[SearchResult, ...]:
    """The pages that the person named, as far as they can be read. Says which could not.

    Raises NoPageReadable if it is none of them.
    """
    asked = _as_results(context.addresses)
    failures = await _read_until_enough(asked, context, emit)
    shorter = {failure.url: shorter_address(failure.url) for failure in failures}
    again = _as_results(tuple(address for address in shorter.values() if address))
    await _read_until_enough(again, context, emit)
    unread = [failure for failure in failures if shorter[failure.url] not in context.pages]
    opened = tuple(result for result in (*asked, *again) if result.url in context.pages)
    notices = [address_notice(context.request.question, failure) for failure in unread]
    if not opened:
        raise NoPageReadable(" ".join(notices))
    for notice in notices:
        emit(Notice(notice))
    return opened


def _as_results(addresses: Sequence[str]) -> tuple[SearchResult, ...]:
    return tuple(
        SearchResult(url=address, title=address, snippet="", engine="question", rank=rank)
        for rank, address in enumerate(addresses, start=1)
    )


async def _search(
    texts: Sequence[str], context: AgentContext, emit: Emit, *, may_fail: bool
) -> SearchOutcome:
    queries = [_query(text, context) for text in texts]
    outcome = await search_all(
        context.engines, queries, deadline_s=context.search_deadline_s, rests=context.rests
    )
    if not outcome.answered_by and not may_fail:
        return await _search_builtin(queries, context, emit, outcome.failures)
    web_failed = any(failure.engine != "local" for failure in outcome.failures)
    if web_failed and outcome.answered_by == {"local"}:
        emit(Notice(local_only_notice(context.request.question, outcome.failures)))
    return outcome


async def _search_builtin(
    queries: Sequence[SearchQuery],
    context: AgentContext,
    emit: Emit,
    failures: tuple[EngineFailure, ...],
) -> SearchOutcome:
    """The built-in collection, when nothing else could be asked; never mixed into web answers."""
    question = context.request.question
    if context.builtin_engine is None:
        raise NoEngineAnswered(no_engine_message(question, failures, builtin_asked=False))
    outcome = await search_all(
        [context.builtin_engine], queries, deadline_s=context.search_deadline_s
    )
    if not outcome.results:
        raise NoEngineAnswered(no_engine_message(question, failures, builtin_asked=True))
    emit(Notice(builtin_notice(question, failures)))
    return SearchOutcome(outcome.results, failures, outcome.answered_by)


def _query(text: str, context: AgentContext) -> SearchQuery:
    request = context.request
    return SearchQuery(
        query=text,
        max_results=context.plan.results_per_query,
        time_range=request.time_range,
        include_domains=request.include_domains,
        exclude_domains=request.exclude_domains,
        language=request.language,
    )


async def read_pages(state: AgentState, runtime: Runtime[AgentContext]) -> dict[str, object]:
    """Read the best results together, until enough are in or the reading deadline is over.

    Of a page that could not be read, what the engine showed of it is kept, and marked as that.
    Raises NoPageReadable when there were results, and neither a page nor such a snippet is left.
    """
    context, emit = runtime.context, runtime.stream_writer
    known = context.pages.keys() | context.unreadable
    wanted = [r for r in state["results"] if r.url not in known]
    failures = await _read_until_enough(wanted, context, emit)
    if wanted and not any(result.url in context.pages for result in state["results"]):
        if context.snippets:
            emit(Notice(snippets_only_notice(context.request.question)))
            return {}
        reasons = "; ".join(f"{f.url}: {f.reason}" for f in failures[:5])
        raise NoPageReadable(
            f"The search found {len(wanted)} pages, and none of them could be read: {reasons}. "
            "Ask again, or in other words."
        )
    return {}


async def _read_until_enough(
    results: Sequence[SearchResult], context: AgentContext, emit: Emit
) -> list[PageFailure]:
    """Fetch the first ones at once, one more for each that fails, parse in order of arrival.

    Ends when enough are in, or the reading deadline is over; cancels what is no longer needed.
    Pages that the search put first are given a little longer than the others took.
    """
    asked_for = all(result.engine == "question" for result in results)
    enough = len(results) if asked_for else min(context.plan.enough_pages, len(results))
    tasks: dict[asyncio.Task[Page | PageFailure], SearchResult] = {}
    waiting = iter(results)
    now = asyncio.get_running_loop().time
    failures: list[PageFailure] = []
    started, good = now(), 0
    give_up_at = started + context.reading_deadline_s

    def start_reading(count: int) -> set[asyncio.Task[Page | PageFailure]]:
        new = {asyncio.create_task(_read_one(r, context)): r for r in islice(waiting, count)}
        tasks.update(new)
        return set(new)

    pending = start_reading(context.plan.pages_to_read)
    try:
        while pending and (good < enough or _is_worth_waiting(pending, tasks, enough)):
            done, pending = await asyncio.wait(
                pending, timeout=max(0.0, give_up_at - now()), return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                break
            # Results' order, not the order of completion: the same pages, the same answer.
            for task in sorted(done, key=lambda t: tasks[t].rank):
                read = _take_in(tasks[task], task.result(), context, emit, failures)
                good += read
                pending |= start_reading(1 - read)
            if good >= enough:
                give_up_at = min(give_up_at, now() + _grace_s(now() - started))
            elif 2 * good >= enough and not asked_for:
                give_up_at = min(give_up_at, started + _patience_s(now() - started))
    finally:
        await _cancel_all(pending)
    if good < enough:
        for task in sorted(pending, key=lambda t: tasks[t].rank):
            late = f"not read within {give_up_at - started:.3g} s"
            failure = PageFailure(tasks[task].url, PageUnreachable.code, late)
            _take_in(tasks[task], failure, context, emit, failures)
    return failures


def _is_worth_waiting(
    pending: set[asyncio.Task[Page | PageFailure]],
    tasks: Mapping[asyncio.Task[Page | PageFailure], SearchResult],
    enough: int,
) -> bool:
    """Whether one of the pages that the search put first is still on its way.

    The fastest pages are not the best: of ten documents of an index the one with the answer, a
    long one, came sixth.
    """
    return any(tasks[task].rank <= enough for task in pending)


def _grace_s(enough_read_s: float) -> float:
    """How much longer the first pages may take when enough others took so long."""
    return max(MIN_GRACE_S, enough_read_s / 2)


def _patience_s(half_read_s: float) -> float:
    """How long all pages together may take when half of what is enough took so long.

    One silent page among good ones must not cost the person the whole reading deadline.
    """
    return max(MIN_PATIENCE_S, 3 * half_read_s)


def _take_in(
    result: SearchResult,
    outcome: Page | PageFailure,
    context: AgentContext,
    emit: Emit,
    failures: list[PageFailure],
) -> int:
    """Note what became of one page; 1 if it was read."""
    if isinstance(outcome, PageFailure):
        failures.append(outcome)
        context.unreadable.add(result.url)
        if outcome.code not in WITHOUT_SNIPPET and is_worth_showing(result.snippet):
            context.snippets[result.url] = snippet_page(result)
        emit(PageFinished(result.url, result.title, outcome))
        return 0
    context.pages[result.url] = outcome
    emit(PageFinished(result.url, outcome.title or result.title))
    return 1


async def _read_one(result: SearchResult, context: AgentContext) -> Page | PageFailure:
    try:
        if result.document_id is not None:
            return await context.documents.read_document(result.document_id)
        return await context.reader.read(result.url)
    except AgentError as error:
        return PageFailure(result.url, error.code, error.message)
    except Exception:  # The door to foreign pages: one of them never ends the answer.
        _logger.exception("reading a page failed in an unknown way")
        reason = "an internal error while reading; the log has its traceback"
        return PageFailure(result.url, PageError.code, reason)


async def _cancel_all(tasks: set[asyncio.Task[Page | PageFailure]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)


async def select_sources(state: AgentState, runtime: Runtime[AgentContext]) -> dict[str, object]:
    """Number the best passages of the pages that were read, as many as fit the window."""
    sources, numbers = await choose_sources(state, runtime.context, runtime.stream_writer)
    runtime.stream_writer(SourcesSelected(sources))
    return {"sources": sources, "numbers": numbers}
