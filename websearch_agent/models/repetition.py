"""Notices that a model goes round in circles, and stops it there."""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing

from websearch_agent.model_calls import ModelDelta, ModelFinished, ReasoningDelta, TextDelta, Usage

MAX_UNIT_CHARS = 1200
# Blank characters in a row that nobody means: models held to JSON write them without end.
MAX_BLANK_CHARS = 400
# The tail is looked at each time that so many characters have come.
_STEP_CHARS = 64
_PROBE_CHARS = 32
# Places where the last characters may have stood before, that are tried as a unit's start.
_MAX_CANDIDATES = 12
# Prose without a line break: as many characters as would be absurd, and so many repeats.
_PROSE_CHARS, _PROSE_REPEATS = 400, 6
# "我爱你。" fifty times are 200 characters, and may have been asked for.
_PROSE_CJK_CHARS, _PROSE_CJK_REPEATS = 240, 8
_LONG_UNIT_CHARS, _LONG_UNIT_REPEATS = 150, 4
_LONGEST_UNIT_CHARS, _LONGEST_UNIT_REPEATS = 400, 3
# Lines and code repeat for good reasons: a hundred times the same sentence, rows of a table, YAML.
_LINES_LEAST_CHARS, _LINES_MOST_CHARS = 1500, 3000
_LINES_REPEATS = 105
_LINES_LEAST_REPEATS = 4
# So many characters of Chinese say as much as twice as many of Latin.
_LINES_CJK_SHARE = 0.5
_CODE_CHARS = frozenset("<>{}|=")
# Rules, empty table cells and matrices of zeros repeat for good reasons.
_WORDLESS_CHARS = 1200
_WORDLESS_REPEATS = 32
_WORDLESS_UNIT_CHARS = 100
_TAIL_CHARS = _LINES_LEAST_REPEATS * MAX_UNIT_CHARS + _PROBE_CHARS
_NUMBER = re.compile(r"\d{1,6}(?!\d)")
_FENCE = re.compile(r" {0,3}(```|~~~)")


class RepetitionGuard:
    """Watches one text as it grows. How it is cut into chunks makes no difference.

    The same unit of 1 to 1,200 characters, so often in a row that it cannot be meant; also when
    only a number in its lines changes; also blank space without end. Lines and code may repeat
    for longer than prose.
    """

    def __init__(self) -> None:
        self._exact = _Tail()
        self._uncounted = _Tail()
        self._lines = _LineReader()
        self._blanks = 0
        self._waiting = ""
        self._looping = False

    def feed(self, text: str) -> bool:
        """True from the moment on at which the text so far loops."""
        text = self._waiting + text
        whole = len(text) - len(text) % _STEP_CHARS
        self._waiting = text[whole:]
        for start in range(0, whole, _STEP_CHARS):
            step = text[start : start + _STEP_CHARS]
            if self._looping:
                break
            self._looping = self._blank(step) or self._repeats(step)
        return self._looping

    def _blank(self, step: str) -> bool:
        held = len(step.rstrip())
        self._blanks = self._blanks + len(step) if held == 0 else len(step) - held
        return self._blanks >= MAX_BLANK_CHARS

    def _repeats(self, step: str) -> bool:
        uncounted = self._lines.read(step)
        in_code = self._lines.in_fence
        if self._exact.grow(step, in_code=in_code):
            return True
        return bool(uncounted) and self._uncounted.grow(uncounted, in_code=in_code)


