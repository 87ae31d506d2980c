"""Markers that the program adds, and numbers that give way to another source's."""

import pytest
from citations.marker_streams import cuts, pieces_of, result, stream, texts
from hypothesis import given

from websearch_agent.citations.markers import CitationStream

# ---- markers that are added ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("One is so. Two is so [1].", "One is so. [3] Two is so [1]."),
        ("One is so [1]. Two is so", "One is so [1]. Two is so [3]"),
        ("One is so. [2] Two [1].", "One is so. [2] Two [1]."),
        ("[1] One is so. [2] Two is so.", "[1] One is so. [2] Two is so."),
        ("[1] One is so. Two is so.", "[1] One is so. Two is so. [3]"),
        ("- [1] One is so. [2] Two is so.\n", "- [1] One is so. [2] Two is so.\n"),
        ("第一句。第二句[1]。", "第一句。[3]第二句[1]。"),
        ("- one\n- two [1]\n", "- one [3]\n- two [1]\n"),
        ("# Title\n\nIt is [1].", "# Title\n\nIt is [1]."),
        ("# Title. More\n\nIt is [1].", "# Title. More\n\nIt is [1]."),
        ("**Title**\n\nIt is [1].", "**Title**\n\nIt is [1]."),
        ("| a | b |\n|---|---|\n| 1 | 2 |\n", "| a | b |\n|---|---|\n| 1 | 2 |\n"),
        ("Steps:\n1. do it [1]", "Steps:\n1. do it [1]"),
        ("It is [1]:\n```\nx = 1. \n\ny\n```\n", "It is [1]:\n```\nx = 1. \n\ny\n```\n"),
        ("Version 3.11 has it, e.g. here [1].", "Version 3.11 has it, e.g. here [1]."),
        ("Call `a. b` now [1].", "Call `a. b` now [1]."),
        ("Wrong. [99] Next [1].", "Wrong. [3] Next [1]."),
        ("It is [1].\n\n[^1]: A title. More", "It is [1].\n\n[1]: A title. More"),
        ("It is [1].\n\nSources: A. B", "It is [1].\n\nSources: A. B"),
        ("It is [1].\n\n## Sources\n\n1. A. B\n", "It is [1].\n\n## Sources\n\n1. A. B\n"),
        ("It is [1].\n\n参考资料：\n- [1] 甲。乙\n", "It is [1].\n\n参考资料：\n- [1] 甲。乙\n"),
        ("## Sources\n\nIt is so.", "## Sources\n\nIt is so. [3]"),
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


@given(text=texts, sizes=cuts)
def test_added_markers_never_depend_on_chunking(text: str, sizes: list[int]) -> None:
    def find(statement: str) -> int:
        return 1 + len(statement) % 3

    whole = stream(text, chunk=len(text) + 1, find_source=find)
    cut = CitationStream((1, 2, 3), find_source=find)
    for piece in pieces_of(text, sizes):
        cut.feed(piece)
    cut.finish()
    assert result(cut) == result(whole)


# ---- numbers that give way -------------------------------------------------------------------


def named(citations: CitationStream) -> list[tuple[int, bool]]:
    return [(marker.source_number, marker.added) for marker in citations.markers]


def test_number_gives_way_at_its_place_to_the_one_that_says_it() -> None:
    asked: list[tuple[str, int]] = []

    def resolve(statement: str, number: int) -> int:
        asked.append((statement, number))
        return 2

    citations = stream("It is red [1], they say. It is long [2].", resolve=resolve)
    assert citations.text == "It is red [2], they say. It is long [2]."
    assert asked == [("It is red", 1), ("It is long", 2)]
    assert citations.dropped_markers == 1
    assert named(citations) == [(2, True), (2, False)]


def test_statement_whose_number_gave_way_is_cited() -> None:
    """The source of the whole is not asked for: here there is none, and the number stays."""
    found = stream("It is red [1], although not all say so.", resolve=lambda _s, _n: 3)
    assert found.text == "It is red [3], although not all say so."


@pytest.mark.parametrize(
    ("written", "shown", "dropped"),
    [
        ("Red [1, 2].", "Red [2].", 1),
        ("Red [2, 1].", "Red [2].", 1),
        ("Red [1][2].", "Red [2].", 1),
        ("Red [1], and red [1].", "Red [2], and red.", 2),
        ("Red [2], and red [2].", "Red [2], and red [2].", 0),
        ("Red [1]. Red [2].", "Red [2]. Red [2].", 1),
    ],
)
def test_number_that_took_anothers_place_stands_once_in_a_statement(
    written: str, shown: str, dropped: int
) -> None:
    citations = stream(written, resolve=lambda _statement, _number: 2)
    assert (citations.text, citations.dropped_markers) == (shown, dropped)


@pytest.mark.parametrize("resolved", [None, 9])
def test_number_for_which_none_is_put_is_dropped_and_counted(resolved: int | None) -> None:
    citations = stream("It is red [1].", resolve=lambda _statement, _number: resolved)
    assert (citations.text, citations.dropped_markers) == ("It is red.", 1)
    assert citations.markers == []


def test_marker_in_front_of_its_statement_is_not_asked_about() -> None:
    citations = stream("[1] It is red.", resolve=lambda _statement, _number: None)
    assert citations.text == "[1] It is red."


@given(text=texts, sizes=cuts)
def test_numbers_that_give_way_never_depend_on_chunking(text: str, sizes: list[int]) -> None:
    def resolve(statement: str, number: int) -> int | None:
        return (None, 1, 2, 3, number)[(len(statement) + number) % 5]

    whole = stream(text, chunk=len(text) + 1, resolve=resolve)
    cut = CitationStream((1, 2, 3), resolve=resolve)
    for piece in pieces_of(text, sizes):
        cut.feed(piece)
    cut.finish()
    assert result(cut) == result(whole)
