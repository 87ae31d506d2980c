"""Finds the end of thoughts whose beginning the chat template has written."""

import re

CLOSING = "</think>"
_OPENING = "<think>"
_FENCE = re.compile(r" {0,3}(```|~~~)")
# As much of a line's beginning as tells a fence, and an indentation that makes it code.
_START_CHARS = 8
# Deeper indented lines are code.
_MAX_INDENT = 3
# "</think>, the closing tag, …" is a sentence about the tag.
_SENTENCE_GOES_ON = frozenset(",.;:!?)]}'\"`，。；：！？")


class StrayTagFinder:
    """Watches an answer's text for a `</think>` at the beginning of a line that nothing opened.

    In a fence, in an indented block or in the middle of a line it is what the answer speaks of.
    """

    def __init__(self) -> None:
        self._line_start = ""
        self._recent = ""
        self._fence = ""
        self._opened = False

    def next_tag(self, text: str) -> tuple[int, int]:
        """How many characters are text for sure, and how many behind them are a tag.

        With no tag, what is left may be the beginning of one.
        """
        start = 0
        while start < len(text):
            end = text.find("\n", start) + 1 or len(text)
            before, tag_chars = self._look_at(text[start:end])
            self._pass_by(text[start : start + before])
            if start + before < end:
                return start + before, tag_chars
            start = end
        return len(text), 0

    def is_tag_at_end(self, held: str) -> bool:
        """Whether what was held back turns out to be a tag, the reply being over."""
        return held.strip() == CLOSING

    def _look_at(self, line: str) -> tuple[int, int]:
        bare = line.lstrip(" ")
        before = len(line) - len(bare)
        indented = len(self._line_start) + before > _MAX_INDENT
        if self._fence or self._opened or self._line_start.strip() or indented or not bare:
            return len(line), 0
        if not bare.startswith(CLOSING):
            return (before if CLOSING.startswith(bare) else len(line)), 0
        behind = bare[len(CLOSING) :]
        words = behind.lstrip(" \t\r")
        if not words:
            return before, 0
        alone = words.startswith("\n")
        glued = words == behind and words[0] not in _SENTENCE_GOES_ON
        return (before, len(CLOSING)) if alone or glued else (len(line), 0)

    def _pass_by(self, text: str) -> None:
        if not text:
            return
        self._line_start = (self._line_start + text)[:_START_CHARS]
        if not self._fence and _OPENING in self._recent + text:
            self._opened = True
        self._recent = (self._recent + text)[1 - len(_OPENING) :]
        if text.endswith("\n"):
            fence = _FENCE.match(self._line_start)
            if fence is not None and self._fence in ("", fence[1]):
                self._fence = "" if self._fence else fence[1]
            self._line_start = ""
