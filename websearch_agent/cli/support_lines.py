"""What the check of an answer found, in lines for a terminal."""

import re

from websearch_agent.types import Answer, Filtered, Support

_MARKER = re.compile(r"\s*\[\d+\]")
_MAX_STATEMENT_CHARS = 120
_MAX_QUOTE_CHARS = 200
_DOUBTED = {"unsupported": "Not supported", "partial": "Supported in part"}


def summary_line(answer: Answer) -> str:
    """How many statements are supported; empty if nothing was checked, or nothing could be."""
    checked = [s for s in _supports(answer) if s.level != "not_checkable"]
    if answer.verification is None or not checked:
        return ""
    supported = [support for support in checked if support.level == "supported"]
    partial = sum(support.level == "partial" for support in checked)
    sources = len({support.source_number for support in supported})
    line = f"{len(supported)} of {_counted(len(checked), 'statement')} supported"
    if supported:
        line += f" by {_counted(sources, 'source')}"
    if partial:
        line += f", {partial} in part"
    return f"{line}; rewritten once for lack of support" if answer.repaired else line


def doubt_lines(answer: Answer) -> list[str]:
    """What a reader must know: that the sources do not say, and the statements to doubt.

    These are the unsupported ones, and those supported in part of which something is not so in the
    source; below each the source's nearest words.
    """
    lines = ["The sources do not say."] if answer.unanswered else []
    for statement in answer.statements:
        support = statement.support
        if support is not None and support.level in _DOUBTED:
            lines += _doubt(statement.text, support)
    return lines


def refusal_lines(answer: Answer) -> list[str]:
    """What the program did not let the model do: links to no source, queries as it wrote them."""
    lines = []
    if answer.removed_links == 1:
        lines.append("1 link leads to no source and is only text.")
    elif answer.removed_links:
        lines.append(f"{answer.removed_links} links lead to no source and are only text.")
    reasons = dict.fromkeys(answer.refused_queries)
    return lines + [f"A search query was changed or not sent: {reason}" for reason in reasons]


def filtered_words(filtered: Filtered) -> str:
    """What of a page neither the model nor the reader is shown; empty if there is nothing."""
    counts = [
        (filtered.hidden_parts, "hidden part"),
        (filtered.invisible_characters, "invisible character"),
        (filtered.forged_marks, "forged mark"),
    ]
    words = ", ".join(_counted(count, noun) for count, noun in counts if count)
    return f"filtered: {words}" if words else ""


def _doubt(statement: str, support: Support) -> list[str]:
    values = ", ".join(support.contradicted)
    if support.level == "partial" and not values:
        return []
    reason = f"  (not so in the source: {values})" if values else ""
    said = _shorten(_MARKER.sub("", statement), _MAX_STATEMENT_CHARS)
    lines = [f"{_DOUBTED[support.level]}: {said}{reason}"]
    if support.quote and support.source_number is not None:
        quote = _shorten(support.quote, _MAX_QUOTE_CHARS)
        lines.append(f"    nearest words of source {support.source_number}: “{quote}”")
    return lines


def _supports(answer: Answer) -> list[Support]:
    return [s.support for s in answer.statements if s.support is not None]


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _shorten(text: str, max_chars: int) -> str:
    text = " ".join(text.split())
    if len(text) <= max_chars:
        return text
    return text[:max_chars].rstrip() + "…"
