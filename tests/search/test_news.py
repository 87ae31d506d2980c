"""The news of the real `ddgs` library, against prepared replies."""

import json
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from engine_cases import reply_data
from replay_proxy import ReplayProxy, Reply, replay_proxy

from websearch_agent.config import load_settings
from websearch_agent.errors import (
    ConfigError,
    EngineBlocked,
    EngineRateLimited,
    EngineResponseChanged,
    UnsupportedFilter,
)
from websearch_agent.search.engines.ddgs import NEWS, DdgsEngine
from websearch_agent.types import SearchQuery

pytestmark = pytest.mark.anyio
DUCKDUCKGO, BING, YAHOO = "duckduckgo.com", "www.bing.com", "news.search.yahoo.com"
BING_PAGE = """<html><body><div class="newsitem" data-title="Fusion on the front page"
url="https://example.net/news/3" data-author="Paper"><div class="snippet">About fusion.</div>
<span aria-label="2 days ago">2d</span></div></body></html>"""


def make_engine(proxy: ReplayProxy, backends: str) -> DdgsEngine:
    settings = load_settings(
        _env_file=None, news_backends=backends, ddgs_proxy=proxy.url, ddgs_ca_file=proxy.ca_file
    )
    return DdgsEngine(settings, NEWS, patience_s=5.0)


def duckduckgo_news() -> Reply:
    """Two requests go to this host, and the first one only looks for the token: the same text
    serves for both. The first of the two news is of today."""
    reply = reply_data("ddgs_news")["duckduckgo"]
    reply["results"][0]["date"] = int(time.time())
    reply["note"] = "vqd=4-123&"
    return Reply(200, json.dumps(reply))


async def test_news_have_dates_and_name_their_backend(tmp_path: Path) -> None:
    with replay_proxy(tmp_path, {DUCKDUCKGO: duckduckgo_news()}) as proxy:
        results = await make_engine(proxy, "duckduckgo").search(SearchQuery("rank fusion"))

    assert [(r.url, r.title, r.snippet, r.engine, r.rank) for r in results] == [
        ("https://example.org/news/1", "Fusion in the news", "Rankings were merged.",
         "duckduckgo news", 1),
        ("https://example.org/news/0", "Old news", "Old.", "duckduckgo news", 2),
    ]  # fmt: skip
    assert (results[1].date or "").startswith("2000-01-01")


async def test_news_older_than_asked_for_are_dropped_though_the_backend_sent_them(
    tmp_path: Path,
) -> None:
    query = SearchQuery("rank fusion", time_range="week", language="de")
    with replay_proxy(tmp_path, {DUCKDUCKGO: duckduckgo_news()}) as proxy:
        results = await make_engine(proxy, "duckduckgo").search(query)

    assert [result.url for result in results] == ["https://example.org/news/1"]
    asked = parse_qs(urlsplit(proxy.seen[1].line.split()[1]).query)
    assert (asked["df"], asked["l"], asked["vqd"]) == (["w"], ["de-de"], ["4-123"])


async def ask_duckduckgo(folder: Path, reply: Reply) -> None:
    with replay_proxy(folder, {DUCKDUCKGO: reply}) as proxy:
        await make_engine(proxy, "duckduckgo").ask_backend("duckduckgo", SearchQuery("q"))


async def test_refusal_of_the_request_before_the_search_is_told_too(tmp_path: Path) -> None:
    with pytest.raises(EngineRateLimited, match="duckduckgo limits how often"):
        await ask_duckduckgo(tmp_path, Reply(202))


async def test_page_without_the_token_is_a_captcha_or_a_changed_reply(tmp_path: Path) -> None:
    with pytest.raises(EngineBlocked, match="captcha"):
        await ask_duckduckgo(tmp_path, Reply(200, "<div class='anomaly-modal'>"))
    with pytest.raises(EngineResponseChanged, match="duckduckgo was not understood"):
        await ask_duckduckgo(tmp_path, Reply(200, "<html></html>"))


async def test_next_news_backend_answers_for_a_blocked_one(tmp_path: Path) -> None:
    replies = {DUCKDUCKGO: Reply(403), BING: Reply(200, BING_PAGE)}
    with replay_proxy(tmp_path, replies) as proxy:
        results = await make_engine(proxy, "duckduckgo,bing").search(SearchQuery("q"))

    assert [(r.url, r.title, r.engine) for r in results] == [
        ("https://example.net/news/3", "Fusion on the front page", "bing news")
    ]


async def test_yahoo_news_are_left_out_where_they_cannot_filter() -> None:
    engine = DdgsEngine(load_settings(_env_file=None, news_backends="yahoo"), NEWS)

    for query in (SearchQuery("q", language="de"), SearchQuery("q", time_range="year")):
        with pytest.raises(UnsupportedFilter, match="yahoo takes no filter"):
            await engine.search(query)


def test_unknown_news_backend_names_its_variable() -> None:
    with pytest.raises(ConfigError, match=r"WEBSEARCH_NEWS_BACKENDS: unknown backend mojeek"):
        DdgsEngine(load_settings(_env_file=None, news_backends="mojeek"), NEWS)
