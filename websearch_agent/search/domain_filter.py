"""Holding results to the domains that the question asks for."""

from collections.abc import Sequence

from websearch_agent.search.canonical_url import site_of
from websearch_agent.types import (
    SearchQuery,
    SearchResult,
)


def add_site_words(query: SearchQuery) -> str:
    """The query's words with `site:` and `-site:`, as web engines read them."""
    included = " OR ".join(f"site:{domain}" for domain in query.include_domains)
    if len(query.include_domains) > 1:
        included = f"({included})"
    excluded = [f"-site:{domain}" for domain in query.exclude_domains]
    return " ".join(word for word in (query.query, included, *excluded) if word)


def keep_allowed_domains(results: Sequence[SearchResult], query: SearchQuery) -> list[SearchResult]:
    """Drop what the filter forbids: engines take `site:` for a wish (docs of the local index
    have been filtered by their own engine)."""
    return [
        result
        for result in results
        if result.document_id is not None or _is_allowed(site_of(result.url), query)
    ]


def _is_allowed(site: str, query: SearchQuery) -> bool:
    if query.include_domains and not any(_is_within(site, d) for d in query.include_domains):
        return False
    return not any(_is_within(site, domain) for domain in query.exclude_domains)


def _is_within(site: str, domain: str) -> bool:
    domain = domain.lower().removeprefix("www.")
    return site == domain or site.endswith("." + domain)
