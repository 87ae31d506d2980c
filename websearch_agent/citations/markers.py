"""Finds citation markers in an answer while it streams in, however the chunks are cut.

`marker_forms.py` lists the forms. Code, links (`[1](…)`, `[words](…)`) and escaped brackets are
left alone. Each marker goes out as `[n]`; a number without a source is dropped and counted.
Brackets stay as text only where what is around them says so (`the interval [10, 250]`, `x[7]`).
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from websearch_agent.citations.marker_forms import (
    CONTEXT_CHARS,
    MAX_MARKER_CHARS,
    OPENERS,
    WrittenMarker,
    is_no_citation,
    may_become_marker,
    read_marker,
)
from websearch_agent.citations.sentences import BEFORE_CLOSING_FENCE, BEFORE_FENCE, FENCE
from websearch_agent.citations.uncited import UncitedStatements

# So many characters may wait for those that follow: a marker with the spaces in front of it and
# the character behind it; a fence and its indentation are shorter.
_MAX_SPACES = 3
_MAX_TICKS = 16
MAX_HELD_CHARS = MAX_MARKER_CHARS + _MAX_SPACES + 2

_FENCE = re.compile(BEFORE_FENCE + FENCE)
_FENCE_SO_FAR = re.compile(BEFORE_FENCE + r"(?:`{0,16}|~{0,16})")
# What may stand before a block: quotations, lists.
_LINE_PREFIX = re.compile(r"(?:[ \t>*+.)\d-])*+")
_FENCE_END = re.compile(rf"({BEFORE_CLOSING_FENCE}{FENCE})[ \t]{{0,16}}")
_PLAIN = re.compile(r"[^\[【［(（`\\\n 。！？；]+[。！？；]?|[。！？；]")
_TARGET_PART = re.compile(r"[^\s()]+")


@dataclass(frozen=True, slots=True)
class Marker:
    """A marker `[n]` and its place in the text that went out.

    `added`: the model wrote none, or another, and a source was found that says the statement.
    """

    source_number: int
    start_index: int
    end_index: int
    added: bool = False


class CitationStream:
    """Feed the model's text; take out text and markers. The result never depends on chunking.

    `find_source` is asked for the source of each statement that ended without a marker; `resolve`,
    with the statement so far and a known number, for the number to put there: another one is
    marked as added and the model's counted as dropped; None only drops it.
    """

    def __init__(
        self,
        known_numbers: Collection[int],
        *,
        find_source: Callable[[str], int | None] = lambda _: None,
        resolve: Callable[[str, int], int | None] = lambda _statement, number: number,
    ) -> None:
        self._resolve = resolve
        self._known = frozenset(known_numbers)
        # The numbers that the open statement names, and whether they were added.
        self._named: dict[int, bool] = {}
        self._uncited = UncitedStatements(find_source)
        self._held = ""
        self._out: list[str] = []
        self._length = 0
        self._last_chars = ""
        self._line_start = True
        self._blank_line = True
        self._fence = ""
        self._fence_opening = False
        self._code_ticks = 0
        self._in_link_target = False
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
        """Take in some more; return what can go out now. Holds back `MAX_HELD_CHARS` at most."""
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
        if self._in_link_target:
            return self._step_link_target()
        head = self._held[0]
        if head == "\n":
            return self._emit(1, prose=not self._fence)
        if self._fence:
            return self._step_in_fence(head)
        if head == "`":
            return self._step_backticks()
        if self._code_ticks:
            return self._emit(min(_up_to(self._held, "`"), _up_to(self._held, "\n")))
        if head == "\\":
            return self._emit(2) if len(self._held) > 1 or self._final else False
        if head == " ":
            return self._step_spaces()
        if head in OPENERS:
            return self._step_opener("")
        plain = _PLAIN.match(self._held)
        return self._emit(plain.end() if plain else 1)

    # ---- code ------------------------------------------------------------------------------

    def _step_line_start(self) -> bool:
        if not self._final and _FENCE_SO_FAR.fullmatch(self._held):
            return False
        if self._fence:
            return self._step_fenced_line()
        self._line_start = False
        fence = _FENCE.match(self._held)
        if fence is None or self._code_ticks:
            return True
        self._fence, self._fence_opening = fence[1], True
        return self._emit(fence.end(), prose=False)

    def _step_fenced_line(self) -> bool:
        """Does this line end the code? Only if nothing stands behind its fence."""
        end = _FENCE_END.match(self._held)
        if end is not None and end[2].startswith(self._fence):
            rest = self._held[end.end() : end.end() + 1]
            if not rest and not self._final:
                return False
            if rest in ("", "\n"):
                self._fence = ""
                self._line_start = False
                return self._emit(len(end[1]), prose=False)
        self._line_start = False
        return True

    def _step_in_fence(self, head: str) -> bool:
        if self._fence_opening and self._fence[0] == "`" == head:
            # A fence has no backticks behind it on its line: this is code within a line.
            self._code_ticks, self._fence = len(self._fence), ""
            return True
        end = _up_to(self._held, "\n")
        if self._fence_opening and self._fence[0] == "`":
            end = min(end, _up_to(self._held, "`"))
        return self._emit(end, prose=False)

    def _step_backticks(self) -> bool:
        run = min(len(self._held) - len(self._held.lstrip("`")), _MAX_TICKS)
        if run == len(self._held) and run < _MAX_TICKS and not self._final:
            return False
        if self._code_ticks == 0:
            self._code_ticks = run
        elif self._code_ticks == run:
            self._code_ticks = 0
        return self._emit(run)

    # ---- markers ---------------------------------------------------------------------------

    def _step_spaces(self) -> bool:
        rest = self._held.lstrip(" ")
        spaces = self._held[: len(self._held) - len(rest)]
        if len(spaces) > _MAX_SPACES:
            return self._emit(len(spaces) - _MAX_SPACES)
        if not rest and not self._final:
            return False
        if rest and rest[0] in OPENERS:
            return self._step_opener(spaces)
        return self._emit(len(spaces))

    def _step_opener(self, spaces: str) -> bool:
        start = len(spaces)
        text = self._held[start : start + MAX_MARKER_CHARS + 2]
        if text[0] == "(" and self._last_chars.endswith("]") and not spaces:
            self._in_link_target = True
            return self._emit(1)
        marker = read_marker(text)
        if marker is None:
            if not self._final and len(self._held) - start == len(text) and may_become_marker(text):
                return False
            return self._emit(start + 1)
        behind = text[marker.length : marker.length + 1]
        # One more character tells "[1]" from "[1](link)" and from "[1]: what it stands for".
        if not behind and not self._final:
            return False
        before = self._last_chars + spaces
        if is_no_citation(marker, known=self._known, before=before, behind=behind):
            return self._emit(start + marker.length)
        if behind == "(":
            return self._emit(start + marker.length)
        self._take_marker(marker, spaces, behind)
        return True

    def _step_link_target(self) -> bool:
        """The address of a link goes out as it is, brackets and all."""
        part = _TARGET_PART.match(self._held)
        self._in_link_target = part is not None
        return self._emit(part.end()) if part else True

    def _take_marker(self, marker: WrittenMarker, spaces: str, behind: str) -> None:
        numbers = marker.numbers(self._known)
        if self._uncited.next_marker_leads and not self._known.isdisjoint(numbers):
            self._close_statement()
        placed = self._choose_numbers(numbers)
        length = len(spaces) + marker.length
        if not placed and self._blank_line and behind in (":", "："):
            length += 1  # "[9]: A title" without its number: the colon would hang in the air.
        if not placed:
            self._put(self._keep_apart(behind))
        if placed:
            self._put(spaces)
            self._uncited.add_markers(spaces + "".join(f"[{number}]" for number in placed))
            self._blank_line = False
        for number, added in placed.items():
            self._put_marker(number, added=added)
        self._held = self._held[length:]

    def _keep_apart(self, behind: str) -> str:
        """What stands in for a dropped marker, so that its neighbours do not become a link, a tag,
        an address or a block together: "]" and "(", "ht" and "tps://", a line's start and "~~~"."""
        before = self._last_chars[-1:]
        if (
            behind
            and behind in "[~"
            and _LINE_PREFIX.fullmatch(self._last_chars.rpartition("\n")[2])
        ):
            return "\\"
        if before.isspace() or not before or behind.isspace() or not behind:
            return ""
        if before in "]<!`\\[":
            joins = behind not in ".,;。，；、"
        else:
            joins = behind not in ".,;!?。，；！？、)）[【［"
        return " " if joins else ""

    def _choose_numbers(self, numbers: Sequence[int]) -> dict[int, bool]:
        """Those to put here, and whether they are added; the dropped ones are counted."""
        statement = self._uncited.statement
        chosen: dict[int, bool] = {}
        for number in numbers:
            is_known = number in self._known
            put = self._resolve(statement, number) if is_known and statement else number
            self.dropped_markers += not is_known or put != number
            # One that was put in another's place need not stand there again.
            is_there = put in self._named if put != number else self._named.get(number, False)
            if put in self._known and not is_there:
                self._named[put] = chosen[put] = put != number
        return chosen

    def _put_marker(self, number: int, *, added: bool = False) -> None:
        marker = f"[{number}]"
        end = self._length + len(marker)
        self.markers.append(Marker(number, self._length, end, added))
        self._put(marker)

    def _close_statement(self) -> None:
        found = self._uncited.close()
        self._named = {}
        if found is not None and found[1] in self._known:
            space, number = found
            self._put(space)
            self._put_marker(number, added=True)

    # ---- what goes out ---------------------------------------------------------------------

    def _emit(self, count: int, *, prose: bool = True) -> bool:
        text, self._held = self._held[:count], self._held[count:]
        if text == "\n":
            self._end_line(prose=prose)
        elif prose:
            is_text = not self._code_ticks and not self._in_link_target
            if is_text and self._uncited.ends_before(text):
                self._close_statement()
            self._uncited.add(text)
        self._put(text)
        if text.strip():
            self._blank_line = False
        return True

    def _end_line(self, *, prose: bool) -> None:
        if prose:
            self._close_statement()
            self._uncited.end_line()
        self._line_start, self._fence_opening = True, False
        if self._blank_line:
            self._code_ticks = 0  # Code in a line ends with its paragraph, closed or not.
        self._blank_line = True

    def _put(self, text: str) -> None:
        self._out.append(text)
        self._length += len(text)
        self._last_chars = (self._last_chars + text)[-CONTEXT_CHARS:]


def _up_to(text: str, char: str) -> int:
    """Characters before `char`, at least one, all if it is not there."""
    found = text.find(char)
    return len(text) if found < 0 else max(found, 1)
