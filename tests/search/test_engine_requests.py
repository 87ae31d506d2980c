"""Each filter reaches each engine in the engine's own form."""

import json
from datetime import UTC, datetime

import httpx
import pytest
from engine_cases import all_set_up

from websearch_agent.errors import UnsupportedFilter
from websearch_agent.search.engines import HTTP_ENGINES
from websearch_agent.search.engines.arxiv import build_search_query
from websearch_agent.search.engines.brave import search_language
from websearch_agent.search.engines.serper import interface_language
from websearch_agent.search.engines.wikipedia import edition
from websearch_agent.types import SearchQuery, TimeRange

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
DOMAINS = {"include_domains": ("a.org", "b.org"), "exclude_domains": ("c.org",)}


def build(name: str, query: SearchQuery) -> httpx.Request:
    return HTTP_ENGINES[name].build_request(query, all_set_up(), NOW)


def params(name: str, query: SearchQuery) -> dict[str, str]:
    return dict(build(name, query).url.params)


def body(name: str, query: SearchQuery) -> dict[str, object]:
    content: dict[str, object] = json.loads(build(name, query).content)
    return content


def test_brave() -> None:
    query = SearchQuery("rank fusion", 5, "week", **DOMAINS, language="de-AT")
    request = build("brave", query)

    assert request.url.copy_with(query=None) == "https://api.search.brave.com/res/v1/web/search"
    assert params("brave", query) == {
        "q": "rank fusion (site:a.org OR site:b.org) -site:c.org",
        "count": "5",
        "result_filter": "web",
        "text_decorations": "false",
        "freshness": "pw",
        "search_lang": "de",
        "country": "AT",
    }


def test_brave_is_sent_no_filter_that_was_not_asked_for() -> None:
    assert params("brave", SearchQuery("q", 50)) == {
        "q": "q", "count": "20", "result_filter": "web", "text_decorations": "false",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("tag", "own"),
    [
        ("en", "en"), ("en-GB", "en-gb"), ("en-US", "en"), ("zh", "zh-hans"),
        ("zh-CN", "zh-hans"), ("zh-TW", "zh-hant"), ("zh-Hant-HK", "zh-hant"), ("ja", "jp"),
        ("pt", "pt-pt"), ("pt-BR", "pt-br"), ("no", "nb"),
    ],
)  # fmt: skip
def test_brave_is_asked_for_languages_by_its_own_names(tag: str, own: str) -> None:
    assert search_language(tag) == own


@pytest.mark.parametrize("tag", ["tlh", "en_US", "", "e", "enenenen"])
def test_language_that_brave_has_not_is_refused(tag: str) -> None:
    with pytest.raises(UnsupportedFilter, match="brave knows no language"):
        search_language(tag)


@pytest.mark.parametrize(("time_range", "own"), [("day", "pd"), ("month", "pm"), ("year", "py")])
def test_brave_freshness(time_range: TimeRange, own: str) -> None:
    assert params("brave", SearchQuery("q", time_range=time_range))["freshness"] == own


def test_brave_is_never_sent_more_than_it_takes() -> None:
    long = SearchQuery("word " * 300, **DOMAINS)
    chinese = SearchQuery("长" * 900, include_domains=("a.org",))

    cut = params("brave", long)["q"]

    assert len(cut) <= 400
    assert len(cut.split()) <= 50
    assert cut.endswith("word (site:a.org OR site:b.org) -site:c.org")
    assert params("brave", chinese)["q"] == "长" * (400 - len(" site:a.org")) + " site:a.org"


def test_more_domains_than_brave_takes_leave_it_out() -> None:
    many = tuple(f"domain-number-{n}.example.org" for n in range(40))

    with pytest.raises(UnsupportedFilter, match="so many domains"):
        build("brave", SearchQuery("q", include_domains=many))


def test_serper() -> None:
    query = SearchQuery("rank fusion", 7, "month", **DOMAINS, language="zh-TW")

    assert build("serper", query).url == "https://google.serper.dev/search"
    assert body("serper", query) == {
        "q": "rank fusion (site:a.org OR site:b.org) -site:c.org",
        "num": 7,
        "tbs": "qdr:m",
        "hl": "zh-tw",
        "gl": "tw",
    }
    assert body("serper", SearchQuery("q")) == {"q": "q", "num": 10}


