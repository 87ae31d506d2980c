"""What the check of an answer found, in lines for a terminal."""

import re

from websearch_agent.types import Answer, Support

_MARKER = re.compile(r"\s*\[\d+\]")
_MAX_STATEMENT_CHARS = 120


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
    """What a reader must know: that the sources do not say, and the unsupported statements."""
    lines = ["The sources do not say."] if answer.unanswered else []
    for statement in answer.statements:
        support = statement.support
        if support is not None and support.level == "unsupported":
            said = ", ".join(support.contradicted)
            reason = f"  (source says otherwise: {said})" if said else ""
            lines.append(f"Not supported: {_shorten(_MARKER.sub('', statement.text))}{reason}")
    return lines


def _supports(answer: Answer) -> list[Support]:
    return [s.support for s in answer.statements if s.support is not None]


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _shorten(text: str) -> str:
    if len(text) <= _MAX_STATEMENT_CHARS:
        return text
    return text[:_MAX_STATEMENT_CHARS].rstrip() + "…"
