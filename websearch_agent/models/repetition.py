"""Notices that a model goes round in circles, and stops it there."""

import math
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing

from websearch_agent.types import ModelDelta, ModelFinished, ReasoningDelta, TextDelta, Usage

MAX_UNIT_CHARS = 1200
# Blank characters in a row that nobody means: models held to JSON write them without end.
MAX_BLANK_CHARS = 400
# The tail is looked at each time that so many characters have come.
_STEP_CHARS = 64
_PROBE_CHARS = 32
# Places where the last characters may have stood before, that are tried as a unit's start.
_MAX_CANDIDATES = 12
# Words: as many characters as would be absurd, and never fewer repeats than these.
_WORDY_CHARS = 400
_WORDY_CJK_CHARS = 160
_WORDY_REPEATS = 4
_LONG_UNIT_CHARS = 400
_LONG_UNIT_REPEATS = 3
# Rules, empty table cells and matrices of zeros repeat for good reasons.
_WORDLESS_CHARS = 1200
_WORDLESS_REPEATS = 32
_WORDLESS_UNIT_CHARS = 100
_TAIL_CHARS = _WORDLESS_REPEATS * _WORDLESS_UNIT_CHARS + MAX_UNIT_CHARS + _PROBE_CHARS
_LIST_NUMBER = re.compile(r"^[ \t>#*\-]*\(?\d{1,6}[.):、．：][ \t]*")


class RepetitionGuard:
    """Watches one text as it grows. How it is cut into chunks makes no difference.

    The same unit of 1 to 1,200 characters, so often in a row that it cannot be meant; also when
    only the numbers in front of its lines change; also blank space without end.
    """

    def __init__(self) -> None:
        self._exact = _Tail()
        self._unnumbered = _Tail()
        self._line = ""
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
            self._looping = self._blank(step) or self._exact.grow(step) or self._add_lines(step)
        return self._looping

    def _blank(self, step: str) -> bool:
        held = len(step.rstrip())
        self._blanks = self._blanks + len(step) if held == 0 else len(step) - held
        return self._blanks >= MAX_BLANK_CHARS

    def _add_lines(self, step: str) -> bool:
        *ended, self._line = (self._line + step).split("\n")
        # A line without end is the other tail's business.
        self._line = self._line[-MAX_UNIT_CHARS:]
        lines = "".join(f"{_LIST_NUMBER.sub('#', line)}\n" for line in ended)
        return bool(lines) and self._unnumbered.grow(lines)


class _Tail:
    """The end of a text, and whether it is one unit over and over."""

    def __init__(self) -> None:
        self._text = ""

    def grow(self, text: str) -> bool:
        self._text += text
        if len(self._text) > 2 * _TAIL_CHARS:
            self._text = self._text[-_TAIL_CHARS:]
        return any(self._repeats(unit_chars) for unit_chars in self._candidates())

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

    def _repeats(self, unit_chars: int) -> bool:
        span = _suspicious_span(self._text[-unit_chars:])
        text = self._text
        if len(text) < span:
            return False
        return text[-span + unit_chars :] == text[-span:-unit_chars]


def _suspicious_span(unit: str) -> int:
    """From how many characters on a unit in a row is a loop; huge where it never is."""
    length = len(unit)
    letters = [character for character in unit if character.isalpha()]
    if len(set(letters)) < 3:
        if length > _WORDLESS_UNIT_CHARS:
            return _TAIL_CHARS * 4
        return max(_WORDLESS_CHARS, _WORDLESS_REPEATS * length)
    if length > _LONG_UNIT_CHARS:
        return _LONG_UNIT_REPEATS * length
    wide = sum(character >= "\u2e80" for character in letters)
    floor = _WORDY_CJK_CHARS if 2 * wide > len(letters) else _WORDY_CHARS
    return max(_WORDY_REPEATS, math.ceil(floor / length)) * length


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
