"""Numbers written in words, English and Chinese."""

import re

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_VALUES = {word: value for value, word in enumerate(_ONES.split())} | {
    word: value * 10 for value, word in enumerate(_TENS.split(), start=2)
}
_MULTIPLIERS = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
# Of the ordinals only those that are no fraction, no unit of time and no mere "at first"; behind a
# ten all of them: "twenty-first".
_ORDINAL_WORDS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
    "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
)
_ORDINALS = {word: value for value, word in enumerate(_ORDINAL_WORDS.split(), start=1)}
_LATE_ORDINALS = "|".join(list(_ORDINALS)[9:])
_ANY_ORDINAL = "|".join(_ORDINALS)
_ANY = "|".join(_VALUES)
_MULTIPLIER = "|".join(_MULTIPLIERS)
# "one" alone is mostly a pronoun; bounded, as a text may consist of such words.
ENGLISH_NUMERAL = re.compile(
    rf"\b(?!one\b(?![\s-](?:{_MULTIPLIER})))(?:{_ANY})"
    rf"(?:(?:[\s-]|\sand\s)(?:{_ANY}|{_MULTIPLIER})){{0,8}}(?:(?<=ty)[\s-](?:{_ANY_ORDINAL}))?\b"
    rf"|\b(?:{_LATE_ORDINALS})\b",
    re.IGNORECASE,
)

_CHINESE_DIGITS = {"零": 0, "〇": 0, "两": 2, "兩": 2} | {
    char: value for value, char in enumerate("一二三四五六七八九", start=1)
}
_CHINESE_UNITS = {"十": 10, "百": 100, "千": 1000}
_RUN = "零〇两兩一二三四五六七八九十百千万萬亿億"
# A character alone is mostly part of a word (三亚, 十分), unless an ordinal or what is counted
# stands beside it.
_COUNTED = (
    "年月日岁个名次届位天倍座条种家只米所部集章人层间台辆架艘幅首本册卷页"
    "张块件项款期户场局秒周吨克元"
)
CHINESE_NUMERAL = re.compile(
    rf"(?<![{_RUN}\d.])(?P<numeral>(?=[零〇两兩一二三四五六七八九十百千])[{_RUN}]{{2,16}}"
    rf"|(?<=第)[一二三四五六七八九十](?![{_RUN}])"
    rf"|[二三四五六七八九十两](?=[{_COUNTED}]))(?![{_RUN}])"
)


def english_value(words: str) -> float:
    """The value of number words in sequence: "two hundred and five" is 205."""
    total = group = 0
    for word in re.findall(r"[a-z]+", words.lower()):
        if word == "hundred":
            group = max(group, 1) * 100
        elif word in _MULTIPLIERS:
            total += max(group, 1) * _MULTIPLIERS[word]
            group = 0
        else:
            group += _VALUES.get(word, 0) or _ORDINALS.get(word, 0)
    return float(total + group)


def chinese_value(numeral: str) -> float | None:
    """The value of a Chinese numeral, also by digits (二〇一九); None if it is none (十百)."""
    if all(char in _CHINESE_DIGITS for char in numeral):
        return float("".join(str(_CHINESE_DIGITS[char]) for char in numeral))
    for marks, unit in (("亿億", 10**8), ("万萬", 10**4)):
        place = max(map(numeral.rfind, marks))
        if place >= 0:
            upper = chinese_value(numeral[:place]) if place else 1.0
            lower = chinese_value(numeral[place + 1 :]) if numeral[place + 1 :] else 0.0
            return None if upper is None or lower is None else upper * unit + lower
    return _below_ten_thousand(numeral)


def _below_ten_thousand(numeral: str) -> float | None:
    total = digit = 0
    last_unit = 10**4
    for char in numeral:
        if char in _CHINESE_DIGITS:
            digit = _CHINESE_DIGITS[char]
            continue
        unit = _CHINESE_UNITS[char]
        if unit >= last_unit:
            return None
        total += (digit or 1) * unit
        last_unit, digit = unit, 0
    return float(total + digit)
