"""The end mark of a source, which small models copy to the end of their answer."""

# No HTML has it: `<source>` is an element without an end, so code in an answer stays whole.
_FENCE_END = "</source>"


class FenceEchoFilter:
    """Takes lines that are nothing but the end of a fence out of a text that comes in pieces.

    With the boundary of this question or without: models copy either. Holds back no more than
    the beginning of such a line.
    """

    def __init__(self, boundary: str) -> None:
        self._marks = (
            _FENCE_END,
            f"</source {boundary}>",
            f"----- end of texts {boundary} -----",
        )
        self._held = ""
        self._is_text = False

    def feed(self, text: str) -> str:
        """What may be shown of the text so far held back and of this piece."""
        shown = ""
        for character in text:
            self._held += character
            if character == "\n":
                shown += "" if self._held.strip() in self._marks else self._held
                self._held, self._is_text = "", False
            elif self._is_text or not self._may_be_mark():
                shown += self._held
                self._held, self._is_text = "", True
        return shown

    def finish(self) -> str:
        """What is left: the beginning of a mark that never ended is text."""
        rest, self._held = self._held, ""
        return "" if rest.strip() in self._marks else rest

    def _may_be_mark(self) -> bool:
        begun = self._held.strip(" \t")
        return any(mark.startswith(begun) for mark in self._marks)
