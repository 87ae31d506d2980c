"""Are questions answered rightly, and do the citations lead to where it is said?"""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from websearch_agent.agent.run import AgentParts, answer_question
from websearch_agent.config import Settings
from websearch_agent.evals.citation_scores import (
    Gold,
    JudgedCitation,
    JudgedStatement,
    judge_citations,
    judge_statements,
)
from websearch_agent.evals.found_pages import FoundPages, GivenPage, with_pages
from websearch_agent.evals.gold_answers import Golds, best_recall, gives_answer, is_long
from websearch_agent.evals.measurement import Measurement, Opened
from websearch_agent.evals.program import describe_program, opened_program, store_conversation
from websearch_agent.evals.qa_cases import QaCase, qa_files, read_qa_cases
from websearch_agent.evals.qa_summary import summarise_qa
from websearch_agent.events import AnswerFailed, AnswerFinished
from websearch_agent.types import Answer, AnswerRequest, SearchSwitch, Verification


@dataclass(frozen=True, slots=True)
class QaOptions:
    """How every question is asked; None is what the settings say.

    `always` searches: how an answer uses pages is what is measured, not whether it looks for any.
    """

    search: SearchSwitch = "always"
    verification: Verification | None = None
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class QaResult:
    """An answer in full, and what is made of it.

    `correct`: it gives the gold answer and does not refuse, None where none is to be compared.
    `gold_recall`: share of the words of the gold answer, or of the reference, that it has. `shown`
    are the ids of the pages that a search finds, `sources` what the model was shown of them: number
    and id.
    """

    id: str
    form: str
    lang: str
    src: str
    question: str
    answerability: str
    seconds: float
    failed: str = ""
    text: str = ""
    golds: Golds = ()
    reference: str = ""
    correct: bool | None = None
    gold_recall: float | None = None
    unanswered: bool = False
    queries: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    sources: tuple[tuple[int, str], ...] = ()
    citations: tuple[JudgedCitation, ...] = ()
    statements: tuple[JudgedStatement, ...] = ()
    citations_to_unshown: int = 0
    dropped_markers: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    model_calls: int = 0
    finish_reason: str = ""
    repaired: bool = False
    notices: tuple[str, ...] = ()
    timings: dict[str, float] = field(default_factory=dict)


def qa_eval(
    options: QaOptions | None = None, *, today: date | None = None
) -> Measurement[QaCase, QaResult]:
    """Each question goes the road of a person's question; only the web is made of its documents."""
    asked = options or QaOptions()

    @asynccontextmanager
    async def opened(settings: Settings) -> AsyncIterator[Opened[QaCase, QaResult]]:
        async with opened_program(settings) as service:
            described = {
                **describe_program(settings, service.model, today),
                "search": asked.search,
                "verification": asked.verification or settings.verification,
                "strict": settings.strict if asked.strict is None else asked.strict,
            }
            yield Opened(
                lambda case: ask_case(
                    case, service.parts, asked, today=case.asked_on or today or date.today()
                ),
                described,
            )

    return Measurement(
        name="qa",
        read=read_qa_cases,
        open=opened,
        restore=restore_qa,
        summarise=summarise_qa,
        figure=lambda result: None if result.correct is None else float(result.correct),
        figure_name="right",
        levels=(
            lambda case: case.lang,
            lambda case: (case.form, case.answerability),
            lambda case: case.src,
        ),
        data_files=qa_files,
        columns=("n", "accuracy", "gold_recall", "citation_precision", "citation_recall"),
    )


async def ask_case(case: QaCase, parts: AgentParts, options: QaOptions, *, today: date) -> QaResult:
    """Ask, and judge the answer."""
    given = case.pages()
    pages = FoundPages(given)
    conversation_id = None
    if case.turns:
        conversation_id = await store_conversation(parts.store, case.id, case.turns)
    request = AnswerRequest(
        case.question,
        conversation_id=conversation_id,
        search=options.search,
        verification=options.verification,
        strict=options.strict,
    )
    started = time.perf_counter()
    ended = await ask(request, with_pages(parts, pages, today=today))
    seconds = round(time.perf_counter() - started, 3)
    if isinstance(ended, Answer):
        return judge_answer(case, ended, given, pages, seconds=seconds)
    return QaResult(
        case.id,
        case.form,
        case.lang,
        case.src,
        case.question,
        case.answerability,
        seconds,
        failed=ended,
        # A question that was not answered was not answered rightly.
        correct=False if _is_scored(case) else None,
    )


async def ask(request: AnswerRequest, parts: AgentParts) -> Answer | str:
    """The answer, or why there is none."""
    async with aclosing(answer_question(request, parts)) as events:
        async for event in events:
            if isinstance(event, AnswerFinished):
                return event.answer
            if isinstance(event, AnswerFailed):
                return f"{event.code}: {event.message}"
    return "the answer did not end"


def _is_scored(case: QaCase) -> bool:
    """A gold answer of a sentence or more is repeated word for word by nobody."""
    return bool(case.golds) and not all(map(is_long, case.golds))


def judge_answer(
    case: QaCase, answer: Answer, given: Sequence[GivenPage], pages: FoundPages, *, seconds: float
) -> QaResult:
    gold = Gold(case.gold_ids, case.unjudged_ids, case.golds)
    citations = judge_citations(answer, gold, question=case.question, id_of=pages.id_of)
    correct = None
    if _is_scored(case):
        correct = gives_answer(answer.text, case.golds) and not answer.unanswered
        correct = correct and not gives_answer(answer.text, case.wrong)
    wanted = case.golds or (((case.reference,),) if case.reference else ())
    return QaResult(
        case.id,
        case.form,
        case.lang,
        case.src,
        case.question,
        case.answerability,
        seconds,
        text=answer.text,
        golds=case.golds,
        reference=case.reference,
        correct=correct,
        gold_recall=round(best_recall(answer.text, wanted), 4) if wanted else None,
        unanswered=answer.unanswered,
        queries=answer.search_queries,
        shown=tuple(page.id for page in given),
        sources=tuple((s.number, pages.id_of(s.url) or s.url) for s in answer.sources),
        citations=citations,
        statements=judge_statements(answer, citations, question=case.question),
        citations_to_unshown=sum(citation.document is None for citation in citations),
        dropped_markers=answer.dropped_markers,
        prompt_tokens=answer.usage.prompt_tokens,
        completion_tokens=answer.usage.completion_tokens,
        model_calls=answer.usage.model_calls,
        finish_reason=answer.finish_reason,
        repaired=answer.repaired,
        notices=answer.notices,
        timings=answer.timings,
    )


def restore_qa(values: dict[str, Any]) -> QaResult:
    return QaResult(
        **{
            **values,
            "citations": tuple(JudgedCitation(**row) for row in values["citations"]),
            "statements": tuple(
                JudgedStatement(**{**row, "source_numbers": tuple(row["source_numbers"])})
                for row in values["statements"]
            ),
            "golds": tuple(tuple(gold) for gold in values["golds"]),
            "sources": tuple((number, id_) for number, id_ in values["sources"]),
            **{name: tuple(values[name]) for name in ("queries", "shown", "notices")},
        }
    )
