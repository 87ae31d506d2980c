"""The forms in which models write a citation marker, and what only looks like one.

    [1] [1, 2] [1-3] [^1] 【1】 ［１］ [[1]] [1†source]
    [citation:3] [ citation:3 ] [Source 2] [Sources 1 and 2] [来源：2] (Source 2) （来源 2）

In round brackets a number counts only with a word such as "source" in front of it.
"""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

# Longer than any marker of eight sources: "[citation:12, citation:13, …]" may run on.
MAX_MARKER_CHARS = 64
OPENERS = "[【［(（"
_ROUND = "(（"
_CLOSE = {True: re.compile(r"[)）]"), False: re.compile(r"[\]】］]")}
_MAX_RANGE = 20
# Up to so many numbers of a range are told one by one if its last one has no source.
_FEW = 8
# So far beyond the highest source a list such as "[10, 250]" is one of numbers, not of sources.
_NEAR_SOURCES = 10
# So much of the text in front tells what brackets hold.
CONTEXT_CHARS = 64

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


# ---- what the text in front says of brackets with numbers --------------------------------------

_LEAD = r"(?:\s+(?:of|is|are|was|from|like|being)|为|是)?\s*[:：]?\s*"
# Brackets before these, as in "the intervals [1, 2] and [4, 9]", and the end of the context.
_END = r"(?:\[[^\[\]]*\]\s*(?:[,;、]|and|or|to|和|或|与|至|到)?\s*)*\Z"
_OPERATOR = re.compile(
    r"(?:[=≠≤≥∈∉⊂⊆∪∩]|(?:\b[a-z]\w?|`|\b(?:values?|numbers?|integers?|reals?|lies))\s+in)\s*" + _END
)
_ARRAY = re.compile(
    r"(?:\b(?:arrays?|vectors?|tuples?|matrix|coordinates)|数组|向量|矩阵|元组|坐标)" + _LEAD + _END
)
_INTERVAL = re.compile(
    r"(?:\b(?:intervals?|ranges?|domain)|区间|取值范围|值域|定义域)" + _LEAD + _END
)
# Behind these stand values; a citation may, so they count only where no number has a source.
_VERB = re.compile(
    r"(?:[:：]|\b(?:is|are|was|were|be|to|of|in|from|between|than|lists?|equals?|becomes?"
    r"|returns?|returned|gives?|prints?|outputs?)|是|为|等于|得到|返回|输出|列表)\s*\Z"
)
_SENTENCE_ENDS = tuple(".!?。！？；;")

_LETTER = re.compile(r"(?<!\w)[a-z]\Z")
_UNDERSCORED = re.compile(r"[a-z0-9]_+(?:\w*[a-z0-9])?\Z", re.ASCII | re.IGNORECASE)
_DOTTED = re.compile(r"\b[a-z_]\w*(?:\.[a-z_]\w*)+\Z", re.ASCII | re.IGNORECASE)
_IN_CALL = re.compile(
    r"(?:\w\((?:[^()]*[\s,=])?[a-z_]\w*|\w\(\)|\([a-z])\Z", re.ASCII | re.IGNORECASE
)
# "example.org" and "Node.js" are names, not parts of a program.
_NAME_END = re.compile(
    r"\.(?:ai|app|cn|co|com|de|dev|edu|eu|exe|fr|gov|html?|info|int|io|js|jp|md|net|org|pdf|py"
    r"|txt|uk|us|[a-z])\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class WrittenMarker:
    """A marker as it was written: its numbers and ranges, and its length in characters.

    A number alone is a range of one. `is_plain`: nothing but numbers in ASCII brackets, which may
    also be an index or an interval.
    """

    ranges: tuple[tuple[int, int], ...]
    length: int
    is_plain: bool

    def numbers(self, known: Collection[int]) -> tuple[int, ...]:
        """The numbers that it names, each once, in order, of which `known` have sources.

        Of a long range whose last number has none, only the two that were written.
        """
        numbers: list[int] = []
        for low, high in self.ranges:
            is_short = high - low < _FEW and low in known
            if low <= high <= low + _MAX_RANGE and (is_short or high in known):
                numbers += range(low, high + 1)
            else:
                numbers += (low, high)
        return tuple(dict.fromkeys(numbers))


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
    return WrittenMarker(tuple(_ranges(body)), end, is_plain)


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


def is_no_citation(
    marker: WrittenMarker, *, known: Collection[int], before: str, behind: str
) -> bool:
    """Whether the brackets hold an index, an interval or values: `x[7]`, `[0, 255]`, `= [1, 2]`.

    `known` are the numbers that have a source. `before` is the text in front, `CONTEXT_CHARS` of
    it at least, `behind` the character that follows, empty at the end. A list of which one number
    is known is a citation unless the words in front say what else it is.
    """
    if not marker.is_plain:
        return False
    if any(0 in ends for ends in marker.ranges):
        return True
    line = before[before.rfind("\n") + 1 :]
    numbers = marker.numbers(known)
    if _is_index(line, numbers, known):
        return True
    context = line.lower().rstrip(" *_\"'“「（(") + " "
    if _OPERATOR.search(context):
        return True
    if len(numbers) == 1:
        return False
    # "A long range [1, 2, 3]" is no interval: this has two ends.
    has_two_ends = sum(1 if low == high else 2 for low, high in marker.ranges) == 2
    if _ARRAY.search(context) or (has_two_ends and _INTERVAL.search(context)):
        return True
    if any(number in known for number in numbers):
        return False
    if _VERB.search(context):
        return True
    is_far = max(numbers) > max(known, default=0) + _NEAR_SOURCES
    return is_far and not _is_at_sentence_end(line, behind)


def _is_index(line: str, numbers: tuple[int, ...], known: Collection[int]) -> bool:
    """Whether the brackets follow a part of a program: `x[7]`, `sys.argv[1]`, `first(rows[1])`."""
    if len(numbers) == 1 and numbers[0] not in known and _LETTER.search(line):
        return True
    if _DOTTED.search(line):
        return _NAME_END.search(line) is None
    return _UNDERSCORED.search(line) is not None or _IN_CALL.search(line) is not None


def _is_at_sentence_end(line: str, behind: str) -> bool:
    """Whether a statement ends here: a citation may stand in front of its mark or behind it."""
    if re.search(r"\w", line) is None:
        return False
    is_behind_mark = line.rstrip().endswith(_SENTENCE_ENDS)
    return behind in ("", "\n", *_SENTENCE_ENDS) or (is_behind_mark and behind == " ")


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()


def _ranges(body: str) -> list[tuple[int, int]]:
    return [(int(low), int(high or low)) for low, high in _NUMBERS.findall(body)]
