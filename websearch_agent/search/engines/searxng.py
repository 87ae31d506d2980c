"""SearXNG, a metasearch engine that one runs oneself: https://docs.searxng.org/dev/search_api.html"""

from typing import Any

import httpx

from websearch_agent.config import Settings
from websearch_agent.errors import (
    ConfigError,
    EngineBlocked,
    EngineRateLimited,
    EngineResponseChanged,
    EngineUnavailable,
    SearchError,
)
from websearch_agent.search.canonical_url import is_web_url
from websearch_agent.search.domain_filter import add_site_words
from websearch_agent.search.http_engine import HttpEngineSpec
from websearch_agent.types import (
    SearchQuery,
    SearchResult,
)

_JSON_IS_OFF = (
    "its JSON format is probably off. Add to its settings.yml and restart it: "
    "`search:`, below it `  formats:`, below that `    - html` and `    - json`"
)


def build_request(query: SearchQuery, settings: Settings) -> httpx.Request:
    if settings.searxng_url is None:
        raise ConfigError(
            "WEBSEARCH_SEARXNG_URL is not set; example: WEBSEARCH_SEARXNG_URL=http://localhost:8888"
        )
    params = {"q": add_site_words(query), "format": "json"}
    if query.language:
        params["language"] = query.language
    if query.time_range:
        params["time_range"] = query.time_range
    return httpx.Request("GET", f"{settings.searxng_url}/search", params=params)


def parse_response(payload: Any) -> list[SearchResult]:
    hits = [hit for hit in payload["results"] if is_web_url(hit["url"])]
    unresponsive = payload.get("unresponsive_engines") or []
    if not hits and unresponsive and not payload.get("answers"):
        reasons = ", ".join(f"{engine}: {reason}" for engine, reason, *_ in unresponsive)
        raise EngineUnavailable(f"no result, and SearXNG's own engines failed ({reasons})")
    return [
        SearchResult(
            url=hit["url"],
            title=hit.get("title") or hit["url"],
            snippet=hit.get("content") or "",
            engine=SPEC.name,
            rank=rank,
            date=(hit.get("publishedDate") or None),
        )
        for rank, hit in enumerate(hits, start=1)
    ]


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


SPEC = HttpEngineSpec("searxng", build_request, parse_response, explain_reply)
