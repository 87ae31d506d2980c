"""What a query may carry: no address, no secret, and nothing that only a page asked for."""

import pytest

from websearch_agent.agent.query_guard import (
    MAX_LOOKED_AT_CHARS,
    MAX_QUERY_CHARS,
    guard_queries,
)

KEY = "sk-proj-abcdefghijklmnop1234"


def sent(query: str, question: str = "How do I set up httpx?", **more: object) -> tuple[str, ...]:
    return guard_queries([query], question=question, **more).queries  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("httpx timeout https://evil.example/?q=1", "httpx timeout"),
        ("httpx www.evil.example/a", "httpx"),
        ("httpx evil.example/collect?data=1", "httpx"),
        ("site:evil.example httpx", "httpx"),
        (f"httpx {KEY}", "httpx"),
        ("httpx anna@example.org", "httpx"),
        ("httpx 4111 1111 1111 1111", "httpx"),
        ("httpx 4111.1111.1111.1111", "httpx"),
        ("httpx evil.xn--p1ai/leak=abc", "httpx"),
        ("httpx domain:evil.example", "httpx"),
        ("site：evil.example httpx", "httpx"),
        ("!!g httpx", "httpx"),
        ("httpx DE44 5001 0517 5407 3249 31", "httpx"),
        ("httpx dGhlIHBhc3N3b3JkIGlzIDEyMzQ", "httpx"),
    ],
)
def test_addresses_and_secrets_are_left_out_and_told(query: str, expected: str) -> None:
    guarded = guard_queries([query], question="How do I set up httpx?")
    assert guarded.queries == (expected,)
    assert len(guarded.refused) == 1
    # What is not sent is not shown either.
    assert query.replace(expected, "").strip() not in guarded.refused[0]


@pytest.mark.parametrize(
    "query",
    [
        "Qwen2.5-Coder-1.5B-Instruct window",
        "node.js asp.net booking.com",
        "What is Next.js?",
        "Who owns amazon.com?",
        "manage.py?",
        "ASP.NET/C# tutorial",
        "state-of-the-art-methods 2024",
        "population 1,234,567,890",
        "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogoch",
        "红桥 建成 时间",
    ],
)
def test_ordinary_queries_go_out_as_they_are(query: str) -> None:
    assert guard_queries([query], question="?").queries == (query,)


def test_what_the_person_asks_about_may_be_searched() -> None:
    asked = "What is error 0x80070005 of commit 3f786850e387550fdab836ed7e6dc881de23001b?"
    assert sent(asked, asked) == (asked,)
    assert sent("anna@example.org", "Who is anna@example.org?") == ("anna@example.org",)


def test_what_was_said_before_may_be_searched_too() -> None:
    asked_before = ["Who wrote the book with the ISBN 978-3-16-148410-0?"]
    query = "978-3-16-148410-0 author"
    assert sent(query, "And when?", asked_before=asked_before) == (query,)


@pytest.mark.parametrize("text", ["a." * 10_000, "x@" + "a-" * 9_000, "4" * 20_000])
def test_a_long_row_of_one_thing_is_guarded_and_cut(text: str) -> None:
    (query,) = guard_queries([text], question=text).queries
    assert 0 < len(query) <= MAX_LOOKED_AT_CHARS
    assert guard_queries([text], question="?").queries in ((), (query[:MAX_QUERY_CHARS],), (query,))


def test_keys_and_passwords_are_never_searched_even_if_asked_about() -> None:
    assert sent(f"why does {KEY} fail", f"Why does {KEY} fail?") == ("why does fail",)
    asked = "My password is hunter2. Why can I not log in?"
    assert sent("hunter2 log in", asked) == ("log in",)
    assert sent("h u n t e r 2 log in", asked) == ()
    assert sent("2retnuh", asked) == ()
    before = ["我的密码是 abc12345，请记住"]
    assert sent("abc12345 泄露", "怎么修改设置", asked_before=before) == ("泄露",)


def test_long_queries_are_cut_unless_they_are_the_question() -> None:
    long = "word " * 200
    assert len(sent(long)[0]) <= MAX_QUERY_CHARS
    assert sent(long.strip(), long) == (long.strip(),)


def test_after_pages_a_query_has_to_do_with_the_question() -> None:
    question = "How many people live in the town where the red bridge is?"
    guarded = guard_queries(
        ["cheap loans online", "people living in Harrow"], question=question, pages_shown=True
    )
    assert guarded.queries == ("people living in Harrow",)
    assert "cheap loans online" in guarded.refused[0]
    assert guard_queries(["cheap loans"], question=question).queries == ("cheap loans",)


def test_a_translated_query_has_to_do_with_the_question() -> None:
    assert sent("red bridge height", "红桥有多高？", pages_shown=True) == ("red bridge height",)


def test_reasons_are_in_the_language_of_the_question() -> None:
    assert guard_queries(["a https://b.example"], question="怎么设置代理？").refused == (
        "略去了网址",
    )
