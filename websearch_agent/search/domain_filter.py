"""Holding results to the domains that the question asks for."""

import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

import httpx

from websearch_agent.errors import InvalidRequest, UnsupportedFilter
from websearch_agent.search.canonical_url import site_of
from websearch_agent.types import SearchQuery, SearchResult

# Names in use hold underscores too; `git-doc` may be a set of documents of the local index.
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
# The name of a set is a folder's name, in any script.
_SET_NAME = re.compile(r"[\w-]+")
_MAX_SHOWN = 80


def plain_domain(text: str) -> str:
    """`docs.python.org` of `https://Docs.Python.org./3/`, `*.docs.python.org` and the like.

    A domain in other letters becomes the one that stands in addresses (`xn--…`). Raises
    InvalidRequest for what names no domain, or more than one.
    """
    name = text.strip().lower()
    try:
        # A port belongs to an address, a user to nothing that could be searched.
        parts = urlsplit(name if "://" in name else f"//{name}")
        is_plain = "@" not in parts.netloc and parts.port in (None, 80, 443)
        if parts.scheme not in ("", "http", "https") or not is_plain:
            raise _no_domain(text)
        host = (parts.hostname or "").removeprefix("*.").strip(".")
        if "." not in host and _SET_NAME.fullmatch(host):
            return host
        host = ascii_host(host)
    except ValueError as error:  # a broken port or bracket
        raise _no_domain(text) from error
    if len(host) > 253 or not _DOMAIN.fullmatch(host):
        raise _no_domain(text)
    return host


def with_plain_domains(query: SearchQuery) -> SearchQuery:
    """The query with its domains as `plain_domain` writes them. Raises InvalidRequest."""
    return replace(
        query,
        include_domains=tuple(dict.fromkeys(map(plain_domain, query.include_domains))),
        exclude_domains=tuple(dict.fromkeys(map(plain_domain, query.exclude_domains))),
    )


def ascii_host(host: str) -> str:
    """The form of a host name that is asked for: `xn--mnchen-3ya.de`; as it is if it has none."""
    if host.isascii():
        return host
    try:
        return httpx.URL(f"https://{host}").raw_host.decode("ascii")
    except httpx.InvalidURL:
        return host


def _no_domain(text: str) -> InvalidRequest:
    shown = text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
    return InvalidRequest(f"{shown!r} is no domain; example: docs.python.org")


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
    site = ascii_host(site.lower()).removeprefix("www.")
    domain = ascii_host(domain.lower()).removeprefix("www.")
    return site == domain or site.endswith("." + domain)
