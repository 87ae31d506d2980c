"""Papers of arXiv: https://info.arxiv.org/help/api/user-manual.html"""

import re
from datetime import datetime
from typing import Any

import httpx
from lxml import etree  # type: ignore[import-untyped]

from websearch_agent.config import Settings
from websearch_agent.errors import EngineResponseChanged, UnsupportedFilter
from websearch_agent.function_words import ENGLISH_FUNCTION_WORDS
from websearch_agent.search.dates import iso_date
from websearch_agent.search.filters import ALL_TIME_RANGES, Filters, first_moment
from websearch_agent.search.http_engine import HttpEngineSpec
from websearch_agent.search.reply_hits import read_hits
from websearch_agent.types import SearchQuery, SearchResult

_ADDRESS = "https://export.arxiv.org/api/query"
_ATOM = "{http://www.w3.org/2005/Atom}"
# Its terms of use: no more than one request every three seconds.
_MIN_INTERVAL_S = 3.0
# All words must be in a paper's record; a long question as a whole never is.
_MAX_WORDS = 8
_WORD = re.compile(r"[A-Za-z0-9À-ɏ]+(?:[-.'][A-Za-z0-9À-ɏ]+)*")


def build_request(query: SearchQuery, settings: Settings, now: datetime) -> httpx.Request:
    params: dict[str, str | int] = {
        "search_query": build_search_query(query, now),
        "start": 0,
        "max_results": query.max_results,
        "sortBy": "relevance",
    }
    return httpx.Request("GET", _ADDRESS, params=params)


def build_search_query(query: SearchQuery, now: datetime) -> str:
    """The question's words that mean something, each one needed: `all:rank AND all:fusion`.

    Raises UnsupportedFilter for a question without words in Latin letters, which no paper's
    record would match.
    """
    words = [word.lower() for word in _WORD.findall(query.query)]
    telling = dict.fromkeys(word for word in words if word not in ENGLISH_FUNCTION_WORDS)
    if not telling:
        raise UnsupportedFilter(
            "arxiv finds words in Latin letters only; it was left out of this search"
        )
    parts = [f'all:"{word}"' for word in list(telling)[:_MAX_WORDS]]
    if query.time_range:
        since = first_moment(query.time_range, now=now)
        parts.append(f"submittedDate:[{since:%Y%m%d%H%M} TO {now:%Y%m%d%H%M}]")
    return " AND ".join(parts)


def decode_atom(body: bytes) -> object:
    """The feed's root. Nothing is loaded, and no entity is declared.

    Raises ValueError for what is no XML or has a document type.
    """
    # Whatever the declaration says, the parser reads the bytes as they are looked at here.
    if b"<!DOCTYPE" in body:
        raise ValueError("a document type, where entities are declared")
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        return etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError("no XML") from error


def parse_response(feed: Any) -> list[SearchResult]:
    if feed.tag != f"{_ATOM}feed":
        raise ValueError("no Atom feed")
    entries = feed.findall(f"{_ATOM}entry")
    if entries and "/api/errors" in _text(entries[0], "id"):
        reason = _text(entries[0], "summary")
        raise EngineResponseChanged(f"arxiv refused the query: {reason:.200}")
    return read_hits(entries, _read_entry)


def _read_entry(entry: Any) -> SearchResult:
    return SearchResult(
        url=_paper_address(_text(entry, "id")),
        title=_text(entry, "title"),
        snippet=_text(entry, "summary"),
        engine="arxiv",
        rank=0,
        date=iso_date(_text(entry, "published")),
    )


def _paper_address(address: str) -> str:
    """`https://arxiv.org/abs/2101.00001` of `http://arxiv.org/abs/2101.00001v3`: the page shows
    the newest version."""
    match = re.fullmatch(r"https?://arxiv\.org/abs/([\w.\-]+(?:/\w+)?)", address, re.ASCII)
    if match is None:
        raise ValueError("an entry without the address of a paper")
    return f"https://arxiv.org/abs/{re.sub(r'v[0-9]+$', '', match[1])}"


def _text(entry: Any, name: str) -> str:
    element = entry.find(f"{_ATOM}{name}")
    if element is None:
        raise KeyError(name)
    return " ".join("".join(element.itertext()).split())


SPEC = HttpEngineSpec(
    "arxiv",
    build_request,
    parse_response,
    Filters(ALL_TIME_RANGES, own_site="arxiv.org"),
    decode=decode_atom,
    reply_format="Atom",
    min_interval_s=_MIN_INTERVAL_S,
)
