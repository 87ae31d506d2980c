"""What is peculiar to the replies of single engines."""

import httpx
import pytest
from engine_cases import ask, good_reply, reply_data

from websearch_agent.errors import (
    EngineBlocked,
    EngineRateLimited,
    EngineResponseChanged,
    EngineUnavailable,
    SearchError,
)
from websearch_agent.search.engines.brave import longest_empty_window_s
from websearch_agent.search.engines.openalex import read_abstract

pytestmark = pytest.mark.anyio


async def test_brave_snippets_lose_their_markup_and_pages_keep_their_date() -> None:
    results, _ = await ask("brave", good_reply("brave"))

    assert results[0].snippet == "Merging rankings: Tom & Ann's rank fusion."
    assert [result.date for result in results] == ["2024-03-05T08:00:00", None]


async def test_brave_reply_without_web_pages_is_an_empty_list() -> None:
    results, _ = await ask("brave", httpx.Response(200, json={"type": "search", "query": {}}))

    assert results == []


async def test_brave_tells_a_wrong_key_from_a_wrong_request() -> None:
    wrong_key = {"type": "ErrorResponse", "error": {"code": "SUBSCRIPTION_TOKEN_INVALID"}}
    wrong_request = {"type": "ErrorResponse", "error": {"code": "VALIDATION"}}

    with pytest.raises(EngineBlocked, match="refuses the key in WEBSEARCH_BRAVE_API_KEY"):
        await ask("brave", httpx.Response(422, json=wrong_key))
    with pytest.raises(EngineResponseChanged, match="HTTP 422"):
        await ask("brave", httpx.Response(422, json=wrong_request))
    with pytest.raises(EngineResponseChanged, match="HTTP 422"):
        await ask("brave", httpx.Response(422, text="["))


@pytest.mark.parametrize(
    ("remaining", "reset", "wait_s", "words"),
    [
        ("0, 1500", "1, 1419704", 1.0, "asked too often"),
        ("0, 0", "1, 1419704", 1419704.0, "quota of the key for brave is used up"),
        ("1, 0", "1, 1419704", 1419704.0, "quota of the key for brave is used up"),
        ("soon", "never", None, "asked too often"),
    ],
)
async def test_brave_waits_for_the_window_that_is_used_up(
    remaining: str, reset: str, wait_s: float | None, words: str
) -> None:
    headers = {"x-ratelimit-remaining": remaining, "x-ratelimit-reset": reset}

    with pytest.raises(EngineRateLimited, match=words) as caught:
        await ask("brave", httpx.Response(429, headers=headers))

    assert caught.value.retry_after_s == wait_s


def test_brave_counters_that_are_no_numbers_are_no_wait() -> None:
    for value in ("", "-1, 2", "1e9, 1", "９, 9", "9" * 40):
        fields = {"x-ratelimit-remaining": "0, 0", "x-ratelimit-reset": value}
        headers = httpx.Headers(fields, encoding="utf-8")
        assert longest_empty_window_s(headers) is None


async def test_serper_dates_are_iso_or_none() -> None:
    results, _ = await ask("serper", good_reply("serper"))

    assert [result.date for result in results] == ["2024-03-05", None]


@pytest.mark.parametrize(
    ("payload", "error_type"),
    [
        ({"message": "Not enough credits", "statusCode": 400}, EngineRateLimited),
        ({"message": "Missing query parameter", "statusCode": 400}, EngineResponseChanged),
        ({}, EngineResponseChanged),
    ],
)
async def test_serper_without_credits_is_no_wrong_request(
    payload: dict[str, object], error_type: type[SearchError]
) -> None:
    with pytest.raises(error_type) as caught:
        await ask("serper", httpx.Response(400, json=payload))

    assert type(caught.value) is error_type


async def test_tavily_dates_are_iso() -> None:
    results, _ = await ask("tavily", good_reply("tavily"))

    assert [result.date for result in results] == ["2024-03-05", None]


async def test_exa_joins_highlights_and_names_untitled_pages_by_address() -> None:
    results, _ = await ask("exa", good_reply("exa"))

    assert results[0].snippet == "Merging rankings. … The sum of reciprocal ranks."
    assert (results[1].title, results[1].snippet) == ("https://example.com/fusion", "")


