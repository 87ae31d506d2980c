from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websearch_agent.citations.markers import MAX_HELD_CHARS, CitationStream


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


FORMS = [
    ("So it is [1].", "So it is [1]."),
    ("So it is[1].", "So it is[1]."),
    ("So it is [1][2].", "So it is [1][2]."),
    ("So it is [1] [2].", "So it is [1] [2]."),
    ("So it is [1, 2].", "So it is [1][2]."),
    ("So it is [1,2,3].", "So it is [1][2][3]."),
    ("So it is [1; 3].", "So it is [1][3]."),
    ("So it is [1-3].", "So it is [1][2][3]."),
    ("So it is [1–3].", "So it is [1][2][3]."),
    ("So it is [1—3].", "So it is [1][2][3]."),
    ("So it is [1 to 3].", "So it is [1][2][3]."),
    ("So it is [1, 2-3].", "So it is [1][2][3]."),
    ("So it is [1, 1].", "So it is [1]."),
    ("So it is [citation:3].", "So it is [3]."),
    ("So it is [ citation:3 ].", "So it is [3]."),
    ("So it is [Citation: 3].", "So it is [3]."),
    ("So it is [citation:1, citation:2].", "So it is [1][2]."),
    ("So it is [[citation:3]].", "So it is [3]."),
    ("So it is [[1]].", "So it is [1]."),
    ("So it is [^1].", "So it is [1]."),
    ("So it is [^1][^2].", "So it is [1][2]."),
    ("So it is [^1, ^2].", "So it is [1][2]."),
    ("So it is [Source 2].", "So it is [2]."),
    ("So it is [source: 2].", "So it is [2]."),
    ("So it is [Ref. 2].", "So it is [2]."),
    ("So it is [Document 2].", "So it is [2]."),
    ("So it is [Sources 1 and 3].", "So it is [1][3]."),
    ("So it is [Sources 1, 2, and 3].", "So it is [1][2][3]."),
    ("So it is [1] and [Source 2].", "So it is [1] and [2]."),
    ("So it is [1†source].", "So it is [1]."),
    ("So it is 【1†L10-L12】.", "So it is [1]."),
    ("So it is (Source 2).", "So it is [2]."),
    ("So it is (sources 1, 2).", "So it is [1][2]."),
    ("So it is (citation:3).", "So it is [3]."),
    ("是这样【1】。", "是这样[1]。"),
    ("是这样【1】【2】。", "是这样[1][2]。"),
    ("是这样【1，2】。", "是这样[1][2]。"),
    ("是这样［１］。", "是这样[1]。"),
    ("是这样［１－３］。", "是这样[1][2][3]。"),
    ("是这样[１、２]。", "是这样[1][2]。"),
    ("是这样[1]，[2]。", "是这样[1]，[2]。"),
    ("是这样[1]、[2]。", "是这样[1]、[2]。"),
    ("是这样[1至3]。", "是这样[1][2][3]。"),
    ("是这样[1和3]。", "是这样[1][3]。"),
    ("是这样[来源2]。", "是这样[2]。"),
    ("是这样[来源：2]。", "是这样[2]。"),
    ("是这样【来源：1、2】。", "是这样[1][2]。"),
    ("是这样[参考资料2]。", "是这样[2]。"),
    ("是这样（来源2）。", "是这样[2]。"),
    ("是这样（来源：1、2）。", "是这样[1][2]。"),
]


@pytest.mark.parametrize("chunk", [1, 3, 100])
@pytest.mark.parametrize(("written", "shown"), FORMS)
def test_every_form_of_a_marker_becomes_the_plain_one(written: str, shown: str, chunk: int) -> None:
    citations = stream(written, chunk=chunk)
    assert citations.text == shown
    assert len(citations.markers) == shown.count("[")
    assert citations.dropped_markers == 0


@pytest.mark.parametrize(
    "text",
    [
        "Use `a[1]` here.",
        "```\nx[1] = [2]\n```\n",
        "~~~python\n[1]\n~~~\n",
        "1. Do:\n\n    ```\n    x[1]\n    ```\n",
        "> ```\n> x[1]\n> ```\n",
        "```\n```python\n[1]\n```\n",
        "````\n```\n[1]\n````\n",
        "```x[1]``` in a line",
        "See [1](https://example.org).",
        "See [[1]](https://example.org).",
        "See [the list](https://example.org/a[1]b) there.",
        "An escaped \\[1\\] bracket.",
        "The year [2024], a [x], a [to do], a lone [ and [1",
        "``code with ` and [1]``",
        "(1) first, (2) second, (see 3), (source) and (Document 2)",
        "It took (1999-2003) years, [Table 2] and [page 3]",
        "The bytes [0, 255], the index [0], the interval [10, 250] and [1-100].",
        "Take x[7] and y[12].",
        "第[一]章（见第2节）",
    ],
)
def test_code_links_and_other_brackets_are_left_alone(text: str) -> None:
    citations = stream(text)
    assert citations.text == text
    assert citations.markers == []
    assert citations.dropped_markers == 0


def test_marker_without_source_is_dropped_and_counted() -> None:
    citations = stream("True [1] and false [99].")
    assert citations.text == "True [1] and false."
    assert citations.dropped_markers == 1
    assert [m.source_number for m in citations.markers] == [1]


