"""The values of numbers, dates and amounts in a text, however they are written."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Literal

from websearch_agent.citations.number_words import (
    CHINESE_NUMERAL,
    ENGLISH_NUMERAL,
    chinese_value,
    english_value,
)

QuantityKind = Literal["date", "percent", "money", "number"]

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sept sep",
            "october oct",
            "november nov",
            "december dec",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH = rf"(?:{'|'.join(sorted(MONTHS, key=len, reverse=True))})\b\.?"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?(?![\d%])"
_YEAR = r"[12]\d{3}(?![\d%])"
_CN = r"(?:\d{1,4}|[〇零一二三四五六七八九十]{1,4})"
_DATE = re.compile(
    rf"""(?<![\d.,])(?:
      (?P<iso_y>{_YEAR})(?P<sep>[-/.])(?P<iso_m>\d{{1,2}})(?P=sep)(?P<iso_d>\d{{1,2}})(?!\d)
    | (?P<us_a>\d{{1,2}})/(?P<us_b>\d{{1,2}})/(?P<us_y>{_YEAR})
    | (?P<md_m>\b{_MONTH})\s?(?P<md_d>{_DAY})(?:,?\s(?P<md_y>{_YEAR}))?
    | (?P<dm_d>{_DAY})\s(?:of\s)?(?P<dm_m>{_MONTH})(?:,?\s?(?P<dm_y>{_YEAR}))?
    | (?P<my_m>\b{_MONTH}),?\s(?:of\s)?(?P<my_y>{_YEAR})
    | (?P<cn_y>{_CN})\s?年\s?(?P<cn_m>{_CN})\s?月(?:份|\s?(?P<cn_d>{_CN})\s?[日号])?
    | (?P<cm_m>{_CN})\s?月\s?(?P<cm_d>{_CN})\s?[日号]
    | (?P<y_y>[12]\d{{3}}|[一二][〇零一二三四五六七八九]{{3}})\s?年
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_SCALES = {
    "hundred": 1e2,
    "thousand": 1e3,
    "k": 1e3,
    "million": 1e6,
    "mn": 1e6,
    "billion": 1e9,
    "bn": 1e9,
    "trillion": 1e12,
    "tn": 1e12,
    "百": 1e2,
    "千": 1e3,
    "万": 1e4,
    "萬": 1e4,
    "百万": 1e6,
    "千万": 1e7,
    "亿": 1e8,
    "億": 1e8,
    "万亿": 1e12,
}
_CURRENCIES = {
    "$": "usd",
    "us$": "usd",
    "dollar": "usd",
    "dollars": "usd",
    "usd": "usd",
    "美元": "usd",
    "€": "eur",
    "euro": "eur",
    "euros": "eur",
    "eur": "eur",
    "欧元": "eur",
    "£": "gbp",
    "pound": "gbp",
    "pounds": "gbp",
    "英镑": "gbp",
    "¥": "cny",
    "￥": "cny",
    "yuan": "cny",
    "rmb": "cny",
    "元": "cny",
    "人民币": "cny",
}
_PERCENT = re.compile(r"\s?(?:%|％|per\s?cent\b|percent\b|个百分点)", re.IGNORECASE)
_SCALE = re.compile(
    r"[\s-]?(hundred|thousand|million|billion|trillion)\b|\s?(mn|bn|tn)\b|(k)\b"
    r"|\s?(万亿|百万|千万|百|千|万|萬|亿|億)",
    re.IGNORECASE,
)
_CURRENCY_BEFORE = re.compile(r"(US\$|[$€£¥￥])\s?$", re.IGNORECASE)
_CURRENCY_AFTER = re.compile(
    r"\s?(US\s)?(dollars?|euros?|pounds?|yuan|usd|eur|rmb|美元|欧元|英镑|元|人民币|[$€£])",
    re.IGNORECASE,
)
_DIGITS = re.compile(
    r"(?<![A-Za-z\d.])(?<![A-Za-z]-)(?:\d{1,3}(?:[,，]\d{3})+|\d{1,15})(?:\.\d{1,9})?(?!\d)"
)
# A loop of digits is no number anybody states, and long sums would take long.
_MAX_SUMMANDS = 12


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number or date in a text, `text[start:end]`.

    `needs`: what another text must offer to say the same, all of it. `offers`: what this one says.
    """

    kind: QuantityKind
    start: int
    end: int
    needs: frozenset[tuple[str, float]]
    offers: frozenset[tuple[str, float]]
    value: float | None = None


def find_quantities(text: str) -> list[Quantity]:
    """Every number and date of the text in order; none overlaps another."""
    found = list(_dates(text))
    taken = bytearray(len(text))
    for quantity in found:
        taken[quantity.start : quantity.end] = b"\1" * (quantity.end - quantity.start)
    for quantity in _numbers(text):
        if not any(taken[quantity.start : quantity.end]):
            taken[quantity.start : quantity.end] = b"\1" * (quantity.end - quantity.start)
            found.append(quantity)
    return sorted(found, key=lambda quantity: quantity.start)


def offers_of(quantities: Iterable[Quantity]) -> frozenset[tuple[str, float]]:
    """All that these say together."""
    return frozenset(chain.from_iterable(quantity.offers for quantity in quantities))


def is_rounded(value: float, others: list[float]) -> bool:
    """Whether `value` is one of the others, rounded to as few as its own digits: 1.2 of 1.234."""
    digits = f"{value:.12g}".replace(".", "").strip("0")
    if not digits or len(digits) > 4:
        return False
    return any(
        other != value and other > 0 and float(f"{other:.{len(digits)}g}") == value
        for other in others
    )


def is_derived(value: float, others: list[float]) -> bool:
    """Whether `value` is the sum or the difference of two of the others."""
    chosen = sorted(set(others))[:_MAX_SUMMANDS]
    return any(
        abs(a + b - value) < 1e-9 or abs(abs(a - b) - value) < 1e-9
        for a, b in combinations(chosen, 2)
        if a and b
    )


def _dates(text: str) -> Iterator[Quantity]:
    for match in _DATE.finditer(text):
        groups = {name: found for name, found in match.groupdict().items() if found}
        year = month = day = None
        for name, written in groups.items():
            part = name.rpartition("_")[2]
            if part == "y":
                year = _date_part(written)
            elif part == "m":
                month = _date_part(written)
            elif part == "d":
                day = _date_part(written)
        other = None
        if "us_a" in groups:
            month, day = int(groups["us_a"]), int(groups["us_b"])
            month, day, other = (day, month, None) if month > 12 else (month, day, (day, month))
        if (month or 1) > 12 or (day or 1) > 31:
            continue
        yield _date(match, year, month, day, other)


def _date(
    match: re.Match[str],
    year: int | None,
    month: int | None,
    day: int | None,
    other: tuple[int, int] | None,
) -> Quantity:
    needs: set[tuple[str, float]] = set()
    offers: set[tuple[str, float]] = set()
    if year:
        needs.add(("year", year))
        offers.add(("number", year))
    if month and day:
        needs.add(("day", month * 100 + day))
        offers |= {("month", month), ("number", day)}
    elif month:
        needs.add(("month", month))
    if other and other[0] <= 12:
        offers.add(("day", other[0] * 100 + other[1]))
    return Quantity("date", match.start(), match.end(), frozenset(needs), frozenset(needs | offers))


def _date_part(written: str) -> int | None:
    if month := MONTHS.get(written.lower().rstrip(".")):
        return month
    digits = re.match(r"\d+", written)
    if digits:
        return int(digits[0])
    value = chinese_value(written)
    return None if value is None else int(value)


def _numbers(text: str) -> Iterator[Quantity]:
    for match in _DIGITS.finditer(text):
        yield _quantity(text, match.start(), match.end(), float(re.sub("[,，]", "", match[0])))
    for match in CHINESE_NUMERAL.finditer(text):
        value = chinese_value(match["numeral"])
        if value is not None:
            yield _quantity(text, match.start("numeral"), match.end("numeral"), value)
    for match in ENGLISH_NUMERAL.finditer(text):
        yield _quantity(text, match.start(), match.end(), english_value(match[0]))


def _quantity(text: str, start: int, end: int, value: float) -> Quantity:
    plain_year = end - start == 4 and 1000 <= value < 2100 and text[start:end].isdecimal()
    if scale := _SCALE.match(text, end):
        value *= _SCALES[scale[0].lstrip("-").strip().lower()]
        end = scale.end()
    value = float(f"{value:.12g}")
    if text.endswith("百分之", 0, start):
        return _amount("percent", "percent", start - 3, end, value)
    if percent := _PERCENT.match(text, end):
        return _amount("percent", "percent", start, percent.end(), value)
    if before := _CURRENCY_BEFORE.search(text, max(0, start - 4), start):
        return _amount("money", _CURRENCIES[before[1].lower()], before.start(), end, value)
    if after := _CURRENCY_AFTER.match(text, end):
        return _amount("money", _CURRENCIES[after[2].lower()], start, after.end(), value)
    if plain_year and not scale:
        needs = frozenset({("year", value)})
        return Quantity("date", start, end, needs, needs | {("number", value)}, value)
    need = ("number", value)
    offers = {need, ("bare", value)}
    if value.is_integer() and 1000 <= value < 2100:
        offers.add(("year", value))
    return Quantity("number", start, end, frozenset({need}), frozenset(offers), value)


def _amount(kind: QuantityKind, unit: str, start: int, end: int, value: float) -> Quantity:
    need = (unit, value)
    return Quantity(
        kind, start, end, frozenset({need}), frozenset({need, ("number", value)}), value
    )


def is_offered(quantity: Quantity, offers: frozenset[tuple[str, float]]) -> bool:
    """Whether texts that offer these say the quantity; tables often leave out its unit."""
    if quantity.needs <= offers:
        return True
    if quantity.kind in ("percent", "money"):
        return ("bare", quantity.value or 0.0) in offers
    return False