async def test_wikipedia_titles_become_addresses_of_the_edition() -> None:
    results, _ = await ask("wikipedia", good_reply("wikipedia"))

    assert results[0].snippet == "短尾矮袋鼠是一种小型有袋动物 & 生活在罗特尼斯岛"
    assert results[1].url == "https://zh.wikipedia.org/wiki/AC/DC_100%25%3F"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example/.wikipedia.org", "evil.example#x.wikipedia.org", 7]
)
async def test_wikipedia_addresses_are_never_of_another_site(host: object) -> None:
    payload = reply_data("wikipedia")
    payload["query"]["general"]["servername"] = host

    with pytest.raises(EngineResponseChanged, match="expected form"):
        await ask("wikipedia", httpx.Response(200, json=payload))


@pytest.mark.parametrize(
    ("code", "error_type"),
    [("ratelimited", EngineRateLimited), ("internal_api_error", EngineUnavailable)],
)
async def test_wikipedia_says_what_is_wrong_with_status_200(
    code: str, error_type: type[SearchError]
) -> None:
    with pytest.raises(error_type, match=code):
        await ask("wikipedia", httpx.Response(200, json={"error": {"code": code}}))


async def test_arxiv_papers_are_named_without_their_version() -> None:
    results, _ = await ask("arxiv", good_reply("arxiv"))

    assert [result.url for result in results] == [
        "https://arxiv.org/abs/2401.00001", "https://arxiv.org/abs/hep-th/9901001",
    ]  # fmt: skip
    assert results[0].snippet == "Rankings are merged by x < y."
    assert results[0].date == "2024-03-05T08:00:00Z"


FEED = '<feed xmlns="http://www.w3.org/2005/Atom">{}</feed>'
ENTRY = (
    "<entry><id>{}</id><title>T</title><summary>{}</summary>"
    "<published>2024-01-01T00:00:00Z</published></entry>"
)


async def test_arxiv_feed_without_entries_is_an_empty_list() -> None:
    results, _ = await ask("arxiv", httpx.Response(200, text=FEED.format("")))

    assert results == []


async def test_arxiv_error_entry_is_no_paper() -> None:
    entry = ENTRY.format("http://arxiv.org/api/errors#incorrect", "incorrect id format")

    with pytest.raises(EngineResponseChanged, match="arxiv refused the query: incorrect id"):
        await ask("arxiv", httpx.Response(200, text=FEED.format(entry)))


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/abs/1", "http://arxiv.org.evil.example/abs/1", "javascript:alert(1)",
        "http://arxiv.org/abs/../../x", "http://arxiv.org/abs/1?x=&amp;y",
    ],
)  # fmt: skip
async def test_arxiv_entry_of_another_address_is_no_paper(address: str) -> None:
    with pytest.raises(EngineResponseChanged, match="the Atom of arxiv has not the expected form"):
        await ask("arxiv", httpx.Response(200, text=FEED.format(ENTRY.format(address, "s"))))


@pytest.mark.parametrize(
    "document",
    [
        '<!DOCTYPE feed [<!ENTITY x SYSTEM "file:///etc/hostname">]>' + FEED.format("&x;"),
        '<!DOCTYPE feed [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>' + FEED.format("&b;"),
        '<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE feed+AD4-' + FEED.format(""),
        FEED.format("<entry>"),
        "<feed>" * 5000,
    ],
)
async def test_arxiv_reply_with_entities_or_broken_is_refused(document: str) -> None:
    with pytest.raises(EngineResponseChanged, match="instead of Atom"):
        await ask("arxiv", httpx.Response(200, text=document))


async def test_arxiv_reply_in_utf_16_hides_no_entities() -> None:
    document = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE feed [<!ENTITY x "y">]>'

    with pytest.raises(EngineResponseChanged, match="instead of Atom"):
        await ask("arxiv", httpx.Response(200, content=(document + FEED).encode("utf-16")))


async def test_openalex_abstracts_are_put_in_order_and_dois_stand_in_for_pages() -> None:
    results, _ = await ask("openalex", good_reply("openalex"))

    assert results[0].snippet == "Rankings are merged, and they are short."
    assert [result.url for result in results] == [
        "https://example.org/papers/rrf", "https://doi.org/10.1000/two",
    ]  # fmt: skip


def test_openalex_abstract_of_another_form_is_refused() -> None:
    with pytest.raises(ValueError, match="no number"):
        read_abstract({"word": ["first"]})  # type: ignore[list-item]


@pytest.mark.parametrize(("status", "wait_s"), [(403, None), (429, 3600.0)])
async def test_openalex_limits_are_no_refused_key(status: int, wait_s: float | None) -> None:
    with pytest.raises(EngineRateLimited) as caught:
        await ask("openalex", httpx.Response(status))

    assert caught.value.retry_after_s == wait_s
