"""Finds citation markers in an answer while it streams in, however the chunks are cut.

Understood: `[1]`, `[1][2]`, `[1, 2]`, `[1-3]`, `[citation:3]`, `[[citation:3]]`, `【1】`, `[^1]`,
`[Source 2]`, `［１］`, `[来源1]`. Code, links (`[1](…)`) and escaped brackets are left alone. Each
marker goes out as `[n]`; a number without a source is dropped and counted, never moved.
"""

import re
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass

from websearch_agent.citations.sentences import ends_sentence, is_prose

_OPENERS = "[【［"
_MAX_RANGE = 20
_CJK_ENDS = "。！？；"

_WORD = r"(?:citations?|sources?|refs?|references?|来源|引用|资料|文献)"
_ITEM = rf"\^?\s*(?:{_WORD}\s*[:#]?\s*)?\d{{1,3}}"
_BODY = re.compile(rf"\s*{_ITEM}(?:\s*(?:[,;、&]|-|–|~|and|和)\s*{_ITEM})*\s*", re.IGNORECASE)
# An opener and what a marker may hold, closed or not yet. Its end is the same however the text
# comes in; the longest form, "[citation:12, citation:13]", bounds what is held back.
_CANDIDATE = re.compile(
    r"(?P<open>\[\[?|[【［])[^\S\n]{0,3}[\w :#,;，：、；&^~–－-]{0,40}(?P<close>[\]】］])?"
)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_FENCE_SO_FAR = re.compile(r" {0,3}(?:`*|~*)")
_PLAIN = re.compile(r"[^\[【［`\\\n 。！？；]+[。！？；]?|[。！？；]")


@dataclass(frozen=True, slots=True)
class Marker:
    """A marker `[n]` and its place in the text that went out.

    `added`: the model wrote none, and a source was found that says the statement.
    """

    source_number: int
    start_index: int
    end_index: int
    added: bool = False


