"""What every engine over HTTP must do, whichever it is."""

import gzip
import re

import httpx
import pytest
from engine_cases import KEY, WITH_KEYS, all_set_up, ask, good_reply, reply_data

from websearch_agent.config import load_settings
from websearch_agent.config_checks import ENGINE_NAMES
from websearch_agent.errors import (
    ConfigError,
    EngineBlocked,
    EngineRateLimited,
    EngineResponseChanged,
    EngineUnavailable,
    SearchError,
    UnsupportedFilter,
)
from websearch_agent.search.engines import HTTP_ENGINES
from websearch_agent.search.engines.ddgs import DDGS_ENGINES
from websearch_agent.search.fan_out import search_all
from websearch_agent.search.http_engine import MAX_REPLY_BYTES, HttpEngine
from websearch_agent.search.resting import RestTable
from websearch_agent.types import SearchQuery

pytestmark = pytest.mark.anyio
ALL = sorted(HTTP_ENGINES)
FIRST_RESULT = {
    "arxiv": ("https://arxiv.org/abs/2401.00001", "Reciprocal rank fusion, again"),
    "brave": ("https://example.org/rrf", "Reciprocal rank fusion"),
    "exa": ("https://example.org/rrf", "Reciprocal rank fusion"),
    "openalex": ("https://example.org/papers/rrf", "Reciprocal rank fusion"),
    "searxng": ("https://example.org/rrf", "Reciprocal rank fusion"),
    "serper": ("https://example.org/rrf", "Reciprocal rank fusion"),
    "tavily": ("https://example.org/rrf", "Reciprocal rank fusion"),
    "wikipedia": (
        "https://zh.wikipedia.org/wiki/%E7%9F%AD%E5%B0%BE%E7%9F%AE%E8%A2%8B%E9%BC%A0",
        "短尾矮袋鼠",
    ),
}


def test_every_engine_name_has_an_engine() -> None:
    assert set(ENGINE_NAMES) == {*HTTP_ENGINES, *DDGS_ENGINES, "local"}


@pytest.mark.parametrize("name", ALL)
def test_prepared_reply_says_first_where_it_is_from(name: str) -> None:
    field, text = next(iter(reply_data(name).items()))

    assert field == "source"
    assert text.startswith("https://")
    assert "not recorded live, on 2026-11-23" in text


@pytest.mark.parametrize("name", ALL)
async def test_prepared_reply_becomes_ranked_results_of_web_pages(name: str) -> None:
    results, _ = await ask(name, good_reply(name))

    assert (results[0].url, results[0].title) == FIRST_RESULT[name]
    assert len(results) == 2
    assert [result.rank for result in results] == [1, 2]
    assert {result.engine for result in results} == {name}
    assert all(result.url.startswith("https://") for result in results)


@pytest.mark.parametrize("name", ALL)
async def test_no_more_results_than_asked_for(name: str) -> None:
    results, _ = await ask(name, good_reply(name), SearchQuery("rank fusion", max_results=1))

    assert len(results) == 1


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("answer", "error_type"),
    [
        (httpx.Response(503, headers={"retry-after": "7"}), EngineUnavailable),
        (httpx.Response(404), EngineResponseChanged),
        (httpx.Response(429, headers={"retry-after": "17"}), EngineRateLimited),
        (httpx.Response(402), EngineRateLimited),
        (httpx.Response(200, text="not what was asked for"), EngineResponseChanged),
        (httpx.Response(200, text=""), EngineResponseChanged),
        (httpx.Response(200, json=None), EngineResponseChanged),
        (httpx.Response(200, json=[{"url": 1}]), EngineResponseChanged),
        (httpx.Response(200, json={"surprise": {}}), EngineResponseChanged),
        (httpx.ConnectError("refused"), EngineUnavailable),
        (httpx.ReadTimeout(""), EngineUnavailable),
    ],
)
async def test_trouble_is_told_apart(
    name: str, answer: httpx.Response | Exception, error_type: type[SearchError]
) -> None:
    with pytest.raises(SearchError) as caught:
        await ask(name, answer)

    assert type(caught.value) is error_type
    assert KEY not in caught.value.message
    if isinstance(answer, httpx.Response) and "retry-after" in answer.headers:
        assert caught.value.retry_after_s == float(answer.headers["retry-after"])


