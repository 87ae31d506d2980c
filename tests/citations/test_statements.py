from hypothesis import given
from hypothesis import strategies as st

from websearch_agent.citations.markers import CitationStream
from websearch_agent.citations.sentences import ends_sentence
from websearch_agent.citations.statements import split_statements


def statements(text: str) -> list[tuple[str, tuple[int, ...]]]:
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


def test_headings_and_code_are_no_statements() -> None:
    assert statements("# Title\n\n```\nx = 1. \n```\nA fact [1].") == [("A fact [1].", (1,))]


def test_abbreviations_and_versions_end_no_sentence() -> None:
    assert statements("Python 3.11, e.g. on Debian, is in use [1].") == [
        ("Python 3.11, e.g. on Debian, is in use [1].", (1,))
    ]


@given(text=st.text(alphabet=list("ab。. !\n-*#`[]12|>"), max_size=80))
def test_statements_lie_where_they_say_and_never_overlap(text: str) -> None:
    end = 0
    for statement in split_statements(text, []):
        assert text[statement.start_index : statement.end_index] == statement.text
        assert statement.start_index >= end
        end = statement.end_index


def test_loops_of_a_model_are_split_in_no_time() -> None:
    text = "a" + "!" * 20_000 + "x b " + " " * 20_000 + "c" + "。" * 20_000 + "#" * 20_000
    assert len(split_statements(text, [])) >= 1
    assert not ends_sentence("word " * 20_000)
    assert ends_sentence("word " * 20_000 + "end.")


def test_long_answer_streams_in_no_time() -> None:
    citations = CitationStream([1], find_source=lambda _: None)
    for _ in range(20_000):
        citations.feed("word !!!! ")
    citations.finish()
    assert citations.length == 200_000
