"""Exa: https://exa.ai/docs/reference/search"""

from datetime import datetime
from typing import Any

import httpx

from websearch_agent.config import Settings
from websearch_agent.search.dates import iso_date
from websearch_agent.search.filters import ALL_TIME_RANGES, Filters, first_moment
from websearch_agent.search.http_engine import EngineSetting, HttpEngineSpec
from websearch_agent.search.reply_hits import read_hits
from websearch_agent.types import SearchQuery, SearchResult

_ADDRESS = "https://api.exa.ai/search"
_SETTING = EngineSetting("exa_api_key", "a key comes from https://dashboard.exa.ai/api-keys")


def build_request(query: SearchQuery, settings: Settings, now: datetime) -> httpx.Request:
    body: dict[str, object] = {
        "query": query.query,
        "type": "auto",
        "numResults": query.max_results,
        # Without it the results have no text at all.
        "contents": {"highlights": True},
    }
    if query.time_range:
        since = first_moment(query.time_range, now=now)
        body["startPublishedDate"] = since.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    if query.include_domains:
        body["includeDomains"] = list(query.include_domains)
    if query.exclude_domains:
        body["excludeDomains"] = list(query.exclude_domains)
    key = settings.exa_api_key.get_secret_value() if settings.exa_api_key else ""
    return httpx.Request("POST", _ADDRESS, json=body, headers={"x-api-key": key})


def parse_response(payload: Any) -> list[SearchResult]:
    return read_hits(payload["results"], _read_hit)


def _read_hit(hit: Any) -> SearchResult:
    return SearchResult(
        url=hit["url"],
        # Pages without a title come with null.
        title=hit["title"] or hit["url"],
        snippet=" … ".join(hit.get("highlights") or ()),
        engine="exa",
        rank=0,
        date=iso_date(hit.get("publishedDate")),
    )


SPEC = HttpEngineSpec(
    "exa",
    build_request,
    parse_response,
    Filters(ALL_TIME_RANGES, include_domains=True),
    _SETTING,
)
