from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websearch_agent.citations.markers import CitationStream


def stream(
    text: str,
    *,
    known: tuple[int, ...] = (1, 2, 3),
    chunk: int = 1,
    find_source: Callable[[str], int | None] = lambda _: None,
) -> CitationStream:
    citations = CitationStream(known, find_source=find_source)
    for start in range(0, len(text), chunk):
        citations.feed(text[start : start + chunk])
    citations.finish()
    return citations


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("So it is [1].", "So it is [1]."),
        ("So it is [1][2].", "So it is [1][2]."),
        ("So it is [1, 2].", "So it is [1][2]."),
        ("So it is [1-3].", "So it is [1][2][3]."),
        ("So it is [citation:3].", "So it is [3]."),
        ("So it is [ citation:3 ].", "So it is [3]."),
        ("So it is [[citation:3]].", "So it is [3]."),
        ("是这样【1】。", "是这样[1]。"),
        ("是这样［１］。", "是这样[1]。"),
        ("是这样[来源2]。", "是这样[2]。"),
        ("So it is [^1].", "So it is [1]."),
        ("So it is [Source 2].", "So it is [2]."),
        ("So it is [Sources 1 and 3].", "So it is [1][3]."),
    ],
)
def test_every_form_of_a_marker_becomes_the_plain_one(written: str, shown: str) -> None:
    assert stream(written).text == shown


@pytest.mark.parametrize(
    "text",
    [
        "Use `a[1]` here.",
        "```\nx[1] = [2]\n```\n",
        "~~~python\n[1]\n~~~\n",
        "See [1](https://example.org).",
        "An escaped \\[1\\] bracket.",
        "The year [2024], a [x], a [to do], a lone [ and [1",
        "``code with ` and [1]``",
    ],
)
def test_code_links_and_other_brackets_are_left_alone(text: str) -> None:
    citations = stream(text)
    assert citations.text == text
    assert citations.markers == []


def test_marker_without_source_is_dropped_and_counted() -> None:
    citations = stream("True [1] and false [99].")
    assert citations.text == "True [1] and false."
    assert citations.dropped_markers == 1
    assert [m.source_number for m in citations.markers] == [1]


def test_marker_behind_unclosed_backtick_is_found_in_the_next_paragraph() -> None:
    assert [m.source_number for m in stream("a ` b [1]\n\nc [2]").markers] == [2]


def test_at_most_a_marker_is_held_back() -> None:
    citations = CitationStream([1])
    assert citations.feed("Plain words go out at once") == "Plain words go out at once"
    assert citations.feed(" [") == ""
    assert citations.feed("not a marker!") == " [not a marker!"


alphabet = st.text(alphabet=list("[]【】［`~\\ \n123,-^:：citaon(。x"), max_size=60)


@given(text=alphabet, chunk=st.integers(min_value=1, max_value=9))
def test_the_result_never_depends_on_chunking(text: str, chunk: int) -> None:
    whole, cut = stream(text, chunk=len(text) + 1), stream(text, chunk=chunk)
    assert (cut.text, cut.markers) == (whole.text, whole.markers)
    assert cut.dropped_markers == whole.dropped_markers


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("One is so. Two is so [1].", "One is so. [3] Two is so [1]."),
        ("One is so [1]. Two is so", "One is so [1]. Two is so [3]"),
        ("One is so. [2] Two [1].", "One is so. [2] Two [1]."),
        ("第一句。第二句[1]。", "第一句。[3]第二句[1]。"),
        ("- one\n- two [1]\n", "- one [3]\n- two [1]\n"),
        ("# Title\n\nIt is [1].", "# Title\n\nIt is [1]."),
        ("Steps:\n1. do it [1]", "Steps:\n1. do it [1]"),
        ("It is [1]:\n```\nx = 1. \n\ny\n```\n", "It is [1]:\n```\nx = 1. \n\ny\n```\n"),
        ("Version 3.11 has it, e.g. here [1].", "Version 3.11 has it, e.g. here [1]."),
        ("Call `a. b` now [1].", "Call `a. b` now [1]."),
        ("Wrong. [99] Next [1].", "Wrong. [3] Next [1]."),
    ],
)
def test_statement_without_marker_gets_the_source_that_says_it(written: str, shown: str) -> None:
    assert stream(written, find_source=lambda _: 3).text == shown


def test_added_markers_are_marked_as_added() -> None:
    citations = stream("One is so. Two is so [1].", find_source=lambda _: 3)
    assert [(m.source_number, m.added) for m in citations.markers] == [(3, True), (1, False)]


def test_statement_is_handed_over_whole() -> None:
    asked: list[str] = []
    stream("One `is` so. Two\n", find_source=lambda statement: asked.append(statement))
    assert asked == ["One `is` so.", "Two"]


@given(text=alphabet, chunk=st.integers(min_value=1, max_value=9))
def test_added_markers_never_depend_on_chunking(text: str, chunk: int) -> None:
    def find(statement: str) -> int:
        return 1 + len(statement) % 3

    whole = stream(text, chunk=len(text) + 1, find_source=find)
    cut = stream(text, chunk=chunk, find_source=find)
    assert (cut.text, cut.markers) == (whole.text, whole.markers)


@given(text=alphabet)
def test_markers_point_at_themselves(text: str) -> None:
    citations = stream(text)
    for marker in citations.markers:
        place = citations.text[marker.start_index : marker.end_index]
        assert place == f"[{marker.source_number}]"
