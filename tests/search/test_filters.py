from datetime import UTC, date, datetime

import pytest

from websearch_agent.errors import InvalidRequest, UnsupportedFilter
from websearch_agent.search.dates import iso_date
from websearch_agent.search.domain_filter import cut_question, is_within, plain_domain
from websearch_agent.search.filters import (
    ALL_TIME_RANGES,
    Filters,
    check_filters,
    first_day,
    first_moment,
)
from websearch_agent.search.languages import (
    is_traditional_chinese,
    primary_language,
    question_language,
    region_of,
)
from websearch_agent.search.regions import backend_region, region_for
from websearch_agent.search.reply_errors import parse_retry_after
from websearch_agent.search.result_cleaning import strip_markup
from websearch_agent.types import SearchQuery

NONE = Filters()
WIKI = Filters(own_site="wikipedia.org")


@pytest.mark.parametrize(
    ("filters", "query", "reason"),
    [
        (NONE, SearchQuery("q", time_range="day"), "takes no filter for a time range"),
        (Filters(frozenset({"day"})), SearchQuery("q", time_range="year"), "time range 'year'"),
        (NONE, SearchQuery("q", language="de"), "takes no filter for a language"),
        (NONE, SearchQuery("q", include_domains=("a.org",)), "cannot be held to domains"),
        (WIKI, SearchQuery("q", include_domains=("a.org",)), "has pages of wikipedia.org only"),
        (WIKI, SearchQuery("q", exclude_domains=("www.wikipedia.org",)), "which is excluded"),
    ],
)
def test_filter_that_cannot_be_honoured_is_named(
    filters: Filters, query: SearchQuery, reason: str
) -> None:
    with pytest.raises(UnsupportedFilter, match=reason) as caught:
        check_filters("some", filters, query)

    assert caught.value.message.startswith("some ")
    assert caught.value.message.endswith("; it was left out of this search")


@pytest.mark.parametrize(
    ("filters", "query"),
    [
        (NONE, SearchQuery("q")),
        (NONE, SearchQuery("q", exclude_domains=("a.org",))),
        (Filters(ALL_TIME_RANGES), SearchQuery("q", time_range="year")),
        (Filters(language=True), SearchQuery("q", language="de")),
        (Filters(include_domains=True), SearchQuery("q", include_domains=("a.org",))),
        (WIKI, SearchQuery("q", include_domains=("a.org", "wikipedia.org"))),
        (WIKI, SearchQuery("q", include_domains=("zh.wikipedia.org",))),
        (WIKI, SearchQuery("q", exclude_domains=("zh.wikipedia.org",))),
    ],
)
def test_filter_that_can_be_honoured_passes(filters: Filters, query: SearchQuery) -> None:
    assert check_filters("some", filters, query) is None


def test_time_ranges_begin_as_far_back_as_their_longest() -> None:
    today = date(2026, 3, 31)

    assert first_day("day", today=today) == date(2026, 3, 30)
    assert first_day("month", today=today) == date(2026, 2, 28)
    assert first_day("year", today=today) == date(2025, 3, 30)
    now = datetime(2026, 3, 31, 12, tzinfo=UTC)
    assert first_moment("week", now=now) == datetime(2026, 3, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2024-03-05", "2024-03-05"),
        ("2024-03-05T08:00:00.000Z", "2024-03-05T08:00:00.000Z"),
        ("2024", "2024"),
        ("Tue, 05 Mar 2024 08:00:00 GMT", "2024-03-05"),
        ("Mar 5, 2024", "2024-03-05"),
        ("March 5, 2024", "2024-03-05"),
        ("2 days ago", None),
        ("2024-03-05<script>", None),
        ("Tue, 14 Jan 2025 19:00:31 +9999999999999999", None),
        ("Tue, 14 Jan 99999 19:00:31 GMT", None),
        ("", None),
        (None, None),
    ],
)
def test_dates_become_iso_or_nothing(text: str | None, iso: str | None) -> None:
    assert iso_date(text) == iso


