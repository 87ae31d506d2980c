"""Holding results to the domains that the question asks for."""

from collections.abc import Sequence
from dataclasses import replace

from websearch_agent.errors import UnsupportedFilter
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


def fit_query(
    engine: str, query: SearchQuery, *, max_characters: int, max_words: int | None = None
) -> str:
    """The same for an engine that refuses long queries: the question is cut at a word's end, the
    domains never.

    Raises UnsupportedFilter if the domains leave no room for the question.
    """
    filters = add_site_words(replace(query, query=""))
    room = max_characters - len(filters) - 1
    words_left = len(query.query) if max_words is None else max_words - len(filters.split())
    if room < 1 or words_left < 1:
        raise UnsupportedFilter(
            f"{engine} takes queries of {max_characters} characters, which so many domains exceed; "
            "it was left out of this search"
        )
    question = cut_question(" ".join(query.query.split()[:words_left]), max_characters=room)
    return add_site_words(replace(query, query=question))


def cut_question(question: str, *, max_characters: int) -> str:
    """The beginning, up to a word's end; a text without spaces is cut where the room ends."""
    if len(question) <= max_characters:
        return question
    return question[: max_characters + 1].rsplit(" ", 1)[0][:max_characters]


def keep_allowed_domains(results: Sequence[SearchResult], query: SearchQuery) -> list[SearchResult]:
    """Drop what the filter forbids: engines take `site:` for a wish (docs of the local index
    have been filtered by their own engine)."""
    return [
        result
        for result in results
        if result.document_id is not None or _is_allowed(site_of(result.url), query)
    ]


def _is_allowed(site: str, query: SearchQuery) -> bool:
    if query.include_domains and not any(is_within(site, d) for d in query.include_domains):
        return False
    return not any(is_within(site, domain) for domain in query.exclude_domains)


def is_within(site: str, domain: str) -> bool:
    """Whether a site is the domain or lies below it; `www.` does not count."""
    site, domain = site.lower().removeprefix("www."), domain.lower().removeprefix("www.")
    return site == domain or site.endswith("." + domain)
