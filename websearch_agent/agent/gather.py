"""The nodes that bring evidence: `search_web`, `read_pages`, `select_sources`."""

from collections.abc import Sequence

from langgraph.runtime import Runtime

from websearch_agent.agent.addresses import shorter_address
from websearch_agent.agent.notices import (
    address_notice,
    builtin_notice,
    local_only_notice,
    no_engine_message,
    no_filter_message,
    snippets_only_notice,
    tell_once,
)
from websearch_agent.agent.reading import Emit, read_until_enough
from websearch_agent.agent.select import choose_sources
from websearch_agent.agent.state import AgentContext, AgentState
from websearch_agent.errors import (
    NoEngineAnswered,
    NoPageReadable,
    PageUnreachable,
    UnsupportedFilter,
)
from websearch_agent.events import (
    Notice,
    SearchFinished,
    SourcesSelected,
)
from websearch_agent.search.fan_out import SearchOutcome, search_all
from websearch_agent.search.fusion import rank_pages
from websearch_agent.types import EngineFailure, SearchQuery, SearchResult


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
        "results": tuple(rank_pages([outcome.results, state["results"]])),
    }


async def _open_addresses(context: AgentContext, emit: Emit) -> tuple[SearchResult, ...]:
    """The pages that the person named, as far as they can be read. Says which could not.

    Raises NoPageReadable if it is none of them.
    """
    asked = _as_results(context.addresses)
    failures = await read_until_enough(asked, context, emit)
    shorter = {failure.url: shorter_address(failure.url) for failure in failures}
    again = _as_results(tuple(address for address in shorter.values() if address))
    await read_until_enough(again, context, emit)
    unread = [failure for failure in failures if shorter[failure.url] not in context.pages]
    opened = tuple(result for result in (*asked, *again) if result.url in context.pages)
    notices = [address_notice(context.request.question, failure) for failure in unread]
    if not opened:
        error = NoPageReadable(" ".join(notices))
        error.retryable = any(failure.code == PageUnreachable.code for failure in unread)
        raise error
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
    broken = [f for f in outcome.failures if f.code != UnsupportedFilter.code]
    if not outcome.answered_by and not may_fail:
        if outcome.failures and not broken:
            question = context.request.question
            raise UnsupportedFilter(no_filter_message(question, outcome.failures))
        return await _search_builtin(queries, context, emit, outcome.failures)
    only_local = bool(outcome.results) and outcome.answered_by == {"local"}
    if only_local and any(failure.engine != "local" for failure in broken):
        emit(Notice(local_only_notice(context.request.question, broken)))
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
    failures = await read_until_enough(wanted, context, emit)
    if wanted and not any(result.url in context.pages for result in state["results"]):
        if context.snippets:
            tell_once(snippets_only_notice(context.request.question), context, emit)
            return {}
        reasons = "; ".join(f"{f.url}: {f.reason}" for f in failures[:5])
        raise NoPageReadable(
            f"The search found {len(wanted)} pages, and none of them could be read: {reasons}. "
            "Ask again, or in other words."
        )
    return {}


async def select_sources(state: AgentState, runtime: Runtime[AgentContext]) -> dict[str, object]:
    """Number the best passages of the pages that were read, as many as fit the window."""
    sources, numbers = await choose_sources(state, runtime.context, runtime.stream_writer)
    runtime.stream_writer(SourcesSelected(sources))
    return {"sources": sources, "numbers": numbers}
