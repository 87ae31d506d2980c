"""Tavily: https://docs.tavily.com/documentation/api-reference/endpoint/search"""

from datetime import datetime
from typing import Any

import httpx

from websearch_agent.config import Settings
from websearch_agent.search.dates import iso_date
from websearch_agent.search.domain_filter import cut_question
from websearch_agent.search.filters import ALL_TIME_RANGES, Filters
from websearch_agent.search.http_engine import EngineSetting, HttpEngineSpec
from websearch_agent.search.reply_hits import read_hits
from websearch_agent.types import SearchQuery, SearchResult

_ADDRESS = "https://api.tavily.com/search"
_SETTING = EngineSetting("tavily_api_key", "a key comes from https://app.tavily.com")
_MAX_QUERY_CHARACTERS = 400
_MAX_RESULTS = 20


def build_request(query: SearchQuery, settings: Settings, now: datetime) -> httpx.Request:
    body: dict[str, object] = {
        "query": cut_question(query.query, max_characters=_MAX_QUERY_CHARACTERS),
        "max_results": min(query.max_results, _MAX_RESULTS),
        "search_depth": "basic",
    }
    if query.time_range:
        body["time_range"] = query.time_range
    if query.include_domains:
        body["include_domains"] = list(query.include_domains)
    if query.exclude_domains:
        body["exclude_domains"] = list(query.exclude_domains)
    key = settings.tavily_api_key.get_secret_value() if settings.tavily_api_key else ""
    return httpx.Request("POST", _ADDRESS, json=body, headers={"Authorization": f"Bearer {key}"})


def parse_response(payload: Any) -> list[SearchResult]:
    return read_hits(payload["results"], _read_hit)


def _read_hit(hit: Any) -> SearchResult:
    return SearchResult(
        url=hit["url"],
        title=hit["title"],
        snippet=hit.get("content") or "",
        engine="tavily",
        rank=0,
        date=iso_date(hit.get("published_date")),
    )


SPEC = HttpEngineSpec(
    "tavily",
    build_request,
    parse_response,
    # It can prefer a country's pages; there is nothing for a language.
    Filters(ALL_TIME_RANGES, include_domains=True),
    _SETTING,
)
