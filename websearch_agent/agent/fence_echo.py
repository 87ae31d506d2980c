"""What small models copy of the fences round the sources: end marks, and the boundary's word."""

import re

# No HTML has it: `<source>` is an element without an end, so code in an answer stays whole.
_SOURCE_END = "</source>"
_OPENING = "[(【「"
_LONGEST_LEAD = "source "


class FenceEchoFilter:
    """Takes lines that are nothing but the end of a fence, and the boundary's word with the
    brackets round it, out of a text that comes in pieces.

    The word is taken for a citation by some models: `[3f9a01cc]`. Holds back no more than the
    beginning of such a line or of the word.
    """

    def __init__(self, boundary: str) -> None:
        self._boundary = boundary
        self._lines = (
            _SOURCE_END,
            *(f"----- {what}sources {boundary} -----" for what in ("", "end of ")),
        )
        word = re.escape(boundary)
        self._word = re.compile(rf" ?[\[(【「](?:source |key=)?\"?{word}\"?[\])】」]|{word}")
        self._held = ""
        self._is_text = False

    def feed(self, text: str) -> str:
        """What may be shown of the text so far held back and of this piece."""
        shown = ""
        for character in text:
            self._held += character
            if character == "\n":
                shown += self._line_or_nothing()
                self._held, self._is_text = "", False
            elif self._is_text or not self._may_be_end():
                self._is_text = True
                out = len(self._held) - self._length_to_hold()
                shown += self._word.sub("", self._held[:out])
                self._held = self._held[out:]
        return shown

    def finish(self) -> str:
        """What is left: the beginning of a mark that never ended is text."""
        rest, self._held = self._line_or_nothing(), ""
        return rest

    def _line_or_nothing(self) -> str:
        is_end = not self._is_text and self._held.strip() in self._lines
        return "" if is_end else self._word.sub("", self._held)

    def _may_be_end(self) -> bool:
        begun = self._held.strip(" \t")
        return any(line.startswith(begun) for line in self._lines)

    def _length_to_hold(self) -> int:
        """Characters at the end that may belong to the boundary's word in its brackets."""
        longest = len(self._boundary) + len(_LONGEST_LEAD) + 4
        tail = self._held[-longest:]
        if self._word.search(tail) and tail.endswith(self._boundary):
            return len(tail)  # A closing bracket may follow.
        for start in range(len(tail)):
            rest = tail[start:]
            lead = rest.lstrip(" ")
            if lead[:1] in tuple(_OPENING) and self._may_be_word(lead[1:]):
                return len(rest)
            if self._boundary.startswith(rest) or (start == len(tail) - 1 and rest == " "):
                return len(rest)
        return 0

    def _may_be_word(self, inside: str) -> bool:
        inner = inside.removeprefix("source ").removeprefix("key=").removeprefix('"')
        leads = ("source ", "key=", '"')
        return (
            self._boundary.startswith(inner)
            or inner.rstrip('"') == self._boundary
            or any(lead.startswith(inside) for lead in leads)
        )
