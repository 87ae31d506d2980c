"""Do the queries of a follow-up say what it means without its conversation?"""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict

from websearch_agent.agent.run import AgentParts, answer_question
from websearch_agent.config import Settings
from websearch_agent.evals.measurement import Measurement, Opened
from websearch_agent.evals.metrics import bootstrap_interval, mean, rouge1_f
from websearch_agent.evals.program import (
    ContextTurn,
    describe_program,
    opened_program,
    store_conversation,
)
from websearch_agent.evals.rows import read_rows
from websearch_agent.evals.summary import make_summary, timing
from websearch_agent.events import AnswerFailed, DecisionMade
from websearch_agent.types import AnswerRequest


class RewritingRow(BaseModel):
    """A follow-up in its conversation; `gold` says the same without it."""

    model_config = ConfigDict(frozen=True)

    id: str
    question: str
    gold: str
    context: tuple[ContextTurn, ...] = ()
    lang: str = "?"
    src: str = "?"


@dataclass(frozen=True, slots=True)
class RewritingResult:
    """`rewrite` is the first query, empty if it `failed`; F of ROUGE-1 against the gold one."""

    id: str
    lang: str
    src: str
    rewrite: str
    rouge1_f: float
    copied_f: float
    seconds: float
    failed: str = ""


def rewriting_eval(*, today: date | None = None) -> Measurement[RewritingRow, RewritingResult]:
    @asynccontextmanager
    async def opened(settings: Settings) -> AsyncIterator[Opened[RewritingRow, RewritingResult]]:
        async with opened_program(settings) as service:
            yield Opened(
                lambda row: rewrite(row, service.parts, today=today or date.today()),
                describe_program(settings, service.model, today),
            )

    return Measurement(
        name="rewriting",
        read=lambda paths: read_rows(paths, RewritingRow),
        open=opened,
        restore=lambda values: RewritingResult(**values),
        summarise=summarise_rewriting,
        figure=lambda result: result.rouge1_f,
        figure_name="ROUGE-1 F",
        levels=(lambda row: row.lang, lambda row: row.src),
    )


async def rewrite(row: RewritingRow, parts: AgentParts, *, today: date) -> RewritingResult:
    """Ask the follow-up in its conversation, made to search, and leave with the queries."""
    alone = replace(parts, today=lambda: today, engines=lambda: (), builtin_engine=lambda: None)
    conversation_id = await store_conversation(parts.store, row.id, row.context)
    request = AnswerRequest(row.question, conversation_id=conversation_id, search="always")
    started = time.perf_counter()

    def result(text: str, failed: str = "") -> RewritingResult:
        figures = (rouge1_f(text, row.gold), rouge1_f(row.question, row.gold))
        seconds = round(time.perf_counter() - started, 3)
        return RewritingResult(row.id, row.lang, row.src, text, *figures, seconds, failed)

    async with aclosing(answer_question(request, alone)) as events:
        async for event in events:
            if isinstance(event, DecisionMade):
                queries = event.queries
                return result(queries[0]) if queries else result("", "no query was written")
            if isinstance(event, AnswerFailed):
                return result("", f"{event.code}: {event.message}")
    return result("", "the answer ended without a search")


def summarise_rewriting(
    results: Sequence[RewritingResult], settings: Mapping[str, object]
) -> dict[str, Any]:
    """`copied_rouge1_f`: what the bare question would have."""
    answered = [result.seconds for result in results if not result.failed]
    return make_summary("rewriting", results, _metrics, settings, overall=timing(answered))


def _metrics(results: Sequence[RewritingResult]) -> dict[str, Any]:
    figures = [result.rouge1_f for result in results]
    return {
        "rouge1_f": round(mean(figures), 4),
        "rouge1_f_ci95": bootstrap_interval(figures),
        "copied_rouge1_f": round(mean([result.copied_f for result in results]), 4),
        "n": len(results),
        "failed": sum(bool(result.failed) for result in results),
    }
