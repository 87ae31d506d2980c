"""SearXNG, a metasearch engine that one runs oneself: https://docs.searxng.org/dev/search_api.html"""

from datetime import datetime
from typing import Any

import httpx

from websearch_agent.config import Settings
from websearch_agent.errors import (
    EngineBlocked,
    EngineRateLimited,
    EngineResponseChanged,
    EngineUnavailable,
    SearchError,
)
from websearch_agent.search.domain_filter import add_site_words
from websearch_agent.search.filters import ALL_TIME_RANGES, Filters
from websearch_agent.search.http_engine import EngineSetting, HttpEngineSpec
from websearch_agent.search.reply_hits import read_hits
from websearch_agent.types import SearchQuery, SearchResult

# In one line, for messages are shown in one: YAML lives on its indentation.
_JSON_IS_OFF = (
    "its JSON format is probably off. Put these two lines into its settings.yml and restart it: "
    "`search:` and below it, indented, `formats: [html, json]`"
)


def build_request(query: SearchQuery, settings: Settings, now: datetime) -> httpx.Request:
    params = {"q": add_site_words(query), "format": "json"}
    if query.language:
        params["language"] = query.language
    if query.time_range:
        params["time_range"] = query.time_range
    return httpx.Request("GET", f"{settings.searxng_url}/search", params=params)


def parse_response(payload: Any) -> list[SearchResult]:
    results = read_hits(payload["results"], _read_hit)
    unresponsive = payload.get("unresponsive_engines") or []
    if not results and unresponsive and not payload.get("answers"):
        reasons = ", ".join(f"{engine}: {reason}" for engine, reason, *_ in unresponsive)
        raise EngineUnavailable(f"no result, and SearXNG's own engines failed ({reasons})")
    return results


def _read_hit(hit: Any) -> SearchResult:
    return SearchResult(
        url=hit["url"],
        title=hit.get("title") or hit["url"],
        snippet=hit.get("content") or "",
        engine="searxng",
        rank=0,
        date=hit.get("publishedDate") or None,
    )


def explain_reply(response: httpx.Response) -> SearchError | None:
    """The commonest trouble: a SearXNG whose JSON format is off answers 403, some with HTML."""
    if response.status_code == 403:
        # No rest: once settings.yml is right, the next question must go through.
        message = f"SearXNG answered HTTP 403; {_JSON_IS_OFF}"
        return EngineBlocked(message, retry_after_s=0.0)
    if response.status_code == 429 and "retry-after" not in response.headers:
        message = "SearXNG's limiter refused (HTTP 429); let this machine pass in its limiter.toml"
        return EngineRateLimited(message)
    if response.is_success and response.headers.get("content-type", "").startswith("text/html"):
        return EngineResponseChanged(f"SearXNG answered HTML instead of JSON; {_JSON_IS_OFF}")
    return None


SPEC = HttpEngineSpec(
    "searxng",
    build_request,
    parse_response,
    Filters(ALL_TIME_RANGES, include_domains=True, language=True),
    EngineSetting("searxng_url", "example: http://localhost:8888", is_key=False),
    explain_reply,
)
