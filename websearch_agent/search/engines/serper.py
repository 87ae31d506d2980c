"""Google's results by way of Serper: https://serper.dev/playground"""

import json
from datetime import datetime
from typing import Any

import httpx

from websearch_agent.config import Settings
from websearch_agent.errors import SearchError
from websearch_agent.search.dates import iso_date
from websearch_agent.search.domain_filter import add_site_words
from websearch_agent.search.filters import ALL_TIME_RANGES, Filters, unsupported_language
from websearch_agent.search.http_engine import EngineSetting, HttpEngineSpec
from websearch_agent.search.languages import (
    is_traditional_chinese,
    primary_language,
    region_of,
)
from websearch_agent.search.reply_errors import quota_used_up
from websearch_agent.search.reply_hits import read_hits
from websearch_agent.types import SearchQuery, SearchResult

_ADDRESS = "https://google.serper.dev/search"
_SETTING = EngineSetting("serper_api_key", "a key comes from https://serper.dev")
# More cost a second credit (its price list, 2026).
_MAX_RESULTS = 10


def build_request(query: SearchQuery, settings: Settings, now: datetime) -> httpx.Request:
    body: dict[str, str | int] = {
        "q": add_site_words(query),
        "num": min(query.max_results, _MAX_RESULTS),
    }
    if query.time_range:
        body["tbs"] = f"qdr:{query.time_range[0]}"
    if query.language:
        body["hl"] = interface_language(query.language)
        if country := region_of(query.language):
            body["gl"] = country
    key = settings.serper_api_key.get_secret_value() if settings.serper_api_key else ""
    return httpx.Request("POST", _ADDRESS, json=body, headers={"X-API-KEY": key})


def interface_language(tag: str) -> str:
    """Google's code. Raises UnsupportedFilter for what is no language tag."""
    if is_traditional_chinese(tag):
        return "zh-tw"
    primary = primary_language(tag)
    if primary is None:
        raise unsupported_language("serper", tag)
    own = {"zh": "zh-cn", "nb": "no", "pt": "pt-br" if region_of(tag) == "br" else "pt-pt"}
    return own.get(primary, primary)


def parse_response(payload: Any) -> list[SearchResult]:
    return read_hits(payload["organic"], _read_hit)


def _read_hit(hit: Any) -> SearchResult:
    return SearchResult(
        url=hit["link"],
        title=hit["title"],
        snippet=hit.get("snippet") or "",
        engine="serper",
        rank=0,
        date=iso_date(hit.get("date")),
    )


def explain_reply(response: httpx.Response) -> SearchError | None:
    """An account without credits is answered 400, as a wrong request is."""
    if response.status_code == 400 and "credit" in _message(response).lower():
        return quota_used_up("serper", "HTTP 400")
    return None


def _message(response: httpx.Response) -> str:
    try:
        return str(json.loads(response.content)["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


SPEC = HttpEngineSpec(
    "serper",
    build_request,
    parse_response,
    Filters(ALL_TIME_RANGES, include_domains=True, language=True),
    _SETTING,
    explain_reply,
)
