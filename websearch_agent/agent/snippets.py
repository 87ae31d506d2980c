"""What an engine shows of a page that could not be read: a poor source, and marked as one."""

from datetime import UTC, datetime

from websearch_agent.search.canonical_url import site_of
from websearch_agent.types import Page, SearchResult

# Shorter ones are "Sign in" and the like. A Chinese character says about as much as three letters.
MIN_SNIPPET_BYTES = 60


def is_worth_showing(snippet: str) -> bool:
    return len(snippet.encode()) >= MIN_SNIPPET_BYTES


def snippet_page(result: SearchResult) -> Page:
    """The result's snippet in the form of a page."""
    return Page(
        url=result.url,
        final_url=result.url,
        title=result.title,
        text=result.snippet,
        content_type="text/plain",
        fetched_at=datetime.now(UTC),
        site=site_of(result.url),
        date=result.date,
        truncated=True,
    )