@pytest.mark.parametrize("name", ["brave", "serper", "tavily", "exa", "searxng", "openalex"])
async def test_broken_hit_does_not_spoil_the_others(name: str) -> None:
    payload = reply_data(name)
    hits = payload["web"]["results"] if name == "brave" else payload.get("results")
    hits = payload["organic"] if name == "serper" else hits
    good = dict(hits[0])
    hits[:] = ["no object", None, {}, dict.fromkeys(good, 7), good]

    results, _ = await ask(name, httpx.Response(200, json=payload))

    assert [result.url for result in results] == [FIRST_RESULT[name][0]]


@pytest.mark.parametrize("name", ["brave", "serper", "tavily", "exa", "searxng", "openalex"])
async def test_only_broken_hits_mean_that_the_form_changed(name: str) -> None:
    hits = [{"address": "https://example.org/"}]
    payload = {"web": {"results": hits}, "organic": hits, "results": hits}

    with pytest.raises(EngineResponseChanged, match="has not the expected form"):
        await ask(name, httpx.Response(200, json=payload))


@pytest.mark.parametrize("name", WITH_KEYS)
async def test_refused_key_is_told_by_its_variable(name: str) -> None:
    with pytest.raises(EngineBlocked) as caught:
        await ask(name, httpx.Response(401, json={"message": f"wrong key {KEY}"}))

    message = caught.value.message
    assert f"{name} refuses the key in WEBSEARCH_{name.upper()}_API_KEY (HTTP 401)" in message
    assert KEY not in message


@pytest.mark.parametrize("name", WITH_KEYS)
async def test_key_is_in_a_header_and_follows_no_redirect(name: str) -> None:
    moved = httpx.Response(302, headers={"location": "https://elsewhere.example/"})
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return moved

    with pytest.raises(EngineResponseChanged, match="HTTP 302"):
        await ask(name, handle)

    (request,) = seen
    assert any(KEY in value for value in request.headers.values())
    assert KEY not in str(request.url)
    assert KEY.encode() not in request.content


@pytest.mark.parametrize("name", WITH_KEYS)
def test_key_is_not_in_the_settings_printed(name: str) -> None:
    assert KEY not in repr(all_set_up())


@pytest.mark.parametrize("name", ["brave", "serper", "tavily", "exa", "searxng"])
async def test_missing_setting_is_named_with_where_to_get_it(name: str) -> None:
    async with httpx.AsyncClient() as client:
        with pytest.raises(ConfigError) as caught:
            HttpEngine(HTTP_ENGINES[name], load_settings(_env_file=None), client)

    words = rf"WEBSEARCH_ENGINES names {name}, and WEBSEARCH_\w+ is not set; .*https?://"
    assert re.match(words, caught.value.message)


async def test_openalex_needs_no_key() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        assert "authorization" not in request.headers
        return good_reply("openalex")

    async with httpx.AsyncClient(transport=httpx.MockTransport(handle)) as client:
        engine = HttpEngine(HTTP_ENGINES["openalex"], load_settings(_env_file=None), client)
        assert await engine.search(SearchQuery("rank fusion"))


@pytest.mark.parametrize("name", ALL)
async def test_engine_is_told_which_program_asks(name: str) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        assert request.headers["user-agent"] == "websearch-agent/test"
        return good_reply(name)

    headers = {"User-Agent": "websearch-agent/test"}
    transport = httpx.MockTransport(handle)
    async with httpx.AsyncClient(transport=transport, headers=headers) as client:
        engine = HttpEngine(HTTP_ENGINES[name], all_set_up(), client)
        assert await engine.search(SearchQuery("rank fusion"))


