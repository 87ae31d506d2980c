"""Chooses the passages that the model is shown, and gives their pages numbers."""

import asyncio
import datetime as dt
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace

from websearch_agent.agent.addresses import without_addresses
from websearch_agent.agent.budget import TOKENS_PER_SOURCE, source_budget
from websearch_agent.agent.notices import ranking_notice
from websearch_agent.agent.prompting import build_prompt
from websearch_agent.agent.state import AgentContext, AgentState
from websearch_agent.agent.summaries import summarise_sources
from websearch_agent.errors import ModelError
from websearch_agent.events import (
    Notice,
)
from websearch_agent.pages.passages import split_passages
from websearch_agent.pages.rank import diversify, rank_passages
from websearch_agent.protocols import Reranker
from websearch_agent.search.canonical_url import canonical_url
from websearch_agent.types import (
    Page,
    Passage,
    SearchResult,
    Source,
    SourceKind,
)

# Only the head of the ranking can fit any window that is used here; the rest is not counted.
MAX_CANDIDATES = 60
# The best of them are shown to the served model: with the question one batch of 32. All 60 take it
# twice as long, and rank hardly better (nDCG@10 0.830 for 0.827, `models/reranking.py`).
RERANKED_PASSAGES = 31
# What is summarised of one page; the whole of a long one would take a small window several calls.
PASSAGE_TOKENS_TO_SUMMARISE = 700
MAX_PASSAGES_PER_SOURCE = 4
PAGE_RANK_WEIGHT = 0.1
# With less room each, sources hold one stray passage: small models then cite the wrong one.
TOKENS_WORTH_A_SOURCE = 450
# A passage this far below the best one only distracts a small model.
MIN_RELATIVE_SCORE = 0.25
MAX_TITLE_CHARS = 200
DAYS_OF_RANGE = {"day": 1, "week": 7, "month": 31, "year": 366}