@pytest.mark.parametrize(
    ("written", "shown", "dropped"),
    [
        ("So [1, 9].", "So [1].", 1),
        ("So [7, 8].", "So.", 2),
        ("So [2-5].", "So [2][3].", 2),
        ("So【9】。", "So。", 1),
        ("So [citation:0].", "So.", 1),
        ("So (Source 9).", "So.", 1),
        ("A fact[9].", "A fact.", 1),
        ("[^9]: A title\n[^1]: Another", " A title\n[1]: Another", 1),
    ],
)
def test_only_the_numbers_without_source_are_dropped(
    written: str, shown: str, dropped: int
) -> None:
    citations = stream(written)
    assert (citations.text, citations.dropped_markers) == (shown, dropped)


def test_without_sources_no_number_becomes_a_marker() -> None:
    citations = stream("A chat says [1], a[2] and [0].", known=())
    assert citations.markers == []
    assert citations.text == "A chat says, a[2] and [0]."


def test_marker_behind_unclosed_backtick_is_found_in_the_next_paragraph() -> None:
    assert [m.source_number for m in stream("a ` b [1]\n\nc [2]").markers] == [2]


def test_at_most_a_marker_is_held_back() -> None:
    citations = CitationStream([1])
    assert citations.feed("Plain words go out at once") == "Plain words go out at once"
    assert citations.feed(" [") == ""
    assert citations.feed("not a marker!") == " [not a marker!"
    assert citations.feed(" (") == ""
    assert citations.feed("who") == " (who"


PIECES = [*"[]【】［］()（）`~\\ \n123,-^:：。x.|>", "source ", "来源", "citation:", "†", "and "]
PIECES += ["```", "    ", "](", "The word. ", "- ", "Sources:", "**", "¹", "①", "\u0301", "[1]"]
texts = st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.text(max_size=30)
cuts = st.lists(st.integers(min_value=1, max_value=9), min_size=1, max_size=20)


def pieces_of(text: str, sizes: list[int]) -> list[str]:
    found, start = [], 0
    while start < len(text):
        size = sizes[len(found) % len(sizes)]
        found.append(text[start : start + size])
        start += size
    return found


def result(citations: CitationStream) -> tuple[object, ...]:
    return citations.text, citations.markers, citations.dropped_markers


@given(text=texts, sizes=cuts)
def test_the_result_never_depends_on_chunking(text: str, sizes: list[int]) -> None:
    whole = stream(text, chunk=len(text) + 1)
    cut = CitationStream((1, 2, 3))
    shown = "".join(cut.feed(piece) for piece in pieces_of(text, sizes)) + cut.finish()
    assert result(cut) == result(whole)
    assert shown == whole.text


@given(text=texts, sizes=cuts)
def test_never_more_than_a_few_characters_are_held_back(text: str, sizes: list[int]) -> None:
    citations = CitationStream(())
    fed = 0
    for piece in pieces_of(text, sizes):
        citations.feed(piece)
        fed += len(piece)
        # Without sources and without drops nothing changes: what is missing is held back.
        if not citations.dropped_markers:
            assert fed - citations.length <= MAX_HELD_CHARS


ENDLESS = [*"[(（ `~>1，来", "[1,", "(source ", "[来源", "[["]


@pytest.mark.parametrize("character", ENDLESS)
def test_endless_beginnings_of_markers_and_fences_are_let_go(character: str) -> None:
    citations = CitationStream([1])
    fed = 0
    for _ in range(200):
        citations.feed(character)
        fed += len(character)
        assert fed - citations.length <= MAX_HELD_CHARS
    assert MAX_HELD_CHARS <= 70


@given(text=texts.filter(lambda text: not any(opener in text for opener in "[【［(（")))
def test_text_without_brackets_comes_out_unchanged(text: str) -> None:
    citations = stream(text)
    assert citations.text == text
    assert citations.markers == []


@given(text=texts, sizes=cuts)
def test_markers_point_at_themselves_in_order(text: str, sizes: list[int]) -> None:
    citations = CitationStream((1, 2, 3), find_source=lambda _: 2)
    for piece in pieces_of(text, sizes):
        citations.feed(piece)
    citations.finish()
    end = 0
    for marker in citations.markers:
        place = citations.text[marker.start_index : marker.end_index]
        assert place == f"[{marker.source_number}]"
        assert marker.source_number in (1, 2, 3)
        assert marker.start_index >= end
        end = marker.end_index


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


def test_marker_that_is_not_accepted_is_dropped_and_counted() -> None:
    asked: list[tuple[str, int]] = []

    def accepts(statement: str, number: int) -> bool:
        asked.append((statement, number))
        return number == 2

    stream = CitationStream({1, 2}, find_source=lambda _: 2, accepts=accepts)
    text = stream.feed("It is red [1]. It is long [2].") + stream.finish()
    assert text == "It is red. [2] It is long [2]."
    assert asked == [("It is red", 1), ("It is long", 2)]
    assert stream.dropped_markers == 1
    assert [marker.added for marker in stream.markers] == [True, False]


def test_marker_in_front_of_its_statement_is_not_asked_about() -> None:
    stream = CitationStream({1}, accepts=lambda _statement, _number: False)
    assert stream.feed("[1] It is red.") + stream.finish() == "[1] It is red."
