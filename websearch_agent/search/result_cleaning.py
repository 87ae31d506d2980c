"""What engines send is foreign text: here it becomes results that nothing later stumbles over."""

import html
import re
from collections.abc import Sequence
from dataclasses import replace

from websearch_agent.errors import EngineResponseChanged
from websearch_agent.invisible_text import visible_text
from websearch_agent.types import SearchResult

_TAG = re.compile("<[^<>]*>")


def clean_results(engine: str, results: Sequence[SearchResult]) -> list[SearchResult]:
    """The results with plain one-line texts, without those whose fields are not strings.

    A result whose address holds an invisible character is left out: without it, it is another
    address. Raises EngineResponseChanged if results came and none of them can be used.
    """
    cleaned = [_clean(result) for result in results if _is_usable(result)]
    if results and not cleaned:
        raise EngineResponseChanged(f"the results of {engine} have not the expected form")
    return cleaned


def strip_markup(text: str) -> str:
    """Plain text of a snippet that marks the query's words with HTML tags."""
    return html.unescape(_TAG.sub("", text))


def clean_engine_text(text: str) -> str:
    """One line, without control characters, half characters and what nobody sees."""
    return " ".join(visible_text(text).split())


def _is_usable(result: SearchResult) -> bool:
    texts: tuple[object, ...] = (result.url, result.title, result.snippet, result.date or "")
    return all(isinstance(text, str) for text in texts) and _is_one_line(result.url)


def _is_one_line(url: str) -> bool:
    return visible_text(url).splitlines() == [url]


def _clean(result: SearchResult) -> SearchResult:
    return replace(
        result,
        title=clean_engine_text(result.title) or result.url,
        snippet=clean_engine_text(result.snippet),
        date=clean_engine_text(result.date) if result.date else None,
    )
