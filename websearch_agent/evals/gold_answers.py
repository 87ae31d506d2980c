"""Does a text give the gold answer, however it writes it? Pure functions.

A text becomes a list of words: without case, punctuation and articles, each Chinese character a
word, numbers by their value ("1,900.0", "1.9 thousand"), dates as year, month, day.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

Golds = tuple[tuple[str, ...], ...]
"""Alternatives; all answers of one of them must be there."""

MAX_GOLD_WORDS = 12

_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_MONTH_WORDS = {name: number for number, name in enumerate(_MONTHS, 1)} | {
    name[:3]: number for number, name in enumerate(_MONTHS, 1)
}
_MONTH_WORDS["sept"] = 9
_SMALL_NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)
_NUMBER_WORDS = {word: str(number) for number, word in enumerate(_SMALL_NUMBERS)}
_SCALES = {
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
    "bn": 10**9,
    "万": 10**4,
    "亿": 10**8,
}
# A page may write any number of digits, or of 亿 behind one another; a decimal number has an end.
MAX_DIGITS = 40
_MOST = Decimal(10) ** 24
_ARTICLES = frozenset({"a", "an", "the"})
_PERCENT = "%"

_month = "|".join(sorted(_MONTH_WORDS, key=len, reverse=True))
# Whatever the order in which they are written, dates end up as "2012 may 15".
_MONTH_FIRST = re.compile(
    rf"\b({_month})\.?[ ]+(\d{{1,2}})(?:st|nd|rd|th)?\b(?!\d)(?:[ ]*,?[ ]+(\d{{4}})\b)?"
)
_DAY_FIRST = re.compile(
    rf"\b(\d{{1,2}})(?:st|nd|rd|th)?[ ]+(?:of[ ]+)?({_month})\b\.?(?:[ ]*,?[ ]+(\d{{4}})\b)?"
)
_MONTH_AND_YEAR = re.compile(rf"\b({_month})\b\.?[ ]*,?[ ]+(\d{{4}})\b")
_ISO = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_CHINESE_DATE = re.compile(
    r"(?:(\d{4})[ ]*年[ ]*)?(?<!\d)(\d{1,2})[ ]*月(?:份|[ ]*(\d{1,2})[ ]*[日号])?"
)
_CHINESE_YEAR = re.compile(r"(?<!\d)(\d{4})[ ]*年")
_CHINESE_PERCENT = re.compile(r"百分之[ ]*(\d+(?:\.\d+)?)")
_ENGLISH_PERCENT = re.compile(r"(?<=\d)[ ]*(?:per[ ]?cent)\b")
_ORDINAL = re.compile(r"\b(\d+)(?:st|nd|rd|th)\b")
_MARKER = re.compile(r"\[\d{1,3}\]")
_WORD = re.compile(
    r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|%|[\u3040-\u30ff\u3400-\u9fff]|[^\W\d\u3040-\u30ff\u3400-\u9fff]+"
)


def answer_words(text: str) -> list[str]:
    """The words of a text in the form in which answers are compared."""
    text = _MARKER.sub(" ", unicodedata.normalize("NFKC", text)).casefold()
    text = _with_plain_dates(text)
    words = [_NUMBER_WORDS.get(word, word) for word in _split(text)]
    return _with_values([word for word in words if word not in _ARTICLES])


def has_answer(text: str, golds: Golds) -> bool:
    """Whether all answers of one alternative stand in the text, each as whole words."""
    words = answer_words(text)
    return any(all(_holds(words, answer_words(gold)) for gold in golds_) for golds_ in golds)


def _holds(words: Sequence[str], wanted: Sequence[str]) -> bool:
    if not wanted:
        return False
    size = len(wanted)
    return any(words[start : start + size] == wanted for start in range(len(words) - size + 1))


def _with_plain_dates(text: str) -> str:
    text = _ISO.sub(lambda m: _date(m, m[1], int(m[2]), m[3]), text)
    text = _CHINESE_DATE.sub(lambda m: _date(m, m[1], int(m[2]), m[3]), text)
    text = _CHINESE_YEAR.sub(r" \1 ", text)
    text = _DAY_FIRST.sub(lambda m: _date(m, m[3], _MONTH_WORDS[m[2]], m[1]), text)
    text = _MONTH_FIRST.sub(lambda m: _date(m, m[3], _MONTH_WORDS[m[1]], m[2]), text)
    text = _MONTH_AND_YEAR.sub(lambda m: _date(m, m[2], _MONTH_WORDS[m[1]], None), text)
    text = _CHINESE_PERCENT.sub(r"\1%", text)
    return _ORDINAL.sub(r"\1", _ENGLISH_PERCENT.sub(_PERCENT, text))


def _date(found: re.Match[str], year: str | None, month: int, day: str | None) -> str:
    if not 1 <= month <= len(_MONTHS):
        return found[0]
    return f" {year or ''} {_MONTHS[month - 1]} {int(day) if day else ''} "


def _split(text: str) -> list[str]:
    """A month alone is a month too: "June" stands in "June 2020"."""
    return [
        _MONTHS[_MONTH_WORDS[word] - 1] if word in _MONTH_WORDS else word
        for word in _WORD.findall(text)
    ]


def _with_values(words: Sequence[str]) -> list[str]:
    """Numbers and the words behind them that scale them, as one plain number."""
    valued: list[str] = []
    value: Decimal | None = None
    for word in words:
        if value is not None and word in _SCALES and value < _MOST:
            value *= _SCALES[word]
            continue
        if value is not None:
            valued.append(_plain(value))
            value = None
        if word[0].isdecimal() and len(word) <= MAX_DIGITS:
            value = Decimal(word.replace(",", ""))
        else:
            valued.append(word)
    return [*valued, _plain(value)] if value is not None else valued


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def is_long(gold: Sequence[str]) -> bool:
    """Whether an answer has too many words to stand in another text as it is.

    Two Chinese characters are a word.
    """
    words = answer_words(" ".join(gold))
    return sum(0.5 if word >= "\u3040" else 1 for word in words) > MAX_GOLD_WORDS


def best_recall(text: str, golds: Golds) -> float:
    """Share of the words of an answer that stand anywhere in the text; of the best alternative."""
    found = Counter(answer_words(text))
    shares = [0.0]
    for gold in golds:
        wanted = Counter(answer_words(" ".join(gold)))
        if wanted:
            shares.append((found & wanted).total() / wanted.total())
    return max(shares)