class CitationStream:
    """Feed the model's text; take out text and markers. The result never depends on chunking.

    `find_source` is asked for the source of each statement that ended without a marker.
    """

    def __init__(
        self,
        known_numbers: Collection[int],
        *,
        find_source: Callable[[str], int | None] = lambda _: None,
    ) -> None:
        self._known = frozenset(known_numbers)
        self._find_source = find_source
        self._statement = ""
        self._statement_cited = False
        self._held = ""
        self._out: list[str] = []
        self._length = 0
        self._line_start = True
        self._blank_line = True
        self._fence = ""
        self._code_ticks = 0
        self._final = False
        self.markers: list[Marker] = []
        self.dropped_markers = 0

    @property
    def text(self) -> str:
        """All that went out so far."""
        return "".join(self._out)

    @property
    def length(self) -> int:
        """Code points that went out so far."""
        return self._length

    def feed(self, chunk: str) -> str:
        """Take in some more; return what can go out now."""
        already = len(self._out)
        self._held += chunk
        while self._held and self._step():
            pass
        return "".join(self._out[already:])

    def finish(self) -> str:
        """The end of the text: return what was held back."""
        self._final = True
        already = len(self._out)
        self.feed("")
        self._close_statement()
        return "".join(self._out[already:])

    def _step(self) -> bool:
        """Decide about the head of the held text; False if it takes more text to decide."""
        if self._line_start:
            return self._step_line_start()
        head = self._held[0]
        if head == "\n":
            return self._emit(1, prose=not self._fence)
        if self._fence:
            return self._emit(_up_to(self._held, "\n"), prose=False)
        if head == "`":
            return self._step_backticks()
        if self._code_ticks:
            return self._emit(min(_up_to(self._held, "`"), _up_to(self._held, "\n")))
        if head == "\\":
            return self._emit(2) if len(self._held) > 1 or self._final else False
        if head == " ":
            return self._step_spaces()
        if head in _OPENERS:
            return self._step_marker("")
        plain = _PLAIN.match(self._held)
        return self._emit(plain.end() if plain else 1)

    def _step_line_start(self) -> bool:
        if not self._final and _FENCE_SO_FAR.fullmatch(self._held):
            return False
        self._line_start = False
        fence = _FENCE.match(self._held)
        if fence and not self._fence and not self._code_ticks:
            self._fence = fence[1]
            return self._emit(fence.end(), prose=False)
        if fence and self._fence and fence[1].startswith(self._fence):
            self._fence = ""
            return self._emit(fence.end(), prose=False)
        return True

    def _step_backticks(self) -> bool:
        run = len(self._held) - len(self._held.lstrip("`"))
        if run == len(self._held) and not self._final:
            return False
        if self._code_ticks == 0:
            self._code_ticks = run
        elif self._code_ticks == run:
            self._code_ticks = 0
        return self._emit(run)

    def _step_spaces(self) -> bool:
        rest = self._held.lstrip(" ")
        spaces = self._held[: len(self._held) - len(rest)]
        if not rest and not self._final:
            return False
        if rest and rest[0] in _OPENERS:
            return self._step_marker(spaces)
        return self._emit(len(spaces))

    def _step_marker(self, spaces: str) -> bool:
        start = len(spaces)
        candidate = _CANDIDATE.match(self._held, start)
        assert candidate is not None  # noqa: S101 - it matches any opener
        complete = candidate["close"] is not None
        if not complete and candidate.end() == len(self._held) and not self._final:
            return False
        numbers = parse_marker(candidate[0]) if complete else []
        if not numbers:
            return self._emit(start + 1)
        end = candidate.end()
        # One more character tells "[1]" from "[1](link)" and "[[1]" from "[[1]]".
        if end == len(self._held) and not self._final:
            return False
        if candidate["open"] == "[[":
            if self._held[end : end + 1] != "]":
                return self._emit(start + 1)
            end += 1
        if self._held[end : end + 1] == "(":
            return self._emit(end)
        self._emit_markers(spaces, numbers)
        self._held = self._held[end:]
        return True

    def _emit_markers(self, spaces: str, numbers: list[int]) -> None:
        known = [number for number in numbers if number in self._known]
        self.dropped_markers += len(numbers) - len(known)
        if known:
            self._put(spaces)
            self._statement_cited = True
        for number in known:
            self._put_marker(number)

    def _put_marker(self, number: int, *, added: bool = False) -> None:
        marker = f"[{number}]"
        end = self._length + len(marker)
        self.markers.append(Marker(number, self._length, end, added))
        self._put(marker)

    def _sentence_ended(self, text_behind: str) -> bool:
        if not self._statement or not (text_behind[0] == " " or self._statement[-1] in _CJK_ENDS):
            return False
        return not self._code_ticks and ends_sentence(self._statement)

    def _close_statement(self) -> None:
        """The statement is over: find a source for it if it names none."""
        statement, self._statement = self._statement.strip(), ""
        cited, self._statement_cited = self._statement_cited, False
        if cited or not is_prose(statement):
            return
        number = self._find_source(statement)
        if number in self._known:
            self._put("" if statement[-1] in _CJK_ENDS else " ")
            self._put_marker(number, added=True)

    def _emit(self, count: int, *, prose: bool = True) -> bool:
        text, self._held = self._held[:count], self._held[count:]
        if prose:
            if text == "\n" or self._sentence_ended(text):
                self._close_statement()
            self._statement += text
        self._put(text)
        if text == "\n":
            self._line_start = True
            if self._blank_line:
                self._code_ticks = 0  # Code in a line ends with its paragraph, closed or not.
            self._blank_line = True
        elif text.strip():
            self._blank_line = False
        return True

    def _put(self, text: str) -> None:
        self._out.append(text)
        self._length += len(text)


def parse_marker(text: str) -> list[int]:
    """The numbers of one marker with its brackets, each once; empty if it is none."""
    body = unicodedata.normalize("NFKC", text.strip("[]【】［］"))
    if not _BODY.fullmatch(body):
        return []
    numbers: list[int] = []
    for first, last in re.findall(r"(\d+)(?:\s*[-–~]\s*(\d+))?", body):
        low, high = int(first), int(last or first)
        if high - low > _MAX_RANGE or high < low:
            numbers.extend((low, high))
        else:
            numbers.extend(range(low, high + 1))
    return list(dict.fromkeys(numbers))


def _up_to(text: str, char: str) -> int:
    """Characters before `char`, at least one, all if it is not there."""
    found = text.find(char)
    return len(text) if found < 0 else max(found, 1)