def test_waiting_time_with_an_endless_time_zone_is_none() -> None:
    header = "Tue, 14 Jan 2025 19:00:31 +9999999999999999"

    assert parse_retry_after(header, now=datetime(2026, 1, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("tag", "language", "region"),
    [
        ("en", "en", None), ("zh-CN", "zh", "cn"), ("zh-Hant-TW", "zh", "tw"),
        ("pt-BR", "pt", "br"), ("de-AT-1996", "de", "at"),
        ("a.b", None, None), ("en/..", None, None), ("", None, None),
    ],
)  # fmt: skip
def test_tags_of_languages_are_read(tag: str, language: str | None, region: str | None) -> None:
    assert (primary_language(tag), region_of(tag)) == (language, region)


def test_traditional_chinese_is_known_by_script_or_place() -> None:
    tags = ("zh-TW", "zh-HK", "zh-Hant", "zh-CN", "zh", "en-HK")

    assert [is_traditional_chinese(tag) for tag in tags] == [True, True, True, False, False, False]


def test_language_of_a_question_is_what_was_asked_for_or_its_script() -> None:
    questions = (
        SearchQuery("什么是"),
        SearchQuery("なに"),
        SearchQuery("무엇"),
        SearchQuery("what"),
    )

    assert [question_language(q) for q in questions] == ["zh", "ja", "ko", "en"]
    assert question_language(SearchQuery("什么是", language="DE")) == "de"


@pytest.mark.parametrize(
    ("language", "region"),
    [("zh-Hant", "tw-tzh"), ("zh-Hans-CN", "cn-zh"), ("en-GB", "uk-en"), ("en-ZA", "us-en"),
     ("ar", "xa-ar"), ("tlh", None)],
)  # fmt: skip
def test_regions_of_languages(language: str, region: str | None) -> None:
    assert region_for(SearchQuery("q", language=language)) == region


def test_site_lies_within_its_domain_only() -> None:
    pairs = [
        ("a.org", "a.org"),
        ("x.a.org", "www.A.org"),
        ("aa.org", "a.org"),
        ("a.org", "x.a.org"),
    ]

    assert [is_within(site, domain) for site, domain in pairs] == [True, True, False, False]


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("docs.python.org", "docs.python.org"),
        (" Docs.Python.org ", "docs.python.org"),
        ("https://docs.python.org", "docs.python.org"),
        ("http://docs.python.org:80/3/?q=1#a", "docs.python.org"),
        ("docs.python.org/3", "docs.python.org"),
        ("*.python.org", "python.org"),
        ("https://*.python.org/*", "python.org"),
        (".python.org", "python.org"),
        ("python.org.", "python.org"),
        ("münchen.de", "xn--mnchen-3ya.de"),
        ("MÜNCHEN.de", "xn--mnchen-3ya.de"),
        ("straße.de", "xn--strae-oqa.de"),
        ("192.168.0.1", "192.168.0.1"),
        ("my_host.example.org", "my_host.example.org"),
        ("git-doc", "git-doc"),
        ("手册", "手册"),
    ],
)
def test_domain_is_what_an_address_or_a_pattern_names(text: str, domain: str) -> None:
    assert plain_domain(text) == domain


@pytest.mark.parametrize(
    "text",
    [
        "", " ", ".", "*", "*.*.org", "*python.org", "py*on.org", "a..b", "a.org b.org",
        "a.org,b.org", "site:a.org", "-site:a.org", "me@a.org", "https://me@a.org/", "a.org:8080",
        "ftp://a.org", "file:///etc/passwd", "https://", "/3", "[::1]", "a.org:x", "a.-b.org",
        "a." * 150 + "org", "a\x00b.org", "(a.org)", "python.org OR x",
    ],
)  # fmt: skip
def test_what_names_no_domain_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        plain_domain(text)

    assert repr(text)[:80] in caught.value.message
    assert caught.value.message.endswith("is no domain; example: docs.python.org")


def test_domain_in_other_letters_is_the_one_in_addresses() -> None:
    domain = plain_domain("münchen.de")

    assert is_within("xn--mnchen-3ya.de", domain)
    assert is_within("www.münchen.de", domain)
    assert not is_within("muenchen.de", domain)


@pytest.mark.parametrize(
    ("language", "duckduckgo", "others"),
    [("ja", "jp-jp", "jp-ja"), ("ko", "kr-kr", "kr-ko"), ("zh-TW", "tw-tzh", "tw-zh"),
     ("de", "de-de", "de-de")],
)  # fmt: skip
def test_only_duckduckgo_is_told_its_own_names_of_languages(
    language: str, duckduckgo: str, others: str
) -> None:
    query = SearchQuery("q", language=language)

    assert backend_region("duckduckgo", query) == duckduckgo
    assert backend_region("wikipedia", query) == others


def test_long_question_is_cut_at_a_words_end() -> None:
    assert cut_question("one two three", max_characters=8) == "one two"
    assert cut_question("one two", max_characters=7) == "one two"
    assert cut_question("一二三四", max_characters=2) == "一二"


def test_markup_of_snippets_becomes_plain_text() -> None:
    assert strip_markup("a &lt;b&gt; <b>c</b> 1 < 2") == "a <b> c 1 < 2"
