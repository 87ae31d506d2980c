"""How long a page may be kept, by its kind, its date and what its server says."""

import datetime as dt

import pytest

from websearch_agent.errors import (
    PageEmpty,
    PageError,
    PageMissing,
    PageUnreachable,
    PageWalled,
    RobotsDisallowed,
)
from websearch_agent.pages import page_lifetime
from websearch_agent.pages.page_lifetime import failure_lifetime_s, page_lifetime_s
from websearch_agent.types import Page

NOW = dt.datetime(2026, 3, 20, 12, tzinfo=dt.UTC)


def page(content_type: str = "text/html", date: str | None = None) -> Page:
    url = "https://a.example/"
    return Page(url, url, "t", "text", content_type, fetched_at=NOW, date=date)


@pytest.mark.parametrize(
    ("content_type", "date", "seconds"),
    [
        ("application/pdf", None, page_lifetime.PDF_S),
        ("text/plain", None, page_lifetime.TEXT_S),
        ("text/markdown", None, page_lifetime.TEXT_S),
        ("application/json", None, page_lifetime.DATA_S),
        ("application/rss+xml", None, page_lifetime.DATA_S),
        ("text/csv", None, page_lifetime.DATA_S),
        ("text/html", None, page_lifetime.UNDATED_HTML_S),
        ("text/html", "no date", page_lifetime.UNDATED_HTML_S),
        ("text/html", "2026-03-20", page_lifetime.UNDATED_HTML_S),
        ("text/html", "2026-03-16T10:00:00+08:00", page_lifetime.RECENT_HTML_S),
        ("text/html", "2026-03-01", page_lifetime.OLD_HTML_S),
    ],
)
def test_lifetime_follows_kind_and_age(content_type: str, date: str | None, seconds: float) -> None:
    assert page_lifetime_s(page(content_type, date), cache_control="") == seconds


@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [
        ("no-store, max-age=900", 0),
        ("private, s-maxage=0, max-age=0, must-revalidate", page_lifetime.SHORTEST_S),
        ("max-age=5", page_lifetime.SHORTEST_S),
        ("no-cache", page_lifetime.SHORTEST_S),
        ("no-cache, max-age=1200", page_lifetime.SHORTEST_S),
        ('no-cache="set-cookie"', page_lifetime.UNDATED_HTML_S),
        ("private", page_lifetime.UNDATED_HTML_S),
        ("public, max-age=60", page_lifetime.SHORTEST_S),
        ("max-age=1200", 1200),
        ("max-age=31536000", page_lifetime.UNDATED_HTML_S),
        ("s-maxage=1200", page_lifetime.UNDATED_HTML_S),
    ],
)
def test_server_may_shorten_the_time_and_forbid_keeping(cache_control: str, seconds: float) -> None:
    assert page_lifetime_s(page(), cache_control=cache_control) == seconds


@pytest.mark.parametrize("cache_control", ["max-age=0", "no-cache", "max-age=86400"])
def test_no_statement_makes_the_time_longer(cache_control: str) -> None:
    for kind in ("text/html", "application/json", "application/pdf"):
        longest_s = page_lifetime_s(page(kind, "2026-03-01"), cache_control="")
        assert page_lifetime_s(page(kind, "2026-03-01"), cache_control=cache_control) <= longest_s


@pytest.mark.parametrize(
    ("error", "is_kept"),
    [
        (PageMissing("gone"), True),
        (PageWalled("captcha"), True),
        (RobotsDisallowed("no"), True),
        (PageUnreachable("time-out"), False),
        (PageEmpty("the parser took too long"), False),
    ],
)
def test_only_failures_that_last_are_kept(error: PageError, is_kept: bool) -> None:
    assert (failure_lifetime_s(error) > 0) is is_kept
