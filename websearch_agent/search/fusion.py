"""Many rankings become one."""

from collections.abc import Sequence
from dataclasses import replace

from websearch_agent.search.canonical_url import canonical_url, site_of
from websearch_agent.types import SearchResult


def fuse_rankings(rankings: Sequence[Sequence[SearchResult]], *, k: int = 60) -> list[SearchResult]:
    """Merge rankings so each page appears once, best first, with `rank` counted anew from 1.

    score = sum of 1 / (k + rank), rank from 1; ties keep first-seen order.
    Reciprocal rank fusion: Cormack, Clarke, Büttcher, SIGIR 2009.
    """
    scores: dict[str, float] = {}
    merged: dict[str, SearchResult] = {}
    for ranking in rankings:
        pages = dict.fromkeys(canonical_url(result.url) for result in ranking)
        for rank, page in enumerate(pages, start=1):
            scores[page] = scores.get(page, 0.0) + 1.0 / (k + rank)
        for result in ranking:
            page = canonical_url(result.url)
            merged[page] = _merge(page, merged[page], result) if page in merged else result
    best_first = sorted(scores, key=lambda page: -scores[page])
    return [replace(merged[page], rank=rank) for rank, page in enumerate(best_first, start=1)]


def rank_pages(
    rankings: Sequence[Sequence[SearchResult]], *, max_per_site: int = 3
) -> list[SearchResult]:
    """One ranking of all pages, in which no web site crowds out the others.

    For rankings that have been limited too: fusing two of them brings a site together again.
    """
    return limit_per_site(fuse_rankings(rankings), max_per_site=max_per_site)


def limit_per_site(results: Sequence[SearchResult], *, max_per_site: int = 3) -> list[SearchResult]:
    """Put further pages of one web site behind all others, so that they are read last.

    None is dropped: where only one site knows the answer, its pages are all there is. Documents
    of the local index stay where they are: a person who indexed one handbook wants its pages.
    """
    counts: dict[str, int] = {}
    first: list[SearchResult] = []
    further: list[SearchResult] = []
    for result in results:
        site = site_of(result.url)
        counts[site] = counts.get(site, 0) + 1
        crowded = result.document_id is None and counts[site] > max_per_site
        (further if crowded else first).append(result)
    return [replace(result, rank=rank) for rank, result in enumerate((*first, *further), start=1)]


def _merge(page: str, first: SearchResult, other: SearchResult) -> SearchResult:
    """The first one's title and engine, with what the other one knows better."""
    longer_snippet = len(other.snippet) > len(first.snippet)
    return replace(
        first,
        url=min((first.url, other.url), key=lambda url: _detour(url, page)),
        title=first.title or other.title,
        snippet=other.snippet if longer_snippet else first.snippet,
        date=first.date or other.date,
        document_id=first.document_id or other.document_id,
    )


def _detour(url: str, page: str) -> tuple[bool, bool]:
    """Spellings to fetch last: without encryption, then mobile, AMP and tracked ones."""
    return url.startswith("http://"), url.replace("://www.", "://", 1).rstrip("/") != page
