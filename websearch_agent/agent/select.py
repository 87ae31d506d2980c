"""Chooses the passages that the model is shown, and gives their pages numbers."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from websearch_agent.agent.addresses import without_addresses
from websearch_agent.agent.budget import TOKENS_PER_SOURCE, source_budget
from websearch_agent.agent.notices import no_summary_notice, tell_once
from websearch_agent.agent.prompting import build_prompt
from websearch_agent.agent.ranking import rank_candidates
from websearch_agent.agent.state import AgentContext, AgentState
from websearch_agent.agent.summaries import summarise_sources
from websearch_agent.forged_marks import count_forged_marks
from websearch_agent.search.canonical_url import canonical_url
from websearch_agent.types import Page, Passage, SearchResult, Source, SourceKind

# What is summarised of one page; the whole of a long one would take a small window several calls.
PASSAGE_TOKENS_TO_SUMMARISE = 700
# With less room each, sources hold one stray passage: small models then cite the wrong one.
TOKENS_WORTH_A_SOURCE = 450
TOKENS_OF_A_PASSAGE = 200
MIN_PASSAGES_PER_SOURCE = 4
# Only the head of the ranking can fit; the rest is not counted.
MIN_CANDIDATES = 60
# From here on a passage far below the best one is rather shown than left out.
WIDE_TOKENS = 4000


@dataclass(frozen=True, slots=True)
class Room:
    """What the window leaves for sources, and how it is shared out.

    A passage whose score is below `min_relative_score` of the best one only distracts a small
    model.
    """

    tokens: int
    max_sources: int
    passages_per_source: int = MIN_PASSAGES_PER_SOURCE
    candidates: int = MIN_CANDIDATES
    min_relative_score: float = 0.25


def share_out(tokens: int, *, source_tokens: int, max_sources: int) -> Room:
    """As many sources as `source_tokens` are worth, and in a wide window more of each."""
    sources = max(1, min(max_sources, source_tokens // TOKENS_WORTH_A_SOURCE))
    return Room(
        tokens,
        sources,
        max(MIN_PASSAGES_PER_SOURCE, tokens // (sources * TOKENS_OF_A_PASSAGE)),
        max(MIN_CANDIDATES, 2 * tokens // TOKENS_OF_A_PASSAGE),
        0.25 if tokens < WIDE_TOKENS else 0.1,
    )


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
    limits = await context.model.limits()
    room = share_out(
        await source_budget(build_prompt(state, context), context),
        source_tokens=limits.source_tokens,
        max_sources=context.plan.max_sources,
    )
    ranked = await rank_candidates(
        read,
        queries,
        context,
        emit,
        most=room.candidates,
        min_relative_score=room.min_relative_score,
    )
    counts = await context.model.count_tokens([_shown(passage) for passage in ranked])
    snippets = frozenset(context.snippets)
    if context.evidence == "summaries":
        pages = context.plan.max_sources
        chosen = fill_budget(ranked, counts, Room(PASSAGE_TOKENS_TO_SUMMARISE * pages, pages))
        candidates, numbers = _number(chosen, read, state["numbers"], snippets)
        summarised = await summarise_sources(
            candidates, context, budget_tokens=room.tokens, emit=emit
        )
        if summarised:
            return summarised, numbers
        if candidates:
            tell_once(no_summary_notice(context.request.question), context, emit)
    return _number(fill_budget(ranked, counts, room), read, state["numbers"], snippets)


def fill_budget(ranked: Sequence[Passage], counts: Sequence[int], room: Room) -> list[Passage]:
    """Passages that fit, in the order of their ranking: first one for each page, then more."""
    chosen: dict[int, Passage] = {}
    pages: dict[str, int] = {}
    left = room.tokens
    alone = len({passage.url for passage in ranked}) == 1
    for first_of_page in (True, False):
        for index, (passage, count) in enumerate(zip(ranked, counts, strict=True)):
            seen = pages.get(passage.url, 0)
            if index in chosen or first_of_page != (seen == 0):
                continue
            enough = seen >= room.passages_per_source and not alone
            full = len(pages) >= room.max_sources if first_of_page else enough
            cost = count + (TOKENS_PER_SOURCE if first_of_page else 0)
            if full or cost > left:
                continue
            chosen[index] = passage
            pages[passage.url] = seen + 1
            left -= cost
    return [chosen[index] for index in sorted(chosen)]


def _page_of(result: SearchResult, context: AgentContext) -> Page | None:
    return context.pages.get(result.url) or context.snippets.get(result.url)


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
        filtered=replace(page.filtered, forged_marks=_forged_marks(page, passages)),
    )


def _forged_marks(page: Page, passages: Sequence[Passage]) -> int:
    """In what the model is shown of the page."""
    shown = (page.title, *(text for p in passages for text in (p.heading, p.text)))
    return sum(count_forged_marks(text) for text in shown)


def _kind(result: SearchResult, *, is_snippet: bool) -> SourceKind:
    if is_snippet:
        return "snippet"
    if result.document_id is None:
        return "page"
    return "builtin" if result.engine == "builtin" else "document"
