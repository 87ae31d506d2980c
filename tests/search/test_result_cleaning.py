"""Foreign texts of engines become plain ones, and what is no text is left out."""

from dataclasses import replace

import pytest

from tests.search.search_fakes import FakeEngine, make_result
from websearch_agent.errors import EngineResponseChanged
from websearch_agent.search.fan_out import search_all
from websearch_agent.search.result_cleaning import clean_results
from websearch_agent.types import SearchQuery, SearchResult

GOOD = make_result("https://a.example/", title="A title", snippet="Some words.")


def test_half_characters_and_control_characters_are_dropped() -> None:
    dirty = replace(
        GOOD, title="A\ud83d \x1b[31mtitle\n", snippet="one\r\ntwo\x00", date="2026\x07"
    )

    assert clean_results("fake", [GOOD, dirty]) == [
        GOOD,
        replace(GOOD, title="A title", snippet="one two", date="2026"),
    ]


def test_characters_that_nobody_sees_are_dropped_from_titles_and_snippets() -> None:
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in "obey")
    dirty = replace(
        GOOD,
        title="A\u202e ti\u200btle\u2066\ufeff",
        snippet=f"Some\xad words\u200f{hidden}.\u2028",
        date="2026\u200e",
    )

    assert clean_results("fake", [dirty]) == [replace(GOOD, date="2026")]


def test_joiners_that_carry_meaning_stay() -> None:
    title = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \U0001f468\u200d\U0001f469"

    assert clean_results("fake", [replace(GOOD, title=title)])[0].title == title


@pytest.mark.parametrize("mark", ["\u202e", "\u200b", "\ufeff", "\n"])
def test_result_whose_address_shows_itself_as_another_is_left_out(mark: str) -> None:
    broken = replace(GOOD, url=f"https://a.example/{mark}gpj.exe")

    assert clean_results("fake", [broken, GOOD]) == [GOOD]


def test_title_of_nothing_readable_is_the_address() -> None:
    assert clean_results("fake", [replace(GOOD, title="\ud83d\x00")])[0].title == GOOD.url


@pytest.mark.parametrize("field", ["url", "title", "snippet", "date"])
def test_result_with_a_field_that_is_no_string_is_left_out(field: str) -> None:
    wrong: SearchResult = replace(GOOD, **{field: 5})  # type: ignore[arg-type]

    assert clean_results("fake", [wrong, GOOD]) == [GOOD]
    with pytest.raises(EngineResponseChanged, match="fake"):
        clean_results("fake", [wrong])


def test_result_whose_address_is_no_address_is_left_out() -> None:
    broken = replace(GOOD, url="https://a.example/\ud83d")

    assert clean_results("fake", [broken, GOOD]) == [GOOD]
    assert clean_results("fake", []) == []


@pytest.mark.anyio
async def test_every_engine_passes_through_it() -> None:
    failing = FakeEngine("bad", error=EngineResponseChanged("no\ud83dt\x1b understood"))
    broken = FakeEngine("broken", ["https://a.example/\ud83d"])

    outcome = await search_all([failing, broken], [SearchQuery("q")], deadline_s=5)

    assert [failure.reason for failure in outcome.failures] == [
        "not understood",
        "the results of broken have not the expected form",
    ]
