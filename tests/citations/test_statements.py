from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websearch_agent.citations.markers import CitationStream
from websearch_agent.citations.sentences import ends_sentence
from websearch_agent.citations.statements import split_statements

Found = list[tuple[str, tuple[int, ...]]]


def statements(text: str) -> Found:
    citations = CitationStream(range(1, 10))
    citations.feed(text)
    citations.finish()
    found = split_statements(citations.text, citations.markers)
    return [(s.text, s.source_numbers) for s in found]


def test_sentences_keep_the_markers_before_and_behind_their_mark() -> None:
    assert statements("One is so [1]. Two is so. [2] Three [1][3].") == [
        ("One is so [1].", (1,)),
        ("Two is so. [2]", (2,)),
        ("Three [1][3].", (1, 3)),
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One is so. [1], [2] Two.", [("One is so. [1], [2]", (1, 2)), ("Two.", ())]),
        ("一句。[1]、[2]二句。", [("一句。[1]、[2]", (1, 2)), ("二句。", ())]),
        ("**One is so.** [1] Two.", [("**One is so.** [1]", (1,)), ("Two.", ())]),
        ("One is so.[1]\n", [("One is so.[1]", (1,))]),
        ("One is so.\n[1][2]\n", [("One is so.\n[1][2]", (1, 2))]),
        ("One is so.\n\n[1]\n", [("One is so.", ())]),
        ("One is so.\n# Title\n[1]\n", [("One is so.", ())]),
        ("One is so.\n\nSources:\n[1]\n[2]\n", [("One is so.", ())]),
    ],
)
def test_markers_behind_a_sentence_belong_to_it(text: str, found: Found) -> None:
    assert statements(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[1] One. [2] Two.", [("[1] One.", (1,)), ("[2] Two.", (2,))]),
        ("- [1] One. [2]\n", [("[1] One. [2]", (1, 2))]),
        ("[1]一句。[2]二句。", [("[1]一句。", (1,)), ("[2]二句。", (2,))]),
    ],
)
def test_markers_in_front_of_sentences_belong_to_them(text: str, found: Found) -> None:
    assert statements(text) == found


def test_chinese_sentences_are_split() -> None:
    assert statements("这是一句[1]。这是第二句。[2]") == [
        ("这是一句[1]。", (1,)),
        ("这是第二句。[2]", (2,)),
    ]


def test_list_items_are_statements_without_their_bullets() -> None:
    assert statements("- one [1]\n- two [2]\n\n1. three [3]") == [
        ("one [1]", (1,)),
        ("two [2]", (2,)),
        ("three [3]", (3,)),
    ]


def test_number_at_the_beginning_of_a_line_is_no_list_sign() -> None:
    assert statements("3.11 is out [1].") == [("3.11 is out [1].", (1,))]


def test_quotes_are_statements() -> None:
    assert statements("> It is so [1].\n> And so [2].\n") == [
        ("It is so [1].", (1,)),
        ("And so [2].", (2,)),
    ]


def test_rows_of_a_table_are_statements_and_its_head_is_none() -> None:
    table = "| Name | Year |\n|---|:-:|\n| Bridge. Old | 1932 [1] |\n| Tower | 1940 |\n"
    assert statements(table) == [("Bridge. Old | 1932 [1]", (1,)), ("Tower | 1940", ())]


def test_headings_and_code_are_no_statements() -> None:
    assert statements("# Title\n\n```\nx = 1. \n```\nA fact [1].") == [("A fact [1].", (1,))]


@pytest.mark.parametrize(
    "text",
    [
        "**Title**\n\nA fact [1].",
        "It has three parts:\n\nA fact [1].",
        "- ```\n  x. y\n  ```\n- A fact [1].",
        "> ~~~\n> x. y\n> ~~~\n\nA fact [1].",
        "A fact [1].\n\n[^1]: The title. More of it.",
        "A fact [1].\n\nSources: [1] A title. [2] Another",
        "A fact [1].\n\n**References:**\n1. A title. More\n2. Another one\n",
        "A fact [1].\n\n## 参考资料\n\n- [1] 一个标题。\n- [2] 另一个。\n",
        "A fact [1].\n\nSources\n- A title, https://example.org/a.html\n",
    ],
)
def test_what_states_nothing_is_no_statement(text: str) -> None:
    assert statements(text) == [("A fact [1].", (1,))]


def test_list_below_a_heading_about_sources_may_state_something() -> None:
    text = "## Sources\n\n- Coal is a source of energy [1].\n"
    assert statements(text) == [("Coal is a source of energy [1].", (1,))]


def test_what_leads_a_list_in_is_a_statement_if_it_names_a_source() -> None:
    assert statements("It has two parts [1]:\n- one\n") == [
        ("It has two parts [1]:", (1,)),
        ("one", ()),
    ]


def test_bold_answer_is_a_statement() -> None:
    assert statements("**Paris**") == [("**Paris**", ())]
    assert statements("**Paris** [1]\n\nMore.") == [("**Paris** [1]", (1,)), ("More.", ())]


@pytest.mark.parametrize(
    "text",
    [
        "Python 3.11, e.g. on Debian, is in use [1].",
        "Dr. Who met J. Smith of Acme Inc. there on Nov. 12 [1].",
        "Call `a. b` now [1].",
    ],
)
def test_abbreviations_versions_and_code_end_no_sentence(text: str) -> None:
    assert statements(text) == [(text, (1,))]


hostile = st.lists(
    st.sampled_from(
        [*"ab。. !\n-*#`[]12|>：", "[1]", "```", "Sources:", "|-|", "- ", "**", "http://", "\u2028"]
    ),
    max_size=40,
).map("".join)


@given(text=hostile)
def test_statements_lie_where_they_say_and_never_overlap(text: str) -> None:
    citations = CitationStream((1, 2), find_source=lambda _: 2)
    citations.feed(text)
    citations.finish()
    found = split_statements(citations.text, citations.markers)
    for statement in found:
        place = citations.text[statement.start_index : statement.end_index]
        assert place == statement.text == statement.text.strip()
    assert all(one.end_index <= other.start_index for one, other in pairwise(found))


def test_loops_of_a_model_are_split_in_no_time() -> None:
    text = "a" + "!" * 20_000 + "x b " + " " * 20_000 + "c" + "。" * 20_000 + "#" * 20_000
    text += "\n" + "`" * 20_000 + "\n" + "> " * 20_000 + "\n" + "[1] " * 20_000 + "|-" * 20_000
    assert len(split_statements(text, [])) >= 1
    assert not ends_sentence("word " * 20_000)
    assert ends_sentence("word " * 20_000 + "end.")


def test_long_answer_streams_in_no_time() -> None:
    citations = CitationStream([1], find_source=lambda _: None)
    for _ in range(20_000):
        citations.feed("word !!!! ")
    citations.finish()
    assert citations.length == 200_000
