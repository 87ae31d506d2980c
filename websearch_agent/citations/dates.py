"""Dates, decades, centuries and times of day in a text, however they are written."""

import re
from collections.abc import Iterator

from websearch_agent.citations.number_words import chinese_value, english_value
from websearch_agent.citations.quantity import DATED, YEARLESS, Quantity

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
    | (?P<eu_d>{_DAY})\.(?P<eu_m>0?[1-9]|1[0-2])\.(?P<eu_y>{_YEAR})
    | (?P<md_m>\b{_MONTH})\s?(?P<md_d>{_DAY})(?:,?\s(?P<md_y>{_YEAR}))?
    | (?P<dm_d>{_DAY})\s(?:of\s)?(?P<dm_m>{_MONTH})(?:,?\s?(?P<dm_y>{_YEAR}))?
    | (?P<my_m>\b{_MONTH}),?\s(?:of\s)?(?P<my_y>{_YEAR})
    | (?P<cn_y>{_CN})\s?年\s?(?P<cn_m>{_CN})\s?月(?:份|\s?(?P<cn_d>{_CN})\s?[日号])?
    | (?P<cm_m>{_CN})\s?月\s?(?P<cm_d>{_CN})\s?[日号]
    | (?P<y_y>[12]\d{{3}}|[一二][〇零一二三四五六七八九]{{3}})\s?年
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_DECADE = re.compile(
    r"(?<![\d.,])(?P<years>[12]\d{2}0)['’]?s\b"
    r"|(?P<century>\d{1,2}|[一二十]{1,3}|上|本)\s?世纪\s?(?P<tens>[1-9]0|[一二三四五六七八九]十)年代"
    r"|(?<!\d)(?P<alone>[1-9]0|[二三四五六七八九]十)年代"
)
_CENTURY = re.compile(
    r"(?P<bc>公元前)?(?P<chinese>(?<!\d)\d{1,2}|[一二十]{1,3})\s?世纪"
    r"|\b(?P<english>\d{1,2}(?:st|nd|rd|th)|(?:twenty[\s-])?(?:first|second|third|fourth|fifth"
    r"|sixth|seventh|eighth|ninth)|\w{3,7}(?:teen|tie)th|tenth|eleventh|twelfth)"
    r"[\s-](?:century|centuries)\b(?P<bce>\s(?:BCE?|B\.C\.))?",
    re.IGNORECASE,
)
_CLOCK = re.compile(
    r"(?<![\d.,:])(?P<hour>[01]?\d|2[0-4])(?::(?P<minute>[0-5]\d)(?::[0-5]\d)?(?![\d:])"
    r"(?:\s?(?P<half>[ap])\.?m\b)?|\s?(?P<only>[ap])\.?m\b)"
    r"|(?P<part>上午|早上|早|凌晨|中午|下午|傍晚|晚上|晚间|晚)?(?<![\d.,:])"
    r"(?P<cn>\d{1,2}|[一二三四五六七八九十两]{1,3})\s?[点时]"
    r"(?:(?P<halfpast>半)|(?P<cnm>\d{1,2})分|(?P<sharp>整|钟))?",
    re.IGNORECASE,
)
_AFTERNOON = ("下午", "傍晚", "晚上", "晚间", "晚", "中午")
# "90年代" without its century, and "上世纪".
_LAST_CENTURY = 1900


def find_dates(text: str) -> Iterator[Quantity]:
    """Every date and time of the text; one may overlap another, those that say more come first."""
    yield from _decades(text)
    yield from _centuries(text)
    yield from _dates(text)
    yield from _clocks(text)


def _decades(text: str) -> Iterator[Quantity]:
    for match in _DECADE.finditer(text):
        if match["years"]:
            decade = int(match["years"])
        else:
            tens = _date_part(match["tens"] or match["alone"]) or 0
            century = {"上": 20, "本": 21}.get(match["century"] or "上")
            century = century or _date_part(match["century"]) or 0
            decade = 100 * (century - 1) + tens
        need = frozenset({("decade", decade)})
        yield Quantity("date", match.start(), match.end(), need, need)


def _centuries(text: str) -> Iterator[Quantity]:
    for match in _CENTURY.finditer(text):
        written = match["chinese"] or match["english"]
        century = int(english_value(written)) or _date_part(written)
        if century:
            sign = -1 if match["bc"] or match["bce"] else 1
            need = frozenset({("century", sign * century)})
            offers = need | {("number", century)}
            yield Quantity("century", match.start(), match.end(), need, offers, sign * century)


def _clocks(text: str) -> Iterator[Quantity]:
    for match in _CLOCK.finditer(text):
        part, half = match["part"] or "", (match["half"] or match["only"] or "").lower()
        hour = int(match["hour"]) if match["hour"] else _date_part(match["cn"])
        told = match["hour"] or part or match["halfpast"] or match["cnm"] or match["sharp"]
        if hour is None or hour > 24 or not told:
            continue
        minutes = 30 if match["halfpast"] else int(match["minute"] or match["cnm"] or 0)
        if half:
            hour = hour % 12 + 12 * (half == "p")
        elif part in _AFTERNOON and hour < 12 and not (part == "中午" and hour > 9):
            hour += 12
        need = ("time", float(60 * hour + minutes))
        offers = {need}
        if not half and not part and hour <= 12:
            offers.add(("time", float(60 * (hour % 12 + 12) + minutes)))
        yield Quantity(
            "time", match.start(), match.end(), frozenset({need}), frozenset(offers), need[1]
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
        offers |= {("number", year), ("decade", year // 10 * 10), ("century", -(-year // 100))}
    if month and day:
        needs.add(("day", month * 100 + day))
        offers |= {("month", month), ("number", day)}
    elif month:
        needs.add(("month", month))
    if other and other[0] <= 12:
        offers.add(("day", other[0] * 100 + other[1]))
    for month_told, day_told in ((month, day), *([other] if other else [])):
        if month_told:
            # One date's year and another's day are no date together.
            name, whole = (DATED, year * 10_000) if year else (YEARLESS, 0)
            whole += month_told * 100
            offers |= {(name, whole), (name, whole + (day_told or 0))}
    return Quantity("date", match.start(), match.end(), frozenset(needs), frozenset(needs | offers))


def _date_part(written: str) -> int | None:
    if month := MONTHS.get(written.lower().rstrip(".")):
        return month
    digits = re.match(r"\d+", written)
    if digits:
        return int(digits[0])
    value = None if written.isascii() else chinese_value(written)
    return None if value is None else int(value)


def date_of_year(start: int, end: int, value: float) -> Quantity:
    """A number of four digits that can be a year, and nothing behind it says otherwise."""
    needs = frozenset({("year", value)})
    offers = {("number", value), ("decade", value // 10 * 10), ("century", -(-value // 100))}
    return Quantity("date", start, end, needs, needs | offers, value)
