"""The hits of an engine's reply, one by one: a broken one does not spoil the others."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from websearch_agent.search.canonical_url import is_web_url
from websearch_agent.types import SearchResult


def read_hits(hits: Iterable[Any], read_hit: Callable[[Any], SearchResult]) -> list[SearchResult]:
    """The results in order, ranks counted from 1; those that are no web pages are left out.

    A hit that `read_hit` cannot read is left out too. If that is so of all, the reply's form
    has changed, and what went wrong with the last one is raised.
    """
    results: list[SearchResult] = []
    broken: Exception | None = None
    readable = 0
    for hit in hits:
        try:
            result = read_hit(hit)
            is_page = is_web_url(result.url)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            broken = error
            continue
        readable += 1
        if is_page:
            results.append(replace(result, rank=len(results) + 1))
    if broken is not None and not readable:
        raise broken
    return results
