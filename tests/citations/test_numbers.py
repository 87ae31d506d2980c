import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websearch_agent.citations.number_words import chinese_value, english_value
from websearch_agent.citations.numbers import find_quantities, is_derived, is_rounded
from websearch_agent.citations.quantity import Quantity, is_offered

MONTHS = "January February March April May June July August September October November December"


def only(text: str) -> Quantity:
    (quantity,) = find_quantities(text)
    return quantity


def same(one: str, other: str) -> bool:
    """Whether the second text says the numbers of the first."""
    offers = frozenset().union(*(quantity.offers for quantity in find_quantities(other)))
    stated = find_quantities(one)
    return bool(stated) and all(is_offered(quantity, offers) for quantity in stated)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,234 ships", "1234 ships"),
        ("1.2 million people", "1,200,000 people"),
        ("12 个月", "十二个月"),
        ("3万", "30,000"),
        ("3 万人", "30000人"),
        ("twelve months", "12 months"),
        ("two hundred and five", "205"),
        ("twenty-one", "21"),
        ("25%", "25 percent"),
        ("25 per cent", "25％"),
        ("百分之十二", "12%"),
        ("$5,000", "5,000 dollars"),
        ("$5 billion", "US$5bn"),
        ("€30", "30 euros"),
        ("308.12亿元", "30812000000元"),
        ("三千五百", "3,500"),
        ("二〇一九年", "2019年"),
        ("第三届", "第3届"),
        ("2019", "20 December 2019"),
        ("December 2019", "20 December 2019"),
        ("December 20", "2019-12-20"),
        ("12 percent", "share (%): 12"),
    ],
)
def test_forms_of_one_value_are_equal(one: str, other: str) -> None:
    assert same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,234", "1,243"),
        ("1.2 million", "1.3 million"),
        ("25%", "25 euros"),
        ("$30", "€30"),
        ("20 December 2019", "21 December 2019"),
        ("20 December 2019", "20 December 2018"),
        ("2019", "2018"),
        ("3万", "3000"),
        ("330 m", "330 million"),
        ("十二个月", "二十个月"),
    ],
)
def test_other_values_are_not_equal(one: str, other: str) -> None:
    assert not same(one, other)


@given(st.dates(min_value=dt.date(1000, 1, 1), max_value=dt.date(2099, 12, 31)))
def test_a_date_is_the_same_in_every_form(date: dt.date) -> None:
    month = MONTHS.split()[date.month - 1]
    forms = [
        date.isoformat(),
        f"{date.year}年{date.month}月{date.day}日",
        f"{date.day} {month} {date.year}",
        f"{month} {date.day}, {date.year}",
        f"{month[:3]}. {date.day}, {date.year}",
        f"{date.month}/{date.day}/{date.year}",
    ]
    assert all(same(one, other) for one in forms for other in forms)


@given(st.integers(min_value=0, max_value=10**12))
def test_thousands_marks_do_not_matter(value: int) -> None:
    assert same(f"{value:,} km", f"{value} km")
    assert same(f"{value} km", f"{value:,} km")


@given(st.integers(min_value=2, max_value=9999))
def test_ten_thousands_are_multiplied(value: int) -> None:
    assert same(f"{value}万", f"{value * 10_000:,}")


@given(st.text(max_size=200))
def test_places_are_in_the_text_and_apart(text: str) -> None:
    quantities = find_quantities(text)
    ends = [0, *(quantity.end for quantity in quantities)]
    assert all(0 <= q.start < q.end <= len(text) for q in quantities)
    assert all(end <= q.start for end, q in zip(ends, quantities, strict=False))


def test_names_with_digits_are_no_numbers() -> None:
    assert find_quantities("COVID-19, GPT-4 and B2B") == []


def test_words_that_look_like_numerals_are_none() -> None:
    assert find_quantities("三亚十分美丽，万一下雨，一起去。") == []
    assert find_quantities("One of them is the one I like.") == []


def test_metres_are_no_millions() -> None:
    assert same("330 m", "330 metres")


def test_ranges_hold_both_ends() -> None:
    assert same("1914", "1914-1918")
    assert same("1918", "1914-1918")


def test_number_words_have_values() -> None:
    assert english_value("one hundred and twenty-three thousand") == 123_000
    assert chinese_value("一亿二千万") == 120_000_000
    assert chinese_value("十五") == 15
    assert chinese_value("十百") is None


def test_rounding_and_sums_are_told() -> None:
    assert is_rounded(1.2e6, [1_234_567])
    assert not is_rounded(1.3e6, [1_234_567])
    assert is_derived(30, [10, 20])
    assert is_derived(10, [30, 20])
    assert not is_derived(31, [10, 20])


def test_no_month_beyond_the_twelfth() -> None:
    assert all(need[0] != "day" for q in find_quantities("2019-13-45") for need in q.needs)


@pytest.mark.parametrize("piece", ["1,", "one ", "二", "2019-", "1", "May ", "百万", "12/"])
def test_endless_numbers_come_to_an_end(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    assert len(find_quantities(text)) <= len(text)


def test_percent_is_read_with_its_sign() -> None:
    assert only("12.5 %").kind == "percent"
