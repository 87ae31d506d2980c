"""Splits an answer into statements: the sentences, list items and table rows that can be cited."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from websearch_agent.citations.markers import Marker
from websearch_agent.citations.sentences import (
    BEFORE_CLOSING_FENCE,
    BEFORE_FENCE,
    LINE_HEAD_CHARS,
    NO_STATEMENT,
    SENTENCE_END,
    ReferenceList,
)
from websearch_agent.types import Statement

Span = tuple[int, int]

_FENCED = re.compile(
    rf"^{BEFORE_FENCE}(?:(~{{3,16}})[^\n]*|(`{{3,16}})[^`\n]*)\n"
    rf".*?(?:^{BEFORE_CLOSING_FENCE}(?:\1|\2)[`~]*[ \t]*$|\Z)",
    re.M | re.S,
)
_CODE = re.compile(r"(?<!`)(`{1,3})(?!`)[^`\n]+\1(?!`)")
_BULLET = re.compile(r"\s*(?:>\s*)*(?:[-*+•]\s+|\d{1,3}(?:[.)]\s+|、\s*))?")
_MARKER = re.compile(r"\[\d{1,4}\]")
_MARKERS_ALONE = re.compile(r"\s*(?:\[\d{1,4}\][\s,，、;；.。]*)+")
_ROW = re.compile(r"\s*\|")
_RULE_OF_TABLE = re.compile(r"\s*\|?[\s:|-]*-[\s:|-]*\|[\s:|-]*")
_BOLD_LINE = re.compile(r"\s*\*\*[^*]+\*\*\s*")
_LEAD_IN = re.compile(r".*[:：][*_]*\s*", re.S)


def split_statements(text: str, markers: Sequence[Marker]) -> tuple[Statement, ...]:
    """Sentences, list items and table rows in order, with the sources their markers name.

    No statements are: headings, also those that are a line in bold; code; lines such as "It has
    three parts:" that name no source; the heads of tables; lists of the sources themselves.
    `text[start_index:end_index] == statement.text`.
    """
    statements = []
    for start, end in _spans(text):
        numbers = [m.source_number for m in markers if start <= m.start_index < end]
        statements.append(Statement(text[start:end], start, end, tuple(dict.fromkeys(numbers))))
    return tuple(statements)


def _spans(text: str) -> list[Span]:
    masked = _CODE.sub(lambda match: "x" * len(match[0]), _FENCED.sub(_blank, text))
    lines = masked.splitlines(keepends=True)
    references = ReferenceList()
    spans: list[Span] = []
    offset, before = 0, ""
    for line, following in pairwise([*lines, ""]):
        head = line[:LINE_HEAD_CHARS].rstrip("\n")
        follows_statement = bool(spans) and spans[-1][1] > offset - len(before)
        if _MARKERS_ALONE.fullmatch(line) and follows_statement:
            # On a line of their own, in the same paragraph, they belong to what they follow.
            spans[-1] = (spans[-1][0], offset + len(line.rstrip()))
        elif not references.holds(head) and _can_hold_statements(line, following):
            spans += _row(line, offset) if _ROW.match(line) else _sentences(line, offset)
        references.end_line(head)
        offset += len(line)
        before = line
    return spans


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def _can_hold_statements(line: str, following: str) -> bool:
    if not line.strip() or NO_STATEMENT.match(line) or _RULE_OF_TABLE.fullmatch(line):
        return False
    if _ROW.match(line) and _RULE_OF_TABLE.fullmatch(following):
        return False
    is_title = _BOLD_LINE.fullmatch(line) and not _MARKER.search(line)
    return not (is_title and following)


def _row(line: str, offset: int) -> Iterator[Span]:
    """A table's row is one statement, without the strokes around it."""
    inner = line.strip().strip("|").strip()
    if _has_words(inner):
        start = offset + line.index(inner)
        yield start, start + len(inner)


def _sentences(line: str, offset: int) -> Iterator[Span]:
    bullet = _BULLET.match(line)
    start = bullet.end() if bullet else 0
    markers_lead = _MARKER.match(line, start) is not None
    pieces: list[Span] = []
    for match in SENTENCE_END.finditer(line, start):
        end = match.end()
        if markers_lead and (first := _MARKER.search(match[0])) is not None:
            end = match.start() + len(match[0][: first.start()].rstrip(" ,，、;；"))
        pieces.append((start, end))
        start = end
    pieces.append((start, len(line)))
    for piece_start, piece_end in _joined(line, pieces):
        yield offset + piece_start, offset + piece_end


def _joined(line: str, pieces: Sequence[Span]) -> list[Span]:
    """The pieces trimmed; markers that no words follow belong to the piece before them."""
    joined: list[Span] = []
    for start, end in pieces:
        piece = line[start:end]
        stripped = start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())
        if _has_words(piece):
            if not _LEAD_IN.fullmatch(piece) or _MARKER.search(piece):
                joined.append(stripped)
        elif joined and _MARKER.search(piece):
            joined[-1] = (joined[-1][0], stripped[1])
    return joined


def _has_words(piece: str) -> bool:
    return re.search(r"\w", _MARKER.sub("", piece)) is not None