async def test_quota_rests_long_and_says_whose_it_is() -> None:
    for status in (402, 432, 433):
        with pytest.raises(EngineRateLimited, match="quota of the key for tavily") as caught:
            await ask("tavily", httpx.Response(status))
        assert caught.value.retry_after_s == 3600.0


async def test_reply_that_never_ends_is_cut_off() -> None:
    body = b"[" + b" " * MAX_REPLY_BYTES + b"]"

    with pytest.raises(EngineResponseChanged, match="more than 5 MB"):
        await ask("tavily", httpx.Response(200, content=body))


async def test_small_reply_that_unpacks_to_a_large_one_is_cut_off() -> None:
    body = gzip.compress(b" " * (2 * MAX_REPLY_BYTES))
    packed = httpx.Response(200, content=body, headers={"content-encoding": "gzip"})

    with pytest.raises(EngineResponseChanged, match="more than 5 MB"):
        await ask("tavily", packed)


async def test_compressed_reply_is_read() -> None:
    body = gzip.compress(good_reply("tavily").content)
    packed = httpx.Response(200, content=body, headers={"content-encoding": "gzip"})

    results, _ = await ask("tavily", packed)

    assert results[0].url == "https://example.org/rrf"


@pytest.mark.parametrize("name", ALL)
async def test_header_that_cannot_be_sent_is_not_shown(name: str) -> None:
    error = httpx.LocalProtocolError(f"Illegal header value b'{KEY}\\n'")

    with pytest.raises(EngineUnavailable, match="a header that cannot be sent") as caught:
        await ask(name, error)

    assert KEY not in caught.value.message
    assert caught.value.__cause__ is None


async def test_odd_date_of_one_hit_does_not_lose_the_engine() -> None:
    payload = reply_data("serper")
    payload["organic"][0]["date"] = "Tue, 14 Jan 2025 19:00:31 +9999999999999999"

    results, _ = await ask("serper", httpx.Response(200, json=payload))

    assert (len(results), results[0].date) == (2, None)


async def test_engine_that_cannot_honour_a_filter_is_left_out_unasked_and_says_so() -> None:
    seen: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.host)
        return good_reply("tavily")

    rests = RestTable()
    async with httpx.AsyncClient(transport=httpx.MockTransport(handle)) as client:
        engines = [
            HttpEngine(HTTP_ENGINES[n], all_set_up(), client) for n in ("wikipedia", "tavily")
        ]
        query = SearchQuery("rank fusion", time_range="week")
        outcome = await search_all(engines, [query], deadline_s=5, rests=rests)

    (failure,) = outcome.failures
    assert (failure.engine, failure.code) == ("wikipedia", UnsupportedFilter.code)
    assert failure.reason == (
        "wikipedia takes no filter for a time range; it was left out of this search"
    )
    assert seen == ["api.tavily.com"]
    assert [r.url for r in outcome.results] == [
        "https://example.org/rrf",
        "https://example.com/fusion",
    ]
    assert rests.rest_of("wikipedia") is None


async def test_wrong_key_rests_while_the_others_answer() -> None:
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        is_tavily = request.url.host == "api.tavily.com"
        return good_reply("tavily") if is_tavily else httpx.Response(403)

    rests = RestTable()
    async with httpx.AsyncClient(transport=httpx.MockTransport(handle)) as client:
        engines = [HttpEngine(HTTP_ENGINES[n], all_set_up(), client) for n in ("serper", "tavily")]
        for text in ("first", "second"):
            outcome = await search_all(engines, [SearchQuery(text)], deadline_s=5, rests=rests)

    assert asked == ["google.serper.dev", "api.tavily.com", "api.tavily.com"]
    assert "resting for another" in outcome.failures[0].reason
    assert "WEBSEARCH_SERPER_API_KEY" in outcome.failures[0].reason
    assert len(outcome.results) == 2