class _LineReader:
    """Gives back the lines that have ended, with `#` for the number that counts them."""

    def __init__(self) -> None:
        self._line = ""
        self._count: int | None = None
        self.in_fence = False

    def read(self, step: str) -> str:
        *ended, self._line = (self._line + step).split("\n")
        # A line without end is the other tail's business.
        self._line = self._line[-MAX_UNIT_CHARS:]
        for line in ended:
            self.in_fence ^= _FENCE.match(line) is not None
        return "".join(f"{self._without_count(line)}\n" for line in ended)

    def _without_count(self, line: str) -> str:
        """The first number goes; with it those that say the same, where it counts the lines.

        Any other number is what the line says: a table differs in it from row to row.
        """
        first = _NUMBER.search(line)
        if first is None:
            return line
        before, self._count = self._count, int(first[0])
        if before is None or self._count not in (before, before + 1):
            return f"{line[: first.start()]}#{line[first.end() :]}"
        return _NUMBER.sub(lambda number: "#" if int(number[0]) == self._count else number[0], line)


class _Tail:
    """The end of a text, and whether it is one unit over and over."""

    def __init__(self) -> None:
        self._text = ""

    def grow(self, text: str, *, in_code: bool) -> bool:
        self._text += text
        if len(self._text) > 2 * _TAIL_CHARS:
            self._text = self._text[-_TAIL_CHARS:]
        return any(self._repeats(chars, in_code=in_code) for chars in self._candidates())

    def _candidates(self) -> list[int]:
        """Distances at which the last characters have stood before, the shortest first."""
        text, found = self._text, []
        probe = text[-_PROBE_CHARS:]
        start, end = len(text) - len(probe), len(text) - 1
        for _ in range(_MAX_CANDIDATES):
            place = text.rfind(probe, max(0, start - MAX_UNIT_CHARS), end)
            if place < 0:
                break
            found.append(start - place)
            end = place + len(probe) - 1
        return found

    def _repeats(self, unit_chars: int, *, in_code: bool) -> bool:
        span = _suspicious_span(self._text[-unit_chars:], in_code=in_code)
        text = self._text
        if len(text) < span:
            return False
        return text[-span + unit_chars :] == text[-span:-unit_chars]


def _suspicious_span(unit: str, *, in_code: bool) -> int:
    """From how many characters on a unit in a row is a loop; huge where it never is."""
    length = len(unit)
    letters = [character for character in unit if character.isalpha()]
    if len(set(letters)) < 3:
        if length > _WORDLESS_UNIT_CHARS:
            return _TAIL_CHARS * 4
        return max(_WORDLESS_CHARS, _WORDLESS_REPEATS * length)
    chinese = 2 * sum(character >= "\u2e80" for character in letters) > len(letters)
    if in_code or "\n" in unit or not _CODE_CHARS.isdisjoint(unit):
        return _lines_span(length, share=_LINES_CJK_SHARE if chinese else 1.0)
    if length > _LONGEST_UNIT_CHARS:
        return _LONGEST_UNIT_REPEATS * length
    if length > _LONG_UNIT_CHARS:
        return _LONG_UNIT_REPEATS * length
    if chinese:
        return max(_PROSE_CJK_REPEATS * length, _PROSE_CJK_CHARS)
    return max(_PROSE_REPEATS * length, _PROSE_CHARS)


def _lines_span(length: int, *, share: float) -> int:
    """A hundred short lines pass; of longer ones as many as fill `_LINES_MOST_CHARS`."""
    wanted = max(int(_LINES_LEAST_CHARS * share), _LINES_REPEATS * length)
    return max(min(wanted, int(_LINES_MOST_CHARS * share)), _LINES_LEAST_REPEATS * length)


async def guard_repetition(
    deltas: AsyncGenerator[ModelDelta, None],
) -> AsyncGenerator[ModelDelta, None]:
    """Pass a reply on; once it loops, close it and end with `repetition`.

    The server's count of tokens is lost with the rest: the deltas so far stand for it.
    """
    text, thoughts = RepetitionGuard(), RepetitionGuard()
    count = 0
    async with aclosing(deltas):
        async for delta in deltas:
            count += 1
            yield delta
            if isinstance(delta, TextDelta) and text.feed(delta.text):
                break
            if isinstance(delta, ReasoningDelta) and thoughts.feed(delta.text):
                break
        else:
            return
    yield ModelFinished("repetition", Usage(completion_tokens=count, model_calls=1))