async def choose_sources(
    state: AgentState, context: AgentContext, emit: Callable[[object], None]
) -> tuple[tuple[Source, ...], dict[str, int]]:
    """The best passages within the token budget, grouped by page, best page first.

    The first passage of each of the best pages comes before any second one, so that one long
    page does not fill the window. A page that the conversation knows keeps its number: returned
    with the numbers given so far, by address. With `evidence` as summaries the passages of each
    page are summarised by the model; if nothing relevant is left so, the passages are shown.
    """
    read = [(result, page) for result in state["results"] if (page := _page_of(result, context))]
    texts = (*state["queries"], context.request.question)
    queries = [text for text in map(without_addresses, texts) if text] or [texts[-1]]
    snippets = frozenset(context.snippets)
    ranked = await _rank(read, queries, context, emit)
    budget_tokens = await source_budget(build_prompt(state, context), context)
    counts = await context.model.count_tokens([_shown(passage) for passage in ranked])
    limits = await context.model.limits()
    max_sources = min(context.plan.max_sources, limits.source_tokens // TOKENS_WORTH_A_SOURCE)
    if context.evidence == "summaries":
        chosen = fill_budget(
            ranked,
            counts,
            budget_tokens=PASSAGE_TOKENS_TO_SUMMARISE * context.plan.max_sources,
            max_sources=context.plan.max_sources,
        )
        candidates, numbers = _number(chosen, read, state["numbers"], snippets)
        summarised = await summarise_sources(
            candidates, context, budget_tokens=budget_tokens, emit=emit
        )
        if summarised:
            return summarised, numbers
    chosen = fill_budget(ranked, counts, budget_tokens=budget_tokens, max_sources=max_sources)
    return _number(chosen, read, state["numbers"], snippets)


def fill_budget(
    ranked: Sequence[Passage],
    counts: Sequence[int],
    *,
    budget_tokens: int,
    max_sources: int,
) -> list[Passage]:
    """Passages that fit, in the order of their ranking: first one for each page, then more."""
    chosen: dict[int, Passage] = {}
    pages: dict[str, int] = {}
    left = budget_tokens
    alone = len({passage.url for passage in ranked}) == 1
    for first_of_page in (True, False):
        for index, (passage, count) in enumerate(zip(ranked, counts, strict=True)):
            seen = pages.get(passage.url, 0)
            if index in chosen or first_of_page != (seen == 0):
                continue
            enough = seen >= MAX_PASSAGES_PER_SOURCE and not alone
            full = len(pages) >= max_sources if first_of_page else enough
            cost = count + (TOKENS_PER_SOURCE if first_of_page else 0)
            if full or cost > left:
                continue
            chosen[index] = passage
            pages[passage.url] = seen + 1
            left -= cost
    return [chosen[index] for index in sorted(chosen)]


def _page_of(result: SearchResult, context: AgentContext) -> Page | None:
    return context.pages.get(result.url) or context.snippets.get(result.url)


async def _rank(
    read: Sequence[tuple[SearchResult, Page]],
    queries: Sequence[str],
    context: AgentContext,
    emit: Callable[[object], None],
) -> list[Passage]:
    """The passages worth showing, best first; those of snippets and of pages too old come last."""
    pages = [page for _, page in read]
    found = await asyncio.to_thread(_find_candidates, pages, queries)
    ranked = await _ask_reranker(found, pages, queries, context, emit)
    old = _too_old(read, context)
    # An engine's snippet only where a page leaves room.
    ranked.sort(key=lambda passage: (passage.url in context.snippets, passage.url in old))
    if len(pages) == 1:  # Often a page that the person named: "summarise it" ranks nothing.
        return ranked
    # Only what words and model both put far below: where they differ, either may be right.
    last = old | context.snippets.keys()
    near = _near_best(found, last) | _near_best(ranked, last)
    return [passage for passage in ranked if _place(passage) in near]


def _find_candidates(pages: Sequence[Page], queries: Sequence[str]) -> list[Passage]:
    """The best passages by their words, without copies, best first."""
    passages = [passage for page in pages for passage in split_passages(page)]
    ranked = weigh_by_page(rank_passages(passages, queries, titles=_titles(pages)), pages)
    # Copies of one text (a manual as HTML, PDF and plain text; an agency's report) count once.
    return diversify(ranked[: 2 * MAX_CANDIDATES])[:MAX_CANDIDATES]


async def _ask_reranker(
    passages: Sequence[Passage],
    pages: Sequence[Page],
    queries: Sequence[str],
    context: AgentContext,
    emit: Callable[[object], None],
) -> list[Passage]:
    """The passages in the served model's order too; as they are, and told, if it fails."""
    if context.reranker is None or not any(passage.score for passage in passages):
        return list(passages)
    # A follow-up means little without the conversation: its first query was made of both.
    query = queries[0] if context.history else queries[-1]
    best, rest = passages[:RERANKED_PASSAGES], passages[RERANKED_PASSAGES:]
    try:
        return [*await rerank(best, query, context.reranker, titles=_titles(pages)), *rest]
    except ModelError as error:
        notice = ranking_notice(context.request.question, error.message)
        if notice not in context.notices_given:
            context.notices_given.add(notice)
            emit(Notice(notice))
        return list(passages)


async def rerank(
    passages: Sequence[Passage], query: str, reranker: Reranker, *, titles: Mapping[str, str]
) -> list[Passage]:
    """Best first by their scores so far and the served model's, `score` set anew, 0 to 1.

    `titles` gives page titles by `Passage.url`. Raises ModelError.
    """
    if not passages:
        return []
    texts = [_with_title(passage, titles.get(passage.url, "")) for passage in passages]
    scores = await reranker.scores(query, texts)
    # Spread over 0 to 1: the cosines of some models all lie between 0.7 and 0.9.
    low, spread = min(scores), max(scores) - min(scores)
    best = max(passage.score for passage in passages) or 1.0
    fused = [
        replace(
            passage,
            score=(1 - reranker.weight) * passage.score / best
            + reranker.weight * ((score - low) / spread if spread else 1.0),
        )
        for passage, score in zip(passages, scores, strict=True)
    ]
    return sorted(fused, key=lambda passage: -passage.score)


def _with_title(passage: Passage, title: str) -> str:
    parts = (title[:MAX_TITLE_CHARS], passage.heading, passage.text)
    return "\n".join(part for part in parts if part)


def _titles(pages: Sequence[Page]) -> dict[str, str]:
    return {page.final_url: page.title for page in pages}


def _near_best(passages: Sequence[Passage], last: Set[str]) -> set[tuple[str, int]]:
    """Near the best one that does not come last: a good snippet must not push pages out."""
    scores = [passage.score for passage in passages if passage.url not in last]
    best = max(scores or [passage.score for passage in passages], default=0.0)
    return {_place(p) for p in passages if p.score >= MIN_RELATIVE_SCORE * best}


def _place(passage: Passage) -> tuple[str, int]:
    return passage.url, passage.start_index


def _too_old(read: Sequence[tuple[SearchResult, Page]], context: AgentContext) -> frozenset[str]:
    """The pages whose date lies before the time that the person asked for."""
    if context.request.time_range is None:
        return frozenset()
    days = DAYS_OF_RANGE[context.request.time_range] + 1  # it may be yesterday over there
    first = (context.today - dt.timedelta(days=days)).isoformat()
    dates = {page.final_url: page.date or result.date for result, page in read}
    return frozenset(
        url
        for url, date in dates.items()
        if date and date[:4].isdigit() and date[:10] < first[: len(date)]
    )


def weigh_by_page(passages: Sequence[Passage], pages: Sequence[Page]) -> list[Passage]:
    """Passages ranked anew, those of pages that the search put first gaining.

    The engines know how rare a word is in all they hold, and the ranking of passages only how
    rare it is in these few pages. `pages` come in the search's order.
    """
    places = {page.final_url: place for place, page in enumerate(pages)}
    weighed = [
        replace(passage, score=passage.score / (1 + PAGE_RANK_WEIGHT * places[passage.url]))
        for passage in passages
    ]
    return sorted(weighed, key=lambda passage: -passage.score)


def _shown(passage: Passage) -> str:
    return f"({passage.heading})\n{passage.text}\n…\n"


def _number(
    chosen: Sequence[Passage],
    read: Sequence[tuple[SearchResult, Page]],
    numbers: Mapping[str, int],
    snippets: Set[str],
) -> tuple[tuple[Source, ...], dict[str, int]]:
    """Sources for the chosen passages. A number is given once in a conversation."""
    known = dict(numbers)
    by_url = {page.final_url: (result, page) for result, page in read}
    grouped: dict[str, list[Passage]] = {}
    for passage in chosen:
        grouped.setdefault(passage.url, []).append(passage)
    sources = []
    for url, passages in grouped.items():
        address = canonical_url(url)
        known.setdefault(address, max(known.values(), default=0) + 1)
        result, page = by_url[url]
        kind = _kind(result, is_snippet=page.url in snippets)
        sources.append(_source(known[address], result, page, passages, kind))
    return tuple(sources), known


def _source(
    number: int, result: SearchResult, page: Page, passages: Sequence[Passage], kind: SourceKind
) -> Source:
    return Source(
        number=number,
        url=page.final_url,
        title=page.title or result.title,
        site=page.site,
        passages=tuple(sorted(passages, key=lambda passage: passage.start_index)),
        date=page.date or result.date,
        author=page.author,
        kind=kind,
        document_id=result.document_id,
    )


def _kind(result: SearchResult, *, is_snippet: bool) -> SourceKind:
    if is_snippet:
        return "snippet"
    if result.document_id is None:
        return "page"
    return "builtin" if result.engine == "builtin" else "document"