@pytest.mark.parametrize(
    ("tag", "own"), [("zh", "zh-cn"), ("pt-BR", "pt-br"), ("pt", "pt-pt"), ("nb", "no")]
)
def test_serper_languages(tag: str, own: str) -> None:
    assert interface_language(tag) == own


def test_tavily() -> None:
    query = SearchQuery("rank fusion", 50, "day", **DOMAINS)

    assert build("tavily", query).url == "https://api.tavily.com/search"
    assert body("tavily", query) == {
        "query": "rank fusion",
        "max_results": 20,
        "search_depth": "basic",
        "time_range": "day",
        "include_domains": ["a.org", "b.org"],
        "exclude_domains": ["c.org"],
    }
    assert len(str(body("tavily", SearchQuery("word " * 300))["query"])) <= 400


def test_exa() -> None:
    query = SearchQuery("rank fusion", 5, "week", **DOMAINS)

    assert build("exa", query).url == "https://api.exa.ai/search"
    assert body("exa", query) == {
        "query": "rank fusion",
        "type": "auto",
        "numResults": 5,
        "contents": {"highlights": True},
        "startPublishedDate": "2026-11-16T12:30:00.000Z",
        "includeDomains": ["a.org", "b.org"],
        "excludeDomains": ["c.org"],
    }


@pytest.mark.parametrize(
    ("question", "language", "include", "host"),
    [
        ("quokka", None, (), "en"),
        ("短尾矮袋鼠在哪里", None, (), "zh"),
        ("クオッカとは", None, (), "ja"),
        ("quokka", "zh-Hant-TW", (), "zh"),
        ("quokka", "nb", (), "no"),
        ("quokka", None, ("de.wikipedia.org",), "de"),
        ("quokka", "fr", ("wikipedia.org",), "fr"),
    ],
)
def test_wikipedia_is_asked_in_the_edition_of_the_language(
    question: str, language: str | None, include: tuple[str, ...], host: str
) -> None:
    query = SearchQuery(question, language=language, include_domains=include)

    assert edition(query) == host
    assert build("wikipedia", query).url.host == f"{host}.wikipedia.org"
    assert params("wikipedia", query)["srsearch"] == question


@pytest.mark.parametrize("tag", ["evil.example/x", "en.evil.example#", "../..", "@evil", "e"])
def test_language_never_becomes_another_host(tag: str) -> None:
    with pytest.raises(UnsupportedFilter, match="wikipedia knows no language"):
        edition(SearchQuery("q", language=tag))


def test_arxiv_needs_each_word_that_says_something() -> None:
    query = SearchQuery('What is "reciprocal rank" fusion: (a OR b) AND all:x?', time_range="week")

    assert build_search_query(query, NOW) == (
        'all:"reciprocal" AND all:"rank" AND all:"fusion" AND all:"b" AND all:"x" '
        "AND submittedDate:[202611161230 TO 202611231230]"
    )


def test_arxiv_is_left_out_of_a_question_in_another_script() -> None:
    with pytest.raises(UnsupportedFilter, match="Latin letters"):
        build("arxiv", SearchQuery("什么是量子纠缠"))


def test_openalex() -> None:
    query = SearchQuery("rank, fusion? (a|b)", 5, "month", language="zh-CN")

    assert build("openalex", query).url.copy_with(query=None) == "https://api.openalex.org/works"
    assert params("openalex", query) == {
        "search": "rank fusion a b",
        "per_page": "5",
        "select": "id,doi,display_name,publication_date,primary_location,abstract_inverted_index",
        "filter": "from_publication_date:2026-10-23,language:zh",
    }
    assert "filter" not in params("openalex", SearchQuery("q"))


@pytest.mark.parametrize("tag", ["zh,type:book", "deu", "x"])
def test_openalex_language_is_a_code_of_two_letters(tag: str) -> None:
    with pytest.raises(UnsupportedFilter, match="openalex knows no language"):
        build("openalex", SearchQuery("q", language=tag))
