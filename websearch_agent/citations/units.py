"""Units behind a number: scales ("5 million"), currencies, and what is measured ("45 minutes")."""

import re
from typing import NamedTuple


class Unit(NamedTuple):
    """What is measured, and how much of its base unit one of these is."""

    measures: str
    in_base_units: float


SCALES = {
    "hundred": 1e2,
    "thousand": 1e3,
    "k": 1e3,
    "million": 1e6,
    "mn": 1e6,
    "m": 1e6,
    "billion": 1e9,
    "bn": 1e9,
    "b": 1e9,
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
CURRENCIES = {
    sign: currency
    for currency, signs in {
        "usd": "$ us$ dollar dollars usd 美元",
        "eur": "€ euro euros eur 欧元",
        "gbp": "£ pound pounds gbp 英镑",
        "cny": "¥ ￥ yuan rmb cny 元 人民币",
    }.items()
    for sign in signs.split()
}
PERCENT = re.compile(r"\s?(?:%|％|per\s?cent\b|percent\b|个百分点)", re.IGNORECASE)
SCALE = re.compile(
    r"[\s-]?(hundred|thousand|million|billion|trillion)\b|\s?(mn|bn|tn)\b|(k)\b"
    r"|\s?(万亿|百万|千万|百|千|万|萬|亿|億)",
    re.IGNORECASE,
)
# "20M users", "a 7B model"; "20m" are metres unless it is money.
CAPITAL_SCALE = re.compile(r"[MB]\b")
MONEY_SCALE = re.compile(r"[mb]\b", re.IGNORECASE)
CURRENCY_BEFORE = re.compile(r"(US\$|[$€£¥￥]|(?:USD|EUR|GBP|RMB|CNY)(?=\s))\s?$", re.IGNORECASE)
CURRENCY_AFTER = re.compile(
    r"\s?(US\s)?(dollars?|euros?|pounds?|yuan|usd|eur|rmb|美元|欧元|英镑|元|人民币|[$€£])",
    re.IGNORECASE,
)

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0
_YEAR = 365.25 * _DAY
# Words by what they measure; plurals are taken off before the look-up. Short, and none that is
# mostly something else ("pound" is money here, "second" behind an article no number).
_UNITS = {
    "length": {
        1e-3: "mm millimetre millimeter 毫米",
        1e-2: "cm centimetre centimeter 厘米",
        1.0: "m metre meter 米",
        1e3: "km kilometre kilometer 公里 千米",
        0.0254: "inch inches",
        0.3048: "ft foot feet 英尺",
        0.9144: "yard",
        1609.344: "mile 英里",
    },
    "area": {
        1.0: "m² m2 平方米",
        1e4: "ha hectare 公顷",
        4046.856: "acre 英亩",
        1e6: "km² km2 平方公里 平方千米",
        2_589_988.11: "sqmile",
    },
    "mass": {
        1e-6: "mg milligram 毫克",
        1e-3: "g gram 克",
        1.0: "kg kilogram kilo 公斤 千克",
        1e3: "tonne ton 吨",
        0.45359237: "lb",
    },
    "volume": {1e-3: "ml millilitre milliliter 毫升", 1.0: "litre liter 升"},
    "duration": {
        1e-3: "ms millisecond 毫秒",
        1.0: "second sec 秒",
        _MINUTE: "minute min 分钟",
        _HOUR: "hour hr h 小时",
        _DAY: "day 天",
        7 * _DAY: "week 星期",
        _YEAR / 12: "month 个月",
        _YEAR: "year yr 年",
    },
    "speed": {1.0: "km/h kph", 1.609344: "mph"},
    "power": {
        1.0: "w watt 瓦",
        1e3: "kw kilowatt 千瓦",
        1e6: "mw megawatt 兆瓦",
        1e9: "gw gigawatt",
    },
    "data": {1e3: "kb kilobyte", 1e6: "mb megabyte", 1e9: "gb gigabyte", 1e12: "tb terabyte"},
    "celsius": {1.0: "°c ℃ 摄氏度"},
    "fahrenheit": {1.0: "°f ℉ 华氏度"},
    "before christ": {1.0: "bc bce"},
}
_BY_NAME = {
    name: Unit(measures, size)
    for measures, sizes in _UNITS.items()
    for size, names in sizes.items()
    for name in names.split()
}
_LATIN = sorted((name for name in _BY_NAME if name[0] < "\u2000"), key=len, reverse=True)
_CHINESE = sorted((name for name in _BY_NAME if name[0] > "\u2fff"), key=len, reverse=True)
# 三年 is a duration; 三年级, 90年代, 三天津人 are none. 元月 and 周年 stay out by their first sign.
_UNIT = re.compile(
    rf"""(?P<square>[\s-]?(?:square|sq\.?)\s)?
      (?:[\s-]?(?P<latin>{"|".join(map(re.escape, _LATIN))})s?(?![\w/²])
        | \s?(?P<chinese>{"|".join(_CHINESE)}|℃|℉)(?![代级度月初底末津才上下前后]))""",
    re.VERBOSE | re.IGNORECASE,
)
_SQUARE = {"metre": "m²", "meter": "m²", "kilometre": "km²", "kilometer": "km²", "mile": "sqmile"}


def find_unit(text: str, start: int) -> tuple[Unit, int] | None:
    """The unit that begins right behind a number, and where it ends."""
    match = _UNIT.match(text, start)
    if match is None:
        return None
    name = (match["latin"] or match["chinese"]).lower()
    if match["square"]:
        name = _SQUARE.get(name, "")
    unit = _BY_NAME.get(name)
    return None if unit is None else (unit, match.end())
