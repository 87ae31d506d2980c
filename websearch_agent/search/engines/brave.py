"""Brave's Search API: https://api-dashboard.search.brave.com/app/documentation/web-search"""

import json
import re
from datetime import datetime
from typing import Any

import httpx

from websearch_agent.config import Settings
from websearch_agent.errors import EngineRateLimited, SearchError
from websearch_agent.search.dates import iso_date
from websearch_agent.search.domain_filter import fit_query
from websearch_agent.search.filters import ALL_TIME_RANGES, Filters, unsupported_language
from websearch_agent.search.http_engine import EngineSetting, HttpEngineSpec
from websearch_agent.search.languages import (
    is_traditional_chinese,
    primary_language,
    region_of,
)
from websearch_agent.search.reply_errors import quota_used_up, wrong_key
from websearch_agent.search.reply_hits import read_hits
from websearch_agent.search.result_cleaning import strip_markup
from websearch_agent.types import SearchQuery, SearchResult

_ADDRESS = "https://api.search.brave.com/res/v1/web/search"
_SETTING = EngineSetting("brave_api_key", "a key comes from https://brave.com/search/api/")
_MAX_COUNT = 20
_FRESHNESS = {"day": "pd", "week": "pw", "month": "pm", "year": "py"}
# Its own names where they are not the tag's first part, and the countries it takes.
_OWN_LANGUAGES = {"ja": "jp", "zh": "zh-hans", "pt": "pt-pt", "no": "nb", "en-gb": "en-gb",
                  "pt-br": "pt-br"}  # fmt: skip
_LANGUAGES = re.compile(
    "ar|eu|bn|bg|ca|hr|cs|da|nl|en|et|fi|fr|gl|de|el|gu|he|hi|hu|is|it|kn|ko|lv|lt|ms|ml|mr|nb|pl|"
    "pa|ro|ru|sr|sk|sl|es|sv|ta|te|th|tr|uk|vi"
)
_COUNTRIES = re.compile(
    "ar|au|at|be|br|ca|cl|dk|fi|fr|de|hk|in|id|it|jp|kr|my|mx|nl|nz|no|cn|pl|pt|ph|ru|sa|za|es|se|"
    "ch|tw|tr|gb|us"
)
_TOKEN_CODES = ("SUBSCRIPTION_TOKEN_INVALID", "SUBSCRIPTION_TOKEN_MISSING")


def build_request(query: SearchQuery, settings: Settings, now: datetime) -> httpx.Request:
    params: dict[str, str | int] = {
        "q": fit_query("brave", query, max_characters=400, max_words=50),
        "count": min(query.max_results, _MAX_COUNT),
        "result_filter": "web",
        "text_decorations": "false",
    }
    if query.time_range:
        params["freshness"] = _FRESHNESS[query.time_range]
    if query.language:
        params["search_lang"] = search_language(query.language)
        country = region_of(query.language) or ""
        if _COUNTRIES.fullmatch(country):
            params["country"] = country.upper()
    key = settings.brave_api_key.get_secret_value() if settings.brave_api_key else ""
    headers = {"X-Subscription-Token": key, "Accept": "application/json"}
    return httpx.Request("GET", _ADDRESS, params=params, headers=headers)


def search_language(tag: str) -> str:
    """A language tag as Brave writes it. Raises UnsupportedFilter for one that it has not."""
    if is_traditional_chinese(tag):
        return "zh-hant"
    primary = primary_language(tag) or ""
    own = _OWN_LANGUAGES.get(tag.lower()) or _OWN_LANGUAGES.get(primary)
    if own is None and not _LANGUAGES.fullmatch(primary):
        raise unsupported_language("brave", tag)
    return own or primary


def parse_response(payload: Any) -> list[SearchResult]:
    # A reply without anything found has no `web` at all.
    found = payload["web"]["results"] if "web" in payload else _nothing(payload)
    return read_hits(found, _read_hit)


def _read_hit(hit: Any) -> SearchResult:
    return SearchResult(
        url=hit["url"],
        title=strip_markup(hit["title"]),
        snippet=strip_markup(hit.get("description") or ""),
        engine="brave",
        rank=0,
        date=iso_date(hit.get("page_age")),
    )


def explain_reply(response: httpx.Response) -> SearchError | None:
    """A wrong key is a 422 like a wrong request, and a used-up month a 429 like too much hurry:
    the code in the body and the counters in the headers tell which."""
    if response.status_code == 422 and _error_code(response) in _TOKEN_CODES:
        return wrong_key("brave", _SETTING.variable, "HTTP 422")
    if response.status_code != 429:
        return None
    wait_s = longest_empty_window_s(response.headers)
    if wait_s is None:
        return None
    if wait_s > 3600:
        return quota_used_up("brave", "HTTP 429", wait_s=wait_s)
    return EngineRateLimited(
        f"asked too often (HTTP 429); asks to wait {wait_s:.0f} s", retry_after_s=wait_s
    )


def longest_empty_window_s(headers: httpx.Headers) -> float | None:
    """Seconds until the last of the used-up windows starts again: `X-RateLimit-Remaining:
    0, 1500` and `X-RateLimit-Reset: 1, 86400` mean one second."""
    remaining = _numbers(headers.get("x-ratelimit-remaining", ""))
    resets = _numbers(headers.get("x-ratelimit-reset", ""))
    empty = [reset for left, reset in zip(remaining, resets, strict=False) if left == 0]
    return max(empty, default=None)


def _numbers(text: str) -> list[float]:
    parts = [part.strip() for part in text.split(",")]
    plain = all(part.isascii() and part.isdigit() and len(part) <= 9 for part in parts)
    return [float(part) for part in parts] if plain else []


def _nothing(payload: Any) -> list[Any]:
    if payload["type"] != "search":
        raise ValueError("a reply of another type")
    return []


def _error_code(response: httpx.Response) -> str:
    try:
        return str(json.loads(response.content)["error"]["code"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


SPEC = HttpEngineSpec(
    "brave",
    build_request,
    parse_response,
    Filters(ALL_TIME_RANGES, include_domains=True, language=True),
    _SETTING,
    explain_reply,
)
