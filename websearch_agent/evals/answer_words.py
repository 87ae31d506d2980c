"""The words of a text in the form in which answers are compared: pure functions.

Without case, punctuation and articles, each Chinese character a word, numbers by their value
("1,900.0", "1.9 thousand", "twenty", "三"), dates as year, month, day.
"""

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal

from websearch_agent.citations.number_words import (
    CHINESE_NUMERAL,
    ENGLISH_NUMERAL,
    chinese_value,
    english_value,
)

MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_MONTH_WORDS = {name: number for number, name in enumerate(MONTHS, 1)} | {
    name[:3]: number for number, name in enumerate(MONTHS, 1)
}
_MONTH_WORDS["sept"] = 9
_SCALES = {
    "hundred": 10**2,
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
    "bn": 10**9,
    "万": 10**4,
    "萬": 10**4,
    "亿": 10**8,
    "億": 10**8,
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
_DAY_WITH_DOTS = re.compile(r"(?<![\d.])(\d{1,2})\.(\d{1,2})\.(\d{4})(?!\d)")
_CHINESE_DATE = re.compile(
    r"(?:(\d{4})[ ]*年[ ]*)?(?<!\d)(\d{1,2})[ ]*月(?:份|[ ]*(\d{1,2})[ ]*[日号])?"
)
_CHINESE_YEAR = re.compile(r"(?<!\d)(\d{4})[ ]*年")
_CHINESE_PERCENT = re.compile(r"百分之[ ]*(\d+(?:\.\d+)?)")
_ENGLISH_PERCENT = re.compile(r"(?<=\d)[ ]*(?:per[ ]?cent)\b")
# "352-65" and "352 to 65" are two numbers either way.
_RANGE = re.compile(r"(?<=\d)[ ]*(?:\bto\b|至|到)[ ]*(?=\d)")
_ORDINAL = re.compile(r"\b(\d+)(?:st|nd|rd|th)\b")
_MARKER = re.compile(r"\[\d{1,3}\]")
# A version ("3.11.4") is a word of its own: it says nothing of 3.11.
_WORD = re.compile(
    r"\d+(?:\.\d+){2,}|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|%|[\u3040-\u30ff\u3400-\u9fff]"
    r"|[^\W\d\u3040-\u30ff\u3400-\u9fff]+"
)
_NOT = re.compile(r"n['’]t\b")

# "No one" and "one of them" count nothing.
_ONE = re.compile(
    r"(?<!\bno[ -])(?<!\bany )(?<!\bevery )(?<!\bsome )(?<!\bthis )(?<!\bthat )(?<!\bthe )"
    r"(?<!\bwhich )(?<!\beach )\bone\b(?! (?:of|another|can|may|must|should)\b)"
)
_MULTIPLIERS = frozenset({"hundred", "thousand", "million", "billion"})
_NUMERAL_CHARS = "零〇两兩一二三四五六七八九十百千万萬亿億"
_CHINESE_RUN = re.compile(
    rf"(?<![{_NUMERAL_CHARS}\d.])(?P<numeral>(?=[零〇两兩一二三四五六七八九十])"
    rf"[{_NUMERAL_CHARS}]{{1,16}})(?![{_NUMERAL_CHARS}])"
)


def answer_words(text: str, *, only_counting: bool = False) -> list[str]:
    """The words of a text in the form in which answers are compared.

    Chinese numerals stand for their value even within a word, here as there: 三亚 is 3 亚 in gold
    answer and text. `only_counting`: only where they surely count something, for a number that
    stands alone.
    """
    text = _MARKER.sub(" ", unicodedata.normalize("NFKC", text)).casefold()
    text = _NOT.sub(" not", text)
    text = _ONE.sub("1", ENGLISH_NUMERAL.sub(_english_digits, text))
    numeral = CHINESE_NUMERAL if only_counting else _CHINESE_RUN
    text = numeral.sub(_chinese_digits, text)
    words = _split(_with_plain_dates(text))
    return _with_values([word for word in words if word not in _ARTICLES])


def _english_digits(match: re.Match[str]) -> str:
    """Digits of each number in a sequence of number words: "two and three" are two."""
    numbers: list[list[str]] = []
    for word in re.findall(r"[a-z]+", match[0]):
        if numbers and _goes_on(numbers[-1], word):
            numbers[-1].append(word)
        else:
            numbers.append([word])
    return " ".join(
        "and" if number == ["and"] else f"{english_value(' '.join(number)):.0f}"
        for number in numbers
    )


def _goes_on(number: Sequence[str], word: str) -> bool:
    last = number[-1]
    if word == "and":
        return last in _MULTIPLIERS
    if word in _MULTIPLIERS or last in _MULTIPLIERS:
        return number != ["and"]
    return (last == "and" and len(number) > 1) or (last.endswith("ty") and english_value(word) < 10)


def _chinese_digits(match: re.Match[str]) -> str:
    value = chinese_value(match["numeral"])
    return match[0] if value is None else f"{value:.0f}"


def _with_plain_dates(text: str) -> str:
    text = _ISO.sub(lambda m: _date(m, m[1], int(m[2]), m[3]), text)
    text = _DAY_WITH_DOTS.sub(lambda m: _date(m, m[3], int(m[2]), m[1]), text)
    text = _CHINESE_DATE.sub(lambda m: _date(m, m[1], int(m[2]), m[3]), text)
    text = _CHINESE_YEAR.sub(r" \1 ", text)
    text = _DAY_FIRST.sub(lambda m: _date(m, m[3], _MONTH_WORDS[m[2]], m[1]), text)
    text = _MONTH_FIRST.sub(lambda m: _date(m, m[3], _MONTH_WORDS[m[1]], m[2]), text)
    text = _MONTH_AND_YEAR.sub(lambda m: _date(m, m[2], _MONTH_WORDS[m[1]], None), text)
    text = _CHINESE_PERCENT.sub(r"\1%", text)
    text = _RANGE.sub(" ", text)
    return _ORDINAL.sub(r"\1", _ENGLISH_PERCENT.sub(_PERCENT, text))


def _date(found: re.Match[str], year: str | None, month: int, day: str | None) -> str:
    if not 1 <= month <= len(MONTHS):
        return found[0]
    return f" {year or ''} {MONTHS[month - 1]} {int(day) if day else ''} "


def _split(text: str) -> list[str]:
    """A month alone is a month too: "June" stands in "June 2020"."""
    return [
        MONTHS[_MONTH_WORDS[word] - 1] if word in _MONTH_WORDS else word
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
        if _is_number(word):
            value = Decimal(word.replace(",", ""))
        else:
            valued.append(word)
    return [*valued, _plain(value)] if value is not None else valued


def _is_number(word: str) -> bool:
    return word[0].isdecimal() and len(word) <= MAX_DIGITS and word.count(".") < 2


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
