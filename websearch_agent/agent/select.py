"""Chooses the passages that the model is shown, and gives their pages numbers."""

import asyncio
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace

from websearch_agent.agent.addresses import without_addresses
from websearch_agent.agent.budget import TOKENS_PER_SOURCE, source_budget
from websearch_agent.agent.prompting import build_prompt
from websearch_agent.agent.state import AgentContext, AgentState
from websearch_agent.agent.summaries import summarise_sources
from websearch_agent.pages.passages import split_passages
from websearch_agent.pages.rank import diversify, rank_passages
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
# What is summarised of one page; the whole of a long one would take a small window several calls.
PASSAGE_TOKENS_TO_SUMMARISE = 700
MAX_PASSAGES_PER_SOURCE = 4
PAGE_RANK_WEIGHT = 0.1
# With less room each, sources hold one stray passage: small models then cite the wrong one.
TOKENS_WORTH_A_SOURCE = 450
# A passage this far below the best one only distracts a small model.
MIN_RELATIVE_SCORE = 0.4


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
    ranked = await asyncio.to_thread(_rank, [page for _, page in read], queries, snippets)
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


def _rank(
    pages: Sequence[Page], queries: Sequence[str], snippets: Set[str] = frozenset()
) -> list[Passage]:
    passages = [passage for page in pages for passage in split_passages(page)]
    titles = {page.final_url: page.title for page in pages}
    ranked = weigh_by_page(rank_passages(passages, queries, titles=titles), pages)
    # Copies of one text (a manual as HTML, PDF and plain text; an agency's report) count once.
    distinct = diversify(ranked[: 2 * MAX_CANDIDATES])[:MAX_CANDIDATES]
    # An engine's snippet only where a page leaves room.
    distinct.sort(key=lambda passage: passage.url in snippets)
    if len(pages) == 1:  # Often a page that the person named: "summarise it" ranks nothing.
        return distinct
    best = max((passage.score for passage in distinct), default=0.0)
    return [passage for passage in distinct if passage.score >= MIN_RELATIVE_SCORE * best]


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
