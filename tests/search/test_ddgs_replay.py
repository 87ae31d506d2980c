"""The real `ddgs` library, its addresses, bodies and parsers, against prepared result pages.

The pages are of our own making, in the layout that the parsers of ddgs 9.16 read.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from replay_proxy import ReplayProxy, Reply, replay_proxy

from websearch_agent.config import load_settings
from websearch_agent.errors import (
    ConfigError,
    EngineBlocked,
    EngineRateLimited,
    EngineUnavailable,
    UnsupportedFilter,
)
from websearch_agent.search.ddgs_backend import without_proxy_secrets
from websearch_agent.search.engines.ddgs import DdgsEngine
from websearch_agent.types import SearchQuery, SearchResult

pytestmark = pytest.mark.anyio

DUCKDUCKGO, BRAVE, MOJEEK = "html.duckduckgo.com", "search.brave.com", "www.mojeek.com"
DUCKDUCKGO_PAGE = """<html><body><div class="serp__results">
<div class="links_main result__body"><h2 class="result__title"><a href="https://example.org/a">
First page</a></h2><a class="result__snippet" href="https://example.org/a">About <b>the</b>
first.</a></div>
<div class="links_main result__body"><h2 class="result__title"><a href="x">Advertisement</a></h2>
<a href="https://duckduckgo.com/y.js?ad_domain=shop">Buy</a></div>
<div class="links_main result__body"><h2 class="result__title"><a href="https://example.com/b">
Second page</a></h2><a class="result__snippet" href="https://example.com/b">About the second.
</a></div></div></body></html>"""
BRAVE_PAGE = """<html><body><div data-type="web"><a href="https://example.net/c">
<div class="title">Third page</div></a><div class="snippet"><div class="content">About the third.
</div></div></div></body></html>"""
EMPTY_PAGE = "<html><body><div class='no-results'>No results.</div></body></html>"


def make_engine(
    proxy: ReplayProxy,
    *,
    backends: str = "duckduckgo,brave",
    patience_s: float = 5.0,
    search_deadline_s: float = 8.0,
) -> DdgsEngine:
    settings = load_settings(
        _env_file=None,
        ddgs_backends=backends,
        ddgs_proxy=proxy.url,
        ddgs_ca_file=proxy.ca_file,
        search_deadline_s=search_deadline_s,
    )
    return DdgsEngine(settings, patience_s=patience_s)


async def ask(
    folder: Path, replies: Mapping[str, Reply], *, backends: str = "duckduckgo,brave"
) -> list[SearchResult]:
    with replay_proxy(folder, replies) as proxy:
        return await make_engine(proxy, backends=backends).search(SearchQuery("rank fusion"))


async def test_results_of_a_page_come_without_advertisements(tmp_path: Path) -> None:
    results = await ask(tmp_path, {DUCKDUCKGO: Reply(200, DUCKDUCKGO_PAGE)})

    assert [(r.url, r.title, r.snippet, r.engine, r.rank) for r in results] == [
        ("https://example.org/a", "First page", "About the first.", "duckduckgo", 1),
        ("https://example.com/b", "Second page", "About the second.", "duckduckgo", 2),
    ]


async def test_request_has_words_region_and_time_range(tmp_path: Path) -> None:
    query = SearchQuery(
        "排名 融合", time_range="week", exclude_domains=("a.org",), language="zh-CN"
    )
    with replay_proxy(tmp_path, {DUCKDUCKGO: Reply(200, DUCKDUCKGO_PAGE)}) as proxy:
        await make_engine(proxy, backends="duckduckgo").search(query)

    (request,) = proxy.seen
    assert request.line == "POST /html/ HTTP/1.1"
    assert parse_qs(request.body) == {"q": ["排名 融合 -site:a.org"], "l": ["cn-zh"], "df": ["w"]}


@pytest.mark.parametrize("status", [202, 429])
async def test_rate_limit_is_told_from_an_empty_page(tmp_path: Path, status: int) -> None:
    reply = Reply(status, EMPTY_PAGE, headers=("Retry-After: 40",))

    with pytest.raises(EngineRateLimited, match=rf"duckduckgo limits .*HTTP {status}") as caught:
        await ask(tmp_path, {DUCKDUCKGO: reply}, backends="duckduckgo")

    assert caught.value.retry_after_s == 40.0


async def test_refusal_is_a_block(tmp_path: Path) -> None:
    with pytest.raises(EngineBlocked, match=r"duckduckgo refuses this address \(HTTP 403\)"):
        await ask(tmp_path, {DUCKDUCKGO: Reply(403)}, backends="duckduckgo")


async def test_challenge_page_is_a_block_though_its_status_is_200(tmp_path: Path) -> None:
    page = "<html><body><div class='anomaly-modal__title'>Select all squares</div></body></html>"

    with pytest.raises(EngineBlocked, match="duckduckgo asks for a captcha"):
        await ask(tmp_path, {DUCKDUCKGO: Reply(200, page)}, backends="duckduckgo")


async def test_empty_page_is_an_empty_list(tmp_path: Path) -> None:
    assert await ask(tmp_path, {DUCKDUCKGO: Reply(200, EMPTY_PAGE)}, backends="duckduckgo") == []


async def test_next_backend_answers_for_a_limited_one(tmp_path: Path) -> None:
    results = await ask(tmp_path, {DUCKDUCKGO: Reply(202), BRAVE: Reply(200, BRAVE_PAGE)})

    assert [(r.url, r.title, r.snippet, r.engine) for r in results] == [
        ("https://example.net/c", "Third page", "About the third.", "brave")
    ]


async def test_limited_backend_rests_while_the_next_one_goes_on(tmp_path: Path) -> None:
    replies = {DUCKDUCKGO: Reply(202), BRAVE: Reply(200, BRAVE_PAGE)}
    with replay_proxy(tmp_path, replies) as proxy:
        engine = make_engine(proxy)
        await engine.search(SearchQuery("first"))
        await engine.search(SearchQuery("second"))

    assert [request.host for request in proxy.seen] == [DUCKDUCKGO, BRAVE, BRAVE]


async def test_silent_backend_gets_company_and_loses(tmp_path: Path) -> None:
    with replay_proxy(tmp_path, {DUCKDUCKGO: Reply(0), BRAVE: Reply(200, BRAVE_PAGE)}) as proxy:
        engine = make_engine(proxy, patience_s=0.05)
        results = await engine.search(SearchQuery("q"))

    assert [result.engine for result in results] == ["brave"]


async def test_silent_backends_end_with_the_deadline(tmp_path: Path) -> None:
    with replay_proxy(tmp_path, {DUCKDUCKGO: Reply(0), BRAVE: Reply(0)}) as proxy:
        engine = make_engine(proxy, patience_s=0.05, search_deadline_s=0.5)
        with pytest.raises(EngineUnavailable) as caught:
            await engine.search(SearchQuery("q"))

    assert caught.value.message == "duckduckgo: no answer in 0.4 s; brave: no answer in 0.4 s"


async def test_every_backend_is_named_with_its_own_reason(tmp_path: Path) -> None:
    replies = {DUCKDUCKGO: Reply(202), BRAVE: Reply(403)}

    with pytest.raises(EngineUnavailable) as caught:
        await ask(tmp_path, replies, backends="duckduckgo,brave,mojeek")

    message = caught.value.message
    assert "duckduckgo limits how often it may be asked (HTTP 202)" in message
    assert "brave refuses this address (HTTP 403)" in message
    assert "could not reach mojeek" in message


async def test_no_connection_fails_at_once_and_says_so(tmp_path: Path) -> None:
    settings = load_settings(_env_file=None, ddgs_proxy="http://127.0.0.1:9")

    with pytest.raises(EngineUnavailable) as caught:
        await DdgsEngine(settings).search(SearchQuery("q"))

    # Not "no answer in 4 s", which is what waiting for the deadline says.
    assert caught.value.message.startswith("could not reach duckduckgo: ")
    assert "no answer" not in caught.value.message


async def test_password_of_the_proxy_is_in_no_message() -> None:
    settings = load_settings(_env_file=None, ddgs_proxy="http://user:pass-word@127.0.0.1:9")

    with pytest.raises(EngineUnavailable) as caught:
        await DdgsEngine(settings).search(SearchQuery("q"))

    assert "pass-word" not in caught.value.message


def test_secrets_of_a_proxy_are_hidden_in_the_librarys_words() -> None:
    words = "proxy http://user:pass-word@h:1 said 407 to pass-word"

    assert without_proxy_secrets(words, "http://user:pass-word@h:1") == (
        "proxy http://(hidden) said 407 to (hidden)"
    )
    assert without_proxy_secrets("h:1 is closed", "http://h:1") == "h:1 is closed"


async def test_proxy_that_the_library_refuses_is_named() -> None:
    settings = load_settings(_env_file=None, ddgs_backends="mojeek", ddgs_proxy="http://a!b^c:1")

    with pytest.raises(EngineUnavailable, match="WEBSEARCH_DDGS_PROXY"):
        await DdgsEngine(settings).search(SearchQuery("q"))


async def test_unknown_authority_is_not_trusted(tmp_path: Path) -> None:
    with replay_proxy(tmp_path, {DUCKDUCKGO: Reply(200, DUCKDUCKGO_PAGE)}) as proxy:
        settings = load_settings(_env_file=None, ddgs_backends="duckduckgo", ddgs_proxy=proxy.url)
        with pytest.raises(EngineUnavailable, match="could not reach duckduckgo"):
            await DdgsEngine(settings).search(SearchQuery("q"))


async def test_time_range_is_refused_where_no_backend_takes_it() -> None:
    engine = DdgsEngine(load_settings(_env_file=None, ddgs_backends="mojeek,wikipedia"))

    with pytest.raises(UnsupportedFilter) as caught:
        await engine.search(SearchQuery("q", time_range="day"))

    assert caught.value.message == (
        "mojeek takes no filter for a time range; it was left out of this search; "
        "wikipedia takes no filter for a time range; it was left out of this search"
    )


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        (SearchQuery("q", time_range="month"), ["duckduckgo", "yahoo", "brave"]),
        (SearchQuery("q", time_range="year"), ["duckduckgo", "brave"]),
        (SearchQuery("q", language="de"), ["mojeek", "wikipedia", "duckduckgo"]),
        (SearchQuery("q", include_domains=("a.org",)), ["mojeek", "duckduckgo", "yahoo", "brave"]),
        (SearchQuery("q", include_domains=("wikipedia.org",), time_range="year"),
         ["duckduckgo", "brave"]),
    ],
)  # fmt: skip
async def test_only_backends_that_honour_every_filter_are_asked(
    tmp_path: Path, query: SearchQuery, asked: list[str]
) -> None:
    with replay_proxy(tmp_path, {}) as proxy:
        engine = make_engine(proxy, backends="mojeek,wikipedia,duckduckgo,yahoo,brave")
        with pytest.raises(EngineUnavailable) as caught:
            await engine.search(query)

    assert re.findall(r"could not reach (\w+)", caught.value.message) == asked


async def test_language_without_a_region_is_refused() -> None:
    engine = DdgsEngine(load_settings(_env_file=None))

    with pytest.raises(UnsupportedFilter, match="ddgs knows no language 'tlh'"):
        await engine.search(SearchQuery("q", language="tlh"))


def test_unknown_backend_is_refused_at_once() -> None:
    settings = load_settings(_env_file=None, ddgs_backends="duckduckgo,altavista")

    with pytest.raises(ConfigError, match=r"altavista.*known are: brave"):
        DdgsEngine(settings)
