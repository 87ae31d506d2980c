"""Markdown for a terminal while it is written: each word is shown as soon as its look is known.

What cannot be shown better than as text stays as it was written: no sign of it is lost.
"""

import re
from collections.abc import Callable

_BOLD, _CYAN, _DIM = ("\x1b[1m", "\x1b[22m"), ("\x1b[36m", "\x1b[39m"), ("\x1b[2m", "\x1b[22m")
_ALL_OFF = "\x1b[0m"

# A span that does not end within so many characters is text; until then it is held back.
_MAX_SPAN = 120
_INLINE = re.compile(
    rf"\*\*(?P<bold>(?!\s)[^\n*]{{1,{_MAX_SPAN}}}(?<!\s))\*\*"
    rf"|(?<!`)`(?P<code>[^`\n]{{1,{_MAX_SPAN}}})`(?!`)"
    r"|\[(?P<number>\d{1,3})\]"
)
_UNFINISHED = re.compile(
    rf"(?:\*|\*\*[^\n*]{{0,{_MAX_SPAN}}}\*?|(?<!`)`[^`\n]{{0,{_MAX_SPAN}}}`?|\[\d{{0,3}})\Z"
)
_HEADING = re.compile(r" {0,3}#{1,6} +")
_FENCE = re.compile(r" {0,3}```[^\n]*\n")
_UNFINISHED_START = re.compile(r" {0,3}(?:#{0,6} *|`{1,2}|```[^\n]*)\Z")


class MarkdownStream:
    """Takes an answer in pieces and gives back what to write.

    `address_of` tells where the number of a citation leads, None for nowhere; `link` makes a link.
    """

    def __init__(
        self,
        *,
        colours: bool,
        address_of: Callable[[int], str | None],
        link: Callable[[str, str], str],
    ) -> None:
        self._colours = colours
        self._address_of = address_of
        self._link = link
        self._held = ""
        self._line = ""
        self._shown_chars = 0
        self._line_begins = True
        self._in_fence = False
        self._in_heading = False

    def feed(self, text: str) -> str:
        self._held += text
        return self._take(final=False)

    def finish(self) -> str:
        """What was held back, with all looks ended; then a new text may begin."""
        rest = self._take(final=True) + self._certain_part(ended=True)
        was_styled = self._in_heading or self._in_fence
        self._end_line()
        self._in_fence = False
        return rest + (_ALL_OFF if was_styled and self._colours else "")

    def _take(self, *, final: bool) -> str:
        shown: list[str] = []
        while self._held:
            if self._line_begins and (fence := _FENCE.match(self._held)):
                shown.append(self._pass_fence(fence))
                continue
            if self._line_begins and not self._begin_line(shown, final=final):
                break
            part, newline, self._held = self._held.partition("\n")
            self._line += part
            shown.append(self._certain_part(ended=final or bool(newline)))
            if newline:
                shown.append(self._end_line())
        return "".join(shown)

    def _pass_fence(self, fence: re.Match[str]) -> str:
        self._in_fence = not self._in_fence
        self._held = self._held[fence.end() :]
        return self._look(fence[0].removesuffix("\n"), _DIM) + "\n"

    def _begin_line(self, shown: list[str], *, final: bool) -> bool:
        """Write what a line begins with; False if more of it is needed to know."""
        if not final and _UNFINISHED_START.match(self._held):
            return False
        heading = None if self._in_fence else _HEADING.match(self._held)
        if heading and self._colours:
            self._held = self._held[heading.end() :]
            self._in_heading = True
            shown.append(_BOLD[0])
        self._line_begins = False
        return True

    def _certain_part(self, *, ended: bool) -> str:
        """What of the line can be shown by now and has not been."""
        begin, line = self._shown_chars, self._line
        if self._in_fence:
            self._shown_chars = len(line)
            return self._look(line[begin:], _CYAN)
        shown = []
        while span := _INLINE.search(line, begin):
            unfinished = None if ended else _UNFINISHED.search(line, begin)
            if unfinished and unfinished.start() <= span.start():
                break
            shown += [line[begin : span.start()], self._span(span)]
            begin = span.end()
        unfinished = None if ended else _UNFINISHED.search(line, begin)
        self._shown_chars = unfinished.start() if unfinished else len(line)
        return "".join(shown) + line[begin : self._shown_chars]

    def _end_line(self) -> str:
        was_heading, self._in_heading = self._in_heading, False
        self._line, self._shown_chars, self._line_begins = "", 0, True
        return (_BOLD[1] if was_heading else "") + "\n"

    def _span(self, span: re.Match[str]) -> str:
        if span["number"]:
            address = self._address_of(int(span["number"]))
            return self._link(span[0], address) if address else span[0]
        if not self._colours:
            return span[0]
        if span["code"]:
            return self._look(span["code"], _CYAN)
        inner = _INLINE.sub(self._span, span["bold"])
        return inner if self._in_heading else self._look(inner, _BOLD)

    def _look(self, text: str, look: tuple[str, str]) -> str:
        return f"{look[0]}{text}{look[1]}" if self._colours and text else text
