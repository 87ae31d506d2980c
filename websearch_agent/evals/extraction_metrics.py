"""How much of a page's text was found, and how much was added: pure functions."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from websearch_agent.evals.metrics import mean

_MARKS = re.compile(r"^\|[-:| ]+\|$|[#*`|>_]|^\s*(?:-+|\d{1,3}\.)\s", re.MULTILINE)
_INVISIBLE = re.compile("[\xad\u200b-\u200f\u2060\ufe0f\ufeff]")
_WORDS = re.compile(r"\w+")
_WORDS_AND_CJK = re.compile(r"[\u4e00-\u9fff]|\w+")


class Scores(NamedTuple):
    """Shares from 0 to 1."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


class SegmentCounts(NamedTuple):
    """Strings that must stand in the text and do, that must, and that must not and do."""

    hits: int
    wanted: int
    unwanted_hits: int


def plain_text(markdown: str) -> str:
    """Without the marks of Markdown, invisible characters and line breaks."""
    return " ".join(_INVISIBLE.sub("", _MARKS.sub("", markdown)).split())


def shingle_scores(found: str, truth: str, *, is_cjk: bool, size: int = 4) -> Scores:
    """Agreement of runs of `size` words; in Chinese, each character is a word.

    Repeated runs count as often as they stand in both texts. Where nothing was found, the
    precision is 0.
    """
    got, wanted = _shingles(found, is_cjk, size), _shingles(truth, is_cjk, size)
    common = sum((got & wanted).values())
    return Scores(
        common / sum(got.values()) if got else 0.0,
        common / sum(wanted.values()) if wanted else 0.0,
    )


def mean_scores(scores: Sequence[Scores]) -> Scores:
    """Mean precision and mean recall over pages; F1 is taken of these."""
    return Scores(mean([s.precision for s in scores]), mean([s.recall for s in scores]))


def count_segments(text: str, *, wanted: Sequence[str], unwanted: Sequence[str]) -> SegmentCounts:
    """How many of the strings stand in a text, whatever its white space and marks."""
    plain = plain_text(text)
    return SegmentCounts(
        sum(plain_text(segment) in plain for segment in wanted),
        len(wanted),
        sum(plain_text(segment) in plain for segment in unwanted),
    )


def segment_scores(counts: Sequence[SegmentCounts]) -> Scores:
    """Over the segments of all pages together."""
    hits = sum(count.hits for count in counts)
    wanted = sum(count.wanted for count in counts)
    found = hits + sum(count.unwanted_hits for count in counts)
    return Scores(hits / found if found else 0.0, hits / wanted if wanted else 0.0)


def _shingles(text: str, is_cjk: bool, size: int) -> Counter[tuple[str, ...]]:
    words = (_WORDS_AND_CJK if is_cjk else _WORDS).findall(plain_text(text).lower())
    if not words:
        return Counter()
    return Counter(
        tuple(words[start : start + size]) for start in range(max(1, len(words) - size + 1))
    )
