"""Passages: cut along the page's structure, and always a true part of the page."""

import random
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from websearch_agent.pages.passages import MAX_CHARS, OVERFLOW, split_passages
from websearch_agent.pages.rank import diversify, rank_passages
from websearch_agent.types import Page


def page(text: str) -> Page:
    return Page(
        url="https://a.example/",
        final_url="https://a.example/b",
        title="T",
        text=text,
        content_type="text/html",
        fetched_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def sentences(count: int) -> str:
    return " ".join(f"This is sentence number {number} of the text." for number in range(count))


PIECES = st.sampled_from(
    ["# One\n", "## Two\n", "### Three", "\n\n", "\n", "- item\n", "| a | b |\n", "|---|---|\n",
     "```\n", "code()\n", "A sentence. ", "一个句子。", "word " * 60, "字" * 300, "x" * 900, "   ",
     "1. first\n", "#not a heading\n", "\t"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=400), st.integers(40, 900))
@settings(max_examples=300, deadline=None)
def test_passage_is_the_page_between_its_indexes(text: str, max_chars: int) -> None:
    passages = split_passages(page(text), max_chars=max_chars)
    last_end = 0
    for passage in passages:
        assert text[passage.start_index : passage.end_index] == passage.text
        assert passage.text.strip()
        assert passage.start_index >= last_end
        assert len(passage.text.encode()) <= max_chars * OVERFLOW
        last_end = passage.end_index


@given(st.lists(PIECES, max_size=40).map("".join))
@settings(max_examples=200, deadline=None)
def test_no_word_is_lost(text: str) -> None:
    passages = split_passages(page(text))
    found = "".join(passage.heading + passage.text for passage in passages)
    for word in ("One", "Two", "Three", "item", "sentence", "句", "code"):
        assert (word in found) == (word in text)


def test_headings_become_the_path() -> None:
    text = f"# A\n\n{sentences(9)}\n\n## B\n\n{sentences(9)}\n\n# C\n\n{sentences(9)}"
    assert [passage.heading for passage in split_passages(page(text))] == ["A", "A › B", "C"]


def test_short_sections_are_joined_and_keep_their_headings_in_the_text() -> None:
    text = "# Keys\n\n## Copy\n\nPress C.\n\n## Paste\n\nPress V."
    (passage,) = split_passages(page(text))
    assert passage.text == text


def test_long_paragraph_is_cut_between_sentences() -> None:
    passages = split_passages(page(sentences(60)))
    assert len(passages) > 2
    assert all(passage.text.startswith("This is sentence") for passage in passages)
    assert all(passage.text.endswith("of the text.") for passage in passages)


def test_initials_and_titles_do_not_end_a_sentence() -> None:
    text = " ".join(f"Here Dr. Smith and J. Doe wrote letter {n} to Mr. Brown." for n in range(40))
    assert all(part.text.startswith("Here Dr.") for part in split_passages(page(text)))


def test_chinese_counts_three_and_is_cut_between_sentences() -> None:
    passages = split_passages(page("今天的天气很好，我们去公园散步。" * 60))
    assert all(150 <= len(passage.text) <= 250 for passage in passages[:-1])
    assert all(passage.text.endswith("。") for passage in passages)


def test_code_block_that_fits_stays_whole() -> None:
    code = "```\n" + "\n\n".join(f"line_{number} = {number}" for number in range(25)) + "\n```"
    passages = split_passages(page(f"{sentences(12)}\n\n{code}\n\n{sentences(12)}"))
    assert sum(code in passage.text for passage in passages) == 1


def test_hash_in_code_is_no_heading() -> None:
    (passage,) = split_passages(page("# Real\n\n```\n# comment\nx = 1\n```\n\nSome words."))
    assert passage.heading == "Real"


def test_long_table_is_cut_between_rows_and_later_parts_name_the_columns() -> None:
    rows = "\n".join(f"| city {number} | {number * 1000} inhabitants |" for number in range(80))
    passages = split_passages(page(f"# Cities\n\n| Name | Size |\n|---|---|\n{rows}"))
    assert passages[0].text.startswith("| Name | Size |")
    assert all(passage.text.startswith("| city") for passage in passages[1:])
    assert all(passage.text.endswith("|") for passage in passages)
    assert {passage.heading for passage in passages[1:]} == {"Cities › Name | Size"}


def test_empty_page_has_no_passages() -> None:
    assert split_passages(page("")) == []
    assert split_passages(page(" \n\n ")) == []


def test_large_page_is_split_quickly() -> None:
    text = "\n\n".join([f"## Part {n}\n\n{sentences(30)}" for n in range(70)])
    started = time.process_time()
    split_passages(page(text[:100_000]))
    # Measured 15 ms; the bound is loose because machines are shared.
    assert time.process_time() - started < 0.5


SIZE = 400_000
RANDOM = random.Random(1)


def mixed(characters: str) -> str:
    return "".join(RANDOM.choices(characters, k=SIZE))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("The bridge. " + mixed(".!?") + "x", id="marks"),
        pytest.param(mixed(".!?…。") + "x", id="Latin and Chinese marks"),
        pytest.param("a." + mixed("\"'*_") + "x", id="quotes behind a mark"),
        pytest.param("a. " + " " * SIZE + "x", id="spaces"),
        pytest.param(". " * (SIZE // 2), id="marks and spaces"),
        pytest.param("# " + mixed(" \t") + "x" * 200, id="spaces before a title"),
        pytest.param("# " + "#" * SIZE + "x" * 200, id="hashes before a title"),
        pytest.param("#" * SIZE, id="hashes"),
        pytest.param("|" * SIZE, id="bars"),
        pytest.param("`" * SIZE, id="backticks"),
        pytest.param("w" * SIZE, id="one word"),
        pytest.param("a" + "." * SIZE, id="a word and dots"),
        pytest.param("\n" * SIZE, id="newlines"),
        pytest.param(mixed("# \t|`.\n-a!"), id="everything"),
    ],
)
def test_hostile_text_takes_no_longer_than_another(text: str) -> None:
    started = time.process_time()
    passages = split_passages(page(text))
    kept = diversify(rank_passages(passages, ["red bridge"]))
    # Measured 0.03 to 1.1 s; with a quadratic pattern it was minutes.
    assert time.process_time() - started < 10
    assert bool(kept) == bool(text.strip())
    assert max((len(passage.text) for passage in kept), default=0) <= OVERFLOW * MAX_CHARS


def test_heading_keeps_its_title_and_an_endless_one_is_text() -> None:
    (passage,) = split_passages(page("##  A # title ## \t#\n\nSome words."))
    assert passage.heading == "A # title"
    (text,) = split_passages(page(f"# {'x' * 161}\n\nSome words."))
    assert text.heading == ""


def test_code_in_a_list_ends_where_its_indented_fence_does() -> None:
    example = "- Example:\n  ```\n  run()\n  ```\n- More."
    text = f"## First\n\n{sentences(12)}\n\n{example}\n\n## Second\n\n{sentences(12)}"
    assert {passage.heading for passage in split_passages(page(text))} == {"First", "Second"}
