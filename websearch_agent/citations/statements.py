"""Splits an answer into statements: the sentences and list items that can be cited."""

import re
from collections.abc import Iterator, Sequence

from websearch_agent.citations.markers import Marker
from websearch_agent.citations.sentences import NO_STATEMENT, SENTENCE_END
from websearch_agent.types import Statement

_FENCED = re.compile(r"^ {0,3}(`{3,}|~{3,})[^\n]*\n.*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", re.M | re.S)
_BULLET = re.compile(r"\s*(?:>\s*)*(?:[-*+•]\s+|\d{1,3}[.)、]\s*)?")


def split_statements(text: str, markers: Sequence[Marker]) -> tuple[Statement, ...]:
    """Sentences and list items in order, with the sources their markers name.

    Headings and code are no statements. `text[start_index:end_index] == statement.text`.
    """
    statements = []
    for start, end in _spans(text):
        numbers = [m.source_number for m in markers if start <= m.start_index < end]
        statements.append(Statement(text[start:end], start, end, tuple(dict.fromkeys(numbers))))
    return tuple(statements)


def _spans(text: str) -> Iterator[tuple[int, int]]:
    masked = _FENCED.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    offset = 0
    for line in masked.splitlines(keepends=True):
        if line.strip() and not NO_STATEMENT.match(line):
            yield from _sentences(line, offset)
        offset += len(line)


def _sentences(line: str, offset: int) -> Iterator[tuple[int, int]]:
    bullet = _BULLET.match(line)
    start = bullet.end() if bullet else 0
    for match in SENTENCE_END.finditer(line, start):
        yield from _trimmed(line, start, match.end(), offset)
        start = match.end()
    yield from _trimmed(line, start, len(line), offset)


def _trimmed(line: str, start: int, end: int, offset: int) -> Iterator[tuple[int, int]]:
    piece = line[start:end]
    if not re.search(r"\w", re.sub(r"\[\d+\]", "", piece)):
        return
    lead = len(piece) - len(piece.lstrip())
    yield offset + start + lead, offset + start + len(piece.rstrip())
