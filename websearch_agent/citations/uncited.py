"""Follows the statements of an answer while it streams; finds sources for those without one."""

import re
from collections.abc import Callable

from websearch_agent.citations.sentences import (
    LINE_HEAD_CHARS,
    NO_STATEMENT,
    ReferenceList,
    ends_sentence,
    is_prose,
)

CJK_ENDS = "。！？；"

_LIST_SIGN = re.compile(r"[\s>]*(?:[-*+•]\s+|\d{1,3}(?:[.)]\s+|、\s*))?")
_BOLD_LINE = re.compile(r"\s*\*\*[^*]+\*\*\s*")


class UncitedStatements:
    """`find_source` is asked for the source of each statement that ended without a marker."""

    def __init__(self, find_source: Callable[[str], int | None]) -> None:
        self._find_source = find_source
        self._references = ReferenceList()
        self._line_head = ""
        self._statement = ""
        self._is_cited = False
        self._markers_lead = False

    @property
    def statement(self) -> str:
        """What the open statement says so far, markers left out."""
        return self._statement.strip()

    def ends_before(self, text: str) -> bool:
        """Whether the statement has ended when this comes behind it."""
        if not self._statement or not (text[0] == " " or self._statement[-1] in CJK_ENDS):
            return False
        return ends_sentence(self._statement)

    def add(self, text: str) -> None:
        """Some more of the text, markers left out."""
        self._statement += text
        self._extend_line(text)

    def add_markers(self, text: str) -> None:
        """The statement names a source: the one that has begun, or the one that just ended."""
        if not _LIST_SIGN.sub("", self._line_head + " ", count=1):
            self._markers_lead = True
        self._is_cited = True
        self._extend_line(text)

    @property
    def next_marker_leads(self) -> bool:
        """Whether a marker now belongs to the next statement: on this line they stand in front."""
        return self._markers_lead and ends_sentence(self._statement.rstrip())

    def close(self) -> tuple[str, int] | None:
        """The statement is over: the space and the number to put behind it, None for neither."""
        statement, self._statement = self._statement.strip(), ""
        cited, self._is_cited = self._is_cited, False
        if cited or not self._can_be_cited(statement):
            return None
        number = self._find_source(statement)
        return None if number is None else ("" if statement[-1] in CJK_ENDS else " ", number)

    def end_line(self) -> None:
        self._references.end_line(self._line_head)
        self._line_head, self._markers_lead = "", False

    def _can_be_cited(self, statement: str) -> bool:
        line = self._line_head
        if not is_prose(statement) or NO_STATEMENT.match(line) or line.lstrip().startswith("|"):
            return False  # Behind a table's row a marker would be a cell of its own.
        return not (_BOLD_LINE.fullmatch(statement) or self._references.holds(line))

    def _extend_line(self, text: str) -> None:
        self._line_head = (self._line_head + text)[:LINE_HEAD_CHARS]
