"""Words such as "last week" in a query become the date that they mean: no page says "last week".

Done here and not by the model: a small one copies them although it is told today's date.
"""

import datetime as dt
import re
from collections.abc import Callable

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def with_absolute_dates(query: str, *, today: dt.date) -> str:
    """The query with the days, weeks, months and years that it names by today's written out."""
    for pattern, english, chinese in _RULES:
        query = pattern.sub(_writer(english, chinese, today), query)
    return " ".join(query.split())


def _writer(
    english: Callable[[dt.date], str], chinese: Callable[[dt.date], str], today: dt.date
) -> Callable[[re.Match[str]], str]:
    def write(match: re.Match[str]) -> str:
        return f" {english(today)}" if match[0].isascii() else chinese(today)

    return write


def _english_day(day: dt.date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _chinese_day(day: dt.date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def _english_month(day: dt.date) -> str:
    return f"{_MONTHS[day.month - 1]} {day.year}"


def _chinese_month(day: dt.date) -> str:
    return f"{day.year}年{day.month}月"


def _ago(days: int) -> Callable[[dt.date], dt.date]:
    return lambda today: today - dt.timedelta(days=days)


def _monday(weeks_ago: int) -> Callable[[dt.date], dt.date]:
    return lambda today: today - dt.timedelta(days=today.weekday() + 7 * weeks_ago)


def _last_month(today: dt.date) -> dt.date:
    return today.replace(day=1) - dt.timedelta(days=1)


def _rule(
    words: str,
    meant: Callable[[dt.date], dt.date],
    english: Callable[[dt.date], str],
    chinese: Callable[[dt.date], str],
) -> tuple[re.Pattern[str], Callable[[dt.date], str], Callable[[dt.date], str]]:
    return (
        re.compile(words, re.IGNORECASE),
        lambda today: english(meant(today)),
        lambda today: chinese(meant(today)),
    )


def _english_week(monday: dt.date) -> str:
    return f"week of {_english_day(monday)}"


def _chinese_week(monday: dt.date) -> str:
    return f"{_chinese_day(monday)}那一周"


_RULES = (
    # With a capital it is a newspaper or a show.
    _rule(r"\s*\b(?-i:today|tonight)\b|今天|今日", _ago(0), _english_day, _chinese_day),
    _rule(r"\s*\byesterday\b|昨天|昨日", _ago(1), _english_day, _chinese_day),
    _rule(
        r"\s*\bthis week\b|本周|(?:这周|这个?星期)(?![一二三四五六日天末])",
        _monday(0),
        _english_week,
        _chinese_week,
    ),
    _rule(
        r"\s*\blast week\b|上个?(?:周|星期)(?![一二三四五六日天末])",
        _monday(1),
        _english_week,
        _chinese_week,
    ),
    _rule(r"\s*\bthis month\b|本月|这个月", _ago(0), _english_month, _chinese_month),
    _rule(r"\s*\blast month\b|上个?月", _last_month, _english_month, _chinese_month),
    _rule(r"\s*\bthis year\b|今年", _ago(0), lambda d: str(d.year), lambda d: f"{d.year}年"),
    _rule(
        r"\s*\blast year\b|去年",
        lambda today: today.replace(year=today.year - 1, day=1),
        lambda d: str(d.year),
        lambda d: f"{d.year}年",
    ),
)
