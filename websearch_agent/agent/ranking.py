"""The passages of the pages that were read, in the order in which they are worth showing."""

import asyncio
import datetime as dt
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace

from websearch_agent.agent.notices import ranking_notice, tell_once
from websearch_agent.agent.state import AgentContext
from websearch_agent.errors import ModelError
from websearch_agent.pages.passages import split_passages
from websearch_agent.pages.rank import diversify, rank_passages
from websearch_agent.protocols import Reranker
from websearch_agent.search.filters import DAYS_OF_RANGE
from websearch_agent.types import Page, Passage, SearchResult

# The best ones are shown to the served model: with the question one batch of 32. Twice as many take
# it twice as long, and rank hardly better (nDCG@10 0.830 for 0.827, `models/reranking.py`).
RERANKED_PASSAGES = 31
PAGE_RANK_WEIGHT = 0.1
MAX_TITLE_CHARS = 200


async def rank_candidates(
    read: Sequence[tuple[SearchResult, Page]],
    queries: Sequence[str],
    context: AgentContext,
    emit: Callable[[object], None],
    *,
    most: int,
    min_relative_score: float,
) -> list[Passage]:
    """The passages worth showing, best first; those of snippets and of pages too old come last."""
    pages = [page for _, page in read]
    found = await asyncio.to_thread(_find_candidates, pages, queries, most)
    ranked = await _ask_reranker(found, pages, queries, context, emit)
    old = _too_old(read, context)
    # An engine's snippet only where a page leaves room.
    ranked.sort(key=lambda passage: (passage.url in context.snippets, passage.url in old))
    if len(pages) == 1:  # Often a page that the person named: "summarise it" ranks nothing.
        return ranked
    # Only what words and model both put far below: where they differ, either may be right.
    last = old | context.snippets.keys()
    near = _near_best(found, last, min_relative_score)
    near |= _near_best(ranked, last, min_relative_score)
    return [passage for passage in ranked if _place(passage) in near]


def _find_candidates(pages: Sequence[Page], queries: Sequence[str], most: int) -> list[Passage]:
    """The best passages by their words, without copies, best first."""
    passages = [passage for page in pages for passage in split_passages(page)]
    ranked = weigh_by_page(rank_passages(passages, queries, titles=_titles(pages)), pages)
    # Copies of one text (a manual as HTML, PDF and plain text; an agency's report) count once.
    return diversify(ranked[: 2 * most])[:most]


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
        tell_once(ranking_notice(context.request.question, error.message), context, emit)
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


def _near_best(passages: Sequence[Passage], last: Set[str], least: float) -> set[tuple[str, int]]:
    """Near the best one that does not come last: a good snippet must not push pages out."""
    scores = [passage.score for passage in passages if passage.url not in last]
    best = max(scores or [passage.score for passage in passages], default=0.0)
    return {_place(p) for p in passages if p.score >= least * best}


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
