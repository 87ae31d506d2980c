"""Works of scholars of all publishers, by OpenAlex: https://developers.openalex.org"""

from datetime import datetime
from typing import Any

import httpx

from websearch_agent.config import Settings
from websearch_agent.errors import EngineRateLimited, SearchError
from websearch_agent.search.dates import iso_date
from websearch_agent.search.filters import (
    ALL_TIME_RANGES,
    Filters,
    first_day,
    unsupported_language,
)
from websearch_agent.search.http_engine import EngineSetting, HttpEngineSpec
from websearch_agent.search.languages import primary_language
from websearch_agent.search.reply_hits import read_hits
from websearch_agent.search.result_cleaning import strip_markup
from websearch_agent.types import SearchQuery, SearchResult

_ADDRESS = "https://api.openalex.org/works"
_SETTING = EngineSetting(
    "openalex_api_key",
    "a key is free at https://openalex.org/settings/api; without one a few searches a day",
    optional=True,
)
_FIELDS = "id,doi,display_name,publication_date,primary_location,abstract_inverted_index"
_MAX_ABSTRACT_WORDS = 2000


def build_request(query: SearchQuery, settings: Settings, now: datetime) -> httpx.Request:
    # These are its syntax; in a question they are text.
    words = "".join(" " if c in '"*?~()|&!,:' else c for c in query.query)
    params: dict[str, str | int] = {
        "search": " ".join(words.split()),
        "per_page": min(query.max_results, 100),
        "select": _FIELDS,
    }
    filters = []
    if query.time_range:
        filters.append(f"from_publication_date:{first_day(query.time_range, today=now.date())}")
    if query.language:
        language = primary_language(query.language)
        if language is None or len(language) != 2:
            raise unsupported_language("openalex", query.language)
        filters.append(f"language:{language}")
    if filters:
        params["filter"] = ",".join(filters)
    # Documented is the parameter api_key; the header that its library pyalex sends keeps the key
    # out of addresses, which stand in logs.
    key = settings.openalex_api_key.get_secret_value() if settings.openalex_api_key else None
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.Request("GET", _ADDRESS, params=params, headers=headers)


def parse_response(payload: Any) -> list[SearchResult]:
    return read_hits(payload["results"], _read_hit)


def _read_hit(hit: Any) -> SearchResult:
    return SearchResult(
        url=_address(hit),
        title=strip_markup(hit["display_name"] or ""),
        snippet=read_abstract(hit.get("abstract_inverted_index") or {}),
        engine="openalex",
        rank=0,
        date=iso_date(hit.get("publication_date")),
    )


def read_abstract(positions: dict[str, list[int]]) -> str:
    """The text of an inverted index, `{"word": [places]}`. Raises ValueError if it is none."""
    places = [(place, word) for word, found in positions.items() for place in found]
    if not all(isinstance(place, int) for place, _ in places):
        raise ValueError("a place that is no number")
    return " ".join(word for _, word in sorted(places)[:_MAX_ABSTRACT_WORDS])


def explain_reply(response: httpx.Response) -> SearchError | None:
    """403 is its other way to say "too fast"."""
    if response.status_code == 403:
        return EngineRateLimited("openalex was asked too fast (HTTP 403)")
    if response.status_code == 429:
        return EngineRateLimited(
            "openalex's allowance for today is used up (HTTP 429); a key in "
            f"{_SETTING.variable} makes it larger: {_SETTING.hint}",
            retry_after_s=_reset_s(response),
        )
    return None


def _reset_s(response: httpx.Response) -> float | None:
    text = response.headers.get("retry-after") or response.headers.get("x-ratelimit-reset") or ""
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 6 else 3600.0


def _address(hit: Any) -> str:
    """Where the work can be read, else its DOI; OpenAlex's own page says little more."""
    location = hit.get("primary_location") or {}
    return location.get("landing_page_url") or hit.get("doi") or hit["id"]  # type: ignore[no-any-return]


SPEC = HttpEngineSpec(
    "openalex",
    build_request,
    parse_response,
    Filters(ALL_TIME_RANGES, language=True),
    _SETTING,
    explain_reply,
)
