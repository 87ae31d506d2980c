"""The values of numbers, dates and amounts in a text, however they are written."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from websearch_agent.citations.dates import date_of_year, find_dates
from websearch_agent.citations.number_words import (
    CHINESE_NUMERAL,
    ENGLISH_NUMERAL,
    chinese_value,
    english_value,
)
from websearch_agent.citations.quantity import Quantity
from websearch_agent.citations.units import (
    CAPITAL_SCALE,
    CURRENCIES,
    CURRENCY_AFTER,
    CURRENCY_BEFORE,
    MONEY_SCALE,
    PERCENT,
    SCALE,
    SCALES,
    find_unit,
)

_DIGITS = re.compile(
    r"(?<![A-Za-z\d.])(?<![A-Za-z]-)(?:"
    r"(?P<dotted>\d{1,3}(?:\.\d{3}){2,5}|\d{1,3}(?:\.\d{3}){1,5}(?=,\d{1,2}(?!\d)))(?:,(?P<cents>\d{1,2}))?"
    r"|(?P<spaced>[1-9]\d{0,2}(?:[ \u00a0\u202f]\d{3}){1,5}(?:\.\d{1,9})?)"
    r"|(?:\d{1,3}(?:[,，]\d{3})+|\d{1,15})(?:\.\d{1,9})?)(?!\d)(?!\.\d)"
)
_ONE_TO_NINE = "one two three four five six seven eight nine"
_NUMERALS = {word: value for value, word in enumerate(_ONE_TO_NINE.split(), start=1)}
_PARTS = {
    "third": 3,
    "quarter": 4,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "seventh": 7,
    "eighth": 8,
    "ninth": 9,
    "tenth": 10,
}
_FRACTION = re.compile(
    r"(?P<below>\d{1,3}|[二三四五六七八九十]{1,3})分之(?P<above>\d{1,3}|[一二三四五六七八九十]{1,3})"
    rf"|\b(?P<count>{'|'.join(_NUMERALS)})[\s-](?P<part>third|quarter|fifth|sixth|seventh|eighth|ninth|tenth)s?\b",
    re.IGNORECASE,
)
_HALF = re.compile(r"\bhalf\sa\s(?P<scale>thousand|million|billion)\b", re.IGNORECASE)
_TENTHS = re.compile(r"(?P<tenths>[一二三四五六七八九]|(?<!\d)[1-9])成(?=的|以|左|[，。]|$)")
# A minus stands before its number and behind a space: "1914-1918" and "COVID-19" hold none.
_MINUS = re.compile(r"(?:(?:(?<=[\s(（:：])|^)[-−–]|(?:\bminus\s|零下|负))\s?$", re.IGNORECASE)
# A loop of digits is no number anybody states, and long sums would take long.
_MAX_SUMMANDS = 12


def find_quantities(text: str) -> list[Quantity]:
    """Every number and date of the text in order; none overlaps another."""
    found: list[Quantity] = []
    taken = bytearray(len(text))
    for finder in (find_dates, _fractions, _numbers):
        for quantity in finder(text):
            if not any(taken[quantity.start : quantity.end]):
                taken[quantity.start : quantity.end] = b"\1" * (quantity.end - quantity.start)
                found.append(quantity)
    return sorted(found, key=lambda quantity: quantity.start)


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


def _fractions(text: str) -> Iterator[Quantity]:
    """Parts of a whole, as percentages: those who write "one third" also write "33%"."""
    for match in _FRACTION.finditer(text):
        if match["count"]:
            above: float | None = _NUMERALS[match["count"].lower()]
            below: float | None = _PARTS[match["part"].lower()]
        else:
            above, below = _chinese_or_digits(match["above"]), _chinese_or_digits(match["below"])
        if above and below and match["below"] != "百":
            value = 100 * above / below
            need = ("percent", float(f"{value:.6g}"))
            offers = {need} | {("percent", round(value, places)) for places in (0, 1, 2)}
            yield Quantity("percent", *match.span(), frozenset({need}), frozenset(offers), need[1])
    for match in _TENTHS.finditer(text):
        yield _amount("percent", "percent", *match.span(), 10 * (_chinese_or_digits(match[1]) or 0))
    for match in _HALF.finditer(text):
        yield _quantity(text, match.start(), match.end(), SCALES[match["scale"].lower()] / 2)


def _chinese_or_digits(written: str) -> float | None:
    return float(written) if written.isdecimal() else chinese_value(written)


def _numbers(text: str) -> Iterator[Quantity]:
    for match in _DIGITS.finditer(text):
        written = re.sub("[,， \u00a0\u202f]", "", match[0])
        if match["dotted"]:
            written = match["dotted"].replace(".", "") + "." + (match["cents"] or "0")
        quantity = _quantity(text, match.start(), match.end(), float(written))
        yield _as_thousands(text, match, quantity)
    for match in CHINESE_NUMERAL.finditer(text):
        value = chinese_value(match["numeral"])
        if value is not None:
            yield _quantity(text, match.start("numeral"), match.end("numeral"), value)
    for match in ENGLISH_NUMERAL.finditer(text):
        yield _quantity(text, match.start(), match.end(), english_value(match[0]))


def _as_thousands(text: str, match: re.Match[str], quantity: Quantity) -> Quantity:
    """ "25.000 euros" are 25 thousand; without a currency nobody can tell, both are offered."""
    if not re.fullmatch(r"[1-9]\d{0,2}\.\d{3}", match[0]):
        return quantity
    other = _quantity(text, match.start(), match.end(), float(match[0].replace(".", "")))
    if other.kind == "money" and match[0].endswith("000"):
        return other
    return replace(quantity, offers=quantity.offers | other.offers)


def _quantity(text: str, start: int, end: int, value: float) -> Quantity:
    plain_year = end - start == 4 and 1000 <= value < 2100 and text[start:end].isdecimal()
    before = CURRENCY_BEFORE.search(text, max(0, start - 4), start)
    scale = SCALE.match(text, end) or (MONEY_SCALE if before else CAPITAL_SCALE).match(text, end)
    if scale:
        value *= SCALES[scale[0].lstrip("-").strip().lower()]
        end = scale.end()
    value = float(f"{value:.12g}")
    if text.endswith("百分之", 0, start):
        return _amount("percent", "percent", start - 3, end, value)
    if percent := PERCENT.match(text, end):
        return _amount("percent", "percent", start, percent.end(), value)
    if before:
        return _amount("money", CURRENCIES[before[1].lower()], before.start(), end, value)
    if after := CURRENCY_AFTER.match(text, end):
        return _amount("money", CURRENCIES[after[2].lower()], start, after.end(), value)
    minus = _MINUS.search(text, max(0, start - 7), start)
    if minus:
        start, value = minus.start(), -value
    if unit := find_unit(text, end):
        return _measured(start, unit[1], value, *unit[0])
    if plain_year and not scale and not minus:
        return date_of_year(start, end, value)
    return _plain(start, end, value)


def _plain(start: int, end: int, value: float) -> Quantity:
    need = ("number", value)
    offers = {need, ("bare", value)}
    if value.is_integer() and 1000 <= value < 2100:
        offers.add(("year", value))
    return Quantity("number", start, end, frozenset({need}), frozenset(offers), value)


def _measured(start: int, end: int, value: float, measures: str, size: float) -> Quantity:
    in_base_units = float(f"{value * size:.9g}")
    need = (measures, in_base_units)
    offers = frozenset({need, ("number", value)})
    return Quantity(measures, start, end, frozenset({need}), offers, in_base_units)


def _amount(kind: str, unit: str, start: int, end: int, value: float) -> Quantity:
    need = (unit, value)
    return Quantity(
        kind, start, end, frozenset({need}), frozenset({need, ("number", value)}), value
    )
