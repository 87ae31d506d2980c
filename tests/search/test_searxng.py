import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from websearch_agent.config import Settings, load_settings
from websearch_agent.errors import (
    EngineBlocked,
    EngineRateLimited,
    EngineResponseChanged,
    EngineUnavailable,
    SearchError,
)
from websearch_agent.search.engines import HTTP_ENGINES, searxng
from websearch_agent.search.http_engine import HttpEngine
from websearch_agent.search.reply_errors import parse_retry_after
from websearch_agent.types import SearchQuery, SearchResult

RECORDED = json.loads((Path(__file__).parent / "data" / "searxng.json").read_text())
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def make_settings() -> Settings:
    return load_settings(_env_file=None, searxng_url="http://searx.test")


async def ask(answer: httpx.Response | Exception) -> list[SearchResult]:
    def handle(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with httpx.AsyncClient(transport=httpx.MockTransport(handle)) as client:
        engine = HttpEngine(HTTP_ENGINES["searxng"], make_settings(), client)
        return await engine.search(SearchQuery("q", max_results=5))


def test_request_holds_every_filter() -> None:
    query = SearchQuery(
        "rank fusion", time_range="month", include_domains=("a.org", "b.org"),
        exclude_domains=("c.org",), language="zh-CN",
    )  # fmt: skip

    request = searxng.build_request(query, make_settings(), NOW)

    assert request.url.copy_with(query=None) == httpx.URL("http://searx.test/search")
    assert dict(request.url.params) == {
        "q": "rank fusion (site:a.org OR site:b.org) -site:c.org",
        "format": "json",
        "language": "zh-CN",
        "time_range": "month",
    }


def test_reply_becomes_results_and_other_schemes_are_dropped() -> None:
    results = searxng.parse_response(RECORDED)

    assert [(r.url, r.rank, r.date) for r in results] == [
        ("https://example.org/rrf", 1, "2024-03-05T00:00:00"),
        ("https://example.com/fusion", 2, None),
    ]
    assert results[0].snippet == "Merging rankings by the sum of reciprocal ranks."


def test_all_of_its_engines_failing_is_not_an_empty_result() -> None:
    payload = {"results": [], "unresponsive_engines": [["google", "CAPTCHA"], ["bing", "timeout"]]}

    with pytest.raises(EngineUnavailable, match="google: CAPTCHA, bing: timeout"):
        searxng.parse_response(payload)


@pytest.mark.anyio
async def test_nothing_found_is_an_empty_list() -> None:
    assert await ask(httpx.Response(200, json={"results": []})) == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "error_type", "words"),
    [
        (httpx.Response(403), EngineBlocked, "formats"),
        (httpx.Response(200, html="<html>"), EngineResponseChanged, "`formats: [html, json]`"),
        (httpx.Response(429), EngineRateLimited, "limiter"),
        (httpx.Response(502), EngineUnavailable, "HTTP 502"),
        (httpx.Response(404), EngineResponseChanged, "HTTP 404"),
        (httpx.Response(200, text="[" * 100_000), EngineResponseChanged, "instead of JSON"),
        (httpx.Response(200, text="{"), EngineResponseChanged, "instead of JSON"),
        (httpx.Response(200, json={"hits": []}), EngineResponseChanged, "form"),
        (httpx.Response(200, json=[1]), EngineResponseChanged, "form"),
        (httpx.ConnectError("refused"), EngineUnavailable, "reach http://searx.test: refused"),
        (httpx.ReadTimeout(""), EngineUnavailable, "within 8 s"),
    ],
)  # fmt: skip
async def test_trouble_has_a_name_and_a_reason(
    answer: httpx.Response | Exception, error_type: type[SearchError], words: str
) -> None:
    with pytest.raises(error_type) as caught:
        await ask(answer)

    assert type(caught.value) is error_type
    assert words in caught.value.message


@pytest.mark.anyio
async def test_rate_limit_carries_its_waiting_time() -> None:
    with pytest.raises(EngineRateLimited) as caught:
        await ask(httpx.Response(429, headers={"retry-after": "17"}))

    assert caught.value.retry_after_s == 17.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("Mon, 23 Nov 2026 12:01:30 GMT", 90.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("9" * 400, None),
        ("-5", None),
        ("", None),
        (None, None),
    ],
)
def test_waiting_time_is_read_in_both_forms(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, now=NOW) == seconds
