"""Wikipedia, in the edition of the question's language: https://www.mediawiki.org/wiki/API:Search"""

import re
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote

import httpx

from websearch_agent.config import Settings
from websearch_agent.errors import EngineRateLimited, EngineUnavailable
from websearch_agent.search.domain_filter import cut_question
from websearch_agent.search.filters import Filters, unsupported_language
from websearch_agent.search.http_engine import HttpEngineSpec
from websearch_agent.search.languages import primary_language, question_language
from websearch_agent.search.reply_hits import read_hits
from websearch_agent.search.result_cleaning import strip_markup
from websearch_agent.types import SearchQuery, SearchResult

# CirrusSearch refuses longer ones.
_MAX_QUERY_CHARACTERS = 300
# Norwegian Bokmål has its edition under the older tag.
_EDITIONS = {"nb": "no"}
_HOST = re.compile(r"([a-z]{2,3}(?:-[a-z]+)*|simple)\.wikipedia\.org")


def build_request(query: SearchQuery, settings: Settings, now: datetime) -> httpx.Request:
    params: dict[str, str | int] = {
        "action": "query",
        "format": "json",
        "formatversion": 2,
        "list": "search",
        "srsearch": cut_question(query.query, max_characters=_MAX_QUERY_CHARACTERS),
        "srlimit": min(query.max_results, 50),
        "srprop": "snippet",
        # The reply then says of which edition it is.
        "meta": "siteinfo",
        "siprop": "general",
    }
    return httpx.Request("GET", f"https://{edition(query)}.wikipedia.org/w/api.php", params=params)


def edition(query: SearchQuery) -> str:
    """The first label of the edition's host: the one asked for by its domain, else that of the
    question's language. Raises UnsupportedFilter for what is no language."""
    for domain in query.include_domains:
        if match := _HOST.fullmatch(domain.lower()):
            return match[1]
    tag = question_language(query)
    language = primary_language(tag)
    if language is None:  # It goes into a host name: nothing else may.
        raise unsupported_language("wikipedia", tag)
    return _EDITIONS.get(language, language)


def parse_response(payload: Any) -> list[SearchResult]:
    if "error" in payload:
        # The API says what is wrong with status 200.
        raise _error(str(payload["error"]["code"]))
    site = payload["query"]["general"]["servername"]
    if not _HOST.fullmatch(site):
        raise ValueError("a reply of another site")
    return read_hits(payload["query"]["search"], partial(_read_hit, site))


def _read_hit(site: str, hit: Any) -> SearchResult:
    name = quote(hit["title"].replace(" ", "_"), safe="/:,()!*")
    return SearchResult(
        url=f"https://{site}/wiki/{name}",
        title=hit["title"],
        snippet=strip_markup(hit.get("snippet") or ""),
        engine="wikipedia",
        rank=0,
    )


def _error(code: str) -> EngineRateLimited | EngineUnavailable:
    if code in ("ratelimited", "maxlag"):
        return EngineRateLimited(f"wikipedia limits how often it may be asked ({code:.40})")
    return EngineUnavailable(f"wikipedia could not search: {code:.80}")


SPEC = HttpEngineSpec(
    "wikipedia",
    build_request,
    parse_response,
    Filters(language=True, own_site="wikipedia.org"),
)
