"""Citations and statements are judged by gold answers where these know, else by the checker."""

from dataclasses import replace

import pytest

from websearch_agent.evals.citation_scores import (
    Gold,
    gold_pages,
    judge_citations,
    judge_statements,
    precision,
    recall,
)
from websearch_agent.types import Answer, Citation, Passage, Source, Statement

BRIDGE = "The red bridge over the wide river was opened in 1932 by the mayor of the town."
BAKERS = "Bakers of the town start their work at four in the morning and sell bread at seven."


def source(number: int, text: str) -> Source:
    url = f"https://s{number}.example/"
    return Source(number, url, "", "", (Passage(url, text, 0, len(text)),))


def id_of(url: str) -> str | None:
    return {"https://s1.example/": "bridge", "https://s2.example/": "bakers"}.get(url)


def answer_of(*statements: tuple[str, tuple[int, ...]]) -> Answer:
    """Each statement with the numbers of its citations, whose markers stand at its end."""
    start, made, citations = 0, [], []
    for text, numbers in statements:
        end = start + len(text)
        made.append(Statement(text, start, end, numbers))
        citations += [Citation(n, f"https://s{n}.example/", "", end - 1, end) for n in numbers]
        start = end + 1
    return Answer(
        text=" ".join(text for text, _ in statements),
        statements=tuple(made),
        citations=tuple(citations),
        sources=(source(1, BRIDGE), source(2, BAKERS)),
    )


def gold(**more: object) -> Gold:
    values = {
        "ids": frozenset({"bridge"}),
        "unjudged": frozenset(),
        "answers": (("1932",),),
        **more,
    }
    return Gold(**values)  # type: ignore[arg-type]


def judged(answer: Answer, known: Gold):
    citations = judge_citations(answer, known, question="When?", id_of=id_of)
    return citations, judge_statements(answer, citations, question="When?")


def test_gold_answer_is_said_by_gold_documents_alone() -> None:
    citations, statements = judged(answer_of(("It was in 1932.", (1, 2))), gold())
    assert [citation.right for citation in citations] == [True, False]
    assert precision(citations, by_gold=True) == (1, 2)
    assert recall(statements, by_gold=True) == (1, 1)


def test_document_that_holds_the_answer_counts_without_being_named() -> None:
    known = gold(ids=frozenset({"elsewhere"}))
    citations, _ = judged(answer_of(("It was in 1932.", (1, 2))), known)
    assert [citation.right for citation in citations] == [True, False]


def test_what_the_model_was_not_shown_of_a_page_says_nothing() -> None:
    answer = answer_of(("It was in 1932.", (1,)))
    cut = replace(answer, sources=(source(1, BRIDGE.partition(" was")[0]), answer.sources[1]))
    citations, _ = judged(cut, gold(ids=frozenset({"elsewhere"})))
    assert [citation.right for citation in citations] == [False]
    of_gold_document, _ = judged(cut, gold())
    assert [citation.right for citation in of_gold_document] == [None]
    assert precision(of_gold_document, by_gold=True) == (0, 1)


def test_brief_answer_is_no_proof_on_a_page_about_something_else() -> None:
    answer = answer_of(("It is 4.", (1, 2)))
    shown = "Of the red bridge 4 towers are left."
    answer = replace(answer, sources=(source(1, shown), source(2, "The club lost 4 games.")))
    known = gold(ids=frozenset({"elsewhere"}), answers=(("4",),))
    question = "How many towers are left?"
    citations = judge_citations(answer, known, question=question, id_of=id_of)
    assert [citation.right for citation in citations] == [True, False]


@pytest.mark.parametrize(
    "text", ["It was not 1932 but 1975.", "The sources do not mention whether it was 1932."]
)
def test_statement_that_denies_or_refuses_the_gold_answer_does_not_give_it(text: str) -> None:
    citations, _ = judged(answer_of((text, (1,))), gold())
    assert citations[0].right is None


def test_statement_without_the_gold_answer_is_left_to_the_checker() -> None:
    citations, statements = judged(answer_of((BAKERS, (2,)), (BAKERS, (1,))), gold())
    assert [citation.right for citation in citations] == [None, None]
    assert [citation.checked in ("supported", "partial") for citation in citations] == [True, False]
    assert precision(citations, by_gold=True) == precision(citations, by_gold=False) == (1, 2)
    assert recall(statements, by_gold=True) == (1, 2)


def test_statement_without_citation_is_not_recalled() -> None:
    _, statements = judged(answer_of((BRIDGE, ())), gold())
    assert recall(statements, by_gold=True) == (0, 1)


def test_without_known_documents_the_checker_decides_all() -> None:
    citations, _ = judged(answer_of((BRIDGE, (1,))), gold(ids=None))
    assert citations[0].right is None
    assert precision(citations, by_gold=True) == (1, 1)
    assert gold_pages(citations) == (0, 0)


@pytest.mark.parametrize(
    ("unjudged", "share"), [(frozenset(), (1, 2)), (frozenset({"bakers"}), (1, 1))]
)
def test_citations_on_gold_pages_leave_out_what_nobody_judged(
    unjudged: frozenset[str], share: tuple[int, int]
) -> None:
    citations, _ = judged(answer_of((BRIDGE, (1,)), (BAKERS, (2,))), gold(unjudged=unjudged))
    assert gold_pages(citations) == share


def test_page_that_was_not_given_has_no_document() -> None:
    answer = answer_of((BRIDGE, (3,)))
    citations, _ = judged(answer, gold())
    assert citations[0].document is None
    assert precision(citations, by_gold=True) == (0, 1)
