"""Do the citations of an answer lead to pages that say it? Pure functions.

After ALCE (Gao et al., EMNLP 2023): *precision* asks of each citation whether its page says the
statement it stands at, *recall* of each statement whether a page that it cites does. ALCE asks a
model both; here a citation is judged twice, the same way for every program:

* by the **checker** of statements (`citations/support.py`), on what the model was shown of this
  one page: `citation_precision_checked`. Right is `supported` or `partial`: a page may say its part
  of a statement. A statement is recalled if the pages that it cites say it together (`supported`):
  `citation_recall_checked`.
* by the **gold answers and documents**, as far as they know: `citation_precision` and
  `citation_recall`. A statement that gives a gold answer is said by the documents that hold this
  answer in the passages the model was shown. If one that is known to answer the question does not,
  in the same words, the checker decides; any other is wrong. The checker decides too what no gold
  answer says, and rows that do not name the documents that answer.

`citations_on_gold_pages` is the plainer share of citations that lead to a document which is known
to answer, whatever the statement says; pages that nobody judged are left out of it.
A statement that nothing could say ("I hope this helps.") is not counted, nor is an answer that says
that the sources do not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from websearch_agent.citations.support import SupportChecker
from websearch_agent.evals.gold_answers import Golds, gives_answer, page_has_answer
from websearch_agent.types import Answer, Citation, Passage, Statement

SAYS_SOME = ("supported", "partial")


@dataclass(frozen=True, slots=True)
class JudgedCitation:
    """`document` is the page's id in the data, None for a page that was not given.

    `right` by the gold answers, None if they do not know. `on_gold_page`: None for a page that
    nobody judged.
    """

    source_number: int
    document: str | None
    statement: str
    right: bool | None
    on_gold_page: bool | None
    checked: str
    added: bool


@dataclass(frozen=True, slots=True)
class JudgedStatement:
    """`support`: what the program itself says of it, empty if it did not check. `checked`: what the
    checker says of the pages that it cites, of all if it cites none. `cites_right` by the gold
    answers, None if they do not know.
    """

    text: str
    source_numbers: tuple[int, ...]
    support: str
    checked: str
    cites_right: bool | None


@dataclass(frozen=True, slots=True)
class Gold:
    """What is known of the pages: `ids` answer the question, None if it is not known which do."""

    ids: frozenset[str] | None
    unjudged: frozenset[str]
    answers: Golds


def judge_citations(
    answer: Answer, gold: Gold, *, question: str, id_of: Callable[[str], str | None]
) -> tuple[JudgedCitation, ...]:
    """`id_of` tells the document of a web address."""
    checker = SupportChecker(answer.sources)
    shown = {source.number: source.passages for source in answer.sources}
    judged = []
    for citation in answer.citations:
        statement = _statement_of(citation, answer.statements)
        document = id_of(citation.url)
        passages = shown.get(citation.source_number, ())
        found = checker.check(statement, cited=[citation.source_number], question=question)
        judged.append(
            JudgedCitation(
                citation.source_number,
                document,
                statement,
                _is_right(document, statement, passages, gold, question=question),
                _is_gold_page(document, gold),
                found.level,
                citation.added,
            )
        )
    return tuple(judged)


def _statement_of(citation: Citation, statements: Sequence[Statement]) -> str:
    inside = [s for s in statements if s.start_index <= citation.start_index < s.end_index]
    return inside[0].text if inside else ""


def _is_right(
    document: str | None, statement: str, shown: Sequence[Passage], gold: Gold, *, question: str
) -> bool | None:
    if gold.ids is None:
        return None
    parts = [part for answer in gold.answers for part in answer]
    given = [part for part in parts if gives_answer(statement, ((part,),))]
    if not given:
        return None
    holds = any(
        page_has_answer(f"{passage.heading}\n{passage.text}", part, question=question)
        for passage in shown
        for part in given
    )
    return None if not holds and document in gold.ids else holds


def _is_gold_page(document: str | None, gold: Gold) -> bool | None:
    if gold.ids is None or document in gold.unjudged:
        return None
    return document in gold.ids


def judge_statements(
    answer: Answer, citations: Sequence[JudgedCitation], *, question: str
) -> tuple[JudgedStatement, ...]:
    checker = SupportChecker(answer.sources)
    return tuple(
        JudgedStatement(
            statement.text,
            statement.source_numbers,
            statement.support.level if statement.support else "",
            checker.check(statement.text, cited=statement.source_numbers, question=question).level,
            _cites_right(statement, citations),
        )
        for statement in answer.statements
    )


def _cites_right(statement: Statement, citations: Sequence[JudgedCitation]) -> bool | None:
    known = [c.right for c in citations if c.statement == statement.text and c.right is not None]
    return any(known) if known else None


Share = tuple[int, int]
"""How many of how many."""


def precision(citations: Sequence[JudgedCitation], *, by_gold: bool) -> Share:
    """`by_gold`: the checker decides only what the gold answers do not know."""
    said = [
        citation.right if by_gold and citation.right is not None else citation.checked in SAYS_SOME
        for citation in citations
    ]
    return sum(said), len(said)


def recall(statements: Sequence[JudgedStatement], *, by_gold: bool) -> Share:
    """A statement without a citation counts as not recalled."""
    said = [
        statement.cites_right
        if by_gold and statement.cites_right is not None
        else bool(statement.source_numbers) and statement.checked == "supported"
        for statement in statements
        if statement.checked != "not_checkable"
    ]
    return sum(said), len(said)


def gold_pages(citations: Sequence[JudgedCitation]) -> Share:
    known = [citation.on_gold_page for citation in citations if citation.on_gold_page is not None]
    return sum(known), len(known)
