"""How long a page that was read may stand for the one on the web."""

import datetime as dt
import re

from websearch_agent.errors import (
    PageError,
    PageMissing,
    PageTooLarge,
    PageWalled,
    RobotsDisallowed,
    UnsupportedContent,
)
from websearch_agent.types import Page

_MINUTE_S = 60.0
_HOUR_S = 3600.0
_DAY_S = 24 * _HOUR_S

PDF_S = 7 * _DAY_S
TEXT_S = _DAY_S
# Interfaces answer with these, and what they say may be of this minute.
DATA_S = 10 * _MINUTE_S
# Weather, prices and front pages state no date; long enough for a question and its follow-ups.
UNDATED_HTML_S = _HOUR_S
RECENT_HTML_S = 6 * _HOUR_S
OLD_HTML_S = 3 * _DAY_S
OLD_AFTER = dt.timedelta(days=7)
TODAYS = dt.timedelta(days=1)
# What is only in the way for a while (a robot check) and what is for long (no such page) alike.
FAILURE_S = 15 * _MINUTE_S
# A shorter time would have the pages of one answer fetched again for its follow-up.
SHORTEST_S = 10 * _MINUTE_S

_LASTING = (PageMissing, PageTooLarge, PageWalled, RobotsDisallowed, UnsupportedContent)
_DATA_TYPES = re.compile(r"[/+](?:json|xml)$|/csv$|/tab-separated-values$")
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d{1,9})")
# `no-cache="set-cookie"` is about that header alone.
_NO_CACHE = re.compile(r"(?:^|[,\s])no-cache(?!\s*=|[\w-])")


def page_lifetime_s(page: Page, *, cache_control: str) -> float:
    """Seconds that the page may be kept, 0 for not at all.

    `no-store` is obeyed. A stated `max-age` makes the time shorter, never longer, but not
    shorter than `SHORTEST_S`, and `no-cache` is the same as an age of 0: follow-ups of a
    question read the same pages. `private` and `s-maxage` change nothing: they are for caches
    that serve many people pages made for one, and this program sends no cookies.
    """
    if "no-store" in cache_control:
        return 0.0
    longest_s = _longest_s(page)
    if _NO_CACHE.search(cache_control):
        return min(longest_s, SHORTEST_S)
    stated = _MAX_AGE.search(cache_control)
    return min(longest_s, max(float(stated[1]), SHORTEST_S)) if stated else longest_s


def failure_lifetime_s(error: PageError) -> float:
    """Seconds that the failure may be kept; 0 for those that may be over in a moment."""
    return FAILURE_S if isinstance(error, _LASTING) else 0.0


def _longest_s(page: Page) -> float:
    if page.content_type == "application/pdf":
        return PDF_S
    if _DATA_TYPES.search(page.content_type):
        return DATA_S
    if page.content_type != "text/html":
        return TEXT_S
    age = _age(page)
    if age is None or age <= TODAYS:
        return UNDATED_HTML_S
    return OLD_HTML_S if age > OLD_AFTER else RECENT_HTML_S


def _age(page: Page) -> dt.timedelta | None:
    try:
        return page.fetched_at.date() - dt.date.fromisoformat((page.date or "")[:10])
    except ValueError:
        return None
