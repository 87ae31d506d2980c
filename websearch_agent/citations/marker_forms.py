"""The forms in which models write a citation marker, and what only looks like one.

    [1] [1, 2] [1-3] [^1] 【1】 ［１］ [[1]] [1†source]
    [citation:3] [ citation:3 ] [Source 2] [Sources 1 and 2] [来源：2] (Source 2) （来源 2）

In round brackets a number counts only with a word such as "source" in front of it.
"""

import re
import unicodedata
from dataclasses import dataclass

# Longer than any marker of eight sources: "[citation:12, citation:13, …]" may run on.
MAX_MARKER_CHARS = 64
OPENERS = "[【［(（"
_ROUND = "(（"
_CLOSE = {True: re.compile(r"[)）]"), False: re.compile(r"[\]】］]")}
_MAX_RANGE = 20
# So far beyond the highest source a list such as "[10, 250]" is one of numbers, not of sources.
_NEAR_SOURCES = 10

_WORDS = (
    *("citation", "citations", "source", "sources", "ref", "refs", "reference", "references"),
    *("document", "documents", "doc", "docs", "webpage", "webpages"),
    *("来源", "引用", "资料", "文献", "出处", "参考", "参考资料", "参考文献", "参考来源", "网页"),
)
# "(Document 12)" may be what the sentence speaks of.
_ROUND_WORDS = ("citation", "citations", "source", "sources", "来源", "引用", "参考来源")
_JOINING_WORDS = ("and", "to", "和", "与", "及", "至", "到")


def _one_of(words: tuple[str, ...]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


def _beginnings(words: tuple[str, ...]) -> str:
    return _one_of(tuple({word[:end] for word in words for end in range(1, len(word) + 1)}))


_RANGE = r"(?:[-‐–—−~〜]|to|至|到)"
_WORD = rf"(?:(?:{_one_of(_WORDS)})\s*[:#.]?\s*)"
_ITEM = rf"\^?\s*{_WORD}?\d{{1,3}}(?:\s*†[\w\s:.-]{{0,24}})?"
_JOIN = rf"\s*(?:,?\s*(?:and|和|与|及)|[,;、&]|{_RANGE})\s*"
_BODY = re.compile(rf"\s*{_ITEM}(?:{_JOIN}{_ITEM})*\s*")
_ROUND_BODY = re.compile(
    rf"\s*(?:{_one_of(_ROUND_WORDS)})\s*[:#.]?\s*\d{{1,3}}(?:{_JOIN}{_ITEM})*\s*"
)
_NUMBERS = re.compile(rf"(\d+)(?:\s*{_RANGE}\s*(?:{_WORD})?(\d+))?(?:\s*†[\w\s:.-]*)?")
_PLAIN_BODY = re.compile(r"[\d\s,;、&~‐–—−-]*")
# What any beginning of a marker matches; it may match more.
_SO_FAR = re.compile(
    rf"(?:[\d\s:#.,;、&^‐–—−~〜-]|†[\w\s:.-]*|{_one_of((*_WORDS, *_JOINING_WORDS))})*"
    rf"(?:{_beginnings((*_WORDS, *_JOINING_WORDS))})?"
)
_ROUND_SO_FAR = re.compile(
    rf"\s*(?:(?:{_one_of(_ROUND_WORDS)}).*|{_beginnings(_ROUND_WORDS)})?", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class WrittenMarker:
    """A marker as it was written: its numbers, each once, and its length in characters.

    `is_plain`: nothing but numbers in ASCII brackets, which may also be an index or an interval.
    """

    numbers: tuple[int, ...]
    length: int
    is_plain: bool


def read_marker(text: str) -> WrittenMarker | None:
    """The marker at the beginning of `text`, which starts with an opener; None if there is none."""
    opening = 2 if text.startswith("[[") else 1
    is_round = text[0] in _ROUND
    close = _CLOSE[is_round].search(text, opening, MAX_MARKER_CHARS)
    if close is None:
        return None
    body = _normal(text[opening : close.start()])
    if not (_ROUND_BODY if is_round else _BODY).fullmatch(body):
        return None
    end = close.end()
    if opening == 2:
        if text[end : end + 1] != "]":
            return None
        end += 1
    is_plain = text[0] == "[" and opening == 1 and _PLAIN_BODY.fullmatch(body) is not None
    return WrittenMarker(tuple(dict.fromkeys(_numbers(body))), end, is_plain)


def may_become_marker(text: str) -> bool:
    """Whether more text could make a marker of this: then it is held back."""
    opening = 2 if text.startswith("[[") else 1
    is_round = text[0] in _ROUND
    close = _CLOSE[is_round].search(text, opening)
    if close is not None:
        return opening == 2 and close.end() == len(text)
    body = _normal(text[opening:])
    if len(text) >= MAX_MARKER_CHARS:
        return False
    if is_round and not _ROUND_SO_FAR.fullmatch(body):
        return False
    return _SO_FAR.fullmatch(body) is not None


def is_no_citation(marker: WrittenMarker, *, highest: int, before: str) -> bool:
    """Whether the brackets hold an index or an interval: `x[7]`, `[0, 255]`, `[10, 250]`.

    `highest` is the highest number that has a source, `before` the two characters in front.
    Without a doubt only such numbers as are no source's: what may be a citation is one.
    """
    if not marker.is_plain:
        return False
    if 0 in marker.numbers:
        return True
    if len(marker.numbers) > 1:
        return max(marker.numbers) > highest + _NEAR_SOURCES
    is_index = re.fullmatch(r"(?:|\W)[a-z]", before) is not None
    return is_index and marker.numbers[0] > highest


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()


def _numbers(body: str) -> list[int]:
    numbers: list[int] = []
    for first, last in _NUMBERS.findall(body):
        low, high = int(first), int(last or first)
        if high - low > _MAX_RANGE or high < low:
            numbers += (low, high)
        else:
            numbers += range(low, high + 1)
    return numbers
