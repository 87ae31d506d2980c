"""What the builder makes of checked statements, and where its links lead."""

from dataclasses import replace

import pytest

from websearch_agent.agent.answer_builder import AnswerBuilder
from websearch_agent.events import (
    AnswerDelta,
    AnswerRestarted,
    CitationAdded,
    SourcesSelected,
    StatementVerified,
)
from websearch_agent.types import Answer, Passage, Source, Statement, Support

URL, OTHER = "https://a.example/bridge", "https://b.example/river"
SAID = "The red bridge was opened in 1932."
SOURCES = (
    Source(1, URL, "Bridge", "a.example", (Passage(URL, f"{SAID} It is red.", 0, 45),)),
    Source(2, OTHER, "River", "b.example", (Passage(OTHER, "The river is wide.", 0, 18),)),
)
TEXT = "The red bridge was opened in 1932 [1][2]. It is old."
CITED = Statement(TEXT[:41], 0, 41, (1, 2))
SUPPORT = Support("partial", 0.6, 1, "It is red.", ("1932",))


def build(*events: object, text: str = TEXT) -> Answer:
    builder = AnswerBuilder(lambda: 0.0)
    told = [SourcesSelected(SOURCES), AnswerDelta(text)]
    if text == TEXT:
        told += [CitationAdded(1, URL, 34, 37), CitationAdded(2, OTHER, 37, 40, added=True)]
    for event in (*told, *events):
        builder.observe(event)
    return builder.build()


def verified(support: Support, *levels: tuple[int, str]) -> StatementVerified:
    statement = replace(CITED, support=support)
    return StatementVerified(statement, citation_support=levels)  # type: ignore[arg-type]


def test_unchecked_answer_says_nothing_about_support() -> None:
    answer = build()
    assert [s.support for s in answer.statements] == [None, None]
    assert [c.support for c in answer.citations] == [None, None]
    assert answer.citations[0].quote == SAID


def test_support_of_a_checked_statement_is_put_in_its_place() -> None:
    answer = build(verified(SUPPORT, (1, "partial"), (2, "unsupported")))
    assert answer.statements[0] == replace(CITED, support=SUPPORT)
    assert answer.statements[1].support is None
    assert [c.support for c in answer.citations] == ["partial", "unsupported"]


def test_latest_check_of_a_statement_counts() -> None:
    closer = replace(SUPPORT, level="supported", method="model")
    answer = build(verified(SUPPORT, (1, "partial")), verified(closer, (1, "supported")))
    assert answer.statements[0].support == closer
    assert answer.citations[0].support == "supported"


def test_quote_of_a_citation_is_the_one_it_was_checked_with() -> None:
    answer = build(verified(SUPPORT))
    assert answer.citations[0].quote == "It is red."
    assert answer.citations[0].link == f"{URL}#:~:text=It%20is%20red"
    # The words were found in source 1: source 2 gets none of them.
    assert answer.citations[1].quote != "It is red."


@pytest.mark.parametrize("change", [{"text": "Something else, of the same."}, {"end_index": 30}])
def test_check_of_another_text_is_left_out(change: dict[str, object]) -> None:
    statement = replace(CITED, support=SUPPORT, **change)  # type: ignore[arg-type]
    answer = build(StatementVerified(statement, citation_support=((1, "partial"),)))
    assert [s.support for s in answer.statements] == [None, None]
    assert answer.citations[0].support is None


def test_checks_of_a_text_that_was_taken_back_are_forgotten() -> None:
    again = [CitationAdded(1, URL, 34, 37), CitationAdded(2, OTHER, 37, 40)]
    answer = build(verified(SUPPORT), AnswerRestarted(), AnswerDelta(TEXT), *again)
    assert answer.text == TEXT
    assert answer.statements[0].support is None


def test_passages_and_citations_link_to_their_words() -> None:
    answer = build()
    assert answer.citations[0].link.startswith(f"{URL}#:~:text=The%20red%20bridge")
    assert [p.link for s in answer.sources for p in s.passages] == [
        f"{URL}#:~:text=The%20red%20bridge%20was%20opened,in%201932.%20It%20is%20red",
        f"{OTHER}#:~:text=The%20river%20is%20wide",
    ]
